//! Where an issuer's keys are read from: a file, or a site over https; and how a site is asked.
//!
//! One request over HTTP/1.1 in TLS 1.2 or 1.3. Redirects are not followed, because they could lead
//! to a site that the settings do not name.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{
    Request, StatusCode,
    header::{ACCEPT, HOST, USER_AGENT},
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{fs::File, io::AsyncReadExt as _, net::TcpStream};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};
use url::{Host, Url};

use super::settings::KeySource;

/// Maximum size of a JWK set.
const BYTES_MAX: usize = 256 * 1024;

/// Where a JWK set is.
pub(super) enum Source {
    File(PathBuf),
    Site { url: Url, tls: TlsConnector },
}

impl Source {
    /// `ca` is a PEM file with the roots to trust; those of Mozilla's program if there is none.
    pub(super) fn open(place: &KeySource, ca: Option<&Path>) -> anyhow::Result<Self> {
        let url = match place {
            KeySource::File(path) => return Ok(Self::File(path.clone())),
            KeySource::Site(url) => url.clone(),
        };
        let tls = connector(ca)?;
        Ok(Self::Site { url, tls })
    }

    /// Reads the document.
    pub(super) async fn read(&self) -> anyhow::Result<Bytes> {
        match self {
            Self::File(path) => {
                let read = async {
                    ensure!(
                        tokio::fs::metadata(path).await?.is_file(),
                        "it is not a file"
                    );
                    let mut contents = Vec::new();
                    let file = File::open(path).await?;
                    let mut file = file.take(BYTES_MAX as u64 + 1);
                    file.read_to_end(&mut contents).await?;
                    ensure!(
                        contents.len() <= BYTES_MAX,
                        "it is larger than {BYTES_MAX} bytes"
                    );
                    Ok(contents.into())
                };
                let read = read.await;
                read.with_context(|| format!("cannot read `{}`", path.display()))
            }
            Self::Site { url, tls } => {
                let read = get(url, tls).await;
                read.with_context(|| format!("cannot read `{url}`"))
            }
        }
    }
}

/// TLS with these roots; with those of Mozilla's program if there is no file.
pub(super) fn connector(ca: Option<&Path>) -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let shown = path.display();
            let certificates = CertificateDer::pem_file_iter(path);
            let certificates = certificates.with_context(|| format!("cannot read `{shown}`"))?;
            for certificate in certificates {
                let certificate = certificate.with_context(|| format!("`{shown}`"))?;
                roots
                    .add(certificate)
                    .with_context(|| format!("`{shown}`"))?;
            }
            ensure!(!roots.is_empty(), "there is no certificate in `{shown}`");
        }
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn get(url: &Url, tls: &TlsConnector) -> anyhow::Result<Bytes> {
    let request = Request::builder().header(ACCEPT, "application/jwk-set+json, application/json");
    let (status, body) = send(url, tls, request, Bytes::new(), BYTES_MAX).await?;
    ensure!(status == StatusCode::OK, "it answers {status}");
    Ok(body)
}

/// Sends a request to a URL. Returns the answer; an answer of more than `most` bytes is an error.
pub(super) async fn send(
    url: &Url,
    tls: &TlsConnector,
    request: http::request::Builder,
    body: Bytes,
    most: usize,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let (host, authority) = match url.host().context("it names no host")? {
        Host::Domain(name) => (name.to_owned(), name.to_owned()),
        Host::Ipv4(address) => (address.to_string(), address.to_string()),
        Host::Ipv6(address) => (address.to_string(), format!("[{address}]")),
    };
    let port = url.port_or_known_default().context("it names no port")?;
    let stream = TcpStream::connect((&*host, port)).await?;
    let stream = tls.connect(ServerName::try_from(host)?, stream).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let host = match url.port() {
        Some(port) => format!("{authority}:{port}"),
        None => authority,
    };
    let request = request
        .uri(target)
        .header(HOST, host)
        .header(USER_AGENT, "ndp-registry")
        .body(Full::new(body))?;
    let answered = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), most).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the answer cannot be read: {error}"))?;
        Ok((status, body.to_bytes()))
    };
    // the connection is driven here, so that it ends with this call
    let mut connection = std::pin::pin!(connection);
    let mut answered = std::pin::pin!(answered);
    tokio::select! {
        biased;
        answer = &mut answered => answer,
        ended = &mut connection => {
            ended?;
            // the whole answer may be here already
            answered.await
        }
    }
}
