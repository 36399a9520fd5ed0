//! Frames that no call explains: the connection that carries them is not read for a while and then
//! closed, and a client that only acknowledges what it reads never gets there.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::{
    HOSTILE,
    attack::{Attack, FAMILIES},
    calls,
    frames::{
        ACK, DATA, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
        greeting, headers, receive,
    },
    refusals::{start_with, target},
};
use crate::{
    harness::{Engine, server::Server, until},
    transport::sample,
};
use ndp_registry::config::ServerOptions;

fn held_back(server: &Server) -> Option<f64> {
    sample(
        server,
        "ndp_refusals_total{limit=\"frames\",scope=\"caller\"}",
    )
}

/// The attacks that a limit on frames is to stop.
fn floods() -> impl Iterator<Item = &'static Attack> {
    let attacks = FAMILIES.iter().flat_map(|family| family.attacks);
    attacks.filter(|attack| attack.limits.contains(&"frames"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_floods_is_not_read_and_then_closed() {
    let engine = Engine::sqlite();
    let options = ServerOptions {
        flood_time: Some(Duration::from_millis(500)),
        ..ServerOptions::default()
    };
    let server = start_with(&engine, options).await;
    let target = target(&server);
    assert_eq!(target.from, HOSTILE);
    let mut floods_seen = 0.0;
    for attack in floods() {
        let running = attack.begin(target, 1, None);
        until(&format!("{}: it is held back", attack.name), async || {
            held_back(&server) > Some(floods_seen)
        })
        .await;
        // others are served meanwhile
        let who = ndp_registry::pb::IdentifyCallerRequest {};
        let answered = server.anonymous().access.identify_caller(who).await;
        answered.unwrap();
        until(&format!("{}: it is cut off", attack.name), async || {
            running.tally().cut() > 0
        })
        .await;
        running.end().await;
        until(
            &format!("{}: its connection is closed", attack.name),
            async || sample(&server, "ndp_connections") == Some(1.0),
        )
        .await;
        floods_seen = held_back(&server).unwrap();
    }
    assert_eq!(floods().count(), 5);
    server.stop().await;
}

/// A client that acknowledges each frame twice, as simple ones do: on its stream, and on the
/// connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_the_catalogue_often_is_never_held_back() {
    const TIMES: u32 = 300;
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let mut socket = target(&server).connect().await.unwrap();
    socket.write_all(&greeting()).await.unwrap();
    let (mut bytes, mut frames, mut ended) = (0, 0, 0);
    for number in 0..TIMES {
        // pages of everything, and of one record
        let call = match number % 2 {
            0 => calls::list(u64::from(number)),
            _ => calls::page_of_one(u64::from(number)),
        };
        let stream = 2 * number + 1;
        let request = [
            headers(stream, 0, call.head()),
            frame(DATA, END_STREAM, stream, call.body()),
        ];
        socket.write_all(&request.concat()).await.unwrap();
        loop {
            let received = receive(&mut socket)
                .await
                .unwrap()
                .expect("the connection ended");
            let answer = match received.kind {
                DATA if !received.payload.is_empty() => {
                    bytes += received.payload.len();
                    frames += 2;
                    let more = u32::try_from(received.payload.len()).unwrap().to_be_bytes();
                    [stream, 0]
                        .map(|on| frame(WINDOW_UPDATE, 0, on, &more))
                        .concat()
                }
                PING if received.flags & ACK == 0 => frame(PING, ACK, 0, &received.payload),
                SETTINGS if received.flags & ACK == 0 => frame(SETTINGS, ACK, 0, &[]),
                GOAWAY | RST_STREAM => panic!("{received:?}"),
                HEADERS if received.flags & END_STREAM != 0 => break,
                _ => continue,
            };
            socket.write_all(&answer).await.unwrap();
        }
        ended += 1;
    }
    assert_eq!(ended, TIMES);
    // far more than a connection has at first, and gets in the time that this takes
    assert!(frames > 1_000, "{frames} frames for {bytes} bytes");
    assert_eq!(
        held_back(&server),
        None,
        "{frames} frames for {bytes} bytes"
    );
    server.stop().await;
}
