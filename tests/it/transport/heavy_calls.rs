//! Work that grows with the catalogue: little of it is done at once; more waits for its turn within
//! the caller's share and time, and what costs too much is refused.

use ndp_core::records::principals::Role;
use ndp_registry::{
    admission::turns::{TurnLimits, Work},
    pb::{self, change_service_client::ChangeServiceClient, watch_changes_request::Start},
    registry::{Bounds, recent::Following},
};
use serde_json::json;
use tonic::Status;

use super::{limited, sample};
use crate::{
    faults::reason,
    harness::{
        Engine, both,
        http::{self, call},
        server::{As, Server, elsewhere},
        until,
    },
};

/// One piece of work at a time; one call of each caller may wait, and two in all.
const NARROW: TurnLimits = TurnLimits {
    running: 1,
    waiting: 2,
    waiting_per_caller: 1,
    cost: u64::MAX,
};

async fn start(engine: &Engine, turns: TurnLimits) -> Server {
    // what is read of the log is read from the store
    let following = Following {
        bytes_max: 1,
        ..Following::default()
    };
    Server::start_within(&engine.url(), Bounds { following, turns }).await
}

/// As many terms as a filter may have, none of which any row meets.
fn hostile() -> pb::ListPlatformsRequest {
    let terms: Vec<_> = (0..100)
        .map(|number| format!("display_name:zz{number:02}"))
        .collect();
    pb::ListPlatformsRequest {
        filter: terms.join(" OR "),
        ..Default::default()
    }
}

async fn list(
    server: &Server,
    caller: &As,
    request: pb::ListPlatformsRequest,
) -> Result<usize, Status> {
    let mut clients = server.clients(caller.clone());
    let listed = clients.catalogue.list_platforms(request).await?;
    Ok(listed.into_inner().platforms.len())
}

async fn waits(server: &Server, work: Work, count: f64) {
    let name = format!("ndp_heavy_work_waiting{{work=\"{}\"}}", work.name());
    until("all of them wait", async || {
        sample(server, &name) == Some(count)
    })
    .await;
}

fn running(server: &Server, work: Work) -> Option<f64> {
    let name = format!("ndp_heavy_work_running{{work=\"{}\"}}", work.name());
    sample(server, &name)
}

const CALLER_FULL: &str = "ResourceExhausted LIMIT_REACHED: heavy_work caller 1, again in 1 s";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_much_waits_and_holds_up_nobody_who_asks_for_little() {
    let engine = Engine::sqlite();
    let server = start(&engine, NARROW).await;
    let one = server.person("one", &[Role::Auditor], None).await;
    let two = server.person("two", &[Role::Auditor], None).await;
    let held = server.registry.turns().take(Work::Records, elsewhere());
    let held = held.await.unwrap();
    tokio::join!(
        async {
            assert_eq!(list(&server, &one, hostile()).await.unwrap(), 0);
        },
        async {
            waits(&server, Work::Records, 1.0).await;
            let again = list(&server, &one, hostile()).await.unwrap_err();
            assert_eq!(limited(&again), CALLER_FULL);
            // an ordinary list is served, for this caller and for others
            let usual = pb::ListPlatformsRequest {
                filter: "display_name:dinh OR verification = VERIFIED".into(),
                ..Default::default()
            };
            list(&server, &one, usual.clone()).await.unwrap();
            list(&server, &As::default(), usual).await.unwrap();
            let (listed, ()) = tokio::join!(list(&server, &two, hostile()), async {
                waits(&server, Work::Records, 2.0).await;
                let third = list(&server, &As::default(), hostile()).await.unwrap_err();
                assert_eq!(
                    limited(&third),
                    "ResourceExhausted LIMIT_REACHED: heavy_work all 2, again in 1 s"
                );
                assert_eq!(running(&server, Work::Records), Some(1.0));
                drop(held);
            });
            assert_eq!(listed.unwrap(), 0);
        },
    );
    assert_eq!(running(&server, Work::Records), Some(0.0));
    waits(&server, Work::Records, 0.0).await;
    // the filter says what it always said
    let mut finds = hostile();
    finds.filter += " OR name = \"platforms/ndp-001\"";
    finds.filter = finds.filter.replacen("display_name:zz00 OR ", "", 1);
    assert_eq!(list(&server, &one, finds).await.unwrap(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_ends_with_the_time_of_the_call() {
    let engine = Engine::sqlite();
    let server = start(&engine, NARROW).await;
    let held = server.registry.turns().take(Work::Records, elsewhere());
    let held = held.await.unwrap();
    for _ in 0..3 {
        let method = "CatalogueService/ListPlatforms";
        let headers = [("grpc-timeout", "50m")];
        let late = call(&server.address, method, &headers, &hostile()).await;
        assert_eq!(reason(&late.outcome()), "DEADLINE_EXCEEDED");
        // its place is free for the next
        waits(&server, Work::Records, 0.0).await;
    }
    drop(held);
    assert_eq!(running(&server, Work::Records), Some(0.0));
    server.stop().await;
}

both! {
    async fn the_log_and_the_past_are_read_in_turns(engine: Engine) {
        let server = start(&engine, NARROW).await;
        let one = server.person("one", &[Role::Auditor], None).await;
        server.person("two", &[Role::Auditor], None).await;
        let changes = async |caller: &As| {
            let mut client = ChangeServiceClient::new(server.intercepted(caller.clone()));
            let listed = client.list_changes(pb::ListChangesRequest::default()).await;
            listed.map(|it| it.into_inner().changes.len())
        };
        let past = async |caller: &As, read_revision: i64| {
            let request = pb::ComputeSummaryRequest { read_revision, ..Default::default() };
            let mut clients = server.clients(caller.clone());
            clients.monitoring.compute_summary(request).await.map(|_| 1)
        };
        let take = async |work| server.registry.turns().take(work, elsewhere()).await.unwrap();

        let held = take(Work::Log).await;
        let (listed, ()) = tokio::join!(changes(&one), async {
            waits(&server, Work::Log, 1.0).await;
            assert_eq!(limited(&changes(&one).await.unwrap_err()), CALLER_FULL);
            // one share of the caller covers all kinds of work
            assert_eq!(limited(&past(&one, 1).await.unwrap_err()), CALLER_FULL);
            past(&one, 0).await.unwrap();
            past(&As::default(), 1).await.unwrap();
            // watches that fell behind have turns of their own, and go on
            let mut client = ChangeServiceClient::new(server.intercepted(one.clone()));
            let mut request = pb::WatchChangesRequest::default();
            request.set_start(Start::Beginning);
            let mut watch = client.watch_changes(request).await.unwrap().into_inner();
            let first = watch.message().await.unwrap().unwrap();
            assert_eq!(first.revision, 1);
            drop(held);
        });
        assert!(listed.unwrap() > 1);

        let held = take(Work::Past).await;
        let (read, ()) = tokio::join!(past(&one, 2), async {
            waits(&server, Work::Past, 1.0).await;
            assert_eq!(limited(&past(&one, 3).await.unwrap_err()), CALLER_FULL);
            changes(&As::default()).await.unwrap();
            drop(held);
        });
        read.unwrap();
        for work in Work::ALL {
            assert_eq!(running(&server, work), Some(0.0), "{work:?}");
        }
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_answer_waits_for_its_turn_to_be_written_as_json() {
    let engine = Engine::sqlite();
    let server = start(&engine, NARROW).await;
    let held = server.registry.turns().take(Work::Json, elsewhere());
    let held = held.await.unwrap();
    let get = async |what| http::send(&server.address, what, &[], "").await.status;
    let long = "GET /v1/platforms?page_size=1000&view=FULL";
    tokio::join!(async { assert_eq!(get(long).await, 200) }, async {
        waits(&server, Work::Json, 1.0).await;
        assert_eq!(get(long).await, 429);
        let refusals = "ndp_refusals_total{limit=\"heavy_work\",scope=\"caller\"}";
        assert_eq!(sample(&server, refusals), Some(1.0));
        assert_eq!(get("GET /v1/platforms/ndp-001").await, 200);
        drop(held);
    });
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_costs_too_much_is_refused() {
    let engine = Engine::sqlite();
    let turns = TurnLimits {
        cost: 5_000,
        ..TurnLimits::default()
    };
    let server = start(&engine, turns).await;
    let refused = list(&server, &As::default(), hostile()).await.unwrap_err();
    // the refusal names no retry delay: a retry would fail too
    assert_eq!(
        limited(&refused),
        "ResourceExhausted LIMIT_REACHED: cost caller 5000"
    );
    assert_eq!(running(&server, Work::Records), Some(0.0));
    let plain = pb::ListPlatformsRequest::default();
    assert_eq!(list(&server, &As::default(), plain).await.unwrap(), 50);
    server.stop().await;
}

/// Every read that looks at more than the record it names counts what it costs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_looks_at_many_records_is_counted() {
    let engine = Engine::sqlite();
    let turns = TurnLimits {
        cost: 1,
        ..TurnLimits::default()
    };
    let server = start(&engine, turns).await;
    let caller = server.person("admin", &[Role::Admin, Role::Steward], None);
    let caller = caller.await;
    server.person("other", &[Role::Auditor], None).await;
    let raw = server.raw(caller);
    for id in ["one", "two"] {
        let figure = json!({"figure_id": id, "figure": {
            "subject": "PLATFORMS_LISTED", "value": 84,
            "statement": "Số liệu thử nghiệm (synthetic)",
            "figure_date": {"year": 2026, "month": 9, "day": 30},
            "sources": [{"uri": "https://example.invalid/synthetic"}],
        }});
        raw.ok("CreateFigure", figure).await;
    }
    let edition = "editions/2618-qd-bkhcn";
    let day = json!({"year": 2025, "month": 10, "day": 1});
    for (method, request) in [
        ("ListAgencies", json!({})),
        ("ListPlatforms", json!({})),
        (
            "ListPlatforms",
            json!({"filter": "verification = PENDING_ANNEX"}),
        ),
        ("ListPlatforms", json!({"order_by": "display_name desc"})),
        ("SearchPlatforms", json!({"query": "dinh danh"})),
        (
            "BatchGetPlatforms",
            json!({"names": ["platforms/ndp-001", "platforms/ndp-002"]}),
        ),
        (
            "CompareEditions",
            json!({"base_edition": edition, "target_edition": edition}),
        ),
        ("ComputeSummary", json!({"effective_date": day})),
        ("ComputeSummary", json!({"group": "no such group"})),
        ("ComputeTimeline", json!({"start_date": day})),
        ("ListAttentionItems", json!({})),
        ("ComputeDataQuality", json!({})),
        ("ReconcileFigures", json!({})),
        ("ListFigures", json!({})),
        ("ListPrincipals", json!({})),
        ("ListApiKeys", json!({"parent": "principals/-"})),
        ("ListChanges", json!({})),
    ] {
        let refused = raw.call(method, request.clone()).await.unwrap_err();
        assert_eq!(
            limited(&refused),
            "ResourceExhausted LIMIT_REACHED: cost caller 1",
            "{method} {request}"
        );
    }
    raw.ok("GetPlatform", json!({"name": "platforms/ndp-001"}))
        .await;
    server.stop().await;
}
