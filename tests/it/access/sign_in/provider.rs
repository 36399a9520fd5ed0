//! Sign-in with tokens of a certified OpenID provider (tests/oidc), which runs beside the server,
//! and of browsers there: one run of each on each engine.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::Algorithm;
use ndp_core::records::{identities::Identity, principals::Role};
use ndp_registry::{
    config::{Limits, ServerOptions, TlsFiles},
    server::tls::Tls,
    sign_in::settings::{Client, Issuer, KeySource},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::block_in_place,
};

use super::{
    admin, bearer,
    browser::{self, Browser},
    give, identify, refused, start, subject_of, whoami,
};
use crate::harness::{
    Engine, both,
    certificates::{Authority, Pair, Trusting},
    process::{Process, Signal, Stream},
    server::Server,
    tools,
};

const BOUND: Duration = Duration::from_secs(60);

/// Name and secret of its client that is not a browser, and the provider's `iss`.
const CLIENT: &str = "aW1wb3J0ZXI6c3ludGhldGljLWFuZC1rbm93bi10by1ldmVyeW9uZS0wMTIzNDU2Nzg5";
const ISSUER: &str = "https://sso.synthetic.example/oidc";

/// The client that browsers sign in with, and the secret of both.
const BROWSERS: &str = "registry";
const SECRET: &str = "synthetic-and-known-to-everyone-0123456789";

/// The provider.
struct Provider {
    process: Process,
    port: u16,
}

impl Provider {
    /// Starts it with new keys; `None` if the tool is left out.
    fn start(pair: &Pair, port: u16, keys: &str) -> Option<Self> {
        let (node, folder) = (tools::node()?, tools::oidc_provider()?);
        let mut command = Command::new(node);
        command.arg(folder.join("provider.mjs"));
        command.args([&pair.certificate, &pair.key]);
        command.args([&port.to_string(), keys]);
        let process = Process::spawn(command);
        let line = block_in_place(|| process.wait_for_line("listening on ", BOUND));
        let port = line.rsplit(' ').next().unwrap().parse().unwrap();
        Some(Self { process, port })
    }

    fn stop(&self) {
        self.process.signal(Signal::Term);
        block_in_place(|| self.process.wait(BOUND));
    }

    /// The settings of a server that accepts it.
    fn issuer(&self, authority: &Authority) -> Issuer {
        Issuer {
            name: "synthetic".to_owned(),
            issuer: ISSUER.to_owned(),
            keys: KeySource::Site(self.url("/jwks").parse().unwrap()),
            audiences: vec!["ndp-registry".to_owned()],
            algorithms: vec![Algorithm::RS256, Algorithm::ES256],
            clock_skew_seconds: 30,
            token_bytes: 4096,
            ca: Some(authority.root()),
            client: None,
        }
    }

    /// The same of one that browsers sign in at. The client's secret is a file in this folder.
    fn issuer_of_browsers(&self, authority: &Authority, folder: &TempDir) -> Issuer {
        let secret = folder.path().join("secret");
        fs::write(&secret, SECRET).unwrap();
        Issuer {
            client: Some(Client {
                id: BROWSERS.to_owned(),
                secret_file: Some(secret),
                authorization_endpoint: self.url("/auth").parse().unwrap(),
                token_endpoint: self.url("/token").parse().unwrap(),
                scopes: "openid".to_owned(),
                session_minutes: 60,
            }),
            ..self.issuer(authority)
        }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// Follows a browser from one page of it to the next, with its cookies; answers where it is
    /// sent to in the end.
    async fn follow(&self, authority: &Authority, url: &str) -> String {
        let mut url = url.to_owned();
        let mut cookies = BTreeMap::new();
        let own = self.url("");
        while let Some(path) = url.strip_prefix(&*own) {
            let sent = cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}; "));
            let sent: String = sent.collect();
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\
                 cookie: {sent}\r\n\r\n",
                self.port
            );
            let answer = self.ask(authority, &request).await;
            let mut next = None;
            for line in answer.lines().take_while(|it| !it.is_empty()) {
                let (name, value) = line.split_once(": ").unwrap_or_default();
                if name.eq_ignore_ascii_case("set-cookie") {
                    let (name, value) = value.split_once('=').unwrap();
                    let value = value.split(';').next().unwrap();
                    cookies.insert(name.to_owned(), value.to_owned());
                } else if name.eq_ignore_ascii_case("location") {
                    next = Some(value.to_owned());
                }
            }
            url = next.unwrap_or_else(|| panic!("{answer}"));
            if url.starts_with('/') {
                url = self.url(&url);
            }
        }
        url
    }

    async fn ask(&self, authority: &Authority, request: &str) -> String {
        let client = Trusting::root(&authority.root());
        let address = format!("127.0.0.1:{}", self.port);
        let mut stream = client.connect(&address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// A token for this audience, signed by this algorithm.
    async fn token(&self, authority: &Authority, audience: &str, algorithm: &str) -> String {
        let body = format!("grant_type=client_credentials&resource=urn:{audience}:{algorithm}");
        let request = format!(
            "POST /token HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             authorization: Basic {CLIENT}\r\ncontent-length: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\n{body}",
            body.len()
        );
        let answer = self.ask(authority, &request).await;
        let (start, end) = (answer.find('{').unwrap(), answer.rfind('}').unwrap());
        let answer: Value = serde_json::from_str(&answer[start..=end]).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }
}

/// Moves a server's clock to the real time, which the provider's clock shows.
fn to_real_time(server: &Server) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let since = server.registry.clock().now().as_micros() / 1_000_000;
    server.clock.advance(i64::try_from(now).unwrap() - since);
}

both! {
    async fn tokens_of_a_certified_provider_hold(engine: Engine) {
        let authority = Authority::new();
        let pair = authority.issue("provider", 2099);
        let Some(provider) = Provider::start(&pair, 0, "one") else {
            return;
        };
        let server = start(&engine, vec![provider.issuer(&authority)]).await;
        to_real_time(&server);
        let keeper = admin(&server).await;
        server.person("person", &[Role::Auditor], None).await;
        identify(&keeper, "person", &[subject_of("synthetic", "importer")]).await;
        let token = async |audience: &str, algorithm: &str| {
            provider.token(&authority, audience, algorithm).await
        };
        for algorithm in ["RS256", "ES256"] {
            let received = whoami(&server, bearer(&token("ndp-registry", algorithm).await)).await;
            assert_eq!(received["principal"], "principals/person", "{algorithm}");
        }
        for (audience, algorithm) in [("ndp-registry", "PS256"), ("another", "RS256")] {
            let token = token(audience, algorithm).await;
            assert_eq!(refused(&server, &token).await, "Unauthenticated TOKEN_INVALID");
        }
        let old = token("ndp-registry", "RS256").await;
        whoami(&server, bearer(&old)).await;
        // the same provider with other keys
        let port = provider.port;
        provider.stop();
        let provider = Provider::start(&pair, port, "two").unwrap();
        let new = provider.token(&authority, "ndp-registry", "RS256").await;
        server.clock.advance(60);
        let received = whoami(&server, bearer(&new)).await;
        assert_eq!(received["principal"], "principals/person");
        assert_eq!(refused(&server, &old).await, "Unauthenticated TOKEN_INVALID");
        provider.stop();
        server.stop().await;
    }

    async fn a_browser_signs_in_at_a_certified_provider(engine: Engine) {
        let authority = Authority::new();
        let pair = authority.issue("provider", 2099);
        let Some(provider) = Provider::start(&pair, 0, "one") else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let issuer = provider.issuer_of_browsers(&authority, &folder);
        let server = browser::start(&engine, issuer, Limits::default()).await;
        to_real_time(&server);
        let keeper = admin(&server).await;
        server.person("person", &[Role::Auditor], None).await;
        identify(&keeper, "person", &[subject_of("synthetic", "person")]).await;
        let mut browser = Browser::new(&server);
        let begun = browser.send("GET /sign-in/synthetic", &[]).await;
        let flow = browser.cookies.clone();
        let back = provider.follow(&authority, begun.header("location").unwrap()).await;
        let path = back.strip_prefix(browser::PUBLIC).unwrap_or_else(|| panic!("{back}"));
        assert!(path.contains("&iss=https%3A%2F%2Fsso.synthetic.example%2Foidc"), "{path}");
        let answer = browser.send(&format!("GET {path}"), &[]).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert_eq!(browser.whoami().await["principal"], "principals/person");
        // the code again, in the browser that it was for: the provider knows that it was used
        let mut again = Browser::new(&server);
        again.cookies = flow;
        let answer = again.send(&format!("GET {path}"), &[]).await;
        assert_eq!(answer.status, 403);
        assert!(answer.text().contains("SIGN_IN_INVALID"), "{}", answer.text());
        assert!(again.cookies.is_empty());
        provider.stop();
        server.stop().await;
    }
}

/// A real browser follows the whole way, keeps the cookies, and its next call has them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_signs_in_at_a_certified_provider() {
    let Some(chromium) = tools::chromium() else {
        return;
    };
    let engine = Engine::sqlite();
    let authority = Authority::new();
    let pair = authority.issue("provider", 2099);
    let Some(provider) = Provider::start(&pair, 0, "one") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let own = authority.issue_for("registry", 2099, &["registry.example"]);
    let files = TlsFiles {
        certificate: own.certificate,
        key: own.key,
        client_ca: None,
    };
    let options = ServerOptions {
        issuers: vec![provider.issuer_of_browsers(&authority, &folder)],
        public_url: Some(browser::PUBLIC.parse().unwrap()),
        ..ServerOptions::default()
    };
    let tls = Tls::open(files).unwrap();
    let server = Server::start_encrypted(&engine.url(), tls, options).await;
    to_real_time(&server);
    server.person("person", &[Role::Auditor], None).await;
    let identity = Identity::TokenSubject {
        issuer: "synthetic".to_owned(),
        subject: server.registry.subject_key().hash("synthetic", "person"),
    };
    server.as_system(give("person", vec![identity])).await;
    let port = server.address.rsplit(':').next().unwrap();
    let mut command = Command::new(chromium);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
    ]);
    // the issuer of these certificates is synthetic, and so is the host
    command.arg("--ignore-certificate-errors");
    command.arg(format!(
        "--host-resolver-rules=MAP registry.example:443 127.0.0.1:{port}"
    ));
    command.arg(format!("--user-data-dir={}", folder.path().display()));
    command.arg("--dump-dom");
    let back = "/v1/principals:identifyCaller";
    command.arg(format!(
        "{}/sign-in/synthetic?return={back}",
        browser::PUBLIC
    ));
    let process = Process::spawn(command);
    block_in_place(|| process.wait(BOUND));
    let page = process.printed(Stream::Stdout);
    assert!(
        page.contains("\"principal\":\"principals/person\""),
        "{page}"
    );
    provider.stop();
    server.stop().await;
}
