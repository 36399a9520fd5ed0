//! TLS on the wire: every protocol, certificates that are replaced under open connections, clients
//! that show one, handshakes that are slow or none, and the database's TLS.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ndp_registry::{
    config::{Limits, ServerOptions, TlsFiles},
    pb,
    server::tls::Tls,
};
use prost::Message;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::block_in_place,
};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tonic::codegen::http::{self, Request};

use crate::{
    faults::{BOUND, command},
    harness::{
        Engine,
        certificates::{Authority, Pair, Trusting},
        frames::{GOAWAY, PREFACE, SETTINGS, frame},
        http::send,
        postgres::Cluster,
        process::{Process, Signal, Stream},
        server::Server,
        tools, until,
    },
};

const SUMMARY: &str = "ndp.registry.v1.MonitoringService/ComputeSummary";
const HSTS: &str = "strict-transport-security: max-age=31536000";

/// When certificates of the tests expire, in seconds since 1970.
const YEAR_2099: &str = "4070908800";
const YEAR_2100: &str = "4102444800";

// === the real binary ===

/// `serve` with TLS and metrics.
struct Served {
    process: Process,
    address: String,
    metrics: String,
    _engine: Engine,
}

impl Served {
    fn start(pair: &Pair, options: &[&str]) -> Self {
        let engine = Engine::sqlite();
        let url = engine.url();
        let serve = ["serve", "--database", &url, "--listen", "127.0.0.1:0"];
        let metrics = ["--metrics-listen", "127.0.0.1:0"];
        let arguments = [&serve[..], &metrics, &pair.options(), options].concat();
        let process = Process::start(&arguments, &[("NDP_LOG_LEVEL", "ndp_registry=debug")]);
        let last = |line: String| line.rsplit(' ').next().unwrap().to_owned();
        let address = last(process.wait_for_line("ndp-registry is listening on", BOUND));
        let metrics = last(process.wait_for_line("Metrics are on", BOUND));
        let metrics = metrics.trim_start_matches("http://");
        Self {
            process,
            address,
            metrics: metrics.trim_end_matches("/metrics").to_owned(),
            _engine: engine,
        }
    }

    /// Waits until the page of metrics has this line.
    async fn measures(&self, line: &str) {
        until(line, async || {
            let page = send(&self.metrics, "GET /metrics", &[], "").await;
            page.text().lines().any(|it| it == line)
        })
        .await;
    }

    /// The certificate that a new connection gets.
    async fn certificate(&self, root: &Path) -> Vec<u8> {
        let stream = Trusting::root(root).connect(&self.address).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }

    fn says(&self, line: &str) -> String {
        block_in_place(|| self.process.wait_for_line(line, BOUND))
    }

    fn curl(&self, arguments: &[&str], path: &str) -> (bool, String) {
        let mut command = Command::new(tools::curl().unwrap());
        let url = format!("https://{}{path}", self.address);
        command.args(["-sS", "-i"]).args(arguments).arg(url);
        ended(command)
    }

    fn grpcurl(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(tools::grpcurl().unwrap());
        command.args(arguments).args([&self.address, SUMMARY]);
        ended(command)
    }

    fn stop(&self) {
        self.process.signal(Signal::Term);
        let ended = block_in_place(|| self.process.wait(BOUND));
        assert!(ended.success());
    }
}

/// Whether a program succeeded, and what it printed.
fn ended(command: Command) -> (bool, String) {
    let process = Process::spawn(command);
    let status = block_in_place(|| process.wait(BOUND));
    let printed = process.printed(Stream::Stdout) + &process.printed(Stream::Stderr);
    (status.success(), printed)
}

/// The answer to an HTTP/1.1 request; an error if the connection ends without one.
pub(crate) async fn get(
    client: &Trusting,
    address: &str,
    path: &str,
    headers: &str,
) -> std::io::Result<String> {
    let mut stream = client.connect(address).await?;
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8(answer).unwrap())
}

/// A call of a method over HTTP/2, and its answer's messages as they come.
pub(crate) async fn call(
    requests: &mut h2::client::SendRequest<Bytes>,
    method: &str,
    message: &impl Message,
) -> http::Response<h2::RecvStream> {
    let request = Request::post(format!("https://localhost/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let frame = [&[0], &length[..], &message].concat();
    let mut ready = requests.clone().ready().await.unwrap();
    let (answer, mut body) = ready.send_request(request, false).unwrap();
    body.send_data(frame.into(), true).unwrap();
    answer.await.unwrap()
}

/// A connection by HTTP/2 that stays open.
pub(crate) async fn http2(client: &Trusting, address: &str) -> h2::client::SendRequest<Bytes> {
    let client = Trusting {
        alpn: vec!["h2"],
        ..client.clone()
    };
    let stream = client.connect(address).await.unwrap();
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    requests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_protocol_is_spoken_on_the_one_port() {
    let authority = Authority::new();
    let root = authority.root();
    let served = Served::start(&authority.issue("server", 2099), &[]);
    let client = Trusting::root(&root);
    // JSON, a page, gRPC-Web; by both versions of TLS and of HTTP
    for (only, version) in [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")] {
        let client = Trusting {
            only: Some(only),
            alpn: vec!["http/1.1"],
            ..client.clone()
        };
        let platform = "/v1/platforms/ndp-001";
        let answer = get(&client, &served.address, platform, "").await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains(HSTS) && answer.contains("\"name\":\"platforms/ndp-001\""));
        let counted = format!("ndp_tls_handshakes_total{{outcome=\"{version}\"}} 1");
        served.measures(&counted).await;
    }
    for (offered, chosen) in [
        (vec!["http/1.1", "h2"], Some("h2")),
        (vec!["http/1.1"], Some("http/1.1")),
        (vec![], None),
    ] {
        let client = Trusting {
            alpn: offered,
            ..client.clone()
        };
        let stream = client.connect(&served.address).await.unwrap();
        let got = stream.get_ref().1.alpn_protocol();
        assert_eq!(got, chosen.map(str::as_bytes));
    }
    let other = Trusting {
        alpn: vec!["spdy/3"],
        ..client.clone()
    };
    assert!(other.connect(&served.address).await.is_err());
    let mut requests = http2(&client, &served.address).await;
    let request = pb::ComputeSummaryRequest::default();
    let answer = call(&mut requests, SUMMARY, &request).await;
    assert_eq!(answer.status(), 200);
    // a browser that asks for gRPC-Web is one
    assert!(!answer.headers().contains_key("strict-transport-security"));

    let ca = ["--cacert", root.to_str().unwrap()];
    if tools::curl().is_some() {
        for version in ["--http1.1", "--http2"] {
            let options = [&ca[..], &[version]].concat();
            for path in ["/v1/glossary", "/openapi.json", "/v1/nothing"] {
                let (done, printed) = block_in_place(|| served.curl(&options, path));
                assert!(done && printed.contains(HSTS), "{path}: {printed}");
            }
            let web = ["-H", "content-type: application/grpc-web+proto", "-d", ""];
            let options = [&options[..], &web].concat();
            let path = format!("/{SUMMARY}");
            let (done, printed) = block_in_place(|| served.curl(&options, &path));
            assert!(done && printed.contains(HSTS), "{printed}");
        }
        let (done, printed) = block_in_place(|| served.curl(&[], "/v1/glossary"));
        assert!(!done && printed.contains("certificate"), "{printed}");
    }
    if tools::grpcurl().is_some() {
        let (done, printed) = block_in_place(|| served.grpcurl(&["-cacert", ca[1]]));
        assert!(
            done && printed.contains("declaredPlatformCount"),
            "{printed}"
        );
        assert!(!block_in_place(|| served.grpcurl(&[])).0);
    }
    let line = served.says("a TLS connection is open");
    assert!(
        line.contains("TLSv1_") && line.contains("client_certificate=false"),
        "{line}"
    );
    served.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_tls_no_answer_asks_for_it() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let answer = send(&server.address, "GET /v1/glossary", &[], "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("strict-transport-security"), None);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_replaced_under_open_connections() {
    let authority = Authority::new();
    let root = authority.root();
    let in_use = authority.issue("in-use", 2099);
    let first = authority.issue("first", 2099);
    let second = authority.issue("second", 2100);
    in_use.become_like(&first);
    let served = Served::start(&in_use, &[]);
    let client = Trusting::root(&root);
    let mut open = http2(&client, &served.address).await;
    let watch = pb::WatchChangesRequest {
        start: pb::watch_changes_request::Start::Now.into(),
        heartbeat_interval: Some(prost_types::Duration {
            seconds: 1,
            nanos: 0,
        }),
        ..Default::default()
    };
    let method = "ndp.registry.v1.ChangeService/WatchChanges";
    let mut watch = call(&mut open, method, &watch).await.into_body();
    let expiry = |of: &str| {
        let at: f64 = of.parse().unwrap();
        format!("ndp_tls_certificate_expiry_timestamp_seconds {at}")
    };
    served.measures(&expiry(YEAR_2099)).await;
    served.measures("ndp_tls_files_in_use 1").await;
    assert_eq!(served.certificate(&root).await, first.der().to_vec());

    // bad pairs: each is refused, with the reason, and the old one kept
    let expired = authority.issue("expired", 2020);
    for (number, (certificate, key, reason)) in [
        (
            &second.certificate,
            &first.key,
            "is not the key of the first",
        ),
        (&second.key, &second.key, "there is no certificate in"),
        (
            &second.certificate,
            &second.certificate,
            "there is no private key",
        ),
        (
            &expired.certificate,
            &expired.key,
            "the new certificate has expired",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        std::fs::copy(certificate, &in_use.certificate).unwrap();
        std::fs::copy(key, &in_use.key).unwrap();
        served.process.signal(Signal::Hup);
        let line = served.says(reason);
        assert!(line.contains("the old one is kept"), "{line}");
        let refused = format!(
            "ndp_tls_reloads_total{{outcome=\"refused\"}} {}",
            number + 1
        );
        served.measures(&refused).await;
        served.measures("ndp_tls_files_in_use 0").await;
        assert_eq!(served.certificate(&root).await, first.der().to_vec());
    }

    in_use.become_like(&second);
    served.process.signal(Signal::Hup);
    served
        .measures("ndp_tls_reloads_total{outcome=\"used\"} 1")
        .await;
    served.measures("ndp_tls_files_in_use 1").await;
    served.measures(&expiry(YEAR_2100)).await;
    assert_eq!(served.certificate(&root).await, second.der().to_vec());

    // no signal: the files are polled
    in_use.become_like(&first);
    served.measures(&expiry(YEAR_2099)).await;
    assert_eq!(served.certificate(&root).await, first.der().to_vec());

    // what was open all the while is
    let heartbeat = tokio::time::timeout(BOUND, watch.data()).await.unwrap();
    assert!(!heartbeat.unwrap().unwrap().is_empty());
    let request = pb::ComputeSummaryRequest::default();
    let answer = call(&mut open, SUMMARY, &request).await;
    assert_eq!(answer.status(), 200);

    // and ends when the server does, with a status, as in plain text
    served.process.signal(Signal::Term);
    let status = async {
        while let Some(data) = watch.data().await {
            data.unwrap();
        }
        watch.trailers().await.unwrap().unwrap()
    };
    let status = tokio::time::timeout(BOUND, status).await.unwrap();
    assert_eq!(status["grpc-status"], "14");
    let ended = block_in_place(|| served.process.wait(BOUND));
    assert!(ended.success());
    let said = served.process.printed(Stream::Stderr);
    for key in [&first.key, &second.key, &expired.key] {
        let key = std::fs::read_to_string(key).unwrap();
        let secret = key.lines().nth(1).unwrap();
        assert!(secret.len() > 40 && !said.contains(secret), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_show_a_certificate_where_it_is_wanted() {
    let authority = Authority::new();
    let clients = Authority::new();
    let (root, ca) = (authority.root(), clients.root());
    let ca = ca.to_str().unwrap();
    let pair = authority.issue("server", 2099);
    let good = clients.issue_for("good", 2099, &["importer.example"]);
    // by another issuer, and by the right one but expired
    let strange = authority.issue("strange", 2099);
    let expired = clients.issue("expired", 2020);
    for (how, without) in [("required", false), ("optional", true)] {
        let options = ["--tls-client-ca", ca, "--tls-client-auth", how];
        let served = Served::start(&pair, &options);
        for (own, works) in [
            (None, without),
            (Some(&good), true),
            (Some(&strange), false),
            (Some(&expired), false),
        ] {
            for only in [&TLS12, &TLS13] {
                let client = Trusting {
                    own: own.cloned(),
                    only: Some(only),
                    ..Trusting::root(&root)
                };
                let answer = get(&client, &served.address, "/v1/glossary", "").await;
                let got = answer.is_ok_and(|it| it.starts_with("HTTP/1.1 200 OK\r\n"));
                assert_eq!(got, works, "{how} {own:?} {only:?}");
            }
        }
        served.says("client_certificate=true");
        let of = |pair: &Pair| {
            let [certificate, key] = [&pair.certificate, &pair.key];
            [certificate, key].map(|it| it.to_str().unwrap().to_owned())
        };
        let root = root.to_str().unwrap();
        for (own, works) in [(None, without), (Some(of(&good)), true)] {
            let show = |names: [&'static str; 3]| {
                let mut options = vec![names[0], root];
                if let Some([certificate, key]) = &own {
                    options.extend([names[1], certificate, names[2], key]);
                }
                options.into_iter().map(str::to_owned).collect::<Vec<_>>()
            };
            let words = |options: &[String]| -> Vec<String> { options.to_vec() };
            if tools::curl().is_some() {
                let options = words(&show(["--cacert", "--cert", "--key"]));
                let options: Vec<_> = options.iter().map(String::as_str).collect();
                let (done, printed) = block_in_place(|| served.curl(&options, "/v1/glossary"));
                assert_eq!(done, works, "{how}: {printed}");
            }
            if tools::grpcurl().is_some() {
                let mut options = words(&show(["-cacert", "-cert", "-key"]));
                options.extend(["-connect-timeout", "3"].map(str::to_owned));
                let options: Vec<_> = options.iter().map(String::as_str).collect();
                let (done, printed) = block_in_place(|| served.grpcurl(&options));
                assert_eq!(done, works, "{how}: {printed}");
            }
        }
        served.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_no_good_end_the_start() {
    let authority = Authority::new();
    let (one, other) = (authority.issue("one", 2099), authority.issue("other", 2099));
    let missing = authority.root().with_file_name("missing.pem");
    let engine = Engine::sqlite();
    let url = engine.url();
    for (certificate, key, ca, wanted) in [
        (
            &one.certificate,
            &other.key,
            None,
            "is not the key of the first certificate in",
        ),
        (&missing, &one.key, None, "cannot read `"),
        (&one.key, &one.key, None, "there is no certificate in"),
        (
            &one.certificate,
            &one.certificate,
            None,
            "there is no private key in",
        ),
        (
            &one.certificate,
            &one.key,
            Some(&one.key),
            "there is no certificate in",
        ),
    ] {
        let path = |it: &'static str, path: &Path| [it.to_owned(), path.display().to_string()];
        let mut arguments = vec!["serve".to_owned(), "--database".to_owned(), url.clone()];
        arguments.extend(path("--tls-certificate", certificate));
        arguments.extend(path("--tls-key", key));
        arguments.extend(ca.into_iter().flat_map(|it| path("--tls-client-ca", it)));
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let process = Process::start(&arguments, &[]);
        let status = block_in_place(|| process.wait(BOUND));
        let said = process.printed(Stream::Stderr);
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("error: cannot speak TLS"), "{said}");
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    // nothing was made
    assert_eq!(engine.directory().unwrap().read_dir().unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_has_expired_is_served_with_a_warning() {
    let authority = Authority::new();
    let expired = authority.issue("expired", 2020);
    let served = Served::start(&expired, &[]);
    let line = served.says("the certificate has expired: clients will refuse it");
    assert!(line.contains("expired.pem"), "{line}");
    let client = Trusting::root(&authority.root());
    assert!(client.connect(&served.address).await.is_err());
    served.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_tls_an_address_that_others_can_reach_is_served() {
    let authority = Authority::new();
    let pair = authority.issue("server", 2099);
    let engine = Engine::sqlite();
    let url = engine.url();
    let serve = ["serve", "--database", &url, "--listen", "0.0.0.0:0"];
    let plain = Process::start(&serve, &[]);
    let status = block_in_place(|| plain.wait(BOUND));
    let said = plain.printed(Stream::Stderr);
    assert_eq!(status.code(), Some(64), "{said}");
    assert!(
        said.contains("speak TLS with --tls-certificate and --tls-key"),
        "{said}"
    );
    let encrypted = Process::start(&[&serve[..], &pair.options()].concat(), &[]);
    let line = block_in_place(|| encrypted.wait_for_line("listening on 0.0.0.0:", BOUND));
    let port = line.rsplit(':').next().unwrap();
    let client = Trusting::root(&authority.root());
    let answer = get(&client, &format!("127.0.0.1:{port}"), "/v1/glossary", "").await;
    assert!(answer.unwrap().starts_with("HTTP/1.1 200 OK\r\n"));
    encrypted.signal(Signal::Term);
    assert!(block_in_place(|| encrypted.wait(BOUND)).success());
}

// === handshakes ===

/// A server of this process with TLS.
pub(crate) async fn start(
    authority: &Authority,
    engine: &Engine,
    options: ServerOptions,
) -> Server {
    let pair = authority.issue("server", 2099);
    let files = TlsFiles {
        certificate: pair.certificate,
        key: pair.key,
        client_ca: None,
    };
    Server::start_encrypted(&engine.url(), Tls::open(files).unwrap(), options).await
}

/// Waits until the metrics have this line.
pub(crate) async fn measures(server: &Server, line: &str) {
    until(line, async || {
        server
            .metrics
            .encode()
            .unwrap()
            .lines()
            .any(|it| it == line)
    })
    .await;
}

/// The bytes until the connection ends, for any reason.
async fn rest(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut rest = Vec::new();
    let reading = tokio::time::timeout(BOUND, stream.read_to_end(&mut rest)).await;
    drop(reading.expect("the connection stays open"));
    rest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_is_none_holds_no_place() {
    let authority = Authority::new();
    let engine = Engine::sqlite();
    let options = ServerOptions {
        greeting_time: Some(Duration::from_millis(500)),
        ..ServerOptions::default()
    };
    let server = start(&authority, &engine, options).await;
    // silence, the start of a handshake, and what begins like one
    let began = Instant::now();
    let mut silent = Vec::new();
    for said in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"] {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        silent.push(stream);
    }
    measures(&server, "ndp_handshakes 3").await;
    for stream in silent {
        rest(stream).await;
    }
    assert!(began.elapsed() >= Duration::from_millis(500));
    measures(&server, "ndp_tls_handshakes_total{outcome=\"timed_out\"} 3").await;
    let mut garbage = TcpStream::connect(&server.address).await.unwrap();
    garbage.write_all(&[22; 4096]).await.unwrap();
    rest(garbage).await;
    measures(&server, "ndp_tls_handshakes_total{outcome=\"failed\"} 1").await;

    // plain text is refused in the client's own protocol
    let answer = send(&server.address, "GET /v1/glossary", &[], "").await;
    assert_eq!(answer.status, 400);
    let message = "this port speaks TLS; begin the URL with https://";
    assert_eq!(answer.json()["message"], message);
    let mut http2 = TcpStream::connect(&server.address).await.unwrap();
    http2
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    http2.shutdown().await.unwrap();
    assert!(rest(http2).await.ends_with(b"\x0cthis port speaks TLS"));
    measures(
        &server,
        "ndp_tls_handshakes_total{outcome=\"plain_text\"} 2",
    )
    .await;
    measures(&server, "ndp_handshakes 0").await;
    measures(&server, "ndp_connections 0").await;

    // a handshake in order is greeted as ever, and then has to say what it wants
    let client = Trusting::root(&authority.root());
    let quiet = client.connect(&server.address).await.unwrap();
    measures(&server, "ndp_connections 1").await;
    rest(quiet).await;
    measures(&server, "ndp_connections 0").await;
    let answer = get(&client, &server.address, "/v1/glossary", "")
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_its_share_of_handshakes() {
    let authority = Authority::new();
    let engine = Engine::sqlite();
    let options = ServerOptions {
        limits: Limits {
            // five handshakes at once, and one more each two seconds
            calls_per_second: 25,
            ..Limits::default()
        },
        ..ServerOptions::default()
    };
    let server = start(&authority, &engine, options).await;
    let client = Trusting::root(&authority.root());
    let mut done = Vec::new();
    for _ in 0..5 {
        done.push(client.connect(&server.address).await.unwrap());
    }
    let mut refused = 0;
    while refused == 0 {
        refused += usize::from(client.connect(&server.address).await.is_err());
    }
    let counted = "ndp_refusals_total{limit=\"call_rate\",scope=\"caller\"} 1";
    measures(&server, counted).await;
    // the allowance returns with time
    until("there is one more", async || {
        client.connect(&server.address).await.is_ok()
    })
    .await;
    drop(done);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_handshakes_shut_nobody_out() {
    let authority = Authority::new();
    let engine = Engine::sqlite();
    let options = ServerOptions {
        limits: Limits {
            // four handshakes at once
            connections: 16,
            connections_per_address: 16,
            ..Limits::default()
        },
        ..ServerOptions::default()
    };
    let server = start(&authority, &engine, options).await;
    let mut slow = Vec::new();
    for _ in 0..9 {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        stream.write_all(b"\x16").await.unwrap();
        slow.push(stream);
    }
    measures(&server, "ndp_connections_replaced_total 5").await;
    measures(&server, "ndp_handshakes 4").await;
    let client = Trusting::root(&authority.root());
    let answer = get(&client, &server.address, "/v1/glossary", "")
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    // a handshake in progress does not delay the shutdown
    let stopped = tokio::time::timeout(Duration::from_secs(5), server.stop()).await;
    stopped.expect("the end waits for a handshake");
    drop(slow);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_asked_to_end_and_its_reader_has_its_time() {
    let authority = Authority::new();
    let engine = Engine::sqlite();
    let options = ServerOptions {
        connection_idle: Some(Duration::from_millis(300)),
        answer_time: Some(Duration::from_secs(1)),
        ..ServerOptions::default()
    };
    let server = start(&authority, &engine, options).await;
    let client = Trusting::root(&authority.root());
    let client = Trusting {
        alpn: vec!["h2"],
        ..client
    };
    let mut idle = client.connect(&server.address).await.unwrap();
    idle.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat())
        .await
        .unwrap();
    let received = rest(idle).await;
    let mut frames = &*received;
    let mut types = Vec::new();
    while let [a, b, c, kind, _, _, _, _, _, after @ ..] = frames {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        types.push(*kind);
        frames = &after[length..];
    }
    assert!(types.contains(&GOAWAY), "{types:?}");

    // a client that asks for much and reads none of it is given up
    let mut deaf = client.connect(&server.address).await.unwrap();
    let request = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n";
    deaf.write_all(request.repeat(64).as_bytes()).await.unwrap();
    measures(&server, "ndp_connections 1").await;
    measures(&server, "ndp_connections 0").await;
    drop(deaf);
    server.stop().await;
}

// === the database ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_is_reached_over_tls_that_is_verified() {
    let Some(cluster) = Cluster::start_with(&[]) else {
        return;
    };
    // a port that was free a moment ago
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let authority = Authority::new();
    let pair = authority.issue_for("database", 2099, &["127.0.0.1"]);
    let root = authority.root();
    let url = |host: &str, rest: &str| format!("postgres://ndp@{host}:{port}/postgres?{rest}");
    let verified = |host: &str, root: &Path| {
        url(
            host,
            &format!("sslmode=verify-full&sslrootcert={}", root.display()),
        )
    };
    block_in_place(|| cluster.encrypt(port, &pair.certificate, &pair.key));
    let list = ["admin", "key", "list"];
    let (code, _, said) = command(&list, &verified("127.0.0.1", &root));
    assert_eq!(code, Some(0), "{said}");
    // what is not encrypted is not let in, so the above was
    let (code, _, said) = command(&list, &url("127.0.0.1", "sslmode=disable"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no encryption"), "{said}");
    // another issuer, and a certificate for another name
    let other = Authority::new();
    for (host, root) in [("127.0.0.1", other.root()), ("localhost", root)] {
        let (code, _, said) = command(&list, &verified(host, &root));
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("certificate"), "{said}");
    }
}
