//! A synthetic issuer of tokens: its keys, the site that publishes them, and the settings of a
//! server that accepts it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ndp_core::time::Timestamp;
use ndp_registry::sign_in::settings::{Issuer, KeySource};
use rcgen::KeyPair;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, pem::PemObject},
    },
};

use url::Url;

use super::certificates::Authority;

/// `iss` of its tokens: an address inside its own network, as some issuers write it, and not the
/// one that it publishes its keys at.
pub(crate) const ISS: &str = "http://10.20.30.40:8080/auth/realms/synthetic";

/// `aud` of tokens for the registry.
pub(crate) const AUDIENCE: &str = "ndp-registry";

/// A key that it signs with, by ES256.
pub(crate) struct SigningKey {
    id: String,
    pair: KeyPair,
}

impl SigningKey {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            pair: KeyPair::generate().unwrap(),
        }
    }

    /// The public half (RFC 7517).
    pub(crate) fn jwk(&self) -> Value {
        // an uncompressed point: 4, x and y
        let point = self.pair.public_key_raw();
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": number(&point[1..33]), "y": number(&point[33..]),
        })
    }

    /// The public half in PEM, as everyone may have it.
    pub(crate) fn public_pem(&self) -> String {
        self.pair.public_key_pem()
    }

    pub(crate) fn header(&self) -> Header {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.id.clone());
        header
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    pub(crate) fn sign_with(&self, header: &Header, claims: &Value) -> String {
        let key = EncodingKey::from_ec_der(&self.pair.serialize_der());
        jsonwebtoken::encode(header, claims, &key).unwrap()
    }
}

/// Claims of a token for the registry that holds for five minutes from `now`.
pub(crate) fn claims(subject: &str, now: Timestamp) -> Value {
    let now = now.as_micros() / 1_000_000;
    json!({"iss": ISS, "sub": subject, "aud": AUDIENCE, "iat": now, "exp": now + 300})
}

/// What a site does when it is asked to exchange a code.
#[derive(Clone, Debug)]
pub(crate) enum Exchange {
    /// Answers with these bytes.
    Answers(String),
    /// Says nothing, and keeps the connection.
    IsSilent,
}

/// A site with https that publishes keys, exchanges codes, and that a test can take down.
pub(crate) struct Site {
    authority: Authority,
    port: u16,
    document: Arc<Mutex<String>>,
    up: Arc<AtomicBool>,
    reads: Arc<AtomicUsize>,
    exchange: Arc<Mutex<Exchange>>,
    exchanges: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub(crate) async fn start(keys: &[&SigningKey]) -> Self {
        let authority = Authority::new();
        let pair = authority.issue("site", 2099);
        let key = PrivateKeyDer::from_pem_file(&pair.key).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![pair.der()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = Self {
            authority,
            port: listener.local_addr().unwrap().port(),
            document: Arc::default(),
            up: Arc::new(AtomicBool::new(true)),
            reads: Arc::default(),
            exchange: Arc::new(Mutex::new(Exchange::IsSilent)),
            exchanges: Arc::default(),
        };
        site.publish(keys);
        let (document, up) = (Arc::clone(&site.document), Arc::clone(&site.up));
        let reads = Arc::clone(&site.reads);
        let (exchange, exchanges) = (Arc::clone(&site.exchange), Arc::clone(&site.exchanges));
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                reads.fetch_add(1, Ordering::SeqCst);
                // a connection that is closed at once
                if !up.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.unwrap());
                }
                if request.starts_with(b"POST /token HTTP/1.1\r\n") {
                    let mut head = String::from_utf8(request).unwrap();
                    let mut lines = head.lines();
                    let length = lines.find_map(|it| it.strip_prefix("content-length: "));
                    let mut body = vec![0; length.unwrap().parse().unwrap()];
                    stream.read_exact(&mut body).await.unwrap();
                    head.push_str(&String::from_utf8(body).unwrap());
                    exchanges.lock().unwrap().push(head);
                    let answer = exchange.lock().unwrap().clone();
                    match answer {
                        // a server that has read enough closes
                        Exchange::Answers(answer) => {
                            drop(stream.write_all(answer.as_bytes()).await);
                            drop(stream.shutdown().await);
                        }
                        Exchange::IsSilent => silent.push(stream),
                    }
                    continue;
                }
                assert!(request.starts_with(b"GET /keys?synthetic=yes HTTP/1.1\r\n"));
                let body = document.lock().unwrap().clone();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).await.unwrap();
                drop(stream.shutdown().await);
            }
        });
        site
    }

    /// Publishes these keys, and two of kinds that a server ignores.
    pub(crate) fn publish(&self, keys: &[&SigningKey]) {
        let mut keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        keys.push(json!({"kty": "oct", "kid": "symmetric", "k": "c2VjcmV0"}));
        keys.push(json!({"kty": "new", "kid": "of another kind"}));
        self.publish_text(&json!({"keys": keys}).to_string());
    }

    pub(crate) fn publish_text(&self, document: &str) {
        document.clone_into(&mut self.document.lock().unwrap());
    }

    /// Whether it answers from now on.
    pub(crate) fn set_up(&self, up: bool) {
        self.up.store(up, Ordering::SeqCst);
    }

    /// What it does from now on with codes.
    pub(crate) fn set_exchange(&self, exchange: Exchange) {
        *self.exchange.lock().unwrap() = exchange;
    }

    /// The requests to exchange a code, in order.
    pub(crate) fn exchanges(&self) -> Vec<String> {
        self.exchanges.lock().unwrap().clone()
    }

    /// Where it is.
    pub(crate) fn url(&self, path: &str) -> Url {
        format!("https://localhost:{}{path}", self.port)
            .parse()
            .unwrap()
    }

    /// How often its keys were asked for.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// The settings of an issuer whose keys it publishes.
    pub(crate) fn issuer(&self, name: &str, iss: &str) -> Issuer {
        Issuer {
            name: name.to_owned(),
            issuer: iss.to_owned(),
            keys: KeySource::Site(self.url("/keys?synthetic=yes")),
            audiences: vec!["another".to_owned(), AUDIENCE.to_owned()],
            algorithms: vec![Algorithm::ES256, Algorithm::RS256],
            clock_skew_seconds: 30,
            token_bytes: 2048,
            ca: Some(self.authority.root()),
            client: None,
        }
    }
}
