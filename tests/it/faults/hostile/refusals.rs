//! The refusal of callers whose address has used up its share: the same over gRPC, gRPC-Web, JSON,
//! reflection and health. A caller with a key, from the same address, is still served.

use std::{net::Ipv4Addr, time::Duration};

use ndp_registry::{
    catalogue,
    config::{Limits, ServerOptions},
    pb::{self, change_service_client::ChangeServiceClient},
};
use prost::Message as _;
use serde_json::Value;
use tonic::{
    Code, Request, Response, Status,
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};
use tonic_types::StatusExt as _;

use super::{
    ELSEWHERE, HOSTILE, LOW_LIMITS, RATE,
    attack::{Attack, FAMILIES, Running},
    calls,
    line::{Line, Reads, Target},
    server::Attacked,
};
use crate::{
    harness::{
        Engine,
        frames::{RST_STREAM, enclosed, frame},
        http::{Answer, send_on},
        server::{As, Clients, Server},
        until,
    },
    transport::{limited, sample},
};

fn attack(name: &str) -> &'static Attack {
    let mut attacks = FAMILIES.iter().flat_map(|family| family.attacks);
    attacks.find(|attack| attack.name == name).unwrap()
}

/// Starts an attack, and waits until it has taken a caller's share of a gauge.
async fn overfill(server: &Attacked, name: &str, gauge: &str, share: f64) -> Running {
    let attack = attack(name);
    let running = attack.begin(server.target(), attack.few, Some(RATE));
    running.in_place().await;
    until("the share is taken", async || {
        server.page().await.value(gauge) >= Some(share)
    })
    .await;
    running
}

async fn connect(server: &Attacked, from: Ipv4Addr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address())).unwrap();
    let endpoint = endpoint.local_address(Some(from.into()));
    endpoint.connect().await.unwrap()
}

async fn json(server: &Attacked, what: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let connection = server.target().connect().await.unwrap();
    send_on(connection, what, headers, body).await.unwrap()
}

/// Status, reason and limit of a refusal in JSON and, where given, the retry delay.
pub(super) fn limited_json(answer: &Answer) -> String {
    let error = answer.json();
    let details = error["details"].as_array().unwrap();
    let detail = |name: &str| {
        let url = format!("type.googleapis.com/google.rpc.{name}");
        details.iter().find(|detail| detail["@type"] == *url)
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    assert!(detail("QuotaFailure").is_some(), "{error}");
    assert_eq!(detail("LocalizedMessage").unwrap()["locale"], "vi");
    let info = detail("ErrorInfo").expect("no ErrorInfo");
    let said = ["limit", "scope", "most"].map(|key| text(&info["metadata"][key]));
    let retry = answer.header("retry-after");
    let received = detail("RetryInfo").map(|it| text(&it["retryDelay"]));
    let after = retry.map(|seconds| format!("{seconds}s"));
    assert_eq!(after, received, "{answer:?}");
    let retry = retry.map_or(String::new(), |it| format!(", again in {it} s"));
    let reason = text(&info["reason"]);
    format!("{} {reason}: {}{retry}", answer.status, said.join(" "))
}

fn refused<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> String {
    limited(&answer.unwrap_err())
}

async fn ask_reflection(channel: &Channel) -> Result<(), Status> {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(channel.clone());
    let requests = tokio_stream::once(request);
    let mut answers = client.server_reflection_info(requests).await?.into_inner();
    answers.message().await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_with_its_share_of_calls_is_refused() {
    let engine = Engine::sqlite();
    let server = Attacked::start(&engine, LOW_LIMITS).await;
    let attack = "endless bodies, gRPC";
    let running = overfill(&server, attack, "ndp_calls_in_flight", 512.0).await;
    let said = "LIMIT_REACHED: calls_in_flight caller 512, again in 1 s";
    let channel = connect(&server, HOSTILE).await;
    let mut anonymous = Clients::new(&channel, As::default());
    let who = pb::IdentifyCallerRequest {};
    let answered = anonymous.access.identify_caller(who).await;
    assert_eq!(refused(answered), format!("ResourceExhausted {said}"));
    let answered = json(&server, "GET /v1/principals:identifyCaller", &[], b"").await;
    assert_eq!(limited_json(&answered), format!("429 {said}"));
    let what = "POST /ndp.registry.v1.AccessService/IdentifyCaller";
    let web = [("content-type", "application/grpc-web+proto")];
    let answered = json(&server, what, &web, &[0; 5]).await;
    let answered = limited(&answered.outcome());
    assert_eq!(answered, format!("ResourceExhausted {said}"));
    let answered = ask_reflection(&channel).await.unwrap_err();
    assert_eq!(limited(&answered), format!("ResourceExhausted {said}"));
    let check = HealthCheckRequest::default();
    let answered = HealthClient::new(channel.clone()).check(check).await;
    assert_eq!(refused(answered), format!("ResourceExhausted {said}"));

    // a valid key has a share of its own; a wrong key uses the share of the address
    let mut editor = Clients::new(&channel, server.editor.clone());
    editor.access.identify_caller(who).await.unwrap();
    let key = server.editor.sent();
    let answered = json(
        &server,
        "GET /v1/principals:identifyCaller",
        &[("authorization", key)],
        b"",
    )
    .await;
    assert_eq!(answered.status, 200, "{answered:?}");
    let wrong = As::key("ndp_000000000000_0000000000000000000000000000000000000000000");
    let answered = Clients::new(&channel, wrong)
        .access
        .identify_caller(who)
        .await;
    assert_eq!(refused(answered), format!("ResourceExhausted {said}"));
    // another address has a share of its own
    let elsewhere = connect(&server, ELSEWHERE).await;
    let mut anonymous = Clients::new(&elsewhere, As::default());
    anonymous.access.identify_caller(who).await.unwrap();
    ask_reflection(&elsewhere).await.unwrap();

    // the attack ends, and its share is free again
    running.end().await;
    let mut anonymous = Clients::new(&channel, As::default());
    until("there is room again", async || {
        anonymous.access.identify_caller(who).await.is_ok()
    })
    .await;
}

/// The first refusals are made while most of the calls are still being read, so that a call which
/// is to be refused must not take memory meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_refused_take_little_memory() {
    const CONNECTIONS: usize = 40;
    const CALLS: f64 = 8_000.0;
    const SHARE: f64 = 16.0;
    let engine = Engine::sqlite();
    let options = [
        ["--calls-in-flight-per-caller", "16"],
        ["--streams-per-address", "20000"],
        ["--log-level", "warn"],
    ];
    let server = Attacked::start(&engine, options.as_flattened()).await;
    let calm = server.calm();
    let attack = attack("endless bodies, gRPC");
    let running = attack.begin(server.target(), CONNECTIONS, Some(RATE));
    running.in_place().await;
    let limits = ["calls_in_flight", "call_rate"];
    until("all but a share are refused", async || {
        let page = server.page().await;
        let refused: f64 = limits.iter().map(|limit| page.refusals(limit)).sum();
        refused >= CALLS - SHARE && page.value("ndp_calls_in_flight") == Some(SHARE)
    })
    .await;
    let grown = server.peak().saturating_sub(calm);
    assert!(grown < 80_000_000, "{grown} bytes for refusals");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_with_its_share_of_watches_is_refused() {
    let engine = Engine::sqlite();
    let server = Attacked::start(&engine, &[]).await;
    let running = overfill(&server, "health watches", "ndp_watchers", 1024.0).await;
    let said = "ResourceExhausted LIMIT_REACHED: watchers caller 1024, again in 1 s";
    let channel = connect(&server, HOSTILE).await;
    let watching = HealthClient::new(channel.clone());
    let answered = watching.clone().watch(HealthCheckRequest::default()).await;
    assert_eq!(refused(answered), said);
    let request = pb::WatchChangesRequest::default();
    let mut changes = ChangeServiceClient::new(channel.clone());
    assert_eq!(refused(changes.watch_changes(request.clone()).await), said);
    let answered = json(&server, "GET /v1/changes:watch", &[], b"").await;
    let said = said.replace("ResourceExhausted", "429");
    assert_eq!(limited_json(&answered), said);

    // a key has a share of its own, for health as well
    let keyed = InterceptedService::new(channel.clone(), server.editor.clone());
    let mut changes = ChangeServiceClient::new(keyed.clone());
    changes.watch_changes(request).await.unwrap();
    let mut keyed = HealthClient::new(keyed);
    keyed.watch(HealthCheckRequest::default()).await.unwrap();
    let mut elsewhere = HealthClient::new(connect(&server, ELSEWHERE).await);
    let answered = elsewhere.watch(HealthCheckRequest::default()).await;
    answered.unwrap();
    running.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_and_bodies_that_are_too_long_are_refused_with_words() {
    let engine = Engine::sqlite();
    let server = Attacked::start(&engine, LOW_LIMITS).await;
    let long = "x".repeat(17_000);
    let said = "LIMIT_REACHED: request_headers caller 16384";
    for what in [
        "GET /v1/principals:identifyCaller",
        "GET /openapi.json",
        "GET /nothing",
    ] {
        let answered = json(&server, what, &[("x-synthetic", &long)], b"").await;
        assert_eq!(limited_json(&answered), format!("431 {said}"), "{what}");
    }
    let channel = connect(&server, HOSTILE).await;
    let headed = || {
        let mut request = Request::new(HealthCheckRequest::default());
        let long = long.parse().unwrap();
        request.metadata_mut().insert("x-synthetic", long);
        request
    };
    let mut health = HealthClient::new(channel.clone());
    let said = format!("ResourceExhausted {said}");
    assert_eq!(refused(health.check(headed()).await), said);
    assert_eq!(refused(health.watch(headed()).await), said);
    let mut anonymous = Clients::new(&channel, As::default());
    let asked = headed().map(|_| pb::IdentifyCallerRequest {});
    assert_eq!(refused(anonymous.access.identify_caller(asked).await), said);

    let body = vec![b' '; (1 << 20) + 1];
    let answered = json(&server, "POST /v1/platforms", &[], &body).await;
    assert_eq!(answered.status, 413, "{answered:?}");
    let update = pb::CreatePlatformRequest {
        platform: Some(pb::Platform {
            display_name: "a".repeat(1 << 20),
            ..Default::default()
        }),
        ..Default::default()
    };
    let answered = anonymous.catalogue.create_platform(update).await;
    let status = answered.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "MESSAGE_TOO_LARGE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_calls_too_often_learns_when_to_retry() {
    let engine = Engine::sqlite();
    let server = Attacked::start(&engine, &["--calls-per-second", "1"]).await;
    let mut said = None;
    for _ in 0..100 {
        let answered = json(&server, "GET /v1/principals:identifyCaller", &[], b"").await;
        if answered.status != 200 {
            said = Some(limited_json(&answered));
            break;
        }
    }
    let wanted = "429 LIMIT_REACHED: call_rate caller 1, again in 1 s";
    assert_eq!(said.as_deref(), Some(wanted));
    let channel = connect(&server, ELSEWHERE).await;
    let mut elsewhere = Clients::new(&channel, As::default());
    let who = pb::IdentifyCallerRequest {};
    elsewhere.access.identify_caller(who).await.unwrap();
}

/// A request to create a platform with a name of this length.
fn long_request(bytes: usize) -> pb::CreatePlatformRequest {
    pb::CreatePlatformRequest {
        platform: Some(pb::Platform {
            display_name: "a".repeat(bytes),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_body_counts_as_several_calls() {
    let engine = Engine::sqlite();
    let server = Attacked::start(&engine, &["--calls-per-second", "10"]).await;
    let channel = connect(&server, HOSTILE).await;
    let mut anonymous = Clients::new(&channel, As::default());
    // one call more for every 16 KiB, of twice as many as a second has
    let answered = anonymous.catalogue.create_platform(long_request(400_000));
    let said = "LIMIT_REACHED: call_rate caller 10, again in 1 s";
    assert_eq!(refused(answered.await), format!("ResourceExhausted {said}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_with_its_share_of_request_bytes_is_refused() {
    let engine = Engine::sqlite();
    let server = Attacked::start(&engine, &[]).await;
    let mut line = Line::open(&server.target(), Reads::All).await.unwrap();
    for number in 0..15 {
        calls::make(&mut line, &calls::announced(number))
            .await
            .unwrap();
    }
    let most = 15.0 * f64::from(1 << 20);
    until("the share is taken", async || {
        server.page().await.value("ndp_request_bytes") >= Some(most)
    })
    .await;
    let said = "LIMIT_REACHED: request_bytes caller 16777216, again in 1 s";
    let channel = connect(&server, HOSTILE).await;
    let mut anonymous = Clients::new(&channel, As::default());
    let answered = anonymous.catalogue.create_platform(long_request(600_000));
    assert_eq!(refused(answered.await), format!("ResourceExhausted {said}"));
    let body = vec![b' '; 1 << 20];
    let answered = json(&server, "POST /v1/platforms", &[], &body).await;
    assert_eq!(limited_json(&answered), format!("429 {said}"));
    let what = "POST /ndp.registry.v1.CatalogueService/CreatePlatform";
    let web = [("content-type", "application/grpc-web+proto")];
    let body = enclosed(&long_request(900_000).encode_to_vec());
    let answered = json(&server, what, &web, &body).await;
    let answered = limited(&answered.outcome());
    assert_eq!(answered, format!("ResourceExhausted {said}"));
    // another address has a share of its own
    let channel = connect(&server, ELSEWHERE).await;
    let mut anonymous = Clients::new(&channel, As::default());
    let answered = anonymous.catalogue.create_platform(long_request(600_000));
    assert_ne!(answered.await.unwrap_err().code(), Code::ResourceExhausted);
    drop(line);
}

/// Answers that are not read for this time lose their connection, with all that is queued.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads_are_given_up() {
    let engine = Engine::sqlite();
    let options = ServerOptions {
        answer_time: Some(Duration::from_millis(500)),
        ..ServerOptions::default()
    };
    let server = start_with(&engine, options).await;
    let target = target(&server);
    for name in [
        "no window",
        "no window, JSON over HTTP/2",
        "JSON over HTTP/1.1 not read",
        "watches from the beginning",
        "watches of a snapshot",
        "reflection, answers not read",
    ] {
        let running = attack(name).begin(target, 1, Some(RATE));
        let cut = async || running.tally().cut() > 0;
        until(&format!("{name} is cut off"), cut).await;
        running.end().await;
    }
    let gauge = |name: &str| sample(&server, name);
    until("all is given back", async || {
        (gauge("ndp_answer_bytes"), gauge("ndp_calls_in_flight")) == (Some(0.0), Some(0.0))
    })
    .await;
    server.stop().await;
}

pub(super) async fn start_with(engine: &Engine, options: ServerOptions) -> Server {
    let editions = [catalogue::OPENING_EDITION];
    Server::start_allowing(&engine.url(), &editions, options).await
}

pub(super) fn target(server: &Server) -> Target {
    Target {
        server: server.address.parse().unwrap(),
        from: HOSTILE,
        is_sink: false,
    }
}

/// More than have answers of the bytes that one caller may leave unread.
const CALLS_MAX: usize = 2048;

/// No byte of an answer leaves the server while the windows of the streams are zero.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_with_its_share_of_answer_bytes_is_refused() {
    let engine = Engine::sqlite();
    let options = ServerOptions {
        // longer than any test takes
        answer_time: Some(Duration::from_secs(3600)),
        limits: Limits {
            calls_in_flight_per_caller: CALLS_MAX,
            ..Limits::default()
        },
        ..ServerOptions::default()
    };
    let server = start_with(&engine, options).await;
    let target = target(&server);
    let refusals = "ndp_refusals_total{limit=\"answer_bytes\",scope=\"caller\"}";
    let mut lines = Vec::new();
    let mut number = 0;
    while sample(&server, refusals).is_none() {
        if number % 100 == 0 {
            lines.push(Line::open(&target, Reads::Window(0)).await.unwrap());
        }
        let line = lines.last_mut().unwrap();
        calls::make(line, &calls::list(number)).await.unwrap();
        number += 1;
        // the answer waits, or was refused
        until("the call is answered", async || {
            let calls = sample(&server, "ndp_calls_in_flight");
            calls == Some(number as f64) || sample(&server, refusals).is_some()
        })
        .await;
        assert!(
            number < CALLS_MAX as u64,
            "the share of calls was used up first"
        );
    }
    let most = 32 * 1024 * 1024;
    let taken = sample(&server, "ndp_answer_bytes").unwrap();
    assert!(taken <= f64::from(most), "{taken}");
    // a list is refused, and not computed, where the longest would not fit
    let longest = 4 * 1024 * 1024;
    let average = taken / (number - 1) as f64;
    assert!(
        taken <= f64::from(most - longest) + 2.0 * average,
        "{taken}"
    );

    let said = format!("LIMIT_REACHED: answer_bytes caller {most}, again in 1 s");
    let list = pb::ListPlatformsRequest {
        page_size: 1000,
        view: pb::PlatformView::Full.into(),
        ..Default::default()
    };
    let connect = async |from: Ipv4Addr| {
        let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
        let endpoint = endpoint.local_address(Some(from.into()));
        endpoint.connect().await.unwrap()
    };
    let mut same = Clients::new(&connect(HOSTILE).await, As::default());
    let answered = same.catalogue.list_platforms(list.clone()).await;
    assert_eq!(refused(answered), format!("ResourceExhausted {said}"));
    let what = format!("GET {}", calls::LIST_JSON);
    let connection = target.connect().await.unwrap();
    let answered = send_on(connection, &what, &[], b"").await.unwrap();
    assert_eq!(limited_json(&answered), format!("429 {said}"));
    // another address has a share of its own
    let mut elsewhere = Clients::new(&connect(ELSEWHERE).await, As::default());
    elsewhere
        .catalogue
        .list_platforms(list.clone())
        .await
        .unwrap();

    // the client that does not read goes away, and its share is free again
    drop(lines);
    until("there is room again", async || {
        same.catalogue.list_platforms(list.clone()).await.is_ok()
    })
    .await;
    server.stop().await;
}

/// The client never reads its socket, and keeps it open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_calls_of_a_socket_that_is_never_read_end() {
    let engine = Engine::sqlite();
    let options = ServerOptions {
        answer_time: Some(Duration::from_millis(500)),
        ..ServerOptions::default()
    };
    let server = start_with(&engine, options).await;
    let target = target(&server);
    let mut line = Line::open(&target, Reads::Nothing).await.unwrap();
    // more than the buffers of two sockets take
    for number in 0..150 {
        calls::make(&mut line, &calls::list(number)).await.unwrap();
    }
    let left = async || {
        let gauge = |name: &str| sample(&server, name);
        let held = ["ndp_connections", "ndp_calls_in_flight", "ndp_answer_bytes"].map(gauge);
        // the connection left is the harness's own
        held == [Some(1.0), Some(0.0), Some(0.0)]
    };
    until("the connection waits for its client", async || {
        !left().await && sample(&server, "ndp_answer_bytes") > Some(0.0)
    })
    .await;
    until("all is given back", left).await;
    drop(line);
    server.stop().await;
}

/// h2 drops unsent pieces of an answer under the lock of its streams. A piece that held the body of
/// the request, which takes the same lock, blocked a thread of the server for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_answers_of_a_connection_that_is_cut_stop_no_thread() {
    let engine = Engine::sqlite();
    let server = Attacked::start(&engine, &[]).await;
    let calm = server.page().await.value("ndp_connections").unwrap();
    for reads in [Reads::Nothing, Reads::Window(0), Reads::Window(1)] {
        for cut in [Cut::Reset, Cut::Closed] {
            // more connections than the server has threads
            let mut lines = Vec::new();
            for _ in 0..2 * std::thread::available_parallelism().unwrap().get() {
                let mut line = Line::open(&server.target(), reads).await.unwrap();
                for number in 0..20 {
                    let call = calls::ended(calls::few_reflections(number));
                    calls::make(&mut line, &call).await.unwrap();
                }
                lines.push(line);
            }
            until("answers wait", async || {
                server.page().await.value("ndp_calls_in_flight") > Some(0.0)
            })
            .await;
            if let Cut::Reset = cut {
                for line in &lines {
                    for stream in line.open_streams() {
                        let cancel = 8_u32.to_be_bytes();
                        let reset = frame(RST_STREAM, 0, stream, &cancel);
                        line.send(&reset).await.unwrap();
                    }
                }
            }
            drop(lines);
            let what = format!("the connections are gone: {reads:?}, {cut:?}");
            until(&what, async || {
                let channel = connect(&server, ELSEWHERE).await;
                ask_reflection(&channel).await.unwrap();
                let page = server.page().await;
                page.value("ndp_calls_in_flight") == Some(0.0)
                    && page.value("ndp_connections") <= Some(calm + 1.0)
            })
            .await;
        }
    }
}

/// How a client leaves its calls.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// It resets the streams, and closes the connection.
    Reset,
    /// It closes the connection.
    Closed,
}
