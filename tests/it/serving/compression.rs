//! gzip: for large lists and for streams, where the client reads it; never for one record.

use ndp_registry::pb::{
    self, catalogue_service_client::CatalogueServiceClient,
    change_service_client::ChangeServiceClient, watch_changes_response::Event,
};
use prost::Message;
use tonic::codec::CompressionEncoding;

use crate::harness::{
    Engine,
    http::call,
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
    let get = pb::GetDataQualityRequest {
        page_size: 84,
        ..Default::default()
    };
    let method = "MonitoringService/GetDataQuality";
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
