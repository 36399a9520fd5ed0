//! TLS: the certificate and key of the server, which are reloaded when their files change, and the
//! handshake of a connection.
//!
//! A handshake uses the configuration that is current when it begins, so a reload ends no
//! connection. A reload also empties the session cache: a client whose issuer is no longer trusted
//! cannot resume a session.

use std::{
    fmt,
    fs::File,
    io::Read,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail, ensure};
use arc_swap::ArcSwap;
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge};
use sha2::{Digest, Sha256};
use tokio::{
    net::TcpStream, signal::unix::Signal, sync::Mutex, task::spawn_blocking, time::interval,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ProtocolVersion, RootCertStore, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
        server::WebPkiClientVerifier,
    },
    server::TlsStream,
};

use x509_parser::extensions::GeneralName;

use crate::{config::TlsFiles, telemetry::metrics::Metrics};
use ndp_core::{
    records::identities::{Identity, Means, Proof},
    time::Timestamp,
};

/// Interval between two reads of the files. They may be replaced one after the other, so a change
/// counts only when two consecutive reads are equal.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Maximum size of each file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Protocols that clients choose from, in the order of preference.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The first byte of a TLS handshake: its record type.
const HANDSHAKE: u8 = 22;

/// Values of the label `outcome`.
const USED: &str = "used";
const REFUSED: &str = "refused";
const TLS12: &str = "TLSv1.2";
const TLS13: &str = "TLSv1.3";

/// Maximum number of names of a client's certificate that are looked at.
const NAMES_MAX: usize = 32;

type Label = [(&'static str, &'static str); 1];

/// The TLS configuration of the server. Clones share it.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
    /// The content of the files at the last attempt to load them.
    tried: Mutex<Looked>,
    measures: Measures,
}

#[derive(Default)]
struct Measures {
    expires: Gauge,
    current: Gauge,
    reloads: Family<Label, Counter>,
    handshakes: Family<Label, Counter>,
}

/// The digest of the files' content, or the error of reading them.
type Looked = Result<[u8; 32], String>;

/// The content of the files.
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

/// A configuration, and the expiry time of its certificate, in seconds since 1970.
struct Loaded {
    config: ServerConfig,
    expires: i64,
}

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The client closed the connection, or violated the protocol.
    Failed,
    /// The client did not finish in time.
    TimedOut,
    /// The client does not speak TLS.
    PlainText,
}

impl Failure {
    const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::PlainText => "plain_text",
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Tls");
        debug.field("files", &self.0.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files. An error names the file and the fix.
    pub fn open(files: TlsFiles) -> anyhow::Result<Self> {
        let contents = Contents::read(&files)?;
        let digest = contents.digest();
        let loaded = contents.load(&files)?;
        warn_of_readers(&files.key);
        if loaded.expires < now() {
            let file = files.certificate.display();
            tracing::warn!(%file, "the certificate has expired: clients will refuse it");
        }
        let measures = Measures::default();
        // counters exist from the start, so that their first increase is visible
        for outcome in [USED, REFUSED] {
            drop(measures.reloads.get_or_create(&[("outcome", outcome)]));
        }
        let failures = [Failure::Failed, Failure::TimedOut, Failure::PlainText];
        for outcome in [TLS12, TLS13]
            .into_iter()
            .chain(failures.map(Failure::name))
        {
            drop(measures.handshakes.get_or_create(&[("outcome", outcome)]));
        }
        measures.expires.set(loaded.expires);
        measures.current.set(1);
        Ok(Self(Arc::new(Inner {
            config: ArcSwap::from_pointee(loaded.config),
            tried: Mutex::new(Ok(digest)),
            measures,
            files,
        })))
    }

    pub fn files(&self) -> &TlsFiles {
        &self.0.files
    }

    /// Registers its metrics.
    pub(super) fn register(&self, metrics: &Metrics) {
        let Measures {
            expires,
            current,
            reloads,
            handshakes,
        } = &self.0.measures;
        metrics.add(
            "ndp_tls_certificate_expiry_timestamp_seconds",
            "when the certificate in use expires, in seconds since 1970",
            expires.clone(),
        );
        metrics.add(
            "ndp_tls_files_in_use",
            "1 while what the files of TLS hold is in use, 0 while it was refused",
            current.clone(),
        );
        metrics.add(
            "ndp_tls_reloads",
            "times that the files of TLS were put to use, or refused",
            reloads.clone(),
        );
        metrics.add(
            "ndp_tls_handshakes",
            "TLS handshakes by how they ended",
            handshakes.clone(),
        );
    }

    /// Reloads the files when they change, and at each of these signals. Never ends.
    pub async fn reload_on_change(self, mut hangups: Signal) {
        let mut polls = interval(POLL_INTERVAL);
        let mut before = self.0.tried.lock().await.clone();
        loop {
            let asked = tokio::select! {
                _ = polls.tick() => false,
                // the stream of signals ends only with the process
                Some(()) = hangups.recv() => true,
            };
            let contents = self.read_files().await;
            let digest = match &contents {
                Ok(contents) => Ok(contents.digest()),
                Err(error) => Err(format!("{error:#}")),
            };
            if asked || (digest == before && digest != *self.0.tried.lock().await) {
                *self.0.tried.lock().await = digest.clone();
                self.replace(contents.and_then(|it| it.load(&self.0.files)));
            }
            before = digest;
        }
    }

    async fn read_files(&self) -> anyhow::Result<Contents> {
        let files = self.0.files.clone();
        spawn_blocking(move || Contents::read(&files)).await?
    }

    /// Uses a new configuration for later handshakes, or keeps the old one if it cannot be used.
    fn replace(&self, loaded: anyhow::Result<Loaded>) {
        let Measures {
            expires,
            current,
            reloads,
            ..
        } = &self.0.measures;
        let loaded = loaded.and_then(|it| {
            ensure!(it.expires >= now(), "the new certificate has expired");
            Ok(it)
        });
        let file = self.0.files.certificate.display();
        let outcome = match loaded {
            Ok(loaded) => {
                self.0.config.store(Arc::new(loaded.config));
                expires.set(loaded.expires);
                current.set(1);
                tracing::info!(%file, "the certificate was read anew");
                USED
            }
            Err(error) => {
                current.set(0);
                let error = format!("{error:#}");
                tracing::warn!(%file, error, "the certificate was refused; the old one is kept");
                REFUSED
            }
        };
        reloads.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Whether this first byte of a connection begins a TLS handshake.
    pub(super) const fn is_spoken(first: u8) -> bool {
        first == HANDSHAKE
    }

    /// Performs the handshake of a connection.
    pub(super) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.0.config.load_full());
        let stream = acceptor.accept(stream).await?;
        let version = match stream.get_ref().1.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => TLS12,
            _ => TLS13,
        };
        self.count(version);
        Ok(stream)
    }

    /// Counts a failed handshake.
    pub(super) fn failed(&self, failure: Failure) {
        self.count(failure.name());
    }

    fn count(&self, outcome: &'static str) {
        let handshakes = &self.0.measures.handshakes;
        handshakes.get_or_create(&[("outcome", outcome)]).inc();
    }
}

impl Contents {
    fn read(files: &TlsFiles) -> anyhow::Result<Self> {
        let client_ca = files.client_ca.as_ref();
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
            client_ca: client_ca.map(|it| read(&it.file)).transpose()?,
        })
    }

    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let client_ca = self.client_ca.as_deref().unwrap_or_default();
        for part in [&self.certificate, &self.key, client_ca] {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }

    fn load(&self, files: &TlsFiles) -> anyhow::Result<Loaded> {
        let chain = certificates(&self.certificate, &files.certificate)?;
        let shown = files.certificate.display();
        let expires = chain.first().context("a chain without an end")?;
        let expires = expiry(expires).with_context(|| format!("the first of `{shown}`"))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let builder = match (&self.client_ca, &files.client_ca) {
            (Some(contents), Some(ca)) => {
                let mut roots = RootCertStore::empty();
                for root in certificates(contents, &ca.file)? {
                    let shown = ca.file.display();
                    roots.add(root).with_context(|| format!("`{shown}`"))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = match ca.required {
                    true => verifier,
                    false => verifier.allow_unauthenticated(),
                };
                builder.with_client_cert_verifier(verifier.build()?)
            }
            _ => builder.with_no_client_auth(),
        };
        let key = key(&self.key, &files.key)?;
        let mut config = builder.with_single_cert(chain, key).with_context(|| {
            let key = files.key.display();
            format!("`{key}` is not the key of the first certificate in `{shown}`")
        })?;
        config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
        Ok(Loaded { config, expires })
    }
}

/// The content of a regular file of limited size.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let read = || {
        // opening a pipe would wait for its writer
        ensure!(path.metadata()?.is_file(), "it is not a file");
        let mut contents = Vec::new();
        let file = File::open(path)?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut contents)?;
        let large = contents.len() as u64 > FILE_BYTES_MAX;
        ensure!(!large, "it is larger than {FILE_BYTES_MAX} bytes");
        Ok(contents)
    };
    read().with_context(|| format!("cannot read `{shown}`"))
}

fn certificates(contents: &[u8], path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let shown = path.display();
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(contents).collect();
    let read = read.with_context(|| format!("`{shown}` is not PEM"))?;
    ensure!(
        !read.is_empty(),
        "there is no certificate in `{shown}`; it is a PEM file with BEGIN CERTIFICATE"
    );
    Ok(read)
}

fn key(contents: &[u8], path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    let shown = path.display();
    match PrivateKeyDer::from_pem_slice(contents) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => bail!(
            "there is no private key in `{shown}`; it is a PEM file with BEGIN PRIVATE KEY, and \
             without a password"
        ),
        Err(error) => Err(error).with_context(|| format!("`{shown}` is not PEM")),
    }
}

/// What the verified certificate of a client proves: each of its subject alternative names that a
/// principal could have.
pub(super) fn proof(certificate: &CertificateDer<'_>) -> Option<Proof> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let expire_time = parsed.validity().not_after.timestamp();
    let expire_time = Timestamp::from_micros(expire_time.checked_mul(1_000_000)?).ok()?;
    let names = parsed.subject_alternative_name().ok()?;
    let names = names.iter().flat_map(|it| &it.value.general_names);
    let identities = names.take(NAMES_MAX).filter_map(|name| match name {
        GeneralName::URI(uri) => Some(Identity::CertificateUri((*uri).to_owned())),
        GeneralName::DNSName(name) => Some(Identity::CertificateDns((*name).to_owned())),
        _ => None,
    });
    Some(Proof {
        means: Means::Certificate,
        identities: identities.collect(),
        expire_time,
    })
}

/// The expiry time of a certificate, in seconds since 1970.
fn expiry(certificate: &CertificateDer<'_>) -> anyhow::Result<i64> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate)?;
    Ok(parsed.validity().not_after.timestamp())
}

/// Seconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |it| i64::try_from(it.as_secs()).unwrap_or(i64::MAX))
}

/// Warns if every user of the machine can read the key.
pub(super) fn warn_of_readers(key: &Path) {
    use std::os::unix::fs::PermissionsExt;
    const OTHERS: u32 = 0o007;
    let mode = key.metadata().map_or(0, |it| it.permissions().mode());
    if mode & OTHERS != 0 {
        let file = key.display();
        tracing::warn!(%file, "every user of this machine can read the key; run chmod 600 on it");
    }
}
