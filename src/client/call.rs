//! Calls of any method: the connection, the credentials, and messages by their descriptors.

use std::{env, fs, time::Duration};

use anyhow::{Context as _, bail};
use clap::ArgMatches;
use http::{Uri, uri::PathAndQuery};
use prost_reflect::DynamicMessage;
use tonic::{
    Code, Request, Status, Streaming,
    client::Grpc,
    codec::CompressionEncoding,
    metadata::{AsciiMetadataValue, MetadataMap},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use super::{
    contract::Verb,
    failure::Failure,
    language::{Language, Words, unread},
    profile::{self, Profile},
};
use crate::wire::dynamic::Dynamic;

/// The default address of a server.
const DEFAULT_SERVER: &str = "127.0.0.1:50051";
/// Variable with the key itself.
pub(super) const KEY: &str = "NDP_KEY";
/// How often a call is tried when the server cannot be reached.
const ATTEMPTS: u32 = 4;
/// Time before the second of them; doubled before each of the next.
const PAUSE: Duration = Duration::from_millis(200);
/// Longest message that is taken; a server sends shorter ones.
const MESSAGE_BYTES: usize = 16 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call may take where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The same of a file that is sent or read. The server has a limit of its own.
const FILE_TIMEOUT: Duration = Duration::from_secs(3600);

/// A server, and who calls it.
#[derive(Clone)]
pub(super) struct Connection {
    channel: Channel,
    metadata: MetadataMap,
    timeout: Option<Duration>,
    /// As it was given.
    pub(super) server: String,
}

/// Where to connect to and as whom, from flags, variables and the profile, in that order.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) profile: Profile,
    insecure: bool,
    timeout: Option<Duration>,
}

impl Settings {
    pub(super) fn of(given: &ArgMatches) -> anyhow::Result<Self> {
        let text = |name: &str| {
            given
                .get_one::<String>(name)
                .filter(|it| !it.is_empty())
                .cloned()
        };
        let stored = profile::find(text("profile").as_deref())?;
        Ok(Self::with(given, over(given, stored)?))
    }

    /// With a profile that is complete.
    pub(super) fn with(given: &ArgMatches, profile: Profile) -> Self {
        Self {
            profile,
            insecure: given.get_flag("insecure"),
            timeout: given.get_one("timeout").copied().map(Duration::from_secs),
        }
    }
}

/// What the flags and variables say, and the profile where they say nothing.
pub(super) fn over(given: &ArgMatches, stored: Profile) -> anyhow::Result<Profile> {
    let text = |name: &str| {
        given
            .get_one::<String>(name)
            .filter(|it| !it.is_empty())
            .cloned()
    };
    let path = |name: &str| text(name).map(Into::into);
    // what is stored for one server is for no other, above all the key
    let is_other = text("server").is_some_and(|it| stored.server.as_ref() != Some(&it));
    let stored = match is_other {
        true => Profile {
            lang: stored.lang,
            ..Profile::default()
        },
        false => stored,
    };
    let variable = env::var(KEY).ok().filter(|it| !it.is_empty());
    let key_file = path("key-file");
    let (key, key_file) = match (key_file, variable) {
        (Some(file), _) => (None, Some(file)),
        (None, Some(key)) => (Some(key), None),
        (None, None) => (stored.key, stored.key_file),
    };
    Ok(Profile {
        server: text("server").or(stored.server),
        key,
        key_file,
        ca: path("ca").or(stored.ca),
        client_certificate: path("client-certificate").or(stored.client_certificate),
        client_key: path("client-key").or(stored.client_key),
        lang: text("lang").or(stored.lang),
    })
}

/// The key of a profile, if it has one.
pub(super) fn key(profile: &Profile) -> anyhow::Result<Option<String>> {
    let Some(file) = &profile.key_file else {
        return Ok(profile.key.clone());
    };
    let shown = file.display();
    let key = fs::read_to_string(file).with_context(|| unread(&shown))?;
    let key = key.trim();
    if key.is_empty() || key.contains(char::is_whitespace) {
        bail!(Words::new(
            format!("`{shown}` does not hold one API key"),
            format!("`{shown}` không chứa đúng một khóa API"),
        ));
    }
    Ok(Some(key.to_owned()))
}

impl Connection {
    /// Prepares a connection, which the first call makes.
    pub(super) fn new(settings: &Settings, language: Language) -> Result<Self, Failure> {
        let profile = &settings.profile;
        let server = profile.server.as_deref().unwrap_or(DEFAULT_SERVER);
        let uri = address(server)?;
        let is_encrypted = uri.scheme_str() == Some("https");
        let key = key(profile)?;
        if key.is_some() && !is_encrypted && !is_here(&uri) && !settings.insecure {
            return Err(Failure::usage(
                format!(
                    "a key would go to {server} unencrypted: write https:// before it, or add \
                     --insecure"
                ),
                format!(
                    "khóa sẽ được gửi đến {server} mà không mã hóa: hãy ghi https:// ở trước, \
                     hoặc thêm --insecure"
                ),
            ));
        }
        let mut endpoint = Endpoint::from(uri)
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("ndp-registry/", env!("CARGO_PKG_VERSION")))
            .context("the name of the program")?;
        if is_encrypted {
            endpoint = endpoint
                .tls_config(tls(profile)?)
                .context("TLS cannot be set up")?;
        } else if profile.ca.is_some() || profile.client_certificate.is_some() {
            return Err(Failure::usage(
                format!("--ca and --client-certificate are for https://; {server} is without TLS"),
                format!("--ca và --client-certificate dùng với https://; {server} không dùng TLS"),
            ));
        }
        let mut metadata = MetadataMap::new();
        if let Some(key) = key {
            let value = AsciiMetadataValue::try_from(format!("Bearer {key}"));
            let mut value = value.ok().with_context(|| {
                Words::new(
                    "the API key has letters that no key has",
                    "khóa API có ký tự mà không khóa nào có",
                )
            })?;
            value.set_sensitive(true);
            metadata.insert("authorization", value);
        }
        metadata.insert(
            "accept-language",
            AsciiMetadataValue::from_static(language.tag()),
        );
        Ok(Self {
            channel: endpoint.connect_lazy(),
            metadata,
            timeout: settings.timeout,
            server: server.to_owned(),
        })
    }

    /// A client of the server, which is connected.
    async fn ready(&self) -> Result<Grpc<Channel>, Failure> {
        let mut client = Grpc::new(self.channel.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(MESSAGE_BYTES);
        let ready = client.ready().await;
        ready.map_err(|error| self.unreachable(&error))?;
        Ok(client)
    }

    fn request<T>(&self, message: T, timeout: Option<Duration>) -> Request<T> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        if let Some(timeout) = timeout {
            request.set_timeout(timeout);
        }
        request
    }

    /// Calls a method. A call that can be repeated is, where the server cannot be reached: a read,
    /// or a write by its request id.
    pub(super) async fn call(
        &self,
        verb: &Verb,
        message: &DynamicMessage,
    ) -> Result<DynamicMessage, Failure> {
        let repeatable = verb.is_read() || message.has_field_by_name("request_id");
        let mut pause = PAUSE;
        let mut attempt = 1;
        loop {
            let mut client = self.ready().await?;
            let timeout = self.timeout.unwrap_or(TIMEOUT);
            let request = self.request(message.clone(), Some(timeout));
            let codec = Dynamic(verb.route.method.output());
            match client.unary(request, path(verb), codec).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status)
                    if status.code() == Code::Unavailable && repeatable && attempt < ATTEMPTS =>
                {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    attempt += 1;
                }
                Err(status) => return Err(self.explained(status)),
            }
        }
    }

    /// Calls a method that answers a stream, which no time-out ends.
    pub(super) async fn follow(
        &self,
        verb: &Verb,
        message: DynamicMessage,
    ) -> Result<Streaming<DynamicMessage>, Failure> {
        self.stream(verb, message, None).await
    }

    /// Calls a method that answers a file.
    pub(super) async fn receive(
        &self,
        verb: &Verb,
        message: DynamicMessage,
    ) -> Result<Streaming<DynamicMessage>, Failure> {
        let timeout = self.timeout.unwrap_or(FILE_TIMEOUT);
        self.stream(verb, message, Some(timeout)).await
    }

    async fn stream(
        &self,
        verb: &Verb,
        message: DynamicMessage,
        timeout: Option<Duration>,
    ) -> Result<Streaming<DynamicMessage>, Failure> {
        let mut client = self.ready().await?;
        let codec = Dynamic(verb.route.method.output());
        let answer = client
            .server_streaming(self.request(message, timeout), path(verb), codec)
            .await;
        Ok(answer
            .map_err(|status| self.explained(status))?
            .into_inner())
    }

    /// Calls a method that takes a file.
    pub(super) async fn send(
        &self,
        verb: &Verb,
        messages: impl futures_util::Stream<Item = DynamicMessage> + Send + 'static,
    ) -> Result<DynamicMessage, Failure> {
        let mut client = self.ready().await?;
        let codec = Dynamic(verb.route.method.output());
        let timeout = self.timeout.unwrap_or(FILE_TIMEOUT);
        let answer = client
            .client_streaming(self.request(messages, Some(timeout)), path(verb), codec)
            .await;
        Ok(answer
            .map_err(|status| self.explained(status))?
            .into_inner())
    }

    fn unreachable(&self, error: &tonic::transport::Error) -> Failure {
        self.unreachable_because(&causes(error))
    }

    fn unreachable_because(&self, why: &str) -> Failure {
        let server = &self.server;
        Failure::Unreachable(Words::new(
            format!("{server} cannot be reached: {why}"),
            format!("không kết nối được với {server}: {why}"),
        ))
    }

    /// Says which server, where the status is the transport's and not the server's.
    pub(super) fn explained(&self, status: Status) -> Failure {
        match std::error::Error::source(&status) {
            // the transport's own; a server sends none
            Some(source) if status.details().is_empty() => {
                self.unreachable_because(&causes(source))
            }
            _ => Failure::from(status),
        }
    }
}

/// An error with what caused it, each once.
fn causes(error: &dyn std::error::Error) -> String {
    let mut causes = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        cause = error.source();
    }
    causes.join(": ")
}

/// The address with its scheme: https, unless it is this machine.
fn address(server: &str) -> Result<Uri, Failure> {
    let form = || {
        Failure::usage(
            format!("`{server}` is no server; write https://HOST:PORT or HOST:PORT"),
            format!("`{server}` không phải là máy chủ; hãy ghi https://MÁY:CỔNG hoặc MÁY:CỔNG"),
        )
    };
    let parsed = |text: &str| text.parse::<Uri>().map_err(|_| form());
    let whole = match server.contains("://") {
        true => server.to_owned(),
        false => {
            let plain = parsed(&format!("http://{server}"))?;
            let scheme = if is_here(&plain) { "http" } else { "https" };
            format!("{scheme}://{server}")
        }
    };
    let uri = parsed(&whole)?;
    let is_root = matches!(uri.path(), "" | "/") && uri.query().is_none();
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() || !is_root {
        return Err(form());
    }
    Ok(uri)
}

fn is_here(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|it| it.is_loopback())
}

fn tls(profile: &Profile) -> anyhow::Result<ClientTlsConfig> {
    let read = |file: &std::path::PathBuf| fs::read(file).with_context(|| unread(file.display()));
    let mut config = ClientTlsConfig::new();
    config = match &profile.ca {
        Some(ca) => config.ca_certificate(Certificate::from_pem(read(ca)?)),
        None => config.with_webpki_roots(),
    };
    if let (Some(certificate), Some(key)) = (&profile.client_certificate, &profile.client_key) {
        config = config.identity(Identity::from_pem(read(certificate)?, read(key)?));
    }
    Ok(config)
}

fn path(verb: &Verb) -> PathAndQuery {
    verb.route.grpc.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_called_without_tls() {
        let address = |server| address(server).unwrap().to_string();
        assert_eq!(address("127.0.0.1:1"), "http://127.0.0.1:1/");
        assert_eq!(address("[::1]:1"), "http://[::1]:1/");
        assert_eq!(
            address("registry.example:443"),
            "https://registry.example:443/"
        );
        assert_eq!(
            address("http://registry.example"),
            "http://registry.example/"
        );
        for wrong in ["", "ftp://a", "https://a/b", "a b"] {
            super::address(wrong).unwrap_err();
        }
    }
}
