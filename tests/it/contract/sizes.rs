//! What is stored stays readable: records are refused before they grow too large, and reads of many
//! large changes end early and go on.

use ndp_core::records::{
    plans::{PlanMove, PlanState, STATES_MAX},
    principals::Role,
};
use ndp_registry::{catalogue::OPENING_EDITION, registry::recent::Following};
use serde_json::{Value, json};

use crate::harness::{Engine, both, plans::Cast, raw::reason, server::Server};

/// The three stages with sources of about `bytes` bytes in all. Synthetic.
pub(crate) fn stages(bytes: usize) -> Value {
    let uri = format!("https://example.invalid/{}", "x".repeat(1_900));
    let source = json!({"uri": uri, "note": "\u{20000}".repeat(1_000)});
    let sources = vec![source; bytes / 3 / 5_900];
    let planned = json!({"as_written": "2026"});
    let stage = |stage: &str| json!({"stage": stage, "planned": planned, "sources": sources});
    ["DEVELOPMENT", "PILOT", "OPERATION"]
        .into_iter()
        .map(stage)
        .collect()
}

both! {
    async fn a_plan_that_is_returned_again_and_again_stays_readable(engine: Engine) {
        let server = Server::start_with(&engine.url(), &[OPENING_EDITION]).await;
        let cast = Cast::new(&server).await;
        let mut plan = cast.plan_in("ndp-001", "returned", PlanState::Draft).await;
        let refused = loop {
            match cast.step(PlanMove::Submit, &plan).await {
                Ok(submitted) => plan = submitted,
                Err(status) => break status,
            }
            plan = cast.step(PlanMove::Return, &plan).await.unwrap();
        };
        assert_eq!(&*reason(&refused), "PLAN_HISTORY_FULL", "{refused:?}");
        let entered = plan["state_history"].as_array().unwrap().len();
        assert!((STATES_MAX..STATES_MAX + 2).contains(&entered), "{entered}");
        let withdrawn = cast.step(PlanMove::Withdraw, &plan).await.unwrap();
        assert_eq!(withdrawn["state"], "WITHDRAWN");
        server.stop().await;
    }

    async fn every_change_is_listed_however_large_they_are(engine: Engine) {
        // nothing of the log is kept in memory
        let following = Following { bytes_max: 1, ..Following::default() };
        let server =
            Server::start_following(&engine.url(), &[OPENING_EDITION], following).await;
        let auditor = server.raw(server.person("auditor", &[Role::Auditor], None).await);
        let editor = Cast::new(&server).await.editor;
        // more than is read at a time
        for number in 0..24 {
            let request = json!({
                "platform": {
                    "name": "platforms/ndp-001",
                    "operation_stages": stages(480_000 - number % 2 * 20_000),
                },
                "update_mask": "operationStages",
            });
            editor.ok("UpdatePlatform", request).await;
        }
        let newest = server.registry.revision().get();
        for order_by in ["revision", "revision desc"] {
            let mut revisions: Vec<i64> = Vec::new();
            let mut token = Value::Null;
            loop {
                let request = json!({"order_by": order_by, "page_token": token, "page_size": 50});
                let page = auditor.ok("ListChanges", request).await;
                let changes = page["changes"].as_array().cloned().unwrap_or_default();
                revisions.extend(changes.iter().map(|it| it["revision"].as_i64().unwrap()));
                token = page["next_page_token"].clone();
                if token.as_str().is_none_or(str::is_empty) {
                    break;
                }
            }
            if order_by == "revision desc" {
                revisions.reverse();
            }
            assert_eq!(revisions, (1..=newest).collect::<Vec<_>>(), "{order_by}");
        }
        server.stop().await;
    }
}
