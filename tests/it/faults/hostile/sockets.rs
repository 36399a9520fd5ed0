//! Connections that do nothing, come and go, or carry frames without end; and HTTP/1.1.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use super::{
    attack::Attacker,
    calls,
    frames::{
        CONTINUATION, DATA, HEADERS, PING, PREFACE, SETTINGS, WINDOW_UPDATE, block, frame, greeting,
    },
    line::Reads,
};

/// A bound of every loop.
const ROUNDS_MAX: u64 = 100_000;

/// Between two bytes of one that trickles.
const TRICKLE: Duration = Duration::from_millis(200);

/// Reads until the server hangs up.
async fn until_end(socket: &mut TcpStream) -> io::Result<()> {
    tokio::io::copy(socket, &mut tokio::io::sink()).await?;
    Ok(())
}

// === connections ===

/// Speaks HTTP/2, answers what has to be answered, and asks nothing.
pub(super) async fn idle(it: &Attacker) -> io::Result<()> {
    let line = it.line(Reads::All).await?;
    it.is_placed();
    line.ended().await
}

pub(super) async fn silent(it: &Attacker) -> io::Result<()> {
    let mut socket = it.socket().await?;
    it.is_placed();
    until_end(&mut socket).await
}

pub(super) async fn half_preface(it: &Attacker) -> io::Result<()> {
    let mut socket = it.socket().await?;
    socket.write_all(PREFACE.split_at(12).0).await?;
    it.is_placed();
    until_end(&mut socket).await
}

/// Sends `first`, then a byte now and then.
async fn trickle(it: &Attacker, first: &str) -> io::Result<()> {
    let mut socket = it.socket().await?;
    socket.write_all(first.as_bytes()).await?;
    it.is_placed();
    let (mut from, mut to) = socket.split();
    let mut said = [0; 64];
    for _ in 0..ROUNDS_MAX {
        tokio::select! {
            read = from.read(&mut said) => if read? == 0 { return Ok(()) },
            () = sleep(TRICKLE) => to.write_all(b"a").await?,
        }
    }
    Ok(())
}

pub(super) async fn slow_head(it: &Attacker) -> io::Result<()> {
    trickle(
        it,
        "GET /v1/platforms HTTP/1.1\r\nhost: registry.invalid\r\nx-synthetic: ",
    )
    .await
}

/// What a request of HTTP/1.1 with a body of JSON begins with.
fn post(length: usize) -> String {
    format!(
        "POST /v1/platforms HTTP/1.1\r\nhost: registry.invalid\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

pub(super) async fn slow_body(it: &Attacker) -> io::Result<()> {
    trickle(it, &(post(1000) + "{\"displayName\": \"")).await
}

/// Sends all of a megabyte but its last byte.
pub(super) async fn unfinished_json(it: &Attacker) -> io::Result<()> {
    let mut socket = it.socket().await?;
    let body = calls::long_json();
    let (_, almost) = body.split_last().unwrap_or((&0, &[]));
    let all = [post(body.len()).as_bytes(), almost].concat();
    it.sent().await;
    // a server that takes no more is in place, too
    let (mut from, mut to) = socket.split();
    let mut said = [0; 4096];
    tokio::select! {
        written = to.write_all(&all) => written?,
        read = from.read(&mut said) => { read?; }
        () = sleep(Duration::from_secs(3)) => {}
    }
    it.is_placed();
    until_end(&mut socket).await
}

/// Asks for many lists, one behind the other, and reads none.
pub(super) async fn unread_json(it: &Attacker) -> io::Result<()> {
    unread(it, calls::LIST_JSON, 64).await
}

/// Follows the log from its beginning, and reads nothing. The server notices that a client has gone
/// which sent bytes behind its request when it writes the next heartbeat.
pub(super) async fn unread_events(it: &Attacker) -> io::Result<()> {
    let path = "/v1/changes:watch?start=BEGINNING&heartbeat_seconds=5";
    unread(it, path, 1).await
}

async fn unread(it: &Attacker, path: &str, times: usize) -> io::Result<()> {
    let mut socket = it.socket().await?;
    let get = format!("GET {path} HTTP/1.1\r\nhost: registry.invalid\r\n\r\n");
    socket.write_all(get.repeat(times).as_bytes()).await?;
    it.sent().await;
    it.is_placed();
    // Never read. A write fails once the server has closed the connection.
    loop {
        sleep(Duration::from_secs(1)).await;
        socket.write_all(b"\r\n").await?;
    }
}

/// Opens connections that greet, and closes them at once.
pub(super) async fn churn(it: &Attacker) -> io::Result<()> {
    for _ in 0..ROUNDS_MAX {
        let mut socket = it.socket().await?;
        socket.write_all(&greeting()).await?;
        it.sent().await;
        it.is_placed();
    }
    Ok(())
}

/// Opens connections and closes them without a byte.
pub(super) async fn scan(it: &Attacker) -> io::Result<()> {
    for _ in 0..ROUNDS_MAX {
        drop(it.socket().await?);
        it.sent().await;
        it.is_placed();
    }
    Ok(())
}

// === frames ===

/// Which frames one sends without end.
#[derive(Clone, Copy)]
pub(super) enum Flood {
    Ping,
    Settings,
    Priority,
    WindowUpdate,
    EmptyData,
    Crumbs,
    Continuation,
    Reset,
    Unknown,
}

/// Frames that are sent in one go.
const PACK: usize = 64;

/// Sends frames of one kind as fast as the server takes them.
pub(super) async fn flood(it: &Attacker, flood: Flood) -> io::Result<()> {
    let mut line = it.line(Reads::All).await?;
    let frame = match flood {
        Flood::Ping => frame(PING, 0, 0, &[0; 8]),
        Flood::Settings => frame(SETTINGS, 0, 0, &[]),
        Flood::Priority => frame(2, 0, 1, &[0, 0, 0, 3, 1]),
        Flood::WindowUpdate => {
            let stream = calls::begin(&mut line).await?;
            frame(WINDOW_UPDATE, 0, stream, &1_u32.to_be_bytes())
        }
        Flood::EmptyData => frame(DATA, 0, calls::begin(&mut line).await?, &[]),
        Flood::Crumbs => frame(DATA, 0, calls::begin(&mut line).await?, &[0]),
        Flood::Continuation => {
            // a head that does not end
            line.send(&frame(HEADERS, 0, 1, &[])).await?;
            frame(CONTINUATION, 0, 1, &block(&[("x-synthetic", "x")]))
        }
        Flood::Reset => Vec::new(),
        Flood::Unknown => frame(0x42, 0, 0, &[0; 8]),
    };
    let pack = frame.repeat(PACK);
    for _ in 0..ROUNDS_MAX {
        if let Flood::Reset = flood {
            for _ in 0..PACK {
                calls::call_and_reset(&mut line).await?;
            }
        } else {
            line.send(&pack).await?;
        }
        it.sent().await;
        it.is_placed();
    }
    line.ended().await
}
