//! One gRPC call over HTTP/2 as bytes, for what no client library would send, or show.

use h2::{RecvStream, SendStream, client::ResponseFuture};
use prost::bytes::Bytes;
use tokio::{net::TcpStream, task::JoinHandle};
use tonic::{
    Status,
    codegen::http::{HeaderMap, Request},
};

/// A call whose request has not ended.
pub(crate) struct Call {
    request: SendStream<Bytes>,
    response: ResponseFuture,
    _driving: JoinHandle<()>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    trailers: Option<HeaderMap>,
}

/// A message in a frame, with its flag.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flag], &length[..], message].concat()
}

impl Call {
    /// Begins a call of `package.Service/Method` on a connection of its own; the server has it
    /// then.
    pub(crate) async fn open(address: &str, method: &str, headers: &[(&str, &str)]) -> Self {
        let connection = TcpStream::connect(address).await.unwrap();
        let handshake = h2::client::handshake(connection).await.unwrap();
        let (mut client, mut connection) = handshake;
        let mut pings = connection.ping_pong().unwrap();
        let driving = tokio::spawn(async move { drop(connection.await) });
        let mut request = Request::post(format!("http://{address}/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (response, request) = client
            .send_request(request.body(()).unwrap(), false)
            .unwrap();
        pings.ping(h2::Ping::opaque()).await.unwrap();
        Self {
            request,
            response,
            _driving: driving,
        }
    }

    /// Sends what may be whole frames, and ends the request.
    pub(crate) async fn end(mut self, body: Vec<u8>) -> Answer {
        // a server that refuses early resets the stream
        let _ = self.request.send_data(body.into(), true);
        let (parts, body) = self.response.await.unwrap().into_parts();
        read(parts.headers, body).await
    }
}

async fn read(headers: HeaderMap, mut stream: RecvStream) -> Answer {
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        // a reset ends the body
        let Ok(data) = data else { break };
        stream.flow_control().release_capacity(data.len()).unwrap();
        body.extend_from_slice(&data);
    }
    let trailers = stream.trailers().await.ok().flatten();
    Answer {
        headers,
        body,
        trailers,
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|it| it.to_str().unwrap())
    }

    pub(crate) fn outcome(&self) -> Status {
        let in_head = Status::from_header_map(&self.headers);
        let status = in_head.or_else(|| Status::from_header_map(self.trailers.as_ref()?));
        status.unwrap_or_else(|| panic!("no status: {self:?}"))
    }
}
