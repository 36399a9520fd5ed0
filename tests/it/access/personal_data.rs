//! Personal data is refused wherever a text can be written, with its place; a steward may let a
//! text through and is on record with it. All numbers and addresses are synthetic.

use ndp_core::records::principals::Role;
use ndp_registry::catalogue;
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    http::send,
    plans::{AGENCY, Cast, decision},
    raw::{reason, violations},
    server::{As, Server},
};

const PHONE: &str = "Liên hệ ông A, SĐT 0912 345 678 để biết thêm";

/// A request of each kind of text, and the field that is named.
fn writes(plan: &Value) -> Vec<(&'static str, Value, &'static str)> {
    let (name, etag) = (&plan["name"], &plan["etag"]);
    let titled = |field: &str, value: Value| json!({"name": name, field: value});
    vec![
        (
            "UpdatePlan",
            json!({"plan": titled("objectives", json!(PHONE))}),
            "plan.objectives",
        ),
        (
            "UpdatePlan",
            json!({"plan": titled("accountable_head", json!({"office": PHONE}))}),
            "plan.accountable_head.office",
        ),
        (
            "UpdatePlan",
            json!({"plan": {"name": name, "accountable_head": {"person": PHONE}},
                "update_mask": "accountableHead.person"}),
            "plan.accountable_head.person",
        ),
        (
            "UpdatePlan",
            json!({"plan": titled("planned_start", json!({"as_written": PHONE}))}),
            "plan.planned_start.as_written",
        ),
        (
            "UpdatePlan",
            json!({"plan": titled("scope", json!("x")), "reason": PHONE}),
            "reason",
        ),
        (
            "CreateMilestone",
            json!({"parent": name, "milestone": {"display_name": "Mốc", "required_result": PHONE}}),
            "milestone.required_result",
        ),
        (
            "CreateMilestone",
            json!({"parent": name, "milestone_id": "so-0912345678",
                "milestone": {"display_name": "Mốc"}}),
            "milestone_id",
        ),
        (
            "SubmitPlan",
            json!({"name": name, "etag": etag, "reason": PHONE}),
            "reason",
        ),
    ]
}

both! {
    async fn personal_data_is_refused_with_its_place(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = cast.draft("ndp-001", "draft").await;
        let revision = server.registry.revision();
        for (method, request, field) in writes(&plan) {
            let refused = cast.editor.err(method, request.clone()).await;
            assert_eq!(violations(&refused), format!("{field} PERSONAL_DATA"), "{method}");
            let mut checked = request;
            checked["validate_only"] = json!(true);
            let refused = cast.editor.err(method, checked).await;
            assert_eq!(violations(&refused), format!("{field} PERSONAL_DATA"), "{method}");
        }
        for (caller, request, field) in [
            (&cast.steward, json!({"display_name": "Hỏi nguyen.van.a@example.vn"}),
                "platform.display_name"),
            (&cast.editor, json!({"operating_unit": "CCCD 001099012345"}),
                "platform.operating_unit"),
            (&cast.editor, json!({"links": [{"uri": "https://example.vn/?to=a@example.vn", "title": "x"}]}),
                "platform.links[0].uri"),
            (&cast.steward, json!({"sources": [
                {"uri": "https://example.vn/", "note": "CMND 012345678"},
            ]}), "platform.sources[0].note"),
            (&cast.steward, json!({"labels": {"team": "+84 912 345 678"}}),
                "platform.labels[\"team\"]"),
        ] {
            let mut platform = request;
            platform["name"] = json!("platforms/ndp-002");
            let refused = caller.err("UpdatePlatform", json!({"platform": platform})).await;
            assert_eq!(violations(&refused), format!("{field} PERSONAL_DATA"));
            let received = format!("{refused:?}").to_lowercase();
            for found in ["nguyen.van", "a@example", "001099012345", "012345678", "912 345"] {
                assert!(!received.contains(found), "the answer repeats it: {received}");
            }
        }
        let exit = json!({"outcome": "DISCONTINUED", "reason": PHONE,
            "decision": decision([2026, 9, 30])});
        let platform = cast.steward.ok("GetPlatform", json!({"name": "platforms/ndp-002"})).await;
        let retire = json!({"name": platform["name"], "etag": platform["etag"], "exit": exit});
        let refused = cast.steward.err("RetirePlatform", retire).await;
        assert_eq!(violations(&refused), "exit.reason PERSONAL_DATA");
        let keeper = server.raw(server.person("keeper", &[Role::Admin], None).await);
        let create = json!({"principal_id": "so-0912345678",
            "principal": {"kind": "PERSON", "display_name": PHONE}});
        let refused = keeper.err("CreatePrincipal", create).await;
        let fields = "principal_id PERSONAL_DATA\nprincipal.display_name PERSONAL_DATA";
        assert_eq!(violations(&refused), fields);
        let key = json!({"parent": "principals/keeper", "api_key": {"display_name": PHONE}});
        let refused = keeper.err("CreateApiKey", key).await;
        assert_eq!(violations(&refused), "api_key.display_name PERSONAL_DATA");
        assert!(server.registry.revision() > revision, "the keeper was made, and nothing else");
        server.stop().await;
    }

    async fn a_steward_lets_it_through_and_the_log_says_why(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let steward = server.person("other-steward", &[Role::Steward], None).await;
        let editor = server.person("other-editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let platform = |text: &str| {
            json!({"platform": {"name": "platforms/ndp-001", "operating_unit": text}})
        };
        let hotline = "Đường dây nóng 024 3943 5000";
        let refusal = server.raw(editor.allowing("đã công bố"))
            .refusal("UpdatePlatform", platform(hotline)).await;
        assert_eq!(refusal, "PermissionDenied PERMISSION_DENIED");
        let allowing = server.raw(steward.allowing("%C4%91%C3%A3 c\u{f4}ng b\u{1ed1}"));
        let steward = server.raw(steward);
        let note = |text: &str| json!({
            "platform": {"name": "platforms/ndp-001", "sources": [{
                "uri": "https://example.vn/", "note": text,
            }]},
            "reason": "thử nghiệm",
        });
        let refused = steward.err("UpdatePlatform", note(hotline)).await;
        assert_eq!(violations(&refused), "platform.sources[0].note PERSONAL_DATA");
        let written = allowing.ok("UpdatePlatform", note(hotline)).await;
        assert_eq!(written["sources"][0]["note"], hotline);
        let change = format!("changes/{}", written["revision"]);
        let change = steward.ok("GetChange", json!({"name": change})).await;
        assert_eq!(change["reason"], "thử nghiệm [ndp-allow-personal-data: đã công bố]");
        // a stored text passes again, without an exception, when another field is updated
        let mut again = note(hotline);
        again["platform"]["sources"][0]["uri"] = json!("https://example.vn/2");
        steward.ok("UpdatePlatform", again).await;
        let refused = steward.err("UpdatePlatform", note("SĐT 0987 654 321")).await;
        assert_eq!(violations(&refused), "platform.sources[0].note PERSONAL_DATA");
        // the reason itself may hold no personal data and may not be blank
        let steward = server.person("third-steward", &[Role::Steward], None).await;
        for (why, expected) in [
            ("0912345678", "ndp-allow-personal-data PERSONAL_DATA"),
            ("%20", "ndp-allow-personal-data OUT_OF_RANGE"),
        ] {
            let refused = server.raw(steward.allowing(why)).err("UpdatePlatform", note("x")).await;
            assert_eq!(violations(&refused), expected);
        }
        let anonymous = server.raw(As::default().allowing("x"));
        let refused = anonymous.err("IdentifyCaller", json!({})).await;
        assert_eq!(reason(&refused), "CREDENTIALS_MISSING");
        drop(cast);
        server.stop().await;
    }

    async fn everything_that_is_shipped_passes(engine: Engine) {
        let editions: Vec<_> = catalogue::shipped_editions().collect();
        Server::start_with(&engine.url(), &editions).await.stop().await;
    }
}

#[tokio::test]
async fn over_http_it_is_refused_in_the_same_way() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let steward = server.person("steward", &[Role::Steward], None).await;
    let sent = steward.sent().to_owned();
    let body = json!({"name": "platforms/ndp-001", "displayNameEn": PHONE}).to_string();
    let path = "PATCH /v1/platforms/ndp-001?updateMask=displayNameEn";
    let mut headers = vec![("authorization", sent.as_str())];
    let answer = send(&server.address, path, &headers, &body).await;
    let text = answer.json().to_string();
    assert_eq!(answer.status, 400, "{text}");
    assert!(text.contains("PERSONAL_DATA"), "{text}");
    assert!(text.contains("platform.displayNameEn"), "{text}");
    assert!(text.contains("số điện thoại"), "{text}");
    let body = json!({"name": "platforms/ndp-001", "sources": [
        {"uri": "https://example.vn/", "note": PHONE},
    ]});
    headers.push(("ndp-allow-personal-data", "published"));
    let path = "PATCH /v1/platforms/ndp-001?updateMask=sources";
    let answer = send(&server.address, path, &headers, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    server.stop().await;
}
