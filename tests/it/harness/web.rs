//! gRPC-Web by hand: the bytes that a browser sends over HTTP/1.1. No client library stands
//! between, so a test sees what the server itself says.

use prost::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::{
    Status,
    codegen::http::{HeaderMap, HeaderName},
};

/// One HTTP/1.1 exchange on a connection of its own.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Makes one request on a connection of its own.
    pub(crate) async fn to(address: &str, head: &str, body: &[u8]) -> Self {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let length = body.len();
        let head = format!(
            "{head}\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        let end = answer
            .windows(4)
            .position(|it| it == b"\r\n\r\n")
            .expect("a whole head");
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let body = &answer[end + 4..];
        let chunked = head.contains("transfer-encoding: chunked");
        let body = if chunked {
            unchunked(body)
        } else {
            body.to_vec()
        };
        Self { head, body }
    }

    /// The status line.
    pub(crate) fn status(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let name = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&name))
    }

    /// The status of a call: in the head where it was refused, else in the trailers.
    pub(crate) fn outcome(&self) -> Status {
        let trailers = match self.header("grpc-status") {
            Some(_) => self.head.replace(": ", ":"),
            None => self.frames().1,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in trailers.lines().filter_map(|line| line.split_once(':')) {
            headers.insert(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        Status::from_header_map(&headers).expect("a status")
    }

    /// The messages, and the trailers that follow them in the body.
    pub(crate) fn frames(&self) -> (Vec<&[u8]>, String) {
        let mut messages = Vec::new();
        let mut rest = &*self.body;
        while let [kind, a, b, c, d, after @ ..] = rest {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            let (frame, after) = after.split_at(length);
            if *kind == 0x80 {
                assert!(after.is_empty(), "something follows the trailers");
                return (messages, String::from_utf8(frame.to_vec()).unwrap());
            }
            messages.push(frame);
            rest = after;
        }
        panic!("no trailers: {:?}", self.body);
    }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|it| it == b"\r\n").unwrap();
        let size = std::str::from_utf8(&rest[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
}

/// A message as it is sent.
pub(crate) fn framed(message: &impl Message) -> Vec<u8> {
    let message = message.encode_to_vec();
    let mut framed = vec![0];
    framed.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    framed.extend_from_slice(&message);
    framed
}

/// The head of a gRPC-Web call of `Service/Method`, with more lines, each after `\r\n`.
pub(crate) fn post(method: &str, more: &str) -> String {
    format!(
        "POST /ndp.registry.v1.{method} HTTP/1.1\r\ncontent-type: application/grpc-web+proto\r\n\
         x-grpc-web: 1{more}"
    )
}
