//! Callers without a key behind a proxy: only what a listed proxy says distinguishes them, in a
//! header of each call or at the start of each connection.

use ndp_registry::{
    catalogue,
    config::{Limits, ServerOptions},
    pb,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::{Code, Request};

use crate::{
    harness::{
        Engine, both,
        certificates::{Authority, Trusting},
        http::{send, send_on},
        server::{As, Server},
        until,
    },
    transport::tls,
};

/// Addresses for documentation.
const ONE: &str = "192.0.2.1";
const OTHER: &str = "192.0.2.2";

/// Whether a call on behalf of this address is admitted.
async fn grpc(server: &Server, address: &str) -> bool {
    let mut request = Request::new(pb::IdentifyCallerRequest {});
    let received = address.parse().unwrap();
    request.metadata_mut().insert("x-forwarded-for", received);
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
    let received = [("x-forwarded-for", address)];
    let path = "GET /v1/principals:identifyCaller";
    let status = send(&server.address, path, &received, "").await.status;
    assert!([200, 429].contains(&status), "{status}");
    status == 200
}

fn listed(proxies: &str) -> ServerOptions {
    let networks = proxies.split(',').filter(|it| !it.is_empty());
    ServerOptions {
        trusted_proxies: ndp_registry::admission::proxies::Proxies::new(
            networks.map(|it| it.parse().unwrap()).collect(),
        ),
        limits: Limits {
            // two at once, and another a second later
            calls_per_second: 1,
            ..Limits::default()
        },
        ..ServerOptions::default()
    }
}

/// Makes a call that is answered, on a connection that stays open.
async fn answered(connection: &mut TcpStream) {
    let request = b"HEAD /v1/glossary HTTP/1.1\r\nhost: localhost\r\n\r\n";
    connection.write_all(request).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 200"), "{}", head.escape_ascii());
}

async fn limited(engine: &Engine, options: ServerOptions) -> Server {
    Server::start_allowing(&engine.url(), &[catalogue::OPENING_EDITION], options).await
}

/// The same, with the PROXY protocol.
fn announced(proxies: &str) -> ServerOptions {
    ServerOptions {
        proxy_protocol: true,
        ..listed(proxies)
    }
}

fn version_1(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 127.0.0.1 4711 443\r\n").into_bytes()
}

fn version_2(client: &str) -> Vec<u8> {
    let client: std::net::Ipv4Addr = client.parse().unwrap();
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    let ports = [0x12, 0x67, 0x01, 0xbb];
    let addresses = [client.octets(), [127, 0, 0, 1], ports].concat();
    [&signature[..], &[0x21, 0x11, 0, 12], &addresses].concat()
}

/// The status of a call on a connection that begins so; `None` if it ends without an answer.
async fn after(server: &Server, begun: &[u8], headers: &[(&str, &str)]) -> Option<u16> {
    let mut connection = TcpStream::connect(&server.address).await.unwrap();
    connection.write_all(begun).await.unwrap();
    let path = "GET /v1/principals:identifyCaller";
    let answer = send_on(connection, path, headers, "").await;
    answer.ok().map(|answer| answer.status)
}

both! {
    async fn each_caller_of_a_listed_proxy_has_its_own_share(engine: Engine) {
        let server = limited(&engine, listed("127.0.0.0/8")).await;
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
        let server = limited(&engine, listed("")).await;
        let mut refused = 0;
        for number in 1..=20 {
            let address = format!("192.0.2.{number}");
            refused += usize::from(!grpc(&server, &address).await);
            refused += usize::from(!json(&server, &address).await);
        }
        assert!(refused > 0, "each call had a share of its own");
        server.stop().await;
    }

    async fn a_proxy_says_at_the_start_for_whom_it_opened_a_connection(engine: Engine) {
        let server = limited(&engine, announced("127.0.0.0/8")).await;
        let mut spent = 0;
        while after(&server, &version_1(ONE), &[]).await == Some(200) {
            spent += 1;
        }
        assert!(spent >= 2, "{spent}");
        // by the other version of the header the client is the same
        assert_eq!(after(&server, &version_2(ONE), &[]).await, Some(429));
        assert_eq!(after(&server, &version_2(OTHER), &[]).await, Some(200));
        // only a listed proxy may name another caller in a header
        let received = [("x-forwarded-for", "192.0.2.3")];
        assert_eq!(after(&server, &version_1(ONE), &received).await, Some(429));
        // the proxy itself, as for a health check
        assert_eq!(after(&server, b"PROXY UNKNOWN\r\n", &[]).await, Some(200));
        // a proxy in front of the proxy, which has written a header of the call
        let nearer = version_2("127.0.0.2");
        assert_eq!(after(&server, &nearer, &received).await, Some(200));
        // a connection of a listed proxy without the header is closed without an answer
        assert_eq!(after(&server, b"", &[]).await, None);
        server.stop().await;
    }

    async fn the_start_of_a_connection_of_another_counts_for_nothing(engine: Engine) {
        let server = limited(&engine, announced("192.0.2.9")).await;
        assert_eq!(after(&server, b"", &[]).await, Some(200));
        for header in [version_1(ONE), version_2(ONE)] {
            assert_ne!(after(&server, &header, &[]).await, Some(200));
        }
        server.stop().await;
    }

    async fn connections_have_the_places_of_their_clients(engine: Engine) {
        let options = announced("127.0.0.0/8");
        let limits = Limits {
            connections_per_address: 2,
            ..Limits::default()
        };
        let server = limited(&engine, ServerOptions { limits, ..options }).await;
        let open = async |client: &str| {
            let mut connection = TcpStream::connect(&server.address).await.unwrap();
            connection.write_all(&version_2(client)).await.unwrap();
            // each has its place before the next comes
            answered(&mut connection).await;
            connection
        };
        let oldest = open(ONE).await;
        let others = [open(OTHER).await, open(OTHER).await];
        let second = open(ONE).await;
        let third = open(ONE).await;
        // the third took the place of the oldest of its client, which was closed
        until("the oldest is closed", async || {
            matches!(oldest.try_read(&mut [0]), Ok(0))
        })
        .await;
        for mut connection in others.into_iter().chain([second, third]) {
            answered(&mut connection).await;
        }
        server.stop().await;
    }

    async fn the_header_comes_before_the_handshake(engine: Engine) {
        let authority = Authority::new();
        let limits = Limits {
            // a handshake and a call at once, not two
            calls_per_second: 10,
            ..Limits::default()
        };
        let options = ServerOptions {
            limits,
            ..announced("127.0.0.0/8")
        };
        let server = tls::start(&authority, &engine, options).await;
        let client = Trusting::root(&authority.root());
        let call = async |begun: &[u8]| -> std::io::Result<u16> {
            let mut stream = TcpStream::connect(&server.address).await?;
            stream.write_all(begun).await?;
            let mut stream = client.connect_on(stream).await?;
            let request = "GET /v1/principals:identifyCaller HTTP/1.1\r\nhost: localhost\r\n\
                           connection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok(answer[9..12].parse().unwrap())
        };
        let mut spent = 0;
        while matches!(call(&version_2(ONE)).await, Ok(200)) {
            spent += 1;
        }
        assert!(spent >= 1, "{spent}");
        assert_eq!(call(b"PROXY UNKNOWN\r\n").await.unwrap(), 200);
        assert!(call(b"").await.is_err());
        server.stop().await;
    }
}
