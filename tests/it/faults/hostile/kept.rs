//! Memory that the server holds for a call is charged to its caller until it is released, during
//! every kind of wait; and nothing is computed that a caller cannot be charged for.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use ndp_registry::{
    admission::turns::{TurnLimits, Work},
    pb,
    registry::{Bounds, recent::Following},
};
use prost::Message as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinSet,
};

use super::{
    calls,
    line::{Line, Reads},
    refusals::{limited_json, target},
};
use crate::{
    harness::{
        Engine,
        http::send_on,
        server::{Server, elsewhere},
        until,
    },
    transport::sample,
};

/// A small body that is a megabyte once it is unpacked, of a call that waits for a revision.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_charged_with_what_gzip_unpacks() {
    const MIB: f64 = 1024.0 * 1024.0;
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&calls::long_json()).unwrap();
    let body = encoder.finish().unwrap();
    assert!(body.len() < 4096);
    let target = target(&server);
    let post = async move |body: Vec<u8>| {
        let headers = [
            ("content-encoding", "gzip"),
            ("ndp-min-revision", "9000000000"),
        ];
        let connection = target.connect().await.unwrap();
        send_on(connection, "POST /v1/platforms", &headers, body).await
    };
    let mut waiting = JoinSet::new();
    for _ in 0..15 {
        let body = body.clone();
        waiting.spawn(async move { post(body).await.map(|answer| answer.status) });
    }
    until("all of them are unpacked", async || {
        sample(&server, "ndp_request_bytes") >= Some(15.0 * MIB)
    })
    .await;
    let answered = post(body).await.unwrap();
    let said = "429 LIMIT_REACHED: request_bytes caller 16777216, again in 1 s";
    assert_eq!(limited_json(&answered), said);
    waiting.shutdown().await;
    until("all is given back", async || {
        sample(&server, "ndp_request_bytes") == Some(0.0)
    })
    .await;
    server.stop().await;
}

const PLACES: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_charged_while_they_wait_for_a_turn() {
    let engine = Engine::sqlite();
    let turns = TurnLimits {
        running: 1,
        waiting_per_caller: PLACES as usize,
        ..TurnLimits::default()
    };
    let following = Following::default();
    let server = Server::start_within(&engine.url(), Bounds { following, turns }).await;
    let list = pb::ListPlatformsRequest {
        page_size: 1000,
        view: pb::PlatformView::Full.into(),
        ..Default::default()
    };
    let listed = server.anonymous().catalogue.list_platforms(list).await;
    let bytes = listed.unwrap().into_inner().encoded_len() as f64;
    let labels = "grpc_type=\"unary\",grpc_service=\"ndp.registry.v1.CatalogueService\",\
                  grpc_method=\"ListPlatforms\"";
    let computed = || sample(&server, &format!("grpc_server_started_total{{{labels}}}"));
    assert_eq!(computed(), Some(1.0));

    // another caller has the only turn
    let turn = server.registry.turns().take(Work::Json, elsewhere()).await;
    let turn = turn.unwrap();
    let target = target(&server);
    let mut line = Line::open(&target, Reads::All).await.unwrap();
    for number in 0..PLACES {
        calls::make(&mut line, &calls::list_json(number))
            .await
            .unwrap();
    }
    until("the answers wait", async || {
        sample(&server, "ndp_heavy_work_waiting{work=\"json\"}") == Some(PLACES as f64)
    })
    .await;
    let kept = sample(&server, "ndp_answer_bytes");
    assert_eq!(kept, Some(PLACES as f64 * bytes));

    // one more is refused, and not computed first
    let connection = target.connect().await.unwrap();
    let what = format!("GET {}", calls::LIST_JSON);
    let answered = send_on(connection, &what, &[], b"").await.unwrap();
    let said = format!("429 LIMIT_REACHED: heavy_work caller {PLACES}, again in 1 s");
    assert_eq!(limited_json(&answered), said);
    assert_eq!(computed(), Some(1.0 + PLACES as f64));
    let refusals = "ndp_refusals_total{limit=\"heavy_work\",scope=\"caller\"}";
    assert_eq!(sample(&server, refusals), Some(1.0));

    drop(turn);
    line.room(1).await.unwrap();
    until("all is given back", async || {
        sample(&server, "ndp_answer_bytes") == Some(0.0)
    })
    .await;
    server.stop().await;
}

/// The client sends a byte too many, so that the transport reads no further and does not see the
/// end, and goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_over_http_1_ends_when_its_client_has_gone() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let mut socket = target(&server).connect().await.unwrap();
    // its heartbeat would notice in five minutes
    let request = "GET /v1/changes:watch?heartbeat_interval=300s HTTP/1.1\r\nhost: x\r\n\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 15];
    socket.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    assert_eq!(sample(&server, "ndp_watchers"), Some(1.0));
    drop(socket);
    until("its place is given back", async || {
        sample(&server, "ndp_watchers") == Some(0.0)
    })
    .await;
    server.stop().await;
}
