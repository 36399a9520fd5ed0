//! Connections: as many as there may be, from clients that say what they want and are still there.

use std::time::Duration;

use ndp_registry::{
    config::{Limits, ServerOptions},
    pb,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::transport::Endpoint;

use super::{BOUND, sample, start, start_limited};
use crate::harness::{Engine, server::Server, until};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The types of the HTTP/2 frames that come until the connection ends, and the last one's payload.
async fn frames(connection: &mut TcpStream) -> (Vec<u8>, Vec<u8>) {
    let mut types = Vec::new();
    let mut last = Vec::new();
    let reading = async {
        let mut head = [0; 9];
        while connection.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            last = vec![0; length];
            connection.read_exact(&mut last).await.unwrap();
            types.push(head[3]);
        }
    };
    tokio::time::timeout(BOUND, reading)
        .await
        .expect("the connection stays open");
    (types, last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_too_many_is_told_why() {
    let engine = Engine::sqlite();
    // the harness has one
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let server = start_limited(&engine, limits).await;
    let mut second = TcpStream::connect(&server.address).await.unwrap();
    second.write_all(PREFACE).await.unwrap();
    until("it is in", async || {
        sample(&server, "ndp_connections") == Some(2.0)
    })
    .await;
    let mut third = TcpStream::connect(&server.address).await.unwrap();
    third.write_all(PREFACE).await.unwrap();
    let (types, goaway) = frames(&mut third).await;
    assert_eq!(types, [4, 7], "SETTINGS, GOAWAY");
    assert_eq!(goaway[4..8], [0, 0, 0, 0x0b], "ENHANCE_YOUR_CALM");
    assert_eq!(&goaway[8..], b"too many connections");
    let refused = sample(&server, "ndp_refusals_total{limit=\"connections\"}");
    assert_eq!(refused, Some(1.0));
    // a real client takes it for what it is: not now
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let channel = endpoint.connect_lazy();
    let mut client = pb::access_service_client::AccessServiceClient::new(channel);
    let refused = client.who_am_i(pb::WhoAmIRequest {}).await;
    refused.expect_err("there is no room");
    // those that are in go on, and one that leaves makes room
    server
        .anonymous()
        .access
        .who_am_i(pb::WhoAmIRequest {})
        .await
        .unwrap();
    drop(second);
    until("it has left", async || {
        sample(&server, "ndp_connections") == Some(1.0)
    })
    .await;
    client
        .who_am_i(pb::WhoAmIRequest {})
        .await
        .expect("there is room again");
    drop(client);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_says_nothing_loses_its_place() {
    let engine = Engine::sqlite();
    let options = ServerOptions {
        greeting_time: Some(Duration::from_millis(300)),
        ..ServerOptions::default()
    };
    let server = start(&engine, options).await;
    for said in ["", "PRI * HTTP/2.0\r\n", "GET /"] {
        let mut silent = TcpStream::connect(&server.address).await.unwrap();
        silent.write_all(said.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(BOUND, silent.read_to_end(&mut rest)).await;
        drop(ended.expect("it keeps its place"));
    }
    // the harness's own was there before and has been silent since, but had said what it wants
    server
        .anonymous()
        .access
        .who_am_i(pb::WhoAmIRequest {})
        .await
        .unwrap();
    assert_eq!(sample(&server, "ndp_connections"), Some(1.0));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_answer_a_ping_is_closed() {
    const PING: u8 = 6;
    let engine = Engine::sqlite();
    let options = ServerOptions {
        keepalive_interval: Some(Duration::from_millis(300)),
        ..ServerOptions::default()
    };
    let server = start(&engine, options).await;
    let mut dead = TcpStream::connect(&server.address).await.unwrap();
    dead.write_all(PREFACE).await.unwrap();
    let (types, _) = frames(&mut dead).await;
    assert!(types.contains(&PING), "{types:?}");
    // one that answers stays, however silent
    server
        .anonymous()
        .access
        .who_am_i(pb::WhoAmIRequest {})
        .await
        .unwrap();
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

/// An HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [_, _, a, b] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![0, a, b, kind, flags, 0, 0, 0, stream];
    frame.extend_from_slice(payload);
    frame
}

/// A WhoAmI on this stream.
fn call(server: &str, stream: u8) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/ndp.registry.v1.AccessService/WhoAmI"),
        (":authority", server),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        // literal, not indexed, no Huffman code
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    let mut call = frame(1, 4, stream, &block);
    call.extend(frame(0, 1, stream, &[0; 5]));
    call
}

/// Reads until a frame of this type on this stream has come.
async fn wait_for(connection: &mut TcpStream, kind: u8, stream: u8) {
    let waited = tokio::time::timeout(BOUND, async {
        loop {
            let mut head = [0; 9];
            connection.read_exact(&mut head).await.unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            connection.read_exact(&mut vec![0; length]).await.unwrap();
            if (head[3], head[8]) == (kind, stream) {
                return;
            }
        }
    });
    assert!(waited.await.is_ok(), "no frame of type {kind} on {stream}");
}

/// A client that has heard that the server goes does not call again; one that does not listen is
/// told once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_comes_when_the_server_is_told_to_stop_is_refused() {
    const HEADERS: u8 = 1;
    const GOAWAY: u8 = 7;
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let address = server.address.clone();
    let mut rude = TcpStream::connect(&address).await.unwrap();
    rude.write_all(PREFACE).await.unwrap();
    rude.write_all(&call(&address, 1)).await.unwrap();
    wait_for(&mut rude, HEADERS, 1).await;
    let metrics = server.metrics.clone();
    let handled = |code: &str| {
        let labels = "grpc_service=\"ndp.registry.v1.AccessService\",grpc_method=\"WhoAmI\"";
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
