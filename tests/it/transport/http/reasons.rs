//! Reasons of errors that no other test asks for, each by a request that earns it.

use ndp_core::records::principals::Role;
use serde_json::json;

use tonic_types::StatusExt as _;

use super::{get, mistakes, post};
use crate::harness::{Engine, both, plans::AGENCY, server::Server};

both! {
    async fn each_mistake_of_a_query_has_its_reason(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let terms = ["display_name"; 9].join(",");
        let parameters = "x=1&".repeat(1_001);
        for (path, expected) in [
            ("/v1/platforms?filter=display_name+LIKE+%22a%22", "filter FILTER_OPERATOR"),
            ("/v1/platforms?filter=%28display_name", "filter FILTER_SYNTAX"),
            ("/v1/platforms?filter=display_name%3E%22a%22", "filter FILTER_TYPE"),
            ("/v1/platforms?filter=now%28%29", "filter FILTER_UNSUPPORTED"),
            ("/v1/platforms?orderBy=name,name", "orderBy ORDER_DUPLICATE"),
            ("/v1/platforms?orderBy=name+down", "orderBy ORDER_SYNTAX"),
            ("/v1/platforms?orderBy=colour", "orderBy ORDER_UNKNOWN_FIELD"),
            (&*format!("/v1/platforms?orderBy={terms}"), "orderBy ORDER_TOO_LONG"),
            ("/v1/platforms:search?query=%2D", "query QUERY_BLANK"),
            (&*format!("/v1/platforms?{parameters}"), "TOO_MANY_PARAMETERS"),
            (
                "/v1/platforms:computeTimeline?edition=editions/-&interval=DAY\
                    &startDate=2000-01-01",
                "interval TOO_MANY_POINTS",
            ),
        ] {
            let answer = get(&server, path).await;
            assert!(mistakes(&answer).contains(expected), "{path}: {}", answer.text());
        }
        let (open, close) = ("(".repeat(200), ")".repeat(200));
        let deep = format!("/v1/platforms?filter={open}name:a{close}");
        assert_eq!(mistakes(&get(&server, &deep).await), "filter FILTER_TOO_LONG");
        server.stop().await;
    }

    async fn a_platform_that_nobody_governs_has_no_plans(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let platform = json!({"displayName": "Synthetic", "verification": "VERIFIED"});
        let create = "POST /v1/platforms?platformId=synthetic";
        assert_eq!(post(&server, &steward, create, &platform).await.status, 200);
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let create = "POST /v1/platforms/synthetic/plans?planId=x";
        let plan = json!({"displayName": "Synthetic"});
        let answer = post(&server, &editor, create, &plan).await;
        assert_eq!(mistakes(&answer), "PLATFORM_WITHOUT_AGENCY");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_message_of_thousands_of_messages_is_refused() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let steward = server.person("steward", &[Role::Steward], None).await;
    let sources = vec![json!({}); 10_001];
    let request = json!({
        "platform_id": "x",
        "platform": {"display_name": "Synthetic", "sources": sources},
    });
    let refused = server.raw(steward).call("CreatePlatform", request).await;
    let reason = refused
        .unwrap_err()
        .get_details_error_info()
        .unwrap()
        .reason;
    assert_eq!(reason, "MESSAGE_TOO_COMPLEX");
    server.stop().await;
}
