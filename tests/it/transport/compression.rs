//! gzip, by the cases of gRPC's document on compression: answers for large lists and for streams,
//! where the client reads it, never for one record; requests of every method.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use ndp_registry::pb::{
    self, catalogue_service_client::CatalogueServiceClient,
    change_service_client::ChangeServiceClient, watch_changes_response::Event,
};
use prost::Message;
use tonic::{Code, codec::CompressionEncoding};

use crate::harness::{
    Engine,
    grpc::{Answer, Call, framed},
    http::call,
    raw::{POOL, reason},
    server::{As, Server},
};

const GZIP: &[(&str, &str)] = &[("grpc-accept-encoding", "gzip")];

/// Whether the first message came compressed, and how the head announces it.
async fn compressed(
    server: &Server,
    method: &str,
    request: &impl Message,
    headers: &[(&str, &str)],
) -> bool {
    let answer = call(&server.address, method, headers, request).await;
    assert_eq!(answer.status, 200);
    let flag = answer.body.first().expect("a message");
    let announced = answer.header("grpc-encoding") == Some("gzip");
    assert!(announced || *flag == 0, "{answer:?}");
    *flag == 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_lists_for_clients_that_ask() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let list = |page_size| pb::ListPlatformsRequest {
        page_size,
        ..Default::default()
    };
    let get = pb::GetPlatformRequest {
        name: "platforms/ndp-001".into(),
        ..Default::default()
    };
    let method = "CatalogueService/ListPlatforms";
    assert!(compressed(&server, method, &list(84), GZIP).await);
    assert!(
        !compressed(&server, method, &list(84), &[]).await,
        "nobody asked"
    );
    assert!(
        !compressed(&server, method, &list(1), GZIP).await,
        "it is small"
    );
    let method = "CatalogueService/GetPlatform";
    assert!(
        !compressed(&server, method, &get, GZIP).await,
        "it is one record"
    );
    let get = pb::ComputeDataQualityRequest {
        page_size: 84,
        ..Default::default()
    };
    let method = "MonitoringService/ComputeDataQuality";
    let large = call(&server.address, method, GZIP, &get).await;
    assert!(large.body.len() > 4 * 1024, "{large:?}");
    assert_eq!(large.body.first(), Some(&0), "it is no list, however large");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_compressed_is_the_same() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let channel = server.intercepted(As::default());
    let request = pb::ListPlatformsRequest {
        page_size: 84,
        ..Default::default()
    };
    let mut plain = CatalogueServiceClient::new(channel.clone());
    let mut gzip = plain.clone().accept_compressed(CompressionEncoding::Gzip);
    let plain = plain.list_platforms(request.clone()).await.unwrap();
    let gzipped = gzip.list_platforms(request).await.unwrap();
    assert_eq!(gzipped.metadata().get("grpc-encoding").unwrap(), "gzip");
    assert!(!plain.metadata().contains_key("grpc-encoding"));
    assert_eq!(plain.into_inner(), gzipped.into_inner());

    let mut changes =
        ChangeServiceClient::new(channel).accept_compressed(CompressionEncoding::Gzip);
    let request = pb::WatchChangesRequest {
        start: pb::watch_changes_request::Start::Snapshot.into(),
        ..Default::default()
    };
    let watch = changes.watch_changes(request).await.unwrap();
    assert_eq!(watch.metadata().get("grpc-encoding").unwrap(), "gzip");
    let first = watch.into_inner().message().await.unwrap().unwrap();
    assert!(matches!(first.event, Some(Event::Snapshot(_))), "{first:?}");
    drop(changes);
    server.stop().await;
}

fn gzip(message: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(message).unwrap();
    encoder.finish().unwrap()
}

async fn ask(server: &Server, method: &str, encoding: Option<&str>, frame: Vec<u8>) -> Answer {
    let encoding = encoding.map(|encoding| ("grpc-encoding", encoding));
    let headers: Vec<_> = encoding.into_iter().collect();
    let call = Call::open(&server.address, method, &headers).await;
    call.end(frame).await
}

const GET: &str = "ndp.registry.v1.CatalogueService/GetPlatform";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_read_as_their_flag_and_encoding_say() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let message = pb::GetPlatformRequest {
        name: "platforms/ndp-001".into(),
        ..Default::default()
    };
    let plain = message.encode_to_vec();
    let zipped = gzip(&plain);
    let mut cut = zipped.clone();
    cut.truncate(zipped.len() - 9);
    let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
    assert!(bomb.len() < 100_000, "it is small on the wire");
    let just_too_large = gzip(&vec![0; 1024 * 1024 + 1]);
    let accepted = Some("gzip,identity");
    for (what, encoding, frame, outcome, accepts) in [
        ("plain", None, framed(0, &plain), "Ok", None),
        (
            "plain, said to be so",
            Some("identity"),
            framed(0, &plain),
            "Ok",
            None,
        ),
        ("gzip", Some("gzip"), framed(1, &zipped), "Ok", None),
        (
            "plain among gzip",
            Some("gzip"),
            framed(0, &plain),
            "Ok",
            None,
        ),
        (
            "an unknown encoding",
            Some("snappy"),
            framed(1, &zipped),
            "Unimplemented COMPRESSION_UNSUPPORTED",
            accepted,
        ),
        (
            "an encoding that is known elsewhere",
            Some("deflate"),
            framed(1, &zipped),
            "Unimplemented COMPRESSION_UNSUPPORTED",
            accepted,
        ),
        (
            "a flag without an encoding",
            None,
            framed(1, &zipped),
            "Internal COMPRESSION_UNDECLARED",
            None,
        ),
        (
            "a flag with identity",
            Some("identity"),
            framed(1, &plain),
            "Internal COMPRESSION_UNDECLARED",
            None,
        ),
        (
            "a flag that is none",
            Some("gzip"),
            framed(2, &zipped),
            "InvalidArgument MESSAGE_MALFORMED",
            None,
        ),
        (
            "not gzip",
            Some("gzip"),
            framed(1, &plain),
            "InvalidArgument MESSAGE_MALFORMED",
            None,
        ),
        (
            "cut off",
            Some("gzip"),
            framed(1, &cut),
            "InvalidArgument MESSAGE_MALFORMED",
            None,
        ),
        (
            "a frame that is cut off",
            None,
            framed(0, &plain)[..7].to_vec(),
            "InvalidArgument MESSAGE_MALFORMED",
            None,
        ),
        (
            "no message",
            None,
            Vec::new(),
            "InvalidArgument MESSAGE_MISSING",
            None,
        ),
        (
            "a bomb",
            Some("gzip"),
            framed(1, &bomb),
            "ResourceExhausted MESSAGE_TOO_LARGE",
            None,
        ),
        (
            "one byte too large",
            Some("gzip"),
            framed(1, &just_too_large),
            "ResourceExhausted MESSAGE_TOO_LARGE",
            None,
        ),
    ] {
        let answer = ask(&server, GET, encoding, frame).await;
        let status = answer.outcome();
        let received = match status.code() {
            Code::Ok => "Ok".to_owned(),
            code => format!("{code:?} {}", reason(&status)),
        };
        assert_eq!(received, outcome, "{what}");
        if outcome == "Ok" {
            assert_eq!(
                answer.body.first(),
                Some(&0),
                "{what}: one record is not compressed"
            );
        }
        // the refusal of an encoding lists the encodings that the server accepts
        if received.starts_with("Unimplemented") {
            assert_eq!(answer.header("grpc-accept-encoding"), accepts, "{what}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_reads_gzip() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let ours = POOL
        .services()
        .filter(|it| it.package_name() == "ndp.registry.v1");
    let methods = ours.flat_map(|service| service.methods().collect::<Vec<_>>());
    let mut methods: Vec<_> = methods
        .map(|it| format!("{}/{}", it.parent_service().full_name(), it.name()))
        .collect();
    methods.extend(
        [
            "grpc.health.v1.Health/Check",
            "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ]
        .map(str::to_owned),
    );
    // field 15 is in no request, so each is read as an empty one; watching would not end
    let frame = framed(1, &gzip(&[0x78, 1]));
    let unread = ["INTERNAL", "COMPRESSION_UNSUPPORTED", "MESSAGE_MALFORMED"];
    for method in methods.iter().filter(|it| !it.ends_with("WatchChanges")) {
        let status = ask(&server, method, Some("gzip"), frame.clone())
            .await
            .outcome();
        if status.code() != Code::Ok {
            assert!(!unread.contains(&&*reason(&status)), "{method}: {status:?}");
        }
    }
    server.stop().await;
}
