//! Limits on calls: each refuses what is beyond it, says so in both languages, is counted, and lets
//! others go on.

use ndp_core::records::principals::Role;
use ndp_registry::{
    config::Limits,
    pb::{self, change_service_client::ChangeServiceClient},
};
use tonic::{Code, Streaming};

use super::{identify_caller, limited, sample, start_limited};
use crate::{
    faults::{AGENCY, create},
    harness::{
        Engine, both,
        server::{As, Server},
        sql::Sql,
        until,
    },
};

fn refusals(server: &Server, limit: &str, scope: &str) -> Option<f64> {
    let labels = format!("limit=\"{limit}\",scope=\"{scope}\"");
    sample(server, &format!("ndp_refusals_total{{{labels}}}"))
}

both! {
    async fn calls_in_flight(engine: Engine) {
        let limits = Limits { calls_in_flight: 1, ..Limits::default() };
        let server = start_limited(&engine, limits).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let mut lock = Sql::connect(&engine.url()).await;
        lock.hold_the_log().await;
        let mut writing = server.clients(editor);
        let write = tokio::spawn(async move { writing.plans.create_plan(create("one")).await });
        let in_flight = async |count| sample(&server, "ndp_calls_in_flight") == Some(count);
        until("it is in flight", async || in_flight(1.0).await).await;
        let refused = identify_caller(&server, &[]).await;
        let said = limited(&refused);
        assert_eq!(said, "ResourceExhausted LIMIT_REACHED: calls_in_flight all 1, again in 1 s");
        assert_eq!(refusals(&server, "calls_in_flight", "all"), Some(1.0));
        lock.let_go().await;
        write.await.unwrap().unwrap();
        until("it has left", async || in_flight(0.0).await).await;
        assert_eq!(identify_caller(&server, &[]).await.code(), Code::Ok);
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_a_second_by_one_caller() {
    let engine = Engine::sqlite();
    let limits = Limits {
        calls_per_second: 1,
        ..Limits::default()
    };
    let server = start_limited(&engine, limits).await;
    let one = server.person("one", &[Role::Auditor], None).await;
    let two = server.person("two", &[Role::Auditor], None).await;
    let call = async |caller: &As| {
        let mut clients = server.clients(caller.clone());
        clients
            .access
            .identify_caller(pb::IdentifyCallerRequest {})
            .await
    };
    // two at once, and a little more in the time that they take
    let mut refused = None;
    for _ in 0..1000 {
        refused = call(&one).await.err();
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.expect("nothing limits it");
    let said = limited(&refused);
    assert_eq!(
        said,
        "ResourceExhausted LIMIT_REACHED: call_rate caller 1, again in 1 s"
    );
    assert!(refused.metadata().contains_key("ndp-revision"));
    // another principal, and one without a key, have their own
    call(&two).await.unwrap();
    call(&As::default()).await.unwrap();
    assert_eq!(refusals(&server, "call_rate", "caller"), Some(1.0));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_of_headers() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let (fits, long) = ("x".repeat(15_000), "x".repeat(17_000));
    let answered = identify_caller(&server, &[("x-synthetic", &fits)]).await;
    assert_eq!(answered.code(), Code::Ok);
    let refused = identify_caller(&server, &[("x-synthetic", &long)]).await;
    // the refusal names no retry delay: a retry would fail too
    let said = limited(&refused);
    assert_eq!(
        said,
        "ResourceExhausted LIMIT_REACHED: request_headers caller 16384"
    );
    assert_eq!(refusals(&server, "request_headers", "caller"), Some(1.0));

    // the same over HTTP/2
    let mut request = tonic::Request::new(pb::IdentifyCallerRequest {});
    request
        .metadata_mut()
        .insert("x-synthetic", "x".repeat(17_000).parse().unwrap());
    let refused = server
        .anonymous()
        .access
        .identify_caller(request)
        .await
        .unwrap_err();
    assert_eq!(limited(&refused), said);
    server.stop().await;
}

async fn watch(
    server: &Server,
    caller: &As,
) -> Result<Streaming<pb::WatchChangesResponse>, tonic::Status> {
    let channel = server.intercepted(caller.clone());
    let request = pb::WatchChangesRequest::default();
    let watch = ChangeServiceClient::new(channel)
        .watch_changes(request)
        .await;
    watch.map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_of_one_caller_and_of_all() {
    let engine = Engine::sqlite();
    let limits = Limits {
        watchers: 2,
        watchers_per_caller: 1,
        ..Limits::default()
    };
    let server = start_limited(&engine, limits).await;
    let one = server.person("one", &[Role::Auditor], None).await;
    let two = server.person("two", &[Role::Auditor], None).await;
    let first = watch(&server, &one).await.unwrap();
    let refused = watch(&server, &one).await.unwrap_err();
    assert_eq!(
        limited(&refused),
        "ResourceExhausted LIMIT_REACHED: watchers caller 1, again in 1 s"
    );
    let _second = watch(&server, &two).await.unwrap();
    let refused = watch(&server, &As::default()).await.unwrap_err();
    let said = limited(&refused);
    assert_eq!(
        said,
        "ResourceExhausted LIMIT_REACHED: watchers all 2, again in 1 s"
    );
    assert_eq!(sample(&server, "ndp_watchers"), Some(2.0));
    drop(first);
    until("it has left", async || {
        sample(&server, "ndp_watchers") == Some(1.0)
    })
    .await;
    let _again = watch(&server, &one).await.unwrap();
    server.stop().await;
}
