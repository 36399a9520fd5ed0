//! Settings: from the command line, else the environment, else a configuration file, else their
//! defaults. All are read before anything starts, and every mistake is reported at once.

mod file;
mod limits;
mod origins;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use http::HeaderValue;

pub use self::{file::Mistakes, limits::Limits};
use self::{
    file::{Settings, joined, table},
    limits::LimitArgs,
    origins::{origins, public_url},
};
use crate::{
    admission::proxies::{NotANetwork, Proxies},
    catalogue,
    files::{Location, Settings as FileSettings},
    sign_in::settings::{self, Issuer},
    store::DatabaseUrl,
};
use ndp_core::names::is_log_origin;

/// Default address that the server listens on: this machine only.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:50051";
/// Default database: a file in the working directory.
pub const DATABASE_DEFAULT: &str = "sqlite:ndp-registry.db";
/// The same for a sandbox.
const SANDBOX_DATABASE_DEFAULT: &str = "sqlite:ndp-sandbox.db";

/// Settings of every command that opens the database.
#[derive(Args, Clone, Debug, Default)]
pub struct DatabaseArgs {
    /// Configuration file in TOML; its keys are the long options' names with `_` for `-`, as
    /// log_format = "json"
    #[arg(long, env = "NDP_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// Database: sqlite:PATH, with the path as it is, or postgres://USER:PASSWORD@HOST/NAME, with
    /// the password percent-encoded [default: sqlite:ndp-registry.db]
    #[arg(long, env = "NDP_DATABASE", value_name = "URL", hide_env_values = true)]
    database: Option<String>,

    /// Where the bytes of new files are kept: database, or directory:PATH, which every process of
    /// the registry has to share. Files that are kept already stay where they are [default:
    /// database]
    #[arg(long, env = "NDP_FILES", value_name = "PLACE")]
    files: Option<String>,

    /// Shipped editions whose entries a new database is to hold, separated by commas:
    /// 1527-qd-bkhcn, 2618-qd-bkhcn, 1132-qd-ttg [default: 2618-qd-bkhcn]
    #[arg(long, env = "NDP_CATALOGUE", value_name = "EDITIONS")]
    catalogue: Option<String>,

    /// Format of the log on standard error: human or json [default: human]
    #[arg(long, env = "NDP_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<String>,

    /// What is logged: error, warn, info, debug, trace, or tracing directives such as
    /// info,ndp_registry=debug [default: info]
    #[arg(long, env = "NDP_LOG_LEVEL", value_name = "LEVEL")]
    log_level: Option<String>,
}

/// Settings of `serve`.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = "Example:\n  ndp-registry serve --database sqlite:registry.db")]
pub struct ServeArgs {
    /// Serve a sandbox for developers: synthetic data, open keys, printed at the start, and all
    /// begins anew at midnight in Vietnam; its database is sqlite:ndp-sandbox.db unless another
    /// file is named [default: false]
    #[arg(long, env = "NDP_SANDBOX", value_name = "BOOL", num_args = 0..=1,
          default_missing_value = "true")]
    sandbox: Option<String>,

    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:50051]
    #[arg(long, env = "NDP_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,

    /// Serve plain text even on an address that other machines can reach, for keys can be read on
    /// the way; only on a network that is protected by other means [default: false]
    #[arg(long, env = "NDP_INSECURE", value_name = "BOOL", num_args = 0..=1,
          default_missing_value = "true")]
    insecure: Option<String>,

    /// Seconds that running calls get to finish after SIGTERM, 0 to 300 [default: 10]
    #[arg(long, env = "NDP_SHUTDOWN_SECONDS", value_name = "SECONDS")]
    shutdown_seconds: Option<String>,

    /// Web sites whose pages may call this server from a browser, by gRPC-Web or as JSON, as
    /// `https://dashboard.example`; may be given more than once, or separated by commas
    /// [default: none]
    #[arg(
        long,
        env = "NDP_WEB_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    web_origin: Vec<String>,

    /// Proxies in front of the server, as addresses or networks separated by commas, such as
    /// `10.0.0.0/8`: what they write into `x-forwarded-for` says who calls. Without this, all who
    /// call through a proxy are one caller to the limits [default: none]
    #[arg(
        long,
        env = "NDP_TRUSTED_PROXY",
        value_name = "NETWORK",
        value_delimiter = ','
    )]
    trusted_proxy: Vec<String>,

    /// The proxies of --trusted-proxy begin each connection with a header of the PROXY protocol,
    /// which says for whom it was opened [default: false]
    #[arg(long, env = "NDP_PROXY_PROTOCOL", value_name = "BOOL", num_args = 0..=1,
          default_missing_value = "true")]
    proxy_protocol: Option<String>,

    /// Address and port of the page of metrics, http://ADDRESS/metrics, which Prometheus reads
    /// [default: none]
    #[arg(long, env = "NDP_METRICS_LISTEN", value_name = "ADDRESS")]
    metrics_listen: Option<String>,

    /// Accept tokens (JWT) of the issuers in this TOML file, each a table with the name that
    /// principals' identities have for it; docs/sign-in.md shows one [default: none]
    #[arg(long, env = "NDP_ISSUERS", value_name = "FILE")]
    issuers: Option<String>,

    /// The address that browsers know this server by, as `https://registry.example`: they can then
    /// sign in at the issuers that have a `client_id` in the file of --issuers [default: none]
    #[arg(long, env = "NDP_PUBLIC_URL", value_name = "ORIGIN")]
    public_url: Option<String>,

    #[command(flatten)]
    tls: TlsArgs,

    #[command(flatten)]
    signing: SigningArgs,

    #[command(flatten)]
    files: FileArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    common: DatabaseArgs,
}

/// Files of TLS, as given.
#[derive(Args, Clone, Debug, Default)]
struct TlsArgs {
    /// Speak TLS, with the certificate in this PEM file and those between it and its issuer's root;
    /// read anew when it changes, and at SIGHUP [default: none]
    #[arg(long, env = "NDP_TLS_CERTIFICATE", value_name = "FILE")]
    tls_certificate: Option<String>,

    /// PEM file with the private key of the certificate, without a password [default: none]
    #[arg(long, env = "NDP_TLS_KEY", value_name = "FILE")]
    tls_key: Option<String>,

    /// Ask clients for a certificate (mTLS), of an issuer whose root is in this PEM file [default:
    /// none]
    #[arg(long, env = "NDP_TLS_CLIENT_CA", value_name = "FILE")]
    tls_client_ca: Option<String>,

    /// Whether a client without a certificate is served: required or optional [default: required]
    #[arg(long, env = "NDP_TLS_CLIENT_AUTH", value_name = "HOW")]
    tls_client_auth: Option<String>,
}

impl TlsArgs {
    /// The files, if any are given; the outer `None` is a mistake.
    fn resolve(&self, settings: &mut Settings) -> Option<Option<TlsFiles>> {
        let mut file = |name, given: &Option<String>| {
            let path = |text: &str| Ok(Some(PathBuf::from(text)).filter(|_| !text.is_empty()));
            settings.read(name, given.as_ref(), "", path)
        };
        let certificate = file("tls_certificate", &self.tls_certificate)?;
        let key = file("tls_key", &self.tls_key)?;
        let client_ca = file("tls_client_ca", &self.tls_client_ca)?;
        let given = self.tls_client_auth.as_ref();
        let required = settings.read("tls_client_auth", given, "", client_auth)?;
        let mistake = match (certificate, key, client_ca, required) {
            (None, None, None, None) => return Some(None),
            (Some(_), None, ..) => "tls_key: name the file with the key of --tls-certificate",
            (None, ..) => "tls_certificate: name the file with the certificate to speak TLS with",
            (Some(_), Some(_), None, Some(_)) => {
                "tls_client_ca: name the file with the roots of clients' certificates, or leave \
                 --tls-client-auth out"
            }
            (Some(certificate), Some(key), client_ca, required) => {
                return Some(Some(TlsFiles {
                    certificate,
                    key,
                    client_ca: client_ca.map(|file| ClientCa {
                        file,
                        required: required.unwrap_or(true),
                    }),
                }));
            }
        };
        settings.mistake(mistake.to_owned());
        None
    }
}

/// How checkpoints of the log are signed, as it is given.
#[derive(Args, Clone, Debug, Default)]
struct SigningArgs {
    /// File with the key that signs checkpoints of the log; made at the first start, readable by
    /// the server's user alone, and never overwritten. All servers of a database need the same. May
    /// be given more than once, or separated by commas: a checkpoint then has the signature of each
    /// [default: the database's file with .signing-key after its name; none on PostgreSQL]
    #[arg(
        long,
        env = "NDP_SIGNING_KEY",
        value_name = "FILE",
        value_delimiter = ','
    )]
    signing_key: Vec<String>,

    /// Name of the log in its checkpoints, the same for all servers of a database, as
    /// `registry.example/log` [default: ndp-registry/ and the id of the log]
    #[arg(long, env = "NDP_LOG_ORIGIN", value_name = "NAME")]
    log_origin: Option<String>,
}

impl SigningArgs {
    fn resolve(&self, settings: &mut Settings, database: Option<&DatabaseUrl>) -> Option<Signing> {
        let given = joined(&self.signing_key);
        let beside = database.and_then(DatabaseUrl::file).map(|file| {
            let mut name = file.as_os_str().to_owned();
            name.push(SIGNING_KEY_SUFFIX);
            PathBuf::from(name)
        });
        let paths = |text: &str| {
            let paths = text.split(',').map(str::trim).filter(|it| !it.is_empty());
            Ok(paths.map(PathBuf::from).collect::<Vec<_>>())
        };
        let keys = settings.read("signing_key", given.as_ref(), "", paths);
        let origin = settings.read("log_origin", self.log_origin.as_ref(), "", origin_of_log);
        let mut keys = keys?;
        if keys.is_empty() {
            keys.extend(beside);
        }
        let origin = origin?;
        Some(Signing { keys, origin })
    }
}

/// What follows the name of the database's file in that of its signing key.
const SIGNING_KEY_SUFFIX: &str = ".signing-key";

/// What may be uploaded, as it is given.
#[derive(Args, Clone, Debug, Default)]
struct FileArgs {
    /// Largest size of a file that is uploaded, in bytes [default: 20971520]
    #[arg(long, env = "NDP_FILE_SIZE", value_name = "BYTES")]
    file_size: Option<String>,

    /// Bytes of all files together [default: 10737418240]
    #[arg(long, env = "NDP_FILES_SIZE", value_name = "BYTES")]
    files_size: Option<String>,

    /// Bytes of files that one principal may upload in a day [default: 524288000]
    #[arg(long, env = "NDP_FILES_A_DAY", value_name = "BYTES")]
    files_a_day: Option<String>,

    /// Command that scans each file before it is kept, as `clamdscan --no-summary -`: the file is
    /// its standard input; exit code 0 says clean, 1 that something was found, any other that it
    /// failed, and then no file is kept [default: none]
    #[arg(long, env = "NDP_FILE_SCAN", value_name = "COMMAND")]
    file_scan: Option<String>,

    /// Days after which a file that no record ever cited is removed, 1 to 3650 [default: 30]
    #[arg(long, env = "NDP_UNCITED_FILE_DAYS", value_name = "DAYS")]
    uncited_file_days: Option<String>,
}

impl FileArgs {
    fn resolve(&self, settings: &mut Settings, place: Location) -> FileSettings {
        let mut files = FileSettings {
            place,
            ..FileSettings::default()
        };
        let sizes = 1..=FILES_SIZE_MAX;
        settings.limit(
            "file_size",
            &self.file_size,
            &mut files.size_max,
            1..=FILE_SIZE_MAX,
        );
        settings.limit(
            "files_size",
            &self.files_size,
            &mut files.total_max,
            sizes.clone(),
        );
        settings.limit("files_a_day", &self.files_a_day, &mut files.day_max, sizes);
        let given = &self.uncited_file_days;
        settings.limit(
            "uncited_file_days",
            given,
            &mut files.uncited_days,
            1..=3650,
        );
        let command = |text: &str| Ok(Some(text.to_owned()).filter(|it| !it.is_empty()));
        let scan = settings.read("file_scan", self.file_scan.as_ref(), "", command);
        files.scan = scan.flatten();
        files
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One line for a person.
    Human,
    /// One JSON object a line.
    Json,
}

/// Settings of every command that opens the database, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// Where the database is.
    pub database: DatabaseUrl,
    /// Where the bytes of new files are kept.
    pub files: Location,
    /// Editions whose entries a new database is to hold.
    pub catalogue: Vec<String>,
    /// Whether the settings name them.
    pub catalogue_given: bool,
    /// How the log is written.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_level: String,
    /// Options that name the same database to another command, each after a space; without a
    /// password.
    pub same_database: String,
}

/// Settings of `serve`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where to serve the page of metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// The files of TLS; `None` for plain text.
    pub tls: Option<TlsFiles>,
    /// Seconds that running calls get to finish.
    pub shutdown_seconds: u64,
    /// Its limits and permissions.
    pub options: ServerOptions,
    /// Settings that commands other than `serve` have too.
    pub common: DatabaseConfig,
}

/// How checkpoints of the log are signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signing {
    /// Files of the keys; no checkpoint is signed without one.
    pub keys: Vec<PathBuf>,
    /// Name of the log, if it is not that of its id.
    pub origin: Option<String>,
}

/// The files of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those between it and its issuer's root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The issuer of clients' certificates, if clients are asked for one.
    pub client_ca: Option<ClientCa>,
}

/// The issuer of clients' certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCa {
    /// The issuers' root certificates.
    pub file: PathBuf,
    /// Whether a client without a certificate is refused.
    pub required: bool,
}

/// Limits and permissions of the server, with sound defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerOptions {
    /// Whether every answer says that this is a sandbox.
    pub sandbox: bool,
    /// Origins of the web pages that may call from a browser, as `https://dashboard.example`.
    pub web_origins: Vec<HeaderValue>,
    /// Whether the server uses plain text on an address that other machines can reach.
    pub insecure: bool,
    /// Proxies that say for which address they call.
    pub trusted_proxies: Proxies,
    /// Whether these begin each connection with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// Issuers whose tokens are accepted.
    pub issuers: Vec<Issuer>,
    /// The origin that browsers know the server by, which sign in where it is given.
    pub public_url: Option<HeaderValue>,
    /// How much of everything.
    pub limits: Limits,
    /// Files that may be uploaded, and where they are kept.
    pub files: FileSettings,
    /// How checkpoints are signed.
    pub signing: Signing,
    /// How long a new connection may take to send its first bytes; ten seconds by default.
    pub greeting_time: Option<Duration>,
    /// Silence after which a connection is asked whether it lives; a minute where not given.
    pub keepalive_interval: Option<Duration>,
    /// How long an answer may wait for its client to read on; half a minute where not given.
    pub answer_time: Option<Duration>,
    /// How long a client may send too much beside its calls; ten seconds where not given.
    pub flood_time: Option<Duration>,
    /// How long a connection may be open; an hour where not given.
    pub connection_age: Option<Duration>,
    /// How long a connection may be open without a call; ten minutes where not given.
    pub connection_idle: Option<Duration>,
}

/// Largest size of a file, and of all files, that can be asked for, in bytes.
const FILE_SIZE_MAX: u64 = 1024 * 1024 * 1024;
const FILES_SIZE_MAX: u64 = 1024 * FILE_SIZE_MAX;

impl DatabaseArgs {
    /// Reads the configuration file and checks everything.
    pub fn resolve(&self) -> Result<DatabaseConfig, Mistakes> {
        let mut settings = Settings::open(self.config.as_ref());
        let config = self.resolve_with(&mut settings, DATABASE_DEFAULT);
        settings.finish(config)
    }

    fn resolve_with(&self, settings: &mut Settings, default: &str) -> Option<DatabaseConfig> {
        let database = settings.read("database", self.database.as_ref(), default, database);
        let files = settings.read("files", self.files.as_ref(), "database", place);
        let catalogue = settings.read(
            "catalogue",
            self.catalogue.as_ref(),
            catalogue::OPENING_EDITION,
            editions,
        );
        let log_format = settings.read("log_format", self.log_format.as_ref(), "human", format);
        let log_level = settings.read("log_level", self.log_level.as_ref(), "info", level);
        let same_database = match (&self.database, settings.file.get("database"), &self.config) {
            (Some(url), ..) if url != DATABASE_DEFAULT => {
                let shown = database.as_ref().map(ToString::to_string);
                format!(" --database {}", quoted(&shown.unwrap_or_default()))
            }
            (None, Some(_), Some(file)) => format!(" --config {}", quoted(&file.to_string_lossy())),
            (None, None, _) if default != DATABASE_DEFAULT => format!(" --database {default}"),
            _ => String::new(),
        };
        Some(DatabaseConfig {
            database: database?,
            files: files?,
            catalogue: catalogue?,
            catalogue_given: self.catalogue.is_some() || settings.file.contains_key("catalogue"),
            log_format: log_format?,
            log_level: log_level?,
            same_database,
        })
    }
}

/// The fix for plain text on a public address. A proxy sends plain text to such an address too, so
/// --trusted-proxy does not allow it.
const LISTEN_FIX: &str = "speak TLS with --tls-certificate and --tls-key, or listen on 127.0.0.1 \
                          behind a proxy on this machine that speaks it, or set --insecure if the \
                          network is protected by other means, also between a proxy and here";
const METRICS_LISTEN_FIX: &str = "the page of metrics has no TLS: listen on 127.0.0.1, or set \
                                  --insecure if the network is protected by other means";

impl ServeArgs {
    /// Reads the configuration file and checks everything.
    pub fn resolve(&self) -> Result<ServeConfig, Mistakes> {
        let mut settings = Settings::open(self.common.config.as_ref());
        let sandbox = settings.read("sandbox", self.sandbox.as_ref(), "false", boolean);
        let database = match sandbox {
            Some(true) => SANDBOX_DATABASE_DEFAULT,
            _ => DATABASE_DEFAULT,
        };
        let common = self.common.resolve_with(&mut settings, database);
        let file = common.as_ref().map(|it| it.database.file().is_some());
        if sandbox == Some(true) && file == Some(false) {
            settings.mistake("sandbox: its database is a file; write sqlite:PATH".to_owned());
        }
        let listen = settings.read("listen", self.listen.as_ref(), LISTEN_DEFAULT, address);
        let insecure = settings.read("insecure", self.insecure.as_ref(), "false", boolean);
        let shutdown_seconds = settings.read(
            "shutdown_seconds",
            self.shutdown_seconds.as_ref(),
            "10",
            seconds,
        );
        let given = joined(&self.web_origin);
        let web_origins = settings.read("web_origin", given.as_ref(), "", origins);
        let given = joined(&self.trusted_proxy);
        let trusted_proxies = settings.read("trusted_proxy", given.as_ref(), "", proxies);
        let given = self.proxy_protocol.as_ref();
        let proxy_protocol = settings.read("proxy_protocol", given, "false", boolean);
        if proxy_protocol == Some(true) && trusted_proxies == Some(Proxies::default()) {
            settings.mistake(
                "proxy_protocol: its header counts only from the proxies of --trusted-proxy; name \
                 them"
                    .to_owned(),
            );
        }
        let metrics_listen = settings.read(
            "metrics_listen",
            self.metrics_listen.as_ref(),
            "",
            optional_address,
        );
        let issuers = settings.read("issuers", self.issuers.as_ref(), "", issuers);
        let given = self.public_url.as_ref();
        let public_url = settings.read("public_url", given, "", public_url);
        if let (Some(issuers), Some(public_url)) = (&issuers, &public_url)
            && let Some(mistake) = one_without_the_other(issuers, public_url.is_some())
        {
            settings.mistake(mistake.to_owned());
        }
        let tls = self.tls.resolve(&mut settings);
        let database = common.as_ref().map(|it| &it.database);
        let signing = self.signing.resolve(&mut settings, database);
        let limits = self.limits.resolve(&mut settings);
        let place = common.as_ref().map(|it| it.files.clone());
        let files = self.files.resolve(&mut settings, place.unwrap_or_default());
        if insecure == Some(false) {
            let is_plain = tls.as_ref().is_some_and(Option::is_none);
            for (name, address, fix) in [
                ("listen", listen.filter(|_| is_plain), LISTEN_FIX),
                (
                    "metrics_listen",
                    metrics_listen.flatten(),
                    METRICS_LISTEN_FIX,
                ),
            ] {
                if let Some(address) = address
                    && !address.ip().to_canonical().is_loopback()
                {
                    settings.mistake(format!(
                        "{name}: `{address}` can be reached from other machines, and plain text \
                         can be read on the way; {fix}"
                    ));
                }
            }
        }
        let read = || {
            Some(ServeConfig {
                listen: listen?,
                shutdown_seconds: shutdown_seconds?,
                metrics_listen: metrics_listen?,
                tls: tls?,
                options: ServerOptions {
                    sandbox: sandbox?,
                    web_origins: web_origins?,
                    trusted_proxies: trusted_proxies?,
                    proxy_protocol: proxy_protocol?,
                    insecure: insecure?,
                    issuers: issuers?,
                    public_url: public_url?,
                    limits,
                    files,
                    signing: signing?,
                    ..ServerOptions::default()
                },
                common: common?,
            })
        };
        let config = read();
        settings.finish(config)
    }
}

fn issuers(text: &str) -> Result<Vec<Issuer>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let read = settings::issuers(table(text.as_ref())?);
    read.map_err(|mistakes| format!("in `{text}`: {}", mistakes.join("; ")))
}

/// The mistake if only one of the two settings for browsers is given.
fn one_without_the_other(issuers: &[Issuer], has_public_url: bool) -> Option<&'static str> {
    let has_client = issuers.iter().any(|it| it.client.is_some());
    match (has_client, has_public_url) {
        (true, false) => Some(
            "public_url: an issuer has a `client_id`, so browsers sign in; write where they find \
             this registry, as https://registry.example",
        ),
        (false, true) => Some(
            "public_url: it is for browsers that sign in, and no issuer has a `client_id`; write \
             one in the file of --issuers",
        ),
        (true, true) | (false, false) => None,
    }
}

fn database(text: &str) -> Result<DatabaseUrl, String> {
    DatabaseUrl::parse(text).map_err(ToOwned::to_owned)
}

fn place(text: &str) -> Result<Location, String> {
    let mistake =
        || format!("`{text}` is no place for files; write `database`, or `directory:PATH`");
    Location::parse(text).ok_or_else(mistake)
}

/// As one word of a shell.
pub fn quoted(text: &str) -> String {
    let plain = |it: char| it.is_alphanumeric() || "/:._-@=+,%".contains(it);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn editions(text: &str) -> Result<Vec<String>, String> {
    let asked: Vec<_> = text
        .split(',')
        .map(str::trim)
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
        .collect();
    let shipped: Vec<_> = catalogue::shipped_editions().collect();
    if let Some(unknown) = asked.iter().find(|id| !shipped.contains(&id.as_str())) {
        return Err(format!(
            "`{unknown}` is not shipped; shipped: {}",
            shipped.join(", ")
        ));
    }
    let twice = asked
        .iter()
        .enumerate()
        .find(|(i, id)| asked.iter().take(*i).any(|e| e == *id));
    match (asked.is_empty(), twice) {
        (true, _) => Err(format!("name at least one of {}", shipped.join(", "))),
        (false, Some((_, id))) => Err(format!("`{id}` is named twice")),
        (false, None) => Ok(asked),
    }
}

fn format(text: &str) -> Result<LogFormat, String> {
    match text {
        "human" => Ok(LogFormat::Human),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!(
            "`{text}` is not a log format; write `human` or `json`"
        )),
    }
}

fn level(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    // tracing takes a single word that is not a level for a module, and would log nothing else
    let unknown = text.split(',').map(str::trim).find(|it| {
        let lone = it
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        lone && !LEVELS.contains(&&*it.to_lowercase())
    });
    if let Some(unknown) = unknown {
        return Err(format!(
            "`{unknown}` is not a level; write {}, or MODULE=LEVEL",
            LEVELS.join(", ")
        ));
    }
    match text.parse::<tracing_subscriber::EnvFilter>() {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("`{text}` is not a log level: {error}")),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "`{text}` is not an address with a port; write it as 127.0.0.1:50051 or [::1]:50051"
        )
    })
}

fn proxies(text: &str) -> Result<Proxies, String> {
    let networks = text.split(',').map(str::trim).filter(|it| !it.is_empty());
    let networks = networks.map(|one| {
        one.parse().map_err(|NotANetwork| {
            format!("`{one}` is not an address or network; write `10.0.0.7` or `10.0.0.0/8`")
        })
    });
    networks.collect::<Result<_, _>>().map(Proxies::new)
}

fn optional_address(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() {
        Ok(None)
    } else {
        address(text).map(Some)
    }
}

/// The name of the log; `None` if it is not set.
fn origin_of_log(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() || is_log_origin(text) {
        Ok(Some(text.to_owned()).filter(|it| !it.is_empty()))
    } else {
        Err(format!(
            "`{text}` cannot name a log; write it as `registry.example/log`, in ASCII without \
             spaces and `+`, at most 200 characters"
        ))
    }
}

/// Whether clients need a certificate; `None` if it is not set.
fn client_auth(text: &str) -> Result<Option<bool>, String> {
    match text {
        "" => Ok(None),
        "required" => Ok(Some(true)),
        "optional" => Ok(Some(false)),
        _ => Err(format!(
            "`{text}` is not known; write `required` or `optional`"
        )),
    }
}

fn boolean(text: &str) -> Result<bool, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a boolean; write `true` or `false`"))
}

fn seconds(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(seconds @ 0..=300) => Ok(seconds),
        _ => Err(format!("`{text}` is not a number of seconds from 0 to 300")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_reported_at_once() {
        let args = ServeArgs {
            sandbox: None,
            listen: Some("everywhere".into()),
            insecure: Some("perhaps".into()),
            shutdown_seconds: Some("-1".into()),
            web_origin: vec!["https://dashboard.example/path".into()],
            trusted_proxy: vec!["everyone".into()],
            proxy_protocol: Some("perhaps".into()),
            metrics_listen: Some("9464".into()),
            issuers: Some("no-such-file.toml".into()),
            public_url: Some("http://registry.example".into()),
            tls: TlsArgs {
                tls_key: Some("key.pem".into()),
                tls_client_auth: Some("perhaps".into()),
                ..TlsArgs::default()
            },
            signing: SigningArgs {
                signing_key: vec!["key".into()],
                log_origin: Some("two words".into()),
            },
            files: FileArgs {
                file_size: Some("20 MiB".into()),
                ..FileArgs::default()
            },
            limits: LimitArgs {
                calls_per_second: Some("0".into()),
                ..LimitArgs::default()
            },
            common: DatabaseArgs {
                config: None,
                database: Some("mysql://user:hunter2@host/db".into()),
                files: Some("somewhere".into()),
                catalogue: Some("2618-qd-bkhcn,1-x".into()),
                log_format: Some("xml".into()),
                log_level: Some("=!".into()),
            },
        };
        let mistakes = args.resolve().unwrap_err();
        assert_eq!(mistakes.0.len(), 18, "{mistakes}");
        assert!(!mistakes.to_string().contains("hunter2"));
    }

    #[test]
    fn a_public_address_needs_tls_or_to_be_spelled_out() {
        let files = || TlsArgs {
            tls_certificate: Some("certificate.pem".into()),
            tls_key: Some("key.pem".into()),
            ..TlsArgs::default()
        };
        let message = |args: ServeArgs| match args.resolve() {
            Ok(config) => format!("{:?}", config.tls.is_some()),
            Err(mistakes) => mistakes.to_string(),
        };
        let args = || ServeArgs {
            listen: Some("0.0.0.0:1".into()),
            ..ServeArgs::default()
        };
        assert!(message(args()).contains("--tls-certificate and --tls-key"));
        // what a proxy sends here is plain text too
        let behind = ServeArgs {
            trusted_proxy: vec!["10.0.0.0/8".into()],
            ..args()
        };
        assert!(message(behind).contains("--insecure"));
        let insecure = ServeArgs {
            insecure: Some("true".into()),
            ..args()
        };
        assert_eq!(message(insecure), "false");
        let encrypted = || ServeArgs {
            tls: files(),
            ..args()
        };
        assert_eq!(message(encrypted()), "true");
        // the page of metrics is plain text all the same
        let metrics = ServeArgs {
            metrics_listen: Some("0.0.0.0:2".into()),
            ..encrypted()
        };
        let message = message(metrics);
        assert!(message.contains("metrics_listen: `0.0.0.0:2`"), "{message}");
        assert!(!message.contains("\n  listen:"), "{message}");
    }

    #[test]
    fn browsers_need_an_issuer_and_a_way_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("issuers.toml");
        let issuer = "[sso]\nissuer = 'https://sso.example'\nkeys = 'keys.json'\n\
                      audiences = ['registry']\nalgorithms = ['RS256']\n";
        let client = "client_id = 'registry'\ntoken_endpoint = 'https://sso.example/token'\n\
                      authorization_endpoint = 'https://sso.example/authorize'\n";
        let message = |client: &str, public_url: Option<&str>| {
            std::fs::write(&file, format!("{issuer}{client}")).unwrap();
            let args = ServeArgs {
                issuers: Some(file.to_str().unwrap().to_owned()),
                public_url: public_url.map(str::to_owned),
                ..ServeArgs::default()
            };
            args.resolve().err().map(|mistakes| mistakes.to_string())
        };
        let url = Some("https://registry.example");
        assert_eq!(message(client, url), None);
        assert_eq!(message("", None), None);
        assert!(
            message(client, None)
                .unwrap()
                .contains("an issuer has a `client_id`")
        );
        assert!(
            message("", url)
                .unwrap()
                .contains("no issuer has a `client_id`")
        );
    }

    #[test]
    fn files_of_tls_are_given_together() {
        let file = || Some("file.pem".to_owned());
        let args = |certificate, key, ca, auth: Option<&str>| ServeArgs {
            tls: TlsArgs {
                tls_certificate: certificate,
                tls_key: key,
                tls_client_ca: ca,
                tls_client_auth: auth.map(Into::into),
            },
            ..ServeArgs::default()
        };
        for (args, missing) in [
            (args(file(), None, None, None), "tls_key: "),
            (args(None, file(), None, None), "tls_certificate: "),
            (args(None, None, file(), None), "tls_certificate: "),
            (
                args(file(), file(), None, Some("optional")),
                "tls_client_ca: ",
            ),
        ] {
            let message = args.resolve().unwrap_err().to_string();
            assert!(message.contains(missing), "{message}");
        }
        for (auth, required) in [
            (None, true),
            (Some("required"), true),
            (Some("optional"), false),
        ] {
            let config = args(file(), file(), file(), auth).resolve().unwrap();
            let ca = config.tls.unwrap().client_ca.unwrap();
            assert_eq!(ca.required, required);
        }
    }

    #[test]
    fn the_file_gives_what_nobody_else_does() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ndp.toml");
        let text = "listen = \"127.0.0.1:1\"\nshutdown_seconds = 3\nlog_format = \"json\"\n";
        std::fs::write(&path, text).unwrap();
        let args = ServeArgs {
            listen: Some("127.0.0.1:2".into()),
            common: DatabaseArgs {
                config: Some(path.clone()),
                ..DatabaseArgs::default()
            },
            ..ServeArgs::default()
        };
        let config = args.resolve().unwrap();
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.shutdown_seconds, 3);
        assert_eq!(config.common.log_format, LogFormat::Json);
        assert_eq!(config.common.database.to_string(), DATABASE_DEFAULT);

        std::fs::write(&path, "lisen = 1\n").unwrap();
        assert!(args.resolve().unwrap_err().to_string().contains("lisen"));
    }
}
