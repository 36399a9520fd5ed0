//! Sign-in with tokens of a certified OpenID provider (tests/oidc), which runs beside the server:
//! one run on each engine.

use std::{
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::Algorithm;
use ndp_core::records::principals::Role;
use ndp_registry::sign_in::settings::{Issuer, Place};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::block_in_place,
};

use super::{admin, bearer, identify, refused, start, subject_of, whoami};
use crate::harness::{
    Engine, both,
    certificates::{Authority, Pair, Trusting},
    process::{Process, Signal},
    tools,
};

const BOUND: Duration = Duration::from_secs(60);

/// Name and secret of its client, and what the provider has as the issuer.
const CLIENT: &str = "aW1wb3J0ZXI6bWFkZS11cC1hbmQta25vd24tdG8tZXZlcnlvbmUtMDEyMzQ1Njc4OQ==";
const ISSUER: &str = "https://sso.made-up.example/oidc";

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

    /// A token for this audience, signed by this algorithm.
    async fn token(&self, authority: &Authority, audience: &str, algorithm: &str) -> String {
        let body = format!("grant_type=client_credentials&resource=urn:{audience}:{algorithm}");
        let request = format!(
            "POST /token HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             authorization: Basic {CLIENT}\r\ncontent-length: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\n{body}",
            body.len()
        );
        let client = Trusting::root(&authority.root());
        let address = format!("127.0.0.1:{}", self.port);
        let mut stream = client.connect(&address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (start, end) = (answer.find('{').unwrap(), answer.rfind('}').unwrap());
        let answer: Value = serde_json::from_str(&answer[start..=end]).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }
}

both! {
    async fn tokens_of_a_certified_provider_hold(engine: Engine) {
        let authority = Authority::new();
        let pair = authority.issue("provider", 2099);
        let Some(provider) = Provider::start(&pair, 0, "one") else {
            return;
        };
        let issuer = Issuer {
            name: "made-up".to_owned(),
            issuer: ISSUER.to_owned(),
            keys: Place::Site(format!("https://localhost:{}/jwks", provider.port).parse().unwrap()),
            audiences: vec!["ndp-registry".to_owned()],
            algorithms: vec![Algorithm::RS256, Algorithm::ES256],
            clock_skew_seconds: 30,
            token_bytes: 4096,
            ca: Some(authority.root()),
            client: None,
        };
        let server = start(&engine, vec![issuer]).await;
        // the provider's clock is the real one
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let since = server.registry.clock().now().as_micros() / 1_000_000;
        server.clock.advance(i64::try_from(now).unwrap() - since);
        let keeper = admin(&server).await;
        server.person("person", &[Role::Auditor], None).await;
        identify(&keeper, "person", &[subject_of("made-up", "importer")]).await;
        let token = async |audience: &str, algorithm: &str| {
            provider.token(&authority, audience, algorithm).await
        };
        for algorithm in ["RS256", "ES256"] {
            let told = whoami(&server, bearer(&token("ndp-registry", algorithm).await)).await;
            assert_eq!(told["principal"], "principals/person", "{algorithm}");
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
        let told = whoami(&server, bearer(&new)).await;
        assert_eq!(told["principal"], "principals/person");
        assert_eq!(refused(&server, &old).await, "Unauthenticated TOKEN_INVALID");
        provider.stop();
        server.stop().await;
    }
}
