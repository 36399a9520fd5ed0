//! Settings: from the command line, else the environment, else a configuration file, else their
//! defaults. All are read before anything starts, and every mistake is reported at once.

mod origins;

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use http::HeaderValue;

use self::origins::{origins, public_url};
use crate::{
    admission::{
        proxies::{NotANetwork, Proxies},
        turns::TurnLimits,
    },
    catalogue,
    files::{Place, Settings as FileSettings},
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
        let given = self.signing_key.join(",");
        let given = Some(&given).filter(|_| !self.signing_key.is_empty());
        let beside = database.and_then(DatabaseUrl::file).map(|file| {
            let mut name = file.as_os_str().to_owned();
            name.push(SIGNING_KEY_SUFFIX);
            PathBuf::from(name)
        });
        let paths = |text: &str| {
            let paths = text.split(',').map(str::trim).filter(|it| !it.is_empty());
            Ok(paths.map(PathBuf::from).collect::<Vec<_>>())
        };
        let keys = settings.read("signing_key", given, "", paths);
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
    fn resolve(&self, settings: &mut Settings, place: Option<Place>) -> Option<FileSettings> {
        let FileSettings {
            place: _,
            size_max,
            total_max,
            day_max,
            scan: _,
            uncited_days,
        } = FileSettings::default();
        let mut read = |name, given: &Option<String>, default: u64, most: u64| {
            let default = default.to_string();
            settings.read(name, given.as_ref(), &default, |text| number(text, 1, most))
        };
        let size_max = read("file_size", &self.file_size, size_max, FILE_SIZE_MAX);
        let total_max = read("files_size", &self.files_size, total_max, FILES_SIZE_MAX);
        let day_max = read("files_a_day", &self.files_a_day, day_max, FILES_SIZE_MAX);
        let given = &self.uncited_file_days;
        let uncited_days = read("uncited_file_days", given, uncited_days.into(), 3650);
        let command = |text: &str| Ok(Some(text.to_owned()).filter(|it| !it.is_empty()));
        let scan = settings.read("file_scan", self.file_scan.as_ref(), "", command);
        Some(FileSettings {
            place: place?,
            size_max: size_max?,
            total_max: total_max?,
            day_max: day_max?,
            scan: scan?,
            uncited_days: u32::try_from(uncited_days?).ok()?,
        })
    }
}

/// Limits, as they are given.
#[derive(Args, Clone, Debug, Default)]
struct LimitArgs {
    /// Seconds that a call other than a stream may take, 1 to 3600 [default: 60]
    #[arg(long, env = "NDP_CALL_SECONDS", value_name = "SECONDS")]
    call_seconds: Option<String>,

    /// Seconds that an import, an export or a template may take, 1 to 86400 [default: 900]
    #[arg(long, env = "NDP_TRANSFER_SECONDS", value_name = "SECONDS")]
    transfer_seconds: Option<String>,

    /// Milliseconds from which a call counts as slow and is logged at `info` for every caller, 0 to
    /// 3600000 [default: 1000]
    #[arg(long, env = "NDP_SLOW_CALL_MS", value_name = "MILLISECONDS")]
    slow_call_ms: Option<String>,

    /// Calls that may be answered at one time [default: 4096]
    #[arg(long, env = "NDP_CALLS_IN_FLIGHT", value_name = "NUMBER")]
    calls_in_flight: Option<String>,

    /// Of these, calls of one principal, or from one address without a key [default: 512]
    #[arg(long, env = "NDP_CALLS_IN_FLIGHT_PER_CALLER", value_name = "NUMBER")]
    calls_in_flight_per_caller: Option<String>,

    /// Calls a second by one principal, or from one address without a key; twice as many at once
    /// [default: 2000]
    #[arg(long, env = "NDP_CALLS_PER_SECOND", value_name = "NUMBER")]
    calls_per_second: Option<String>,

    /// Connections that may be open [default: 4096]
    #[arg(long, env = "NDP_CONNECTIONS", value_name = "NUMBER")]
    connections: Option<String>,

    /// Connections that one address may have open [default: 256]
    #[arg(long, env = "NDP_CONNECTIONS_PER_ADDRESS", value_name = "NUMBER")]
    connections_per_address: Option<String>,

    /// Streams of HTTP/2 that all connections together may have open [default: 32768]
    #[arg(long, env = "NDP_STREAMS", value_name = "NUMBER")]
    streams: Option<String>,

    /// Of these, streams of the connections from one address [default: 2048]
    #[arg(long, env = "NDP_STREAMS_PER_ADDRESS", value_name = "NUMBER")]
    streams_per_address: Option<String>,

    /// Of these, streams of one connection; a connection may have 16 of them where the others have
    /// all the rest [default: 200]
    #[arg(long, env = "NDP_STREAMS_PER_CONNECTION", value_name = "NUMBER")]
    streams_per_connection: Option<String>,

    /// Bytes of a call's headers [default: 16384]
    #[arg(long, env = "NDP_HEADER_BYTES", value_name = "BYTES")]
    header_bytes: Option<String>,

    /// Watches that may be open [default: 4096]
    #[arg(long, env = "NDP_WATCHERS", value_name = "NUMBER")]
    watchers: Option<String>,

    /// Watches that one principal, or one address without a key, may have open [default: 1024]
    #[arg(long, env = "NDP_WATCHERS_PER_CALLER", value_name = "NUMBER")]
    watchers_per_caller: Option<String>,

    /// Pieces of work over many records that may run at one time [default: one less than there are
    /// cores, 1 to 4]
    #[arg(long, env = "NDP_TURNS", value_name = "NUMBER")]
    turns: Option<String>,

    /// Calls that may wait for such work to run [default: 256]
    #[arg(long, env = "NDP_TURNS_WAITING", value_name = "NUMBER")]
    turns_waiting: Option<String>,

    /// Of these, calls of one principal, or from one address without a key [default: 32]
    #[arg(long, env = "NDP_TURNS_WAITING_PER_CALLER", value_name = "NUMBER")]
    turns_waiting_per_caller: Option<String>,

    /// Work that one call may cause, in units: about one for each record that is read, and one for
    /// each term of a filter on it [default: 50000000]
    #[arg(long, env = "NDP_CALL_COST", value_name = "UNITS")]
    call_cost: Option<String>,
}

impl LimitArgs {
    fn resolve(&self, settings: &mut Settings) -> Option<Limits> {
        let Limits {
            call_seconds,
            transfer_seconds,
            slow_call_ms,
            calls_in_flight,
            calls_in_flight_per_caller,
            calls_per_second,
            connections,
            connections_per_address,
            streams,
            streams_per_address,
            streams_per_connection,
            header_bytes,
            watchers,
            watchers_per_caller,
            turns:
                TurnLimits {
                    running,
                    waiting,
                    waiting_per_caller,
                    cost,
                },
        } = Limits::default();
        let mut read = |name, given: &Option<String>, default: u64, least: u64, most: u64| {
            let default = default.to_string();
            settings.read(name, given.as_ref(), &default, |text| {
                number(text, least, most)
            })
        };
        let call_seconds = read("call_seconds", &self.call_seconds, call_seconds, 1, 3600);
        let given = &self.transfer_seconds;
        let transfer_seconds = read("transfer_seconds", given, transfer_seconds, 1, 86_400);
        let given = &self.slow_call_ms;
        let slow_call_ms = read("slow_call_ms", given, slow_call_ms, 0, 3_600_000);
        let cost = read("call_cost", &self.call_cost, cost, COST_MIN, COST_MAX);
        let mut count = |name, given, default: usize| {
            let read = read(name, given, default as u64, 1, COUNT_MAX);
            read.and_then(|it| usize::try_from(it).ok())
        };
        let calls_in_flight = count("calls_in_flight", &self.calls_in_flight, calls_in_flight);
        // by default one caller may have at most half of what all share
        let half = |all: Option<usize>, default: usize| {
            all.map_or(default, |all| default.min(all.div_ceil(2)))
        };
        let calls_in_flight_per_caller = count(
            "calls_in_flight_per_caller",
            &self.calls_in_flight_per_caller,
            half(calls_in_flight, calls_in_flight_per_caller),
        );
        let connections = count("connections", &self.connections, connections);
        let connections_per_address = count(
            "connections_per_address",
            &self.connections_per_address,
            half(connections, connections_per_address),
        );
        let streams = count("streams", &self.streams, streams);
        let streams_per_address = count(
            "streams_per_address",
            &self.streams_per_address,
            half(streams, streams_per_address),
        );
        let watchers = count("watchers", &self.watchers, watchers);
        let watchers_per_caller = count(
            "watchers_per_caller",
            &self.watchers_per_caller,
            half(watchers, watchers_per_caller),
        );
        let running = count("turns", &self.turns, running);
        let waiting = count("turns_waiting", &self.turns_waiting, waiting);
        let waiting_per_caller = count(
            "turns_waiting_per_caller",
            &self.turns_waiting_per_caller,
            half(waiting, waiting_per_caller),
        );
        let mut small = |name, given, default: u32, least: u64, most: u64| {
            let read = read(name, given, default.into(), least, most);
            read.and_then(|it| u32::try_from(it).ok())
        };
        let given = &self.calls_per_second;
        let calls_per_second = small("calls_per_second", given, calls_per_second, 1, COUNT_MAX);
        let given = &self.streams_per_connection;
        let streams_per_connection = small(
            "streams_per_connection",
            given,
            streams_per_connection,
            1,
            65_536,
        );
        let given = &self.header_bytes;
        let header_bytes = small("header_bytes", given, header_bytes, 1024, 1_048_576);
        Some(Limits {
            call_seconds: call_seconds?,
            transfer_seconds: transfer_seconds?,
            slow_call_ms: slow_call_ms?,
            calls_in_flight: calls_in_flight?,
            calls_in_flight_per_caller: calls_in_flight_per_caller?,
            calls_per_second: calls_per_second?,
            connections: connections?,
            connections_per_address: connections_per_address?,
            streams: streams?,
            streams_per_address: streams_per_address?,
            streams_per_connection: streams_per_connection?,
            header_bytes: header_bytes?,
            watchers: watchers?,
            watchers_per_caller: watchers_per_caller?,
            turns: TurnLimits {
                running: running?,
                waiting: waiting?,
                waiting_per_caller: waiting_per_caller?,
                cost: cost?,
            },
        })
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
    pub files: Place,
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

/// How much the server takes at a time; what is more is refused, never kept waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest time of a call that does not stream, in seconds.
    pub call_seconds: u64,
    /// Longest time of an import, an export or a template, in seconds.
    pub transfer_seconds: u64,
    /// Time from which a call is logged as a slow one, in milliseconds.
    pub slow_call_ms: u64,
    /// Calls being answered.
    pub calls_in_flight: usize,
    /// Of these, calls of one principal, or from one address without a key.
    pub calls_in_flight_per_caller: usize,
    /// Calls a second by one principal, or from one address without a key.
    pub calls_per_second: u32,
    /// Open connections.
    pub connections: usize,
    /// Open connections from one address.
    pub connections_per_address: usize,
    /// Streams that connections may have open.
    pub streams: usize,
    /// Of these, streams of the connections from one address.
    pub streams_per_address: usize,
    /// Of these, streams of one connection.
    pub streams_per_connection: u32,
    /// Bytes of a call's headers, counted as HTTP/2 does.
    pub header_bytes: u32,
    /// Open watches.
    pub watchers: usize,
    /// Open watches of one principal, or from one address without a key.
    pub watchers_per_caller: usize,
    /// Work over many records. The registry takes it when it starts.
    pub turns: TurnLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_seconds: 60,
            transfer_seconds: 900,
            slow_call_ms: 1000,
            calls_in_flight: 4096,
            calls_in_flight_per_caller: 512,
            calls_per_second: 2000,
            connections: 4096,
            connections_per_address: 256,
            streams: 32_768,
            streams_per_address: 2048,
            streams_per_connection: 200,
            header_bytes: 16 * 1024,
            watchers: 4096,
            watchers_per_caller: 1024,
            turns: TurnLimits::default(),
        }
    }
}

/// Least and largest cost of a call that can be asked for. A page of the published catalogue costs
/// far less than the least.
const COST_MIN: u64 = 100_000;
const COST_MAX: u64 = 1_000_000_000_000;

/// Largest size of a file, and of all files, that can be asked for, in bytes.
const FILE_SIZE_MAX: u64 = 1024 * 1024 * 1024;
const FILES_SIZE_MAX: u64 = 1024 * FILE_SIZE_MAX;

/// Largest number of anything that can be asked for.
const COUNT_MAX: u64 = 1_000_000;

/// Everything that is wrong with the settings.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(
            f,
            "{count} mistake{} in the settings:",
            if count == 1 { "" } else { "s" }
        )?;
        self.0
            .iter()
            .try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl std::error::Error for Mistakes {}

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

/// Every key of the configuration file.
const KEYS: &[&str] = &[
    "database",
    "files",
    "file_size",
    "files_size",
    "files_a_day",
    "file_scan",
    "uncited_file_days",
    "catalogue",
    "log_format",
    "log_level",
    "sandbox",
    "listen",
    "insecure",
    "issuers",
    "public_url",
    "tls_certificate",
    "tls_key",
    "tls_client_ca",
    "tls_client_auth",
    "signing_key",
    "log_origin",
    "shutdown_seconds",
    "web_origin",
    "trusted_proxy",
    "proxy_protocol",
    "metrics_listen",
    "call_seconds",
    "transfer_seconds",
    "slow_call_ms",
    "calls_in_flight",
    "calls_in_flight_per_caller",
    "calls_per_second",
    "connections",
    "connections_per_address",
    "streams",
    "streams_per_address",
    "streams_per_connection",
    "header_bytes",
    "watchers",
    "watchers_per_caller",
    "turns",
    "turns_waiting",
    "turns_waiting_per_caller",
    "call_cost",
];

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
        let web_origin = self.web_origin.join(",");
        let web_origin = Some(&web_origin).filter(|_| !self.web_origin.is_empty());
        let web_origins = settings.read("web_origin", web_origin, "", origins);
        let trusted_proxy = self.trusted_proxy.join(",");
        let trusted_proxy = Some(&trusted_proxy).filter(|_| !self.trusted_proxy.is_empty());
        let trusted_proxies = settings.read("trusted_proxy", trusted_proxy, "", proxies);
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
        let files = self.files.resolve(&mut settings, place);
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
                    limits: limits?,
                    files: files?,
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

/// The configuration file, and what was wrong so far.
struct Settings {
    file: BTreeMap<String, String>,
    mistakes: Vec<String>,
}

impl Settings {
    /// One file serves every command, so it may hold settings that this one does not read.
    fn open(path: Option<&PathBuf>) -> Self {
        let mut settings = Self {
            file: BTreeMap::new(),
            mistakes: Vec::new(),
        };
        let Some(path) = path else { return settings };
        let shown = path.display();
        let table = match table(path) {
            Ok(table) => table,
            Err(mistake) => {
                settings.mistake(format!("config: {mistake}"));
                return settings;
            }
        };
        for (key, value) in table {
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Array(items) if items.iter().all(toml::Value::is_str) => {
                    let items = items.iter().filter_map(toml::Value::as_str);
                    items.collect::<Vec<_>>().join(",")
                }
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Float(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                other => {
                    let kind = other.type_str();
                    settings.mistake(format!(
                        "config: `{}` in `{shown}` is of type {kind}; write a text, a number, or \
                         true or false",
                        name(&key)
                    ));
                    continue;
                }
            };
            if KEYS.contains(&&*key) {
                settings.file.insert(key, value);
            } else {
                let known = KEYS.join(", ");
                settings.mistake(format!(
                    "config: `{shown}` has no setting `{}`; known: {known}",
                    name(&key)
                ));
            }
        }
        settings
    }

    fn mistake(&mut self, mistake: String) {
        self.mistakes.push(mistake);
    }

    /// One setting: what was given, else what the file says, else the default.
    fn read<T>(
        &mut self,
        name: &str,
        given: Option<&String>,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = given
            .or_else(|| self.file.get(name))
            .map_or(default, String::as_str);
        match parse(text) {
            Ok(value) => Some(value),
            // the database's URL in another's place
            Err(_) if name != "database" && text.contains("://") && text.contains('@') => {
                self.mistake(format!("{name}: a URL with a user does not belong here"));
                None
            }
            Err(mistake) => {
                self.mistake(format!("{name}: {mistake}"));
                None
            }
        }
    }

    fn finish<T>(self, config: Option<T>) -> Result<T, Mistakes> {
        match config {
            Some(config) if self.mistakes.is_empty() => Ok(config),
            _ => Err(Mistakes(self.mistakes)),
        }
    }
}

/// Reads a file in TOML.
fn table(path: &Path) -> Result<toml::Table, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    text.parse().map_err(|error: toml::de::Error| {
        // not the error as it is: that quotes the line, which may hold a password
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.unwrap_or_default().matches('\n').count() + 1;
        let what = error.message();
        format!("`{shown}` is not TOML: line {line}: {what}")
    })
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

fn place(text: &str) -> Result<Place, String> {
    let mistake =
        || format!("`{text}` is no place for files; write `database`, or `directory:PATH`");
    Place::parse(text).ok_or_else(mistake)
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

/// A key of the configuration file, as errors show it: a text that is not a name may be a password.
fn name(key: &str) -> &str {
    const LENGTH_MAX: usize = 40;
    let named = |it: u8| it.is_ascii_lowercase() || it == b'_' || it == b'-';
    if key.bytes().all(named) && key.len() <= LENGTH_MAX {
        key
    } else {
        "…"
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

fn number(text: &str, least: u64, most: u64) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!(
            "`{text}` is not a whole number from {least} to {most}"
        )),
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
        let told = |args: ServeArgs| match args.resolve() {
            Ok(config) => format!("{:?}", config.tls.is_some()),
            Err(mistakes) => mistakes.to_string(),
        };
        let args = || ServeArgs {
            listen: Some("0.0.0.0:1".into()),
            ..ServeArgs::default()
        };
        assert!(told(args()).contains("--tls-certificate and --tls-key"));
        // what a proxy sends here is plain text too
        let behind = ServeArgs {
            trusted_proxy: vec!["10.0.0.0/8".into()],
            ..args()
        };
        assert!(told(behind).contains("--insecure"));
        let insecure = ServeArgs {
            insecure: Some("true".into()),
            ..args()
        };
        assert_eq!(told(insecure), "false");
        let encrypted = || ServeArgs {
            tls: files(),
            ..args()
        };
        assert_eq!(told(encrypted()), "true");
        // the page of metrics is plain text all the same
        let metrics = ServeArgs {
            metrics_listen: Some("0.0.0.0:2".into()),
            ..encrypted()
        };
        let told = told(metrics);
        assert!(told.contains("metrics_listen: `0.0.0.0:2`"), "{told}");
        assert!(!told.contains("\n  listen:"), "{told}");
    }

    #[test]
    fn browsers_need_an_issuer_and_a_way_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("issuers.toml");
        let issuer = "[sso]\nissuer = 'https://sso.example'\nkeys = 'keys.json'\n\
                      audiences = ['registry']\nalgorithms = ['RS256']\n";
        let client = "client_id = 'registry'\ntoken_endpoint = 'https://sso.example/token'\n\
                      authorization_endpoint = 'https://sso.example/authorize'\n";
        let told = |client: &str, public_url: Option<&str>| {
            std::fs::write(&file, format!("{issuer}{client}")).unwrap();
            let args = ServeArgs {
                issuers: Some(file.to_str().unwrap().to_owned()),
                public_url: public_url.map(str::to_owned),
                ..ServeArgs::default()
            };
            args.resolve().err().map(|mistakes| mistakes.to_string())
        };
        let url = Some("https://registry.example");
        assert_eq!(told(client, url), None);
        assert_eq!(told("", None), None);
        assert!(
            told(client, None)
                .unwrap()
                .contains("an issuer has a `client_id`")
        );
        assert!(
            told("", url)
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
            let told = args.resolve().unwrap_err().to_string();
            assert!(told.contains(missing), "{told}");
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
