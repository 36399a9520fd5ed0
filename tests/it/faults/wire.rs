//! What no generated client would send: each ends in the right code, with details, and the server
//! lives on.

use std::marker::PhantomData;

use ndp_registry::{call::REQUEST_BYTES_MAX, pb};
use prost::bytes::{Buf, BufMut, Bytes};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::{Channel, Endpoint},
};

use super::{BOUND, PLATFORM, reason};
use crate::harness::{
    Engine, both,
    frames::{PREFACE, greeting},
    server::Server,
};

/// Sends and receives bytes as they are.
#[derive(Default)]
struct Raw(PhantomData<()>);

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::default()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

async fn call(channel: &Channel, path: &'static str, message: Vec<u8>) -> Result<Bytes, Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let request = Request::new(Bytes::from(message));
    let path = http::uri::PathAndQuery::from_static(path);
    let answer = client.unary(request, path, Raw::default()).await;
    answer.map(tonic::Response::into_inner)
}

const GET: &str = "/ndp.registry.v1.CatalogueService/GetPlatform";

both! {
    async fn what_no_client_sends_is_refused_with_details(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
        let channel = endpoint.connect().await.unwrap();
        let large = [vec![0x0a, 0xff, 0xff, 0x7f], vec![b'x'; REQUEST_BYTES_MAX + 1]].concat();
        let cases: [(&str, &'static str, Vec<u8>, Code, &str); 6] = [
            ("an unknown method", "/ndp.registry.v1.CatalogueService/DropAll", Vec::new(),
                Code::Unimplemented, "METHOD_UNKNOWN"),
            ("an unknown service", "/ndp.registry.v9.CatalogueService/GetPlatform", Vec::new(),
                Code::Unimplemented, "METHOD_UNKNOWN"),
            ("too large", GET, large, Code::ResourceExhausted, "MESSAGE_TOO_LARGE"),
            ("a length beyond the end", GET, vec![0x0a, 0x7f, b'x'],
                Code::InvalidArgument, "MESSAGE_MALFORMED"),
            ("text that is not UTF-8", GET, vec![0x0a, 0x02, 0xff, 0xfe],
                Code::InvalidArgument, "MESSAGE_MALFORMED"),
            ("nothing at all", GET, Vec::new(), Code::InvalidArgument, "INVALID_REQUEST"),
        ];
        for (what, path, message, code, expected) in cases {
            let status = call(&channel, path, message).await.unwrap_err();
            assert_eq!(status.code(), code, "{what}: {status:?}");
            assert_eq!(reason(&status), expected, "{what}: {status:?}");
            assert!(status.metadata().contains_key("ndp-revision"), "{what}: {status:?}");
        }
        // a field that this release does not know is left alone
        let known = [vec![0x0a, PLATFORM.len() as u8], PLATFORM.as_bytes().to_vec()].concat();
        let unknown = [known, vec![0xf8, 0xff, 0x03, 0x01]].concat();
        assert!(!call(&channel, GET, unknown).await.unwrap().is_empty());
        drop(channel);
        server.stop().await;
    }

    async fn garbage_ends_its_own_connection_only(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        // HEADERS that are not HPACK; DATA on stream 0; a frame longer than agreed; half a preface
        let frames: [&[u8]; 4] = [
            &[0, 0, 4, 1, 5, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff],
            &[0, 0, 1, 0, 0, 0, 0, 0, 0, 7],
            &[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1],
            b"",
        ];
        let mut streams: Vec<Vec<u8>> = frames
            .iter()
            .map(|frame| [greeting(), frame.to_vec()].concat())
            .collect();
        streams.push(PREFACE[..8].to_vec());
        streams.push(vec![0; 100_000]);
        streams.push(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".to_vec());
        for bytes in streams {
            let mut raw = TcpStream::connect(&server.address).await.unwrap();
            // it may have hung up on us by the end
            drop(raw.write_all(&bytes).await);
            drop(raw.shutdown().await);
            let mut answer = Vec::new();
            let hung_up = tokio::time::timeout(BOUND, raw.read_to_end(&mut answer)).await;
            drop(hung_up.expect("the server holds on to a broken connection"));
        }
        let read = pb::GetPlatformRequest { name: PLATFORM.into(), ..Default::default() };
        server.anonymous().catalogue.get_platform(read).await.unwrap();
        server.stop().await;
    }
}
