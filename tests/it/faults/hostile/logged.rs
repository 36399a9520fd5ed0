//! What a caller does wrong is logged as an answer like any other: not as an error of the server,
//! which would call an operator.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    HOSTILE,
    calls::{self, Call},
    line::{Line, Reads},
    server::Attacked,
};
use crate::harness::{
    Engine,
    frames::{RST_STREAM, frame},
    until,
};

/// Sends bytes of HTTP/1.1, ends its side of the connection and reads what comes.
async fn say(server: &Attacked, bytes: &[u8]) {
    let mut socket: TcpStream = server.target().connect().await.unwrap();
    socket.write_all(bytes).await.unwrap();
    socket.shutdown().await.unwrap();
    // the server may close the connection in any way it likes
    drop(socket.read_to_end(&mut Vec::new()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_does_wrong_is_no_error_of_the_server() {
    let engine = Engine::sqlite();
    let server = Attacked::start(&engine, &[]).await;
    let target = server.target();
    assert_eq!(target.from, HOSTILE);

    // a message marked as compressed, and no encoding
    let mut line = Line::open(&target, Reads::All).await.unwrap();
    calls::make(&mut line, &calls::undeclared(0)).await.unwrap();
    line.room(1).await.unwrap();

    // streams that are reset within a message, with each code that a client may give
    let halves: [fn(u64) -> Call; 5] = [
        calls::half_message,
        calls::half_web,
        calls::half_json,
        calls::half_reflection,
        calls::half_health,
    ];
    for code in 0..=0xd_u32 {
        for half in halves {
            let mut line = Line::open(&target, Reads::All).await.unwrap();
            calls::make(&mut line, &half(u64::from(code)))
                .await
                .unwrap();
            let stream = line.open_streams()[0];
            let reset = frame(RST_STREAM, 0, stream, &code.to_be_bytes());
            line.send(&reset).await.unwrap();
        }
    }
    // connections that end within a message
    for half in halves {
        let mut line = Line::open(&target, Reads::All).await.unwrap();
        calls::make(&mut line, &half(0)).await.unwrap();
    }
    for (path, kind) in [
        (
            "/ndp.registry.v1.AccessService/IdentifyCaller",
            "application/grpc-web",
        ),
        (
            "/ndp.registry.v1.AccessService/IdentifyCaller",
            "application/grpc-web-text",
        ),
        ("/v1/platforms", "application/json"),
    ] {
        let head = |length: &str| {
            format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\n{length}\r\n\r\n")
        };
        say(&server, (head("content-length: 100") + "{").as_bytes()).await;
        say(
            &server,
            (head("transfer-encoding: chunked") + "5\r\n{").as_bytes(),
        )
        .await;
        say(
            &server,
            (head("transfer-encoding: chunked") + "no\r\n").as_bytes(),
        )
        .await;
        say(&server, (head("content-length: 3") + "\0\0\0").as_bytes()).await;
    }
    until("the calls have ended", async || {
        server.page().await.value("ndp_calls_in_flight") == Some(0.0)
    })
    .await;
    let said = server.stop();
    assert!(said.contains("outcome=Internal"), "{said}");
    let loud = said
        .lines()
        .filter(|line| line.contains(" ERROR ") || line.contains(" WARN "));
    assert_eq!(loud.collect::<Vec<_>>(), Vec::<&str>::new());
}
