//! What is kept of a text, and the one spelling of an identifier: over gRPC and HTTP/JSON, in
//! fields, headers and filters.

use ndp_core::{
    records::principals::Role,
    text::legible::{Lines, fault, kept},
};
use ndp_registry::{
    catalogue,
    pb::{self, platform::Verification},
    wire::validate::Validate,
};
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    http::{call, send},
    raw::{reason, violations},
    server::{As, Server},
};

fn platform(fields: Value) -> Value {
    let mut platform = json!({"display_name": "Nền tảng thử nghiệm (synthetic)",
        "verification": Verification::Verified.as_str_name()});
    for (name, value) in fields.as_object().unwrap() {
        platform[name] = value.clone();
    }
    json!({"platform": platform})
}

async fn steward(server: &Server) -> As {
    server.person("steward", &[Role::Steward], None).await
}

both! {
    async fn what_is_kept_has_one_form(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = steward(&server).await;
        let raw = server.raw(caller.clone());
        let sent = platform(json!({
            "display_name": "  Nê\u{300}n\u{A0}ta\u{309}ng\u{FE0F} hai ",
            "sources": [{"note": "một\r\nhai\rba\n\r\n\tbốn\r\n"}],
            "labels": {"thu": " Nê\u{300}n "},
        }));
        let made = raw.ok("CreatePlatform", sent).await;
        assert_eq!(made["display_name"], "Nền\u{A0}tảng hai");
        assert_eq!(made["sources"][0]["note"], "một\nhai\nba\n\n\tbốn");
        assert_eq!(made["labels"]["thu"], "Nền");
        let name = &made["name"];
        assert_eq!(raw.ok("GetPlatform", json!({"name": name})).await, made);
        for filter in [
            "display_name = \"Nê\u{300}n\u{A0}ta\u{309}ng hai\"",
            "display_name = \" Nền\u{A0}tảng\u{FE0F} hai \"",
            "labels.thu = \" Nê\u{300}n\"",
        ] {
            let listed = raw.ok("ListPlatforms", json!({"filter": filter})).await;
            assert_eq!(listed["platforms"].as_array().unwrap().len(), 1, "{filter}");
            assert_eq!(listed["platforms"][0]["name"], *name, "{filter}");
        }
        // sent back as it was read, it is the same, and a carriage return makes no difference
        let update = json!({"platform": {"name": name, "sources": [
            {"note": "một\r\nhai\r\nba\r\n\r\n\tbốn"}]}, "update_mask": "sources"});
        let updated = raw.ok("UpdatePlatform", update).await;
        assert_eq!(updated["sources"], made["sources"]);
        // the same in JSON
        let body = json!({"displayName": " Nền tảng ba\u{FE0F}", "verification": "VERIFIED",
            "sources": [{"note": "một\r\nhai"}]});
        let headers = [("authorization", caller.sent()), ("content-type", "application/json")];
        let answer = send(&server.address, "POST /v1/platforms", &headers, body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["displayName"], "Nền tảng ba");
        assert_eq!(answer.json()["sources"][0]["note"], "một\nhai");
        server.stop().await;
    }

    async fn what_is_refused_says_where(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let raw = server.raw(steward(&server).await);
        for (hidden, of_line, of_lines) in [
            ("a\nb", Some("LINE_BREAK"), None),
            ("a\r\nb", Some("LINE_BREAK"), None),
            ("a\tb", Some("LINE_BREAK"), None),
            ("\u{301}a", Some("LONE_MARK"), Some("LONE_MARK")),
            ("a\u{0}", Some("CONTROL_CHARACTER"), Some("CONTROL_CHARACTER")),
            ("a\u{85}", Some("CONTROL_CHARACTER"), Some("CONTROL_CHARACTER")),
            ("a\u{AD}b", Some("CONTROL_CHARACTER"), Some("CONTROL_CHARACTER")),
            ("a\u{200B}b", Some("CONTROL_CHARACTER"), Some("CONTROL_CHARACTER")),
            ("a\u{2028}b", Some("CONTROL_CHARACTER"), Some("CONTROL_CHARACTER")),
            ("a\u{E000}", Some("CONTROL_CHARACTER"), Some("CONTROL_CHARACTER")),
            ("a\u{378}", Some("CONTROL_CHARACTER"), Some("CONTROL_CHARACTER")),
            ("\u{FEFF}a", Some("CONTROL_CHARACTER"), Some("CONTROL_CHARACTER")),
        ] {
            let mut request = platform(json!({
                "display_name": hidden, "sources": [{"note": hidden}],
                "labels": {"thu": hidden},
            }));
            request["reason"] = json!(hidden);
            let received = violations(&raw.err("CreatePlatform", request).await);
            let mut expected = Vec::new();
            let mut expect = |field: &str, reason: Option<&str>| {
                expected.extend(reason.map(|reason| format!("{field} {reason}")));
            };
            expect("platform.display_name", of_line);
            expect("platform.sources[0].note", of_lines);
            expect("platform.labels[\"thu\"]", of_line);
            expect("reason", of_lines);
            assert_eq!(received, expected.join("\n"), "{hidden:?}");
            let filter = json!({"filter": format!("display_name = \"{hidden}\"")});
            let listed = raw.call("ListPlatforms", filter).await;
            if of_lines == Some("CONTROL_CHARACTER") {
                let received = violations(&listed.unwrap_err());
                assert_eq!(received, "filter CONTROL_CHARACTER", "{hidden:?}");
            }
        }
        // what would be kept is empty
        let retire = json!({"name": "platforms/ndp-001", "etag": "r1", "exit": {
            "outcome": "DISCONTINUED", "reason": " \r\n\u{3164}"}});
        let status = raw.err("RetirePlatform", retire).await;
        assert!(violations(&status).contains("exit.reason REQUIRED"), "{status:?}");
        server.stop().await;
    }

    async fn a_page_has_a_host(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let raw = server.raw(steward(&server).await);
        for uri in [
            "https:///", "https://", "https://user:secret@a.vn/", "https://a.vn:99999/",
            "https://a b/", "https://a.vn/%zz", "https://bộ.vn/", "ftp://a.vn/", "a.vn",
            "javascript:alert(1)", "https://a.vn/\n",
        ] {
            let request = platform(json!({
                "links": [{"uri": uri}],
                "sources": [{"uri": uri}],
                "security": {"level": 3, "approval": {
                    "kind": "DECISION", "symbol": "1/QĐ-TEST", "uri": uri}},
            }));
            let received = violations(&raw.err("CreatePlatform", request).await);
            for field in ["links[0].uri", "sources[0].uri", "security.approval.uri"] {
                let expected = format!("platform.{field} NOT_A_URI");
                assert!(received.contains(&expected), "{uri}: {received}");
            }
        }
        let good = "https://xn--b-tgu.vn:8443/a?b=%C4%91#c";
        let request = platform(json!({"links": [{"uri": good}], "sources": [{"uri": good}]}));
        assert_eq!(raw.ok("CreatePlatform", request).await["links"][0]["uri"], good);
        server.stop().await;
    }

    async fn an_identifier_has_one_spelling(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let raw = server.raw(steward(&server).await);
        for name in [
            "platforms/NDP-001", "platforms/ndp-001/", "/platforms/ndp-001", "platforms//ndp-001",
            " platforms/ndp-001", "platforms/ndp-001 ", "platforms/ndp%2D001", "platforms/ndp_001",
            "Platforms/ndp-001", "platforms/-ndp", "platforms/ndp-001\n", "platforms/ndp‐001",
        ] {
            let received = violations(&raw.err("GetPlatform", json!({"name": name})).await);
            assert!(received.contains("name PATTERN"), "{name:?}: {received}");
        }
        for name in ["changes/007", "changes/+7", "changes/ 7", "changes/-1", "changes/7.0",
            "changes/0x1", "changes/01", "changes/1/", "changes/", "changes/99999999999999999999"]
        {
            let received = violations(&raw.err("GetChange", json!({"name": name})).await);
            assert_eq!(received, "name PATTERN", "{name}");
        }
        assert_eq!(raw.ok("GetChange", json!({"name": "changes/1"})).await["name"], "changes/1");
        for filter in [
            "governing_agency = \"agencies/bo-cong-an/\"", "governing_agency = agencies/BO-CONG-AN",
            "governing_agency = \" agencies/bo-cong-an\"", "revision = 007", "revision = +1",
        ] {
            let refused = raw.refusal("ListPlatforms", json!({"filter": filter})).await;
            assert_eq!(refused, "InvalidArgument INVALID_REQUEST", "{filter}");
        }
        // in headers
        for revision in ["007", "+1", "-1", "1.0", "1e0", "0x1", "", "1,1", "٧"] {
            let headers = [("ndp-min-revision", revision)];
            let (method, request) = ("AccessService/IdentifyCaller", pb::IdentifyCallerRequest {});
            let answer = call(&server.address, method, &headers, &request).await;
            let received = violations(&answer.outcome());
            assert_eq!(received, "ndp-min-revision OUT_OF_RANGE", "{revision}");
        }
        server.stop().await;
    }

    async fn a_request_id_in_upper_case_is_the_same(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let raw = server.raw(steward(&server).await);
        let id = "8b8bba0e-28ac-4bd3-9df9-0c3bfbd6a0b0";
        let mut request = platform(json!({}));
        request["request_id"] = json!(id);
        let made = raw.ok("CreatePlatform", request.clone()).await;
        for again in [id.to_owned(), id.to_uppercase(), id.replace('b', "B")] {
            request["request_id"] = json!(again);
            assert_eq!(raw.ok("CreatePlatform", request.clone()).await, made, "{again}");
        }
        for other in [
            id.replace('-', ""), format!("{{{id}}}"), format!("urn:uuid:{id}"), format!(" {id}"),
            format!("{id}\n"), "00000000-0000-0000-0000-000000000000".to_owned(),
        ] {
            request["request_id"] = json!(other);
            let status = raw.err("CreatePlatform", request.clone()).await;
            assert_eq!(reason(&status), "INVALID_REQUEST");
            assert!(violations(&status).contains("request_id NOT_A_UUID"), "{other:?}");
        }
        server.stop().await;
    }
}

/// Shipped records pass the rules of their fields, and are stored as those of a client would be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_catalogue_and_the_demo_follow_the_rules() {
    let engine = Engine::sqlite();
    let editions: Vec<_> = catalogue::shipped_editions().collect();
    let server = Server::start_with(&engine.url(), &editions).await;
    let raw = server.raw(steward(&server).await);
    let mut catalogue = server.anonymous().catalogue;
    let mut monitoring = server.anonymous().monitoring;
    let page_size = 1000;
    let request = pb::ListPlatformsRequest {
        page_size,
        view: pb::PlatformView::Full.into(),
        ..Default::default()
    };
    let listed = catalogue
        .list_platforms(request)
        .await
        .unwrap()
        .into_inner();
    assert!(listed.platforms.len() > 100 && listed.next_page_token.is_empty());
    for one in listed.platforms {
        one.check()
            .unwrap_or_else(|error| panic!("{one:?}: {error}"));
    }
    let request = pb::ListAgenciesRequest {
        page_size,
        ..Default::default()
    };
    for one in catalogue
        .list_agencies(request)
        .await
        .unwrap()
        .into_inner()
        .agencies
    {
        one.check()
            .unwrap_or_else(|error| panic!("{one:?}: {error}"));
    }
    let request = pb::ListEditionsRequest {
        page_size,
        ..Default::default()
    };
    for one in catalogue
        .list_editions(request)
        .await
        .unwrap()
        .into_inner()
        .editions
    {
        one.check()
            .unwrap_or_else(|error| panic!("{one:?}: {error}"));
    }
    let request = pb::ListFiguresRequest {
        page_size,
        ..Default::default()
    };
    for one in monitoring
        .list_figures(request)
        .await
        .unwrap()
        .into_inner()
        .figures
    {
        one.check()
            .unwrap_or_else(|error| panic!("{one:?}: {error}"));
    }
    for method in [
        "ListPlatforms",
        "ListAgencies",
        "ListEditions",
        "ListFigures",
    ] {
        let mut request = json!({"page_size": page_size});
        if method == "ListPlatforms" {
            request["view"] = json!("PLATFORM_VIEW_FULL");
        }
        walk(&raw.ok(method, request).await);
    }
    server.stop().await;
}

fn walk(value: &Value) {
    match value {
        Value::String(text) => {
            assert_eq!(fault(text, Lines::Many), None, "{text:?}");
            assert_eq!(kept(text), text.as_str());
        }
        Value::Array(list) => list.iter().for_each(walk),
        Value::Object(fields) => fields.values().for_each(walk),
        _ => {}
    }
}
