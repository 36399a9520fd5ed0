//! A sandbox over the wire: it is synthetic and says so with every answer, anyone may write with
//! the keys that are printed, and at midnight it begins again on the same port. It cannot be
//! confused with a registry, nor a registry with it.

use std::{fs, path::Path, sync::Arc, time::Duration};

use ndp_registry::{
    admission::turns::TurnLimits,
    catalogue,
    cli::sandbox::{Sandbox, open_keys},
    config::ServerOptions,
    pb::{self, change_service_client::ChangeServiceClient, watch_changes_request::Start},
    registry::{Registry, entropy::OsEntropy},
    server::{self, Listeners, Stop},
    store::Store,
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle};
use tonic::transport::Endpoint;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::harness::{
    http::send,
    plans::{date, decision},
    process::{Process, Signal, Stream},
    raw::{Raw, reason},
    server::{As, MORNING, ManualClock},
    until,
};

/// Sixteen hours after the clock's morning it is past midnight in Vietnam.
const TO_MIDNIGHT: i64 = 16 * 3600;

const BOUND: Duration = Duration::from_secs(60);

/// Asks the server to stop when something is sent.
struct StopRequests(mpsc::UnboundedReceiver<&'static str>);

impl Stop for StopRequests {
    async fn next(&mut self) -> &'static str {
        self.0.recv().await.unwrap()
    }
}

struct Running {
    address: String,
    stop: mpsc::UnboundedSender<&'static str>,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    async fn start(sandbox: &Arc<Sandbox>) -> Self {
        let opened = sandbox.open().await.unwrap();
        let calls = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = calls.local_addr().unwrap().to_string();
        let (stop, received) = mpsc::unbounded_channel();
        let sandbox = Arc::clone(sandbox);
        let serving = tokio::spawn(async move {
            let listeners = Listeners {
                calls,
                tls: None,
                metrics: None,
            };
            let options = ServerOptions {
                sandbox: true,
                ..ServerOptions::default()
            };
            let mut received = StopRequests(received);
            sandbox
                .serve(opened, &listeners, &mut received, 10, &options)
                .await
        });
        Self {
            address,
            stop,
            serving,
        }
    }

    async fn raw(&self, caller: As) -> Raw {
        Raw::connect(&self.address, caller).await
    }

    async fn stop(self) {
        self.stop.send("test").unwrap();
        self.serving.await.unwrap().unwrap();
    }
}

fn key(role: &str) -> As {
    let keys = open_keys().unwrap();
    let key = keys.iter().find(|it| it.role.as_str() == role).unwrap();
    As::key(&key.secret)
}

fn programme() -> Value {
    json!({"programme_id": "x", "programme": {
        "display_name": "Nhiệm vụ thử nghiệm",
        "documents": [decision([2024, 12, 22])],
        "period": {"end": date([2025, 12, 31])},
    }})
}

fn new(file: &Path, clock: &Arc<ManualClock>) -> Arc<Sandbox> {
    let clock = Arc::clone(clock) as _;
    Arc::new(Sandbox::new(file, clock, TurnLimits::default()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_begins_anew_at_midnight_on_the_same_port() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(MORNING);
    let sandbox = new(&directory.path().join("sandbox.db"), &clock);
    let running = Running::start(&sandbox).await;
    let steward = running.raw(key("ROLE_STEWARD")).await;
    steward.ok("CreateProgramme", programme()).await;

    let endpoint = Endpoint::from_shared(format!("http://{}", running.address)).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let mut changes = ChangeServiceClient::new(channel);
    let mut watch = changes
        .watch_changes(pb::WatchChangesRequest {
            start: Start::Beginning.into(),
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner();
    let first = watch.message().await.unwrap().unwrap();

    clock.advance(TO_MIDNIGHT);
    let ended = loop {
        match watch.message().await {
            Ok(message) => assert!(message.is_some(), "the watch ended without an error"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), tonic::Code::Unavailable, "{ended:?}");
    assert_eq!(reason(&ended), "SHUTTING_DOWN");

    let steward = running.raw(key("ROLE_STEWARD")).await;
    let get = json!({"name": "programmes/x"});
    until("the sandbox is empty", async || {
        let gone = steward.call("GetProgramme", get.clone()).await;
        gone.is_err_and(|it| it.code() == tonic::Code::NotFound)
    })
    .await;
    // a client that resumes from the day before gets an error that says so
    let resumed = changes
        .watch_changes(pb::WatchChangesRequest {
            start: Start::Resume.into(),
            resume_position: first.position.clone(),
            ..Default::default()
        })
        .await
        .unwrap_err();
    assert_eq!(
        (resumed.code(), reason(&resumed).as_str()),
        (tonic::Code::FailedPrecondition, "LOG_DIVERGED"),
    );
    steward.ok("CreateProgramme", programme()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anyone_may_call_in_every_role_and_every_answer_says_what_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(MORNING);
    let running = Running::start(&new(&directory.path().join("sandbox.db"), &clock)).await;
    for open in open_keys().unwrap() {
        let raw = running.raw(As::key(&open.secret)).await;
        let received = raw.ok("IdentifyCaller", json!({})).await;
        assert_eq!(received["roles"], json!([open.role.as_str()]));
        let name = received["agency_display_name"].as_str().unwrap_or_default();
        assert_eq!(
            name.contains("(thử nghiệm / synthetic)"),
            open.role.is_of_agency()
        );
        assert!(
            received["principal"]
                .as_str()
                .unwrap()
                .starts_with("principals/sandbox-")
        );
    }
    let anyone = running.raw(As::default()).await;
    assert_eq!(
        anyone.ok("ComputeSummary", json!({})).await["synthetic"],
        true
    );

    let channel = Endpoint::from_shared(format!("http://{}", running.address)).unwrap();
    let channel = channel.connect().await.unwrap();
    let request = HealthCheckRequest::default();
    let health = HealthClient::new(channel).check(request).await.unwrap();
    assert_eq!(health.metadata().get("ndp-sandbox").unwrap(), "true");
    for path in [
        "/v1/platforms:computeSummary",
        "/v1/platforms/missing",
        "/openapi.json",
        "/nowhere",
    ] {
        let answer = send(&running.address, &format!("GET {path}"), &[], b"").await;
        assert_eq!(answer.header("ndp-sandbox"), Some("true"), "{path}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_within_a_day_and_not_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sandbox.db");
    let clock = ManualClock::at(MORNING);
    let log_id = async || {
        let (registry, writer, store) = new(&file, &clock).open().await.unwrap();
        let log_id = registry.read().log_id;
        drop(registry);
        writer.await.unwrap().unwrap();
        store.close().await;
        log_id
    };
    let first = log_id().await;
    clock.advance(3600);
    assert_eq!(log_id().await, first);
    clock.advance(TO_MIDNIGHT);
    assert_ne!(log_id().await, first);
    let mut left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
    left.retain(|it| it.as_ref().unwrap().path() != file);
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn what_is_no_sandbox_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("registry.db");
    let url = format!("sqlite:{}", file.display());
    let clock = ManualClock::at(MORNING);
    let store = Store::open(&url, uuid::Uuid::new_v4()).await.unwrap();
    let entropy = Box::new(OsEntropy);
    let started = Registry::start(store.clone(), Arc::clone(&clock) as _, entropy).await;
    let (registry, writer) = started.unwrap();
    let seed = catalogue::seed([catalogue::OPENING_EDITION]).unwrap();
    registry.seed(seed).await.unwrap();
    drop(registry);
    writer.await.unwrap().unwrap();
    store.close().await;
    let before = fs::read(&file).unwrap();
    clock.advance(10 * 86_400);
    let refused = new(&file, &clock).open().await.err().unwrap().to_string();
    assert!(refused.contains("is not a sandbox's"), "{refused}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn the_program_prints_the_keys_and_keeps_the_two_apart() {
    let directory = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite:{}", directory.path().join(name).display());
    let (sandbox, other) = (url("sandbox.db"), url("other.db"));
    let listen = ["--listen", "127.0.0.1:0"];
    let serve = |arguments: &[&str]| {
        let arguments: Vec<_> = ["serve"]
            .iter()
            .chain(&listen)
            .chain(arguments)
            .copied()
            .collect();
        Process::start(&arguments, &[])
    };
    let running = serve(&["--sandbox", "--database", &sandbox]);
    running.wait_for_line("listening address=", BOUND);
    for key in open_keys().unwrap() {
        running.wait_for_line(&key.secret, BOUND);
    }
    running.signal(Signal::Term);
    assert_eq!(running.wait(BOUND).code(), Some(0));

    let refused = |arguments: &[&str], code, received: &str| {
        let process = serve(arguments);
        assert_eq!(process.wait(BOUND).code(), Some(code), "{arguments:?}");
        let printed = process.printed(Stream::Stderr);
        assert!(printed.contains(received), "{arguments:?}: {printed}");
    };
    refused(
        &["--database", &sandbox],
        1,
        "is a sandbox's, whose keys everyone has",
    );
    let made = Process::start(
        &[
            "admin",
            "key",
            "create",
            "--principal",
            "a",
            "--database",
            &other,
        ],
        &[],
    );
    assert_eq!(made.wait(BOUND).code(), Some(0));
    refused(
        &["--sandbox", "--database", &other],
        1,
        "is not a sandbox's",
    );
    let postgres = "postgres://nobody@127.0.0.1:1/nothing";
    refused(
        &["--sandbox", "--database", postgres],
        64,
        "its database is a file",
    );
}
