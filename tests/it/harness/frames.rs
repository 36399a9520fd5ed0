//! HTTP/2 frame by frame (RFC 9113), for what no client library would send, or show.

use std::io;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::BOUND;

/// What every client says first; its SETTINGS follow.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// types of frames
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;

// flags of DATA and HEADERS
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// The preface, and SETTINGS that set nothing.
pub(crate) fn greeting() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// A connection that has begun as any client's does.
pub(crate) async fn connect(address: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(&greeting()).await.unwrap();
    connection
}

/// The next frame: its type, its stream and its payload. None where the connection ends, an error
/// where it does so within a payload.
pub(crate) async fn next(
    connection: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<(u8, u32, Vec<u8>)>> {
    let mut head = [0; 9];
    if connection.read_exact(&mut head).await.is_err() {
        return Ok(None);
    }
    let [a, b, c, kind, _, stream @ ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    connection.read_exact(&mut payload).await?;
    Ok(Some((kind, u32::from_be_bytes(stream), payload)))
}

/// Reads until a frame of this type on this stream has come.
pub(crate) async fn wait_for(connection: &mut (impl AsyncRead + Unpin), kind: u8, stream: u32) {
    let waited = tokio::time::timeout(BOUND, async {
        loop {
            let (of_kind, on, _) = next(connection)
                .await
                .unwrap()
                .expect("the connection ended");
            if (of_kind, on) == (kind, stream) {
                return;
            }
        }
    });
    assert!(waited.await.is_ok(), "no frame of type {kind} on {stream}");
}
