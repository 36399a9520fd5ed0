//! gRPC-Web on the same port: the bytes that a browser sends over HTTP/1.1, and what it lets a page
//! of another site do.

use ndp_core::records::principals::Role;
use ndp_registry::{catalogue, config::ServerOptions, pb};
use prost::Message;

use crate::harness::{
    Engine, both,
    http::{Answer, call, send},
    server::Server,
};

const PAGE: &str = "https://dashboard.example";

async fn start(engine: &Engine) -> Server {
    let options = ServerOptions {
        web_origins: vec![PAGE.parse().unwrap()],
        ..Default::default()
    };
    Server::start_allowing(&engine.url(), &[catalogue::OPENING_EDITION], options).await
}

async fn get(server: &Server, name: &str, headers: &[(&str, &str)]) -> Answer {
    let request = pb::GetPlatformRequest {
        name: name.into(),
        ..Default::default()
    };
    let method = "CatalogueService/GetPlatform";
    call(&server.address, method, headers, &request).await
}

both! {
    async fn a_browser_reads_over_http_1(engine: Engine) {
        let server = start(&engine).await;
        let answer = get(&server, "platforms/ndp-001", &[("origin", PAGE)]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/grpc-web+proto"));
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
        let revision = server.registry.revision().get().to_string();
        assert_eq!(answer.header("ndp-revision"), Some(&*revision));
        let read = answer.header("access-control-expose-headers").unwrap();
        for name in ["ndp-revision", "grpc-status", "grpc-message", "grpc-status-details-bin"] {
            assert!(read.contains(name), "a page may not read {name}: {read}");
        }
        let (messages, trailers) = answer.frames();
        assert_eq!(trailers, "grpc-status:0\r\n");
        let [message] = messages[..] else { panic!("{} messages", messages.len()) };
        let platform = pb::Platform::decode(message).unwrap();
        assert_eq!(platform.name, "platforms/ndp-001");

        // an error arrives whole: its status, its words and its details
        let answer = get(&server, "platforms/no-such", &[("origin", PAGE)]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("grpc-status"), Some("5"));
        assert!(answer.header("grpc-status-details-bin").is_some(), "{answer:?}");
        server.stop().await;
    }

    async fn a_key_works_from_a_browser_too(engine: Engine) {
        let server = start(&engine).await;
        let caller = server.person("viewer", &[Role::Auditor], None).await;
        let key = caller.sent();
        let headers = [("authorization", key)];
        let (method, who) = ("AccessService/IdentifyCaller", pb::IdentifyCallerRequest {});
        let answer = call(&server.address, method, &headers, &who).await;
        let (messages, trailers) = answer.frames();
        assert_eq!(trailers, "grpc-status:0\r\n");
        let who = pb::IdentifyCallerResponse::decode(messages[0]).unwrap();
        assert_eq!(who.principal, "principals/viewer");
        server.stop().await;
    }
}

/// What a browser asks before a page may call.
async fn asks(server: &Server, origin: &str) -> Answer {
    let what = "OPTIONS /ndp.registry.v1.CatalogueService/GetPlatform";
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "authorization,content-type,ndp-min-revision,x-grpc-web",
        ),
    ];
    send(&server.address, what, &headers, "").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_pages_that_are_named_may_call() {
    let engine = Engine::sqlite();
    let server = start(&engine).await;
    let answer = asks(&server, PAGE).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    assert_eq!(
        answer.header("access-control-allow-methods"),
        Some("GET,POST,PATCH")
    );
    let sent = answer.header("access-control-allow-headers").unwrap();
    for name in [
        "authorization",
        "ndp-actor",
        "ndp-allow-personal-data",
        "ndp-min-revision",
        "grpc-timeout",
    ] {
        assert!(sent.contains(name), "a page may not send {name}: {sent}");
    }
    let other = asks(&server, "https://dashboard.example.net").await;
    assert_eq!(
        other.header("access-control-allow-origin"),
        None,
        "{other:?}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_default_no_page_of_another_site_may_call() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let answer = asks(&server, PAGE).await;
    assert_eq!(
        answer.header("access-control-allow-origin"),
        None,
        "{answer:?}"
    );
    // a call without `Origin`, as outside a browser, is answered
    let answer = get(&server, "platforms/ndp-001", &[]).await;
    assert_eq!(answer.frames().1, "grpc-status:0\r\n");
    // what is not gRPC-Web is HTTP/JSON
    let plain = send(&server.address, "GET /nothing", &[], "").await;
    assert_eq!(plain.status, 404);
    server.stop().await;
}
