//! HTTP/1.1 as it goes over the wire, and gRPC-Web on it: what a browser or curl would get. No
//! client library stands between, so a test sees what the server itself says.

use std::io;

use prost::Message;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpStream, tcp::OwnedReadHalf},
};
use tonic::{
    Status,
    codegen::http::{HeaderMap, HeaderName},
};

/// The answer to one request on a connection of its own.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A request as `GET /v1/platforms`, with these headers and, where it is not empty, this body.
pub(crate) async fn send(
    address: &str,
    what: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Answer {
    whole(Reading::open(address, what, headers, body).await).await
}

/// The same on this connection, which is closed after it.
pub(crate) async fn send_on(
    connection: TcpStream,
    what: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> io::Result<Answer> {
    Ok(whole(Reading::on(connection, what, headers, body).await?).await)
}

async fn whole(mut reading: Reading) -> Answer {
    let mut body = Vec::new();
    while let Some(part) = reading.part().await {
        body.extend_from_slice(&part);
    }
    Answer {
        status: reading.status,
        headers: reading.headers,
        body,
    }
}

/// A gRPC-Web call of `Service/Method`, with these headers more.
pub(crate) async fn call(
    address: &str,
    method: &str,
    headers: &[(&str, &str)],
    request: &impl Message,
) -> Answer {
    let what = format!("POST /ndp.registry.v1.{method}");
    let mut all = vec![
        ("content-type", "application/grpc-web+proto"),
        ("x-grpc-web", "1"),
    ];
    all.extend_from_slice(headers);
    let message = request.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let frame = [&[0], &length[..], &message].concat();
    send(address, &what, &all, frame).await
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// All values of a header that may be there more than once.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let found = self.headers.iter().filter(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}: {}", self.status, self.text()))
    }

    /// The messages of a gRPC-Web call, and the trailers that follow them in the body.
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

    /// The status of a gRPC-Web call: in the head where it was refused, else in the trailers.
    pub(crate) fn outcome(&self) -> Status {
        let mut trailers = HeaderMap::new();
        let mut add = |name: &str, value: &str| {
            let name = HeaderName::try_from(name).unwrap();
            trailers.insert(name, value.parse().unwrap());
        };
        if self.header("grpc-status").is_some() {
            self.headers
                .iter()
                .for_each(|(name, value)| add(name, value));
        } else {
            let lines = self.frames().1;
            let lines = lines.lines().filter_map(|line| line.split_once(':'));
            lines.for_each(|(name, value)| add(name, value));
        }
        Status::from_header_map(&trailers).expect("a status")
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(it, _)| it == name);
    found.map(|(_, value)| value.as_str())
}

/// An answer that is read part by part, as it comes.
pub(crate) struct Reading {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    connection: BufReader<OwnedReadHalf>,
    /// Closes the connection when it goes.
    _writing: tokio::net::tcp::OwnedWriteHalf,
    /// What is left of a body of known length; none for a chunked one.
    left: Option<usize>,
    text: String,
}

impl Reading {
    pub(crate) async fn open(
        address: &str,
        what: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Self {
        let connection = TcpStream::connect(address).await.unwrap();
        Self::on(connection, what, headers, body).await.unwrap()
    }

    /// Fails where the connection does before there is a head.
    async fn on(
        connection: TcpStream,
        what: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> io::Result<Self> {
        let body = body.as_ref();
        let address = connection.peer_addr()?;
        let (reading, mut writing) = connection.into_split();
        let mut head = format!("{what} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
        if !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        writing.write_all(head.as_bytes()).await?;
        // one that refuses by the head alone may close before it has read the body
        drop(writing.write_all(body).await);
        let mut connection = BufReader::new(reading);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if connection.read_line(&mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let first = lines.first().expect("a status line").clone();
        let status = first.split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines[1..]
            .iter()
            .map(|line| {
                let (name, value) = line.split_once(": ").unwrap();
                (name.to_owned(), value.to_owned())
            })
            .collect();
        let chunked = header(&headers, "transfer-encoding") == Some("chunked");
        let length = header(&headers, "content-length").map(|it| it.parse().unwrap());
        let has_body = !what.starts_with("HEAD ") && ![204, 304].contains(&status);
        let left = if !has_body {
            Some(0)
        } else if chunked {
            None
        } else {
            Some(length.unwrap_or(0))
        };
        Ok(Self {
            status,
            headers,
            connection,
            _writing: writing,
            left,
            text: String::new(),
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The next part as it came; none at the end.
    pub(crate) async fn part(&mut self) -> Option<Vec<u8>> {
        if let Some(left) = self.left {
            let mut part = vec![0; left];
            self.connection.read_exact(&mut part).await.unwrap();
            self.left = Some(0);
            return (left > 0).then_some(part);
        }
        let mut line = String::new();
        // a connection that breaks off has no last chunk
        if self.connection.read_line(&mut line).await.unwrap_or(0) == 0 {
            return None;
        }
        let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
        let mut part = vec![0; size + 2];
        self.connection.read_exact(&mut part).await.unwrap();
        part.truncate(size);
        (size > 0).then_some(part)
    }

    /// The next line; none at the end.
    pub(crate) async fn line(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                let line = line.to_owned();
                self.text = rest.to_owned();
                return Some(line);
            }
            let part = self.part().await?;
            self.text.push_str(&String::from_utf8(part).unwrap());
        }
    }
}
