//! Callers without a key behind a proxy: only the header of a listed proxy distinguishes them.

use ndp_registry::{
    catalogue,
    config::{Limits, ServerOptions},
    pb,
};
use tonic::{Code, Request};

use crate::harness::{
    Engine, both,
    http::send,
    server::{As, Server},
};

/// Addresses for documentation.
const ONE: &str = "192.0.2.1";
const OTHER: &str = "192.0.2.2";

/// Whether a call on behalf of this address is admitted.
async fn grpc(server: &Server, address: &str) -> bool {
    let mut request = Request::new(pb::IdentifyCallerRequest {});
    let told = address.parse().unwrap();
    request.metadata_mut().insert("x-forwarded-for", told);
    let mut access = server.clients(As::default()).access;
    match access.identify_caller(request).await {
        Ok(_) => true,
        Err(status) => {
            assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
            false
        }
    }
}

/// The same as JSON.
async fn json(server: &Server, address: &str) -> bool {
    let told = [("x-forwarded-for", address)];
    let path = "GET /v1/principals:identifyCaller";
    let status = send(&server.address, path, &told, "").await.status;
    assert!([200, 429].contains(&status), "{status}");
    status == 200
}

async fn limited(engine: &Engine, proxies: &str) -> Server {
    let networks = proxies.split(',').filter(|it| !it.is_empty());
    let options = ServerOptions {
        trusted_proxies: ndp_registry::admission::proxies::Proxies::new(
            networks.map(|it| it.parse().unwrap()).collect(),
        ),
        limits: Limits {
            // two at once, and another a second later
            calls_per_second: 1,
            ..Limits::default()
        },
        ..ServerOptions::default()
    };
    Server::start_allowing(&engine.url(), &[catalogue::OPENING_EDITION], options).await
}

both! {
    async fn each_caller_of_a_listed_proxy_has_its_own_share(engine: Engine) {
        let server = limited(&engine, "127.0.0.0/8").await;
        // one spends by gRPC what it has by JSON, too
        let mut spent = 0;
        while grpc(&server, ONE).await {
            spent += 1;
        }
        assert!(spent >= 2, "{spent}");
        assert!(json(&server, OTHER).await);
        assert!(grpc(&server, OTHER).await);
        // what the caller itself wrote comes first, and does not count
        assert!(json(&server, &format!("{ONE}, 192.0.2.3")).await);
        server.stop().await;
    }

    async fn what_another_says_of_whom_it_calls_for_counts_for_nothing(engine: Engine) {
        let server = limited(&engine, "").await;
        let mut refused = 0;
        for number in 1..=20 {
            let address = format!("192.0.2.{number}");
            refused += usize::from(!grpc(&server, &address).await);
            refused += usize::from(!json(&server, &address).await);
        }
        assert!(refused > 0, "each call had a share of its own");
        server.stop().await;
    }
}
