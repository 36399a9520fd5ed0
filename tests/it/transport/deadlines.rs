//! The time of a call: its client's, never more than the server's, and what becomes of a write
//! whose time is over.

use ndp_core::records::principals::Role;
use ndp_registry::{config::Limits, pb};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{identify_caller, sample, start_limited};
use crate::{
    faults::{AGENCY, PLATFORM, create, making, queue, reason},
    harness::{
        Engine, both,
        http::call,
        server::{As, Server},
        sql::Sql,
        until,
    },
};

/// CreatePlan with this deadline.
async fn write(
    server: &Server,
    caller: &As,
    request: &pb::CreatePlanRequest,
    time: &str,
) -> Status {
    let key = caller.sent();
    let headers = [("authorization", key), ("grpc-timeout", time)];
    let answer = call(&server.address, "PlanService/CreatePlan", &headers, request).await;
    answer.outcome()
}

fn assert_over(status: &Status, given_ms: &str) {
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert_eq!(reason(status), "DEADLINE_EXCEEDED");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["given_ms"], given_ms);
    assert!(
        details
            .localized_message()
            .unwrap()
            .message
            .contains(given_ms)
    );
}

/// How many plans of these ids the log made.
async fn made(url: &str, id: &str) -> i64 {
    let name = format!("{PLATFORM}/plans/{id}");
    let query = format!("SELECT count(*) FROM plans WHERE name = '{name}'");
    Sql::connect(url).await.number(&query).await
}

both! {
    async fn a_write_whose_time_is_over_in_the_queue_is_not_made(engine: Engine) {
        let url = engine.url();
        let server = Server::start(&url).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let mut lock = Sql::connect(&url).await;
        lock.hold_the_log().await;
        // the writer waits for the lock with this one in its hands
        let Ok(first) = queue(&server.registry, making(Some("first"))) else {
            panic!("answered while the log is held");
        };
        until("the writer has taken it", async || server.registry.queued() == 0).await;
        lock.is_waited_for().await;
        let late = write(&server, &editor, &create("late"), "200m").await;
        assert_over(&late, "200");
        lock.let_go().await;
        first.await.unwrap();
        // what comes after it in the queue is made, so its turn has come and gone
        let next = write(&server, &editor, &create("next"), "20S").await;
        assert_eq!(next.code(), Code::Ok, "{next:?}");
        assert_eq!((made(&url, "late").await, made(&url, "next").await), (0, 1));
        server.stop().await;
    }

    async fn a_write_whose_time_is_over_at_the_lock_is_made_once_when_repeated(engine: Engine) {
        let url = engine.url();
        let server = Server::start(&url).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let mut lock = Sql::connect(&url).await;
        lock.hold_the_log().await;
        let request = create("kept");
        // its time is over while the writer waits for the lock with it
        let late = write(&server, &editor, &request, "2S");
        let (late, ()) = tokio::join!(late, lock.is_waited_for());
        assert_over(&late, "2000");
        let revision = server.registry.revision();
        lock.let_go().await;
        let again = write(&server, &editor, &request, "20S").await;
        assert_eq!(again.code(), Code::Ok, "{again:?}");
        assert_eq!(server.registry.revision(), revision.next(), "it was written twice");
        assert_eq!(made(&url, "kept").await, 1);
        server.stop().await;
    }

    async fn a_call_that_asks_for_no_time_gets_the_servers(engine: Engine) {
        let url = engine.url();
        let limits = Limits { call_seconds: 1, ..Limits::default() };
        let server = start_limited(&engine, limits).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let mut lock = Sql::connect(&url).await;
        lock.hold_the_log().await;
        let mut clients = server.clients(editor.clone());
        let status = clients.plans.create_plan(create("late")).await.unwrap_err();
        assert_over(&status, "1000");
        // nor more than that by asking
        assert_over(&write(&server, &editor, &create("later"), "1H").await, "1000");
        lock.let_go().await;
        let labels = "grpc_type=\"unary\",grpc_service=\"ndp.registry.v1.PlanService\",\
                      grpc_method=\"CreatePlan\",grpc_code=\"DeadlineExceeded\"";
        let counted = sample(&server, &format!("grpc_server_handled_total{{{labels}}}"));
        assert_eq!(counted, Some(2.0));
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_that_is_none_is_refused_and_one_that_is_over_is_over() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    for malformed in ["soon", "5", "S", "-1S", "123456789S", "5s", "1.5S", "+5S"] {
        let status = identify_caller(&server, &[("grpc-timeout", malformed)]).await;
        assert_eq!(
            status.code(),
            Code::InvalidArgument,
            "{malformed}: {status:?}"
        );
        let details = status.get_error_details();
        let field = &details.bad_request().unwrap().field_violations[0];
        assert_eq!(field.field, "grpc-timeout");
    }
    for good in ["1H", "1M", "9S", "9000m", "9000000u", "99999999S"] {
        let status = identify_caller(&server, &[("grpc-timeout", good)]).await;
        assert_eq!(status.code(), Code::Ok, "{good}: {status:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_at_its_deadline() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let request = pb::WatchChangesRequest {
        start: pb::watch_changes_request::Start::Snapshot.into(),
        ..Default::default()
    };
    let (method, headers) = ("ChangeService/WatchChanges", [("grpc-timeout", "3S")]);
    let answer = call(&server.address, method, &headers, &request).await;
    let (messages, _) = answer.frames();
    assert!(!messages.is_empty(), "the snapshot came before the end");
    assert_over(&answer.outcome(), "3000");
    server.stop().await;
}
