//! ListDenials over the wire: which attempts a server records, what of them, and for whom.

use ndp_core::{records::principals::Role, time::Timestamp};
use serde_json::{Value, json};
use tonic::Code;

use crate::harness::{
    Engine, both,
    plans::{AGENCY, Cast, OTHER_AGENCY},
    server::{As, Server},
};

/// The denials, newest first, without their times and messages.
async fn listed(server: &Server, auditor: &As, filter: &str) -> Vec<Value> {
    let auditor = server.raw(auditor.clone());
    let answer = auditor.ok("ListDenials", json!({"filter": filter})).await;
    let denials = answer["denials"].as_array().cloned().unwrap_or_default();
    let bare = |mut denial: Value| {
        let fields = denial.as_object_mut().unwrap();
        assert!(
            !fields
                .remove("message")
                .unwrap()
                .as_str()
                .unwrap()
                .is_empty()
        );
        let time = fields.remove("deny_time").unwrap();
        assert!(Timestamp::parse(time.as_str().unwrap()).is_ok(), "{time}");
        denial
    };
    denials.into_iter().map(bare).collect()
}

both! {
    async fn who_was_denied_what_is_listed_for_auditors(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = cast.draft("ndp-001", "x").await;
        let stranger = server.person("stranger", &[Role::AgencyApprover], Some(OTHER_AGENCY)).await;
        let auditor = server.person("auditor", &[Role::Auditor], None).await;
        assert_eq!(listed(&server, &auditor, "").await, Vec::<Value>::new());

        // a write by someone of another agency
        let create = json!({
            "parent": "platforms/ndp-001", "plan_id": "y",
            "plan": {"display_name": "chớ ghi lại"},
        });
        let status = server.raw(stranger.clone()).err("CreatePlan", create.clone()).await;
        assert_eq!(status.code(), Code::PermissionDenied);
        // a write without a key
        let status = server.raw(As::default()).err("CreatePlan", create).await;
        assert_eq!(status.code(), Code::Unauthenticated);
        // a wrong key
        let wrong = As::authorization(&format!("Bearer ndp_aaaaaaaaaaaa_{}", "A".repeat(43)));
        server.raw(wrong).err("ComputeSummary", json!({})).await;
        // calls that are answered, not found or malformed are not denials
        let anonymous = server.raw(As::default());
        anonymous.ok("ComputeSummary", json!({})).await;
        anonymous.err("GetPlatform", json!({"name": "platforms/none"})).await;
        anonymous.err("GetPlan", json!({"name": plan["name"]})).await;
        anonymous.err("GetPlatform", json!({"name": "x"})).await;

        let all = listed(&server, &auditor, "").await;
        assert_eq!(all, [
            json!({
                "address": "127.0.0.1",
                "method": "ndp.registry.v1.MonitoringService/ComputeSummary",
                "reason": "CREDENTIALS_INVALID",
            }),
            json!({
                "address": "127.0.0.1",
                "method": "ndp.registry.v1.PlanService/CreatePlan",
                "resource": "platforms/ndp-001",
                "reason": "CREDENTIALS_MISSING",
            }),
            json!({
                "principal": "principals/stranger",
                "method": "ndp.registry.v1.PlanService/CreatePlan",
                "resource": "platforms/ndp-001",
                "reason": "PERMISSION_DENIED",
            }),
        ]);
        let of_stranger = listed(&server, &auditor, "principal = \"principals/stranger\"").await;
        assert_eq!(of_stranger, all[2..]);
        let on_platform = listed(&server, &auditor, "resource = \"platforms/ndp-001\"").await;
        assert_eq!(on_platform, all[1..]);

        // an update names its record
        let update = json!({"plan": {"name": plan["name"], "lead_unit": "x"}});
        server.raw(stranger).err("UpdatePlan", update).await;
        let newest = listed(&server, &auditor, "method:\"UpdatePlan\"").await;
        assert_eq!(newest, Vec::<Value>::new(), "a draft that it may not know of is not found");
        server.stop().await;
    }

    async fn only_auditors_and_administrators_read_it(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let admin = server.person("admin", &[Role::Admin], None).await;
        for caller in [&steward, &editor] {
            let status = server.raw(caller.clone()).err("ListDenials", json!({})).await;
            assert_eq!(status.code(), Code::PermissionDenied);
            assert!(status.message().contains("ROLE_AUDITOR"), "{status}");
        }
        let status = server.raw(As::default()).err("ListDenials", json!({})).await;
        assert_eq!(status.code(), Code::Unauthenticated);
        let asked = listed(&server, &admin, "").await;
        let who: Vec<_> = asked.iter().map(|it| it["principal"].as_str()).collect();
        assert_eq!(who, [None, Some("principals/editor"), Some("principals/steward")]);
        server.stop().await;
    }

    async fn pages_go_on_while_more_are_denied(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let auditor = server.raw(server.person("auditor", &[Role::Auditor], None).await);
        let anonymous = server.raw(As::default());
        let mut methods = Vec::new();
        for method in ["ListPrincipals", "ListDenials", "ListPrincipals"] {
            server.clock.advance(1);
            anonymous.err(method, json!({})).await;
            methods.push(format!("ndp.registry.v1.AccessService/{method}"));
        }
        methods.reverse();
        let mut seen = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = json!({"page_size": 1, "page_token": page_token});
            let page = auditor.ok("ListDenials", request).await;
            seen.extend(page["denials"][0]["method"].as_str().map(str::to_owned));
            page_token = page["next_page_token"].as_str().unwrap_or_default().to_owned();
            if page_token.is_empty() {
                break;
            }
            anonymous.err("ListPrincipals", json!({})).await;
        }
        assert_eq!(seen, methods, "what came later is before the first page");
        let by_time = json!({"order_by": "deny_time", "page_size": 2});
        let oldest = auditor.ok("ListDenials", by_time).await;
        assert_eq!(oldest["denials"][1]["method"], "ndp.registry.v1.AccessService/ListDenials");
        server.stop().await;
    }
}
