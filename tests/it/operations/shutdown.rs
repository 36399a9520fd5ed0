//! SIGTERM: calls in progress finish, open streams and connections do not delay the exit beyond the
//! configured wait, and nothing that was acknowledged is lost.

use std::time::{Duration, Instant};

use ndp_registry::pb::{
    self, change_service_client::ChangeServiceClient, watch_changes_response::Event,
};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use tonic_types::StatusExt;

use crate::{
    faults::{BOUND, Served, command, create, make_key, reason, rename},
    harness::{
        Engine, both,
        grpc::Call,
        http::send,
        process::{Signal, Stream},
        sql::Sql,
        until,
    },
};

async fn ends(server: &Served) -> Option<i32> {
    tokio::task::block_in_place(|| server.process.wait(BOUND)).code()
}

/// A call whose message never comes: it stays open for as long as what is answered lives.
async fn open_a_call(server: &Served) -> Call {
    let call = Call::open(
        &server.address,
        "ndp.registry.v1.AccessService/IdentifyCaller",
        &[],
    )
    .await;
    let address = server.metrics_address();
    until("the call is in flight", async || {
        let page = send(&address, "GET /metrics", &[], "").await;
        page.text().lines().any(|it| it == "ndp_calls_in_flight 1")
    })
    .await;
    call
}

type Write = JoinHandle<Result<tonic::Response<pb::Plan>, tonic::Status>>;

/// A server that has begun to make a plan, and cannot go on until the lock is let go.
async fn held_up(url: &str, options: &[&str]) -> (Served, Sql, Write) {
    let (editor, _) = make_key(url, "editor");
    let metrics = ["--metrics-listen", "127.0.0.1:0"];
    let server = Served::start_with(url, &[&metrics, options].concat()).await;
    let mut editor = server.clients(&editor);
    let mut lock = Sql::connect(url).await;
    lock.hold_the_log().await;
    let write = tokio::spawn(async move { editor.plans.create_plan(create("late")).await });
    let labels = "grpc_type=\"unary\",grpc_service=\"ndp.registry.v1.PlanService\",\
                  grpc_method=\"CreatePlan\"";
    let started = format!("grpc_server_started_total{{{labels}}} 1");
    let address = server.metrics_address();
    until("the server has begun it", async || {
        let page = send(&address, "GET /metrics", &[], "").await;
        let page = String::from_utf8(page.body).unwrap();
        page.lines().any(|line| line == started)
    })
    .await;
    (server, lock, write)
}

/// A watch from the snapshot on, with all of the snapshot read.
async fn watch(server: &Served) -> tonic::Streaming<pb::WatchChangesResponse> {
    let mut client = ChangeServiceClient::new(server.channel.clone());
    let request = pb::WatchChangesRequest {
        start: pb::watch_changes_request::Start::Snapshot.into(),
        ..Default::default()
    };
    let mut watch = client.watch_changes(request).await.unwrap().into_inner();
    while let Event::Snapshot(part) = watch.message().await.unwrap().unwrap().event.unwrap() {
        if part.complete {
            break;
        }
    }
    watch
}

both! {
    async fn watches_end_with_where_to_resume_and_do_not_delay_the_end(engine: Engine) {
        let url = engine.url();
        // too long to wait for within the bound
        let server = Served::start_with(&url, &["--shutdown-seconds", "300"]).await;
        let mut watches = Vec::new();
        for _ in 0..20 {
            watches.push(watch(&server).await);
        }
        let revision = Sql::connect(&url).await.number("SELECT revision FROM log_head").await;
        server.process.signal(Signal::Term);
        for mut watch in watches {
            let ended = tokio::time::timeout(BOUND, watch.message()).await;
            let status = ended.expect("it goes on").expect_err("it ends without a status");
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
            assert_eq!(reason(&status), "SHUTTING_DOWN");
            assert!(status.get_details_retry_info().is_some(), "{status:?}");
            let resume = status.metadata().get("ndp-revision").unwrap().to_str().unwrap();
            assert_eq!(resume, revision.to_string());
        }
        assert_eq!(ends(&server).await, Some(0));
        let said = server.process.printed(Stream::Stderr);
        assert!(!said.contains("still open"), "{said}");
    }

    async fn a_second_signal_with_a_write_in_the_commit_says_so_by_its_exit_code(engine: Engine) {
        let options = ["--shutdown-seconds", "300"];
        let (server, mut lock, write) = held_up(&engine.url(), &options).await;
        server.process.signal(Signal::Term);
        tokio::task::block_in_place(|| server.process.wait_for_line("shutting down", BOUND));
        server.process.signal(Signal::Term);
        assert_eq!(ends(&server).await, Some(1));
        let cut_off = write.await.unwrap().expect_err("nobody can have written it");
        // the server had received it, and did not refuse it as too late
        let info = cut_off.get_details_error_info();
        let in_hand = info.is_none_or(|it| it.reason == "OUTCOME_UNKNOWN");
        assert!(in_hand, "{cut_off:?}");
        let said = server.process.printed(Stream::Stderr);
        assert!(said.contains("nothing acknowledged is lost"), "{said}");
        lock.let_go().await;
        let query = "SELECT count(*) FROM plans";
        assert_eq!(lock.number(query).await, 0);
    }

    async fn a_call_in_flight_is_finished(engine: Engine) {
        let (server, mut lock, write) = held_up(&engine.url(), &[]).await;
        server.process.signal(Signal::Term);
        tokio::task::block_in_place(|| server.process.wait_for_line("shutting down", BOUND));
        lock.let_go().await;
        write.await.unwrap().expect("a call in flight was cut off");
        assert_eq!(ends(&server).await, Some(0));
    }

    async fn writes_go_on_until_the_end_and_none_is_lost(engine: Engine) {
        let url = engine.url();
        drop(Served::start(&url).await);
        let (editor, _) = make_key(&url, "editor");
        let server = Served::start(&url).await;
        let (count, mut counted) = watch::channel(0);
        let mut writers = JoinSet::new();
        for writer in 0..6 {
            let mut clients = server.clients(&editor);
            let count = count.clone();
            writers.spawn(async move {
                let id = format!("w{writer}");
                let mut answered = Vec::new();
                let first = create(&id);
                let mut asked = first.request_id.clone();
                let mut answer = clients.plans.create_plan(first).await;
                while answer.is_ok() {
                    answered.push(asked);
                    count.send_modify(|count| *count += 1);
                    let next = rename(&id, format!("lần sửa {} (synthetic)", answered.len()));
                    asked = next.request_id.clone();
                    answer = clients.plans.update_plan(next).await;
                }
                answered
            });
        }
        drop(counted.wait_for(|count| *count > 40).await.unwrap());
        server.process.signal(Signal::Term);
        let all = tokio::time::timeout(BOUND, writers.join_all()).await;
        let all = all.expect("writers were left without an answer");
        assert_eq!(ends(&server).await, Some(0));
        let mut sql = Sql::connect(&url).await;
        for request_id in all.into_iter().flatten() {
            let of = format!("FROM changes WHERE request_id = '{request_id}'");
            assert_eq!(sql.number(&format!("SELECT count(*) {of}")).await, 1);
        }
        let (code, said, _) = command(&["admin", "verify"], &url);
        assert_eq!(code, Some(0), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watching_health_hears_of_the_end_and_does_not_delay_it() {
    let engine = Engine::sqlite();
    // too long to wait for within the bound
    let server = Served::start_with(&engine.url(), &["--shutdown-seconds", "300"]).await;
    let mut health = HealthClient::new(server.channel.clone());
    let mut watch = health
        .watch(HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    let first = watch.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    server.process.signal(Signal::Term);
    // the first word may be said twice
    let last = loop {
        let next = watch
            .message()
            .await
            .unwrap()
            .expect("it ends without a last word");
        if next.status() != ServingStatus::Serving {
            break next;
        }
    };
    assert_eq!(last.status(), ServingStatus::NotServing);
    assert!(
        watch.message().await.unwrap().is_none(),
        "the stream goes on"
    );
    assert_eq!(ends(&server).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_call_is_waited_for_as_long_as_was_said() {
    let engine = Engine::sqlite();
    let options = ["--metrics-listen", "127.0.0.1:0", "--shutdown-seconds", "2"];
    let server = Served::start_with(&engine.url(), &options).await;
    let _open = open_a_call(&server).await;
    let began = Instant::now();
    server.process.signal(Signal::Term);
    assert_eq!(ends(&server).await, Some(0));
    assert!(
        began.elapsed() >= Duration::from_secs(2),
        "it was not waited for"
    );
    let said = server.process.printed(Stream::Stderr);
    assert!(said.contains("stopping with calls still open"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_stops_at_once() {
    let engine = Engine::sqlite();
    let options = [
        "--metrics-listen",
        "127.0.0.1:0",
        "--shutdown-seconds",
        "300",
    ];
    let server = Served::start_with(&engine.url(), &options).await;
    let _open = open_a_call(&server).await;
    server.process.signal(Signal::Term);
    tokio::task::block_in_place(|| server.process.wait_for_line("shutting down", BOUND));
    server.process.signal(Signal::Int);
    assert_eq!(ends(&server).await, Some(0));
    let said = server.process.printed(Stream::Stderr);
    assert!(said.contains("stopping at once"), "{said}");
}
