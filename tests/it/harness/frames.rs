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
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

/// The flag of SETTINGS and PING that answer one.
pub(crate) const ACK: u8 = 1;

// flags of DATA and HEADERS
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// The longest payload that every receiver takes.
pub(crate) const PAYLOAD_MAX: usize = 16_384;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// A block of headers as HPACK writes them without a table or Huffman's code (RFC 7541, 6.2.2).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            let mut length = text.len();
            if length < 127 {
                block.push(length as u8);
            } else {
                block.push(127);
                length -= 127;
                while length >= 128 {
                    block.push((length % 128) as u8 | 128);
                    length /= 128;
                }
                block.push(length as u8);
            }
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// A block of headers that opens a stream, in as many frames as it takes.
pub(crate) fn headers(stream: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    let (first, mut rest) = block.split_at(block.len().min(PAYLOAD_MAX));
    let end = |rest: &[u8]| if rest.is_empty() { END_HEADERS } else { 0 };
    let mut frames = frame(HEADERS, flags | end(rest), stream, first);
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.len().min(PAYLOAD_MAX));
        rest = after;
        frames.extend(frame(CONTINUATION, end(rest), stream, part));
    }
    frames
}

/// A message as gRPC puts it into DATA.
pub(crate) fn enclosed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
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

/// A frame that was received.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// The next frame. None where the connection ends, an error where it does so within a payload.
pub(crate) async fn receive(
    connection: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<Frame>> {
    let mut head = [0; 9];
    if connection.read_exact(&mut head).await.is_err() {
        return Ok(None);
    }
    let [a, b, c, kind, flags, stream @ ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    connection.read_exact(&mut payload).await?;
    let stream = u32::from_be_bytes(stream);
    Ok(Some(Frame {
        kind,
        flags,
        stream,
        payload,
    }))
}

/// The next frame's type, stream and payload.
pub(crate) async fn next(
    connection: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<(u8, u32, Vec<u8>)>> {
    let received = receive(connection).await?;
    Ok(received.map(|it| (it.kind, it.stream, it.payload)))
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
