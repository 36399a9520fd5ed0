//! Certificates for the tests, generated for each run: an issuer and the certificates it issues.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore, SupportedProtocolVersion,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
        version::{TLS12, TLS13},
    },
};

/// An issuer, with a folder of its own for its files.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

/// The files of a certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "issuer (synthetic)");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let directory = tempfile::Builder::new()
            .prefix("ndp-tls-")
            .tempdir()
            .unwrap();
        fs::write(directory.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, directory }
    }

    /// The file with its own certificate.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// Issues a certificate for this machine, which expires at the start of a year.
    pub(crate) fn issue(&self, name: &str, year: i32) -> Pair {
        self.issue_for(name, year, &["localhost", "127.0.0.1"])
    }

    /// Issues a certificate for a URI.
    pub(crate) fn issue_uri(&self, name: &str, year: i32, uri: &str) -> Pair {
        let mut params = CertificateParams::default();
        let uri = SanType::URI(uri.try_into().unwrap());
        params.subject_alt_names = vec![uri];
        self.write(name, year, params)
    }

    pub(crate) fn issue_for(&self, name: &str, year: i32, hosts: &[&str]) -> Pair {
        let hosts: Vec<_> = hosts.iter().map(|&it| it.to_owned()).collect();
        self.write(name, year, CertificateParams::new(hosts).unwrap())
    }

    fn write(&self, name: &str, year: i32, mut params: CertificateParams) -> Pair {
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let pair = Pair {
            certificate: self.directory.path().join(format!("{name}.pem")),
            key: self.directory.path().join(format!("{name}-key.pem")),
        };
        fs::write(&pair.certificate, certificate.pem()).unwrap();
        fs::write(&pair.key, key.serialize_pem()).unwrap();
        pair
    }
}

impl Pair {
    /// What it is served with.
    pub(crate) fn options(&self) -> [&str; 4] {
        let [certificate, key] = [&self.certificate, &self.key].map(|it| it.to_str().unwrap());
        ["--tls-certificate", certificate, "--tls-key", key]
    }

    /// Has the contents of another.
    pub(crate) fn become_like(&self, other: &Self) {
        fs::copy(&other.key, &self.key).unwrap();
        fs::copy(&other.certificate, &self.certificate).unwrap();
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(&self.certificate).unwrap()
    }
}

/// How a client of the tests connects.
#[derive(Clone, Default)]
pub(crate) struct Trusting {
    pub(crate) roots: Vec<PathBuf>,
    /// The client's own certificate.
    pub(crate) own: Option<Pair>,
    pub(crate) alpn: Vec<&'static str>,
    pub(crate) only: Option<&'static SupportedProtocolVersion>,
}

impl Trusting {
    pub(crate) fn root(root: &Path) -> Self {
        Self {
            roots: vec![root.to_owned()],
            ..Self::default()
        }
    }

    /// A handshake with a server on this machine.
    pub(crate) async fn connect(&self, address: &str) -> std::io::Result<TlsStream<TcpStream>> {
        self.connect_on(TcpStream::connect(address).await?).await
    }

    /// The same on this connection.
    pub(crate) async fn connect_on(
        &self,
        stream: TcpStream,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        for root in &self.roots {
            roots
                .add(CertificateDer::from_pem_file(root).unwrap())
                .unwrap();
        }
        let versions = match self.only {
            Some(version) => vec![version],
            None => vec![&TLS12, &TLS13],
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match &self.own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let key = PrivateKeyDer::from_pem_file(&own.key).unwrap();
                builder.with_client_auth_cert(vec![own.der()], key).unwrap()
            }
        };
        config.alpn_protocols = self.alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }
}
