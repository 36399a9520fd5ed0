//! Connections: as many as there may be, from clients that say what they want and are still there.

use std::time::Duration;

use ndp_core::records::principals::Role;
use ndp_registry::{
    config::{Limits, ServerOptions},
    pb::{self, change_service_client::ChangeServiceClient, watch_changes_request::Start},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::{Streaming, transport::Endpoint};

use super::{BOUND, sample, start, start_limited};
use crate::{
    faults::AGENCY,
    harness::{
        Engine,
        frames::{
            self, DATA, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, frame, wait_for,
        },
        server::{As, Clients, Server},
        until,
    },
};

/// The types of the frames that come until the connection ends, and the last one's payload.
async fn until_end(connection: &mut TcpStream) -> (Vec<u8>, Vec<u8>) {
    let mut types = Vec::new();
    let mut last = Vec::new();
    let reading = async {
        while let Some((kind, _, payload)) = frames::next(connection).await.unwrap() {
            types.push(kind);
            last = payload;
        }
    };
    tokio::time::timeout(BOUND, reading)
        .await
        .expect("the connection stays open");
    (types, last)
}

type Watch = Streaming<pb::WatchChangesResponse>;

/// A watch over the harness's connection. The watch ends with the connection, whereas a call would
/// make the client reconnect silently.
async fn watch(server: &Server) -> Watch {
    let request = pb::WatchChangesRequest {
        start: Start::Now.into(),
        heartbeat_interval: Some(prost_types::Duration {
            seconds: 1,
            nanos: 0,
        }),
        ..Default::default()
    };
    let channel = server.intercepted(As::default());
    let mut client = ChangeServiceClient::new(channel);
    client.watch_changes(request).await.unwrap().into_inner()
}

/// Checks that the harness's connection takes calls and is still the one that the watch began on:
/// the watch delivers a change that is written now.
async fn goes_on(server: &Server, watch: &mut Watch) {
    let mut anonymous = server.anonymous();
    anonymous
        .access
        .identify_caller(pb::IdentifyCallerRequest {})
        .await
        .unwrap();
    server.person("auditor", &[Role::Auditor], None).await;
    let newest = server.registry.revision().get();
    let received = async {
        loop {
            let message = watch.message().await.expect("the connection was cut");
            if message.expect("an end without a status").revision >= newest {
                return;
            }
        }
    };
    let received = tokio::time::timeout(BOUND, received).await;
    received.expect("nothing is received any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_too_many_is_refused() {
    let engine = Engine::sqlite();
    // the harness has one
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let server = start_limited(&engine, limits).await;
    let mut own = watch(&server).await;
    let second = frames::connect(&server.address).await;
    until("it is in", async || {
        sample(&server, "ndp_connections") == Some(2.0)
    })
    .await;
    let mut third = frames::connect(&server.address).await;
    let (types, goaway) = until_end(&mut third).await;
    assert_eq!(types, [SETTINGS, GOAWAY]);
    assert_eq!(goaway[4..8], [0, 0, 0, 0x0b], "ENHANCE_YOUR_CALM");
    assert_eq!(&goaway[8..], b"too many connections");
    let refused = sample(
        &server,
        "ndp_refusals_total{limit=\"connections\",scope=\"all\"}",
    );
    assert_eq!(refused, Some(1.0));
    // a real client takes it for what it is: not now
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let channel = endpoint.connect_lazy();
    let mut client = pb::access_service_client::AccessServiceClient::new(channel);
    let refused = client.identify_caller(pb::IdentifyCallerRequest {}).await;
    refused.expect_err("there is no room");
    // those that are in go on, and one that leaves makes room
    goes_on(&server, &mut own).await;
    drop(second);
    until("it has left", async || {
        sample(&server, "ndp_connections") == Some(1.0)
    })
    .await;
    client
        .identify_caller(pb::IdentifyCallerRequest {})
        .await
        .expect("there is room again");
    drop((client, own));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_too_many_is_refused_in_its_own_protocol() {
    let engine = Engine::sqlite();
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let server = start_limited(&engine, limits).await;
    let mut second = TcpStream::connect(&server.address).await.unwrap();
    let request = "GET /v1/editions HTTP/1.1\r\nhost: registry\r\n\r\n";
    second.write_all(request.as_bytes()).await.unwrap();
    let mut received = String::new();
    let reading = tokio::time::timeout(BOUND, second.read_to_string(&mut received));
    reading.await.expect("it stays open").unwrap();
    assert!(
        received.starts_with("HTTP/1.1 429 Too Many Requests\r\n"),
        "{received}"
    );
    assert!(received.contains("\r\nretry-after: 1\r\n"), "{received}");
    let (_, body) = received.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["code"], 8);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_one_takes_the_place_of_the_oldest_that_shows_no_key() {
    let engine = Engine::sqlite();
    let limits = Limits {
        connections_per_address: 3,
        ..Limits::default()
    };
    let server = start_limited(&engine, limits).await;
    // the harness's connection shows one
    let steward = server.person("steward", &[Role::Steward], None).await;
    let mut keyed = server.clients(steward.clone());
    keyed
        .access
        .identify_caller(pb::IdentifyCallerRequest {})
        .await
        .unwrap();
    let mut own = watch(&server).await;
    let mut oldest = frames::connect(&server.address).await;
    wait_for(&mut oldest, SETTINGS, 0).await;
    let mut second = frames::connect(&server.address).await;
    wait_for(&mut second, SETTINGS, 0).await;
    let mut third = frames::connect(&server.address).await;
    wait_for(&mut third, SETTINGS, 0).await;
    until_end(&mut oldest).await;
    for connection in [&mut second, &mut third] {
        connection
            .write_all(&call(&server.address, 1))
            .await
            .unwrap();
        wait_for(connection, HEADERS, 1).await;
    }
    goes_on(&server, &mut own).await;
    assert_eq!(sample(&server, "ndp_connections"), Some(3.0));
    // it was not refused, but replaced
    assert_eq!(sample(&server, "ndp_connections_replaced_total"), Some(1.0));
    let refused = "ndp_refusals_total{limit=\"connections\",scope=\"caller\"}";
    assert_eq!(sample(&server, refused), None);
    // one that finds only connections with a key is refused
    let more = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let mut keyed_lines = Vec::new();
    for _ in 0..2 {
        let channel = more.connect().await.unwrap();
        let mut keyed = Clients::new(&channel, steward.clone());
        keyed
            .access
            .identify_caller(pb::IdentifyCallerRequest {})
            .await
            .unwrap();
        keyed_lines.push(keyed);
    }
    let mut last = frames::connect(&server.address).await;
    let (types, _) = until_end(&mut last).await;
    assert_eq!(types, [SETTINGS, GOAWAY]);
    assert_eq!(sample(&server, "ndp_connections_replaced_total"), Some(3.0));
    assert_eq!(sample(&server, refused), Some(1.0));
    drop((own, keyed_lines));
    server.stop().await;
}

/// The most streams that the server lets a new connection have open: what its SETTINGS say.
async fn streams_allowed(connection: &mut TcpStream) -> u32 {
    const MAX_CONCURRENT_STREAMS: [u8; 2] = [0, 3];
    let (kind, _, settings) = frames::next(connection).await.unwrap().unwrap();
    assert_eq!(kind, SETTINGS);
    let mut settings = settings.chunks_exact(6);
    let setting = settings.find(|it| it.starts_with(&MAX_CONCURRENT_STREAMS));
    let value = setting.expect("no limit")[2..].try_into().unwrap();
    u32::from_be_bytes(value)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_may_have_the_streams_that_its_address_has_left_and_a_few_always() {
    let engine = Engine::sqlite();
    let limits = Limits {
        streams_per_connection: 100,
        streams_per_address: 130,
        ..Limits::default()
    };
    let server = start_limited(&engine, limits).await;
    // a key from the same address, on the harness's connection, has the most
    let editor = server
        .person("editor", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    let mut keyed = server.clients(editor.clone());
    keyed
        .access
        .identify_caller(pb::IdentifyCallerRequest {})
        .await
        .unwrap();
    let mut second = frames::connect(&server.address).await;
    assert_eq!(streams_allowed(&mut second).await, 30);
    let mut third = frames::connect(&server.address).await;
    assert_eq!(streams_allowed(&mut third).await, 16);
    assert_eq!(sample(&server, "ndp_streams"), Some(146.0));
    assert_eq!(sample(&server, "ndp_streams_max"), Some(32_768.0));

    // a client that opens more than it may is refused those, and nothing else
    for stream in (1..=33).step_by(2) {
        let begun = begin(&server.address, stream);
        third.write_all(&begun).await.unwrap();
    }
    let (stream, reason) = loop {
        let (kind, stream, payload) = frames::next(&mut third).await.unwrap().unwrap();
        if kind == RST_STREAM {
            break (stream, payload);
        }
    };
    assert_eq!(
        (stream, &reason[..]),
        (33, &[0, 0, 0, 7][..]),
        "REFUSED_STREAM"
    );
    until("the others go on", async || {
        sample(&server, "ndp_calls_in_flight") == Some(16.0)
    })
    .await;
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let mut fourth = Clients::new(&endpoint.connect().await.unwrap(), editor);
    fourth
        .access
        .identify_caller(pb::IdentifyCallerRequest {})
        .await
        .unwrap();

    // streams of connections that have ended are there for the next
    drop((second, third, fourth));
    until("they have left", async || {
        sample(&server, "ndp_streams") == Some(100.0)
    })
    .await;
    let mut next = frames::connect(&server.address).await;
    assert_eq!(streams_allowed(&mut next).await, 30);
    drop((next, keyed));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_idle_or_old_is_asked_to_come_to_an_end() {
    for aged in [false, true] {
        let engine = Engine::sqlite();
        let short = Some(Duration::from_millis(100));
        let options = ServerOptions {
            connection_idle: short.filter(|_| !aged),
            connection_age: short.filter(|_| aged),
            ..ServerOptions::default()
        };
        let server = start(&engine, options).await;
        let mut idle = frames::connect(&server.address).await;
        let (types, _) = until_end(&mut idle).await;
        assert!(types.contains(&GOAWAY), "{types:?}");
        // a client that speaks the protocol opens another, and its call goes on where one is open
        let mut watch = watch(&server).await;
        server.person("auditor", &[Role::Auditor], None).await;
        let received = tokio::time::timeout(BOUND, watch.message()).await;
        received
            .expect("nothing is received")
            .expect("the watch was cut");
        drop(watch);
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_whose_client_has_gone_without_a_word_does_not_hold_up_the_end() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    // it answers neither SETTINGS nor PING, and is there for longer than anyone would wait
    let mut gone = frames::connect(&server.address).await;
    gone.write_all(&call(&server.address, 1)).await.unwrap();
    wait_for(&mut gone, HEADERS, 1).await;
    let stopped = tokio::time::timeout(BOUND, server.stop()).await;
    stopped.expect("the end waits for it");
    drop(gone);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_says_nothing_loses_its_place() {
    let engine = Engine::sqlite();
    let options = ServerOptions {
        greeting_time: Some(Duration::from_millis(300)),
        ..ServerOptions::default()
    };
    let server = start(&engine, options).await;
    // the harness's own connection says what it wants, and nothing more
    let mut own = watch(&server).await;
    for said in ["", "PRI * HTTP/2.0\r\n", "GET /"] {
        let mut silent = TcpStream::connect(&server.address).await.unwrap();
        silent.write_all(said.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(BOUND, silent.read_to_end(&mut rest)).await;
        drop(ended.expect("it keeps its place"));
    }
    goes_on(&server, &mut own).await;
    until("they have left", async || {
        sample(&server, "ndp_connections") == Some(1.0)
    })
    .await;
    drop(own);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_answer_a_ping_is_closed() {
    let engine = Engine::sqlite();
    let options = ServerOptions {
        // an answer has as long to come
        keepalive_interval: Some(Duration::from_secs(2)),
        ..ServerOptions::default()
    };
    let server = start(&engine, options).await;
    let mut own = watch(&server).await;
    let mut dead = frames::connect(&server.address).await;
    let (types, _) = until_end(&mut dead).await;
    assert!(types.contains(&PING), "{types:?}");
    // one that answers stays, however silent
    goes_on(&server, &mut own).await;
    drop(own);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_may_ask_as_often_as_it_likes_whether_the_server_lives() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let connection = TcpStream::connect(&server.address).await.unwrap();
    let (_requests, mut connection) = h2::client::handshake(connection).await.unwrap();
    let mut pings = connection.ping_pong().unwrap();
    let connection = tokio::spawn(connection);
    for _ in 0..200 {
        let pong = tokio::time::timeout(BOUND, pings.ping(h2::Ping::opaque())).await;
        pong.expect("no answer")
            .expect("it was taken for an attack");
    }
    connection.abort();
    server.stop().await;
}

/// An IdentifyCaller on this stream, without its body.
fn begin(server: &str, stream: u32) -> Vec<u8> {
    let block = frames::block(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/ndp.registry.v1.AccessService/IdentifyCaller"),
        (":authority", server),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]);
    frames::headers(stream, 0, &block)
}

/// A WhoAmI on this stream.
fn call(server: &str, stream: u32) -> Vec<u8> {
    let mut call = begin(server, stream);
    call.extend(frame(DATA, END_STREAM, stream, &[0; 5]));
    call
}

/// A client that reads the server's GOAWAY makes no further call on the connection; a client that
/// ignores it gets a refusal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_comes_when_the_server_stops_is_refused() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let address = server.address.clone();
    let mut rude = frames::connect(&address).await;
    rude.write_all(&call(&address, 1)).await.unwrap();
    wait_for(&mut rude, HEADERS, 1).await;
    let metrics = server.metrics.clone();
    let handled = |code: &str| {
        let labels =
            "grpc_service=\"ndp.registry.v1.AccessService\",grpc_method=\"IdentifyCaller\"";
        let page = metrics.encode().unwrap();
        page.contains(&format!(
            "{{grpc_type=\"unary\",{labels},grpc_code=\"{code}\"}} 1"
        ))
    };
    assert!(handled("OK"));
    let stopping = tokio::spawn(server.stop());
    wait_for(&mut rude, GOAWAY, 0).await;
    rude.write_all(&call(&address, 3)).await.unwrap();
    wait_for(&mut rude, HEADERS, 3).await;
    assert!(handled("Unavailable"), "{}", metrics.encode().unwrap());
    drop(rude);
    stopping.await.unwrap();
}
