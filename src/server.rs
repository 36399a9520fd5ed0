//! The server: binds, wires services and layers together, and shuts down.

mod connections;
mod frames;
mod listener;
pub mod metrics;
pub(crate) mod proxied;
mod signing;
pub mod tls;

use std::{
    io,
    net::SocketAddr,
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use tokio::{net::TcpListener, signal::unix, sync::watch};
use tonic_web::GrpcWebLayer;
use tower::{
    ServiceBuilder,
    util::{BoxCloneSyncService, option_layer},
};

use crate::{
    admission::{Admission, Amounts, connection::ANSWER_TIME, proxies::Proxies},
    call::{denials::Denials, identity::Identifier},
    config::ServerOptions,
    files::Files,
    http::HttpLayer,
    layers::{
        browser,
        calls::Calls,
        entrance::Entrance,
        guard::Guard,
        stack::{Front, Stack},
        web,
    },
    registry::{Registry, WriterTask},
    service::{Methods, health::Serving, standard::Standard},
    sign_in::{SignIn, browser::Browsers},
    telemetry::metrics::Metrics,
};
use connections::Connections;
use listener::{Acceptor, Manners};
use ndp_core::hex::read_digest;
use tls::Tls;

/// How long the writer may take to end after its last command, because a commit may be in progress.
/// Also applies after a second signal.
const WRITER_TIME: Duration = Duration::from_secs(5);
const WRITER_TIME_AT_ONCE: Duration = Duration::from_millis(500);

/// How long a new connection may take to send its greeting.
const GREETING_TIME: Duration = Duration::from_secs(10);

/// How long a connection may be silent before the server sends a keepalive ping, and how long the
/// client may take to answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Maximum age of a connection before its client is asked to reconnect, so that servers started
/// later get their part of the load; and maximum time without a call.
const AGE_MAX: Duration = Duration::from_secs(60 * 60);
const IDLE_MAX: Duration = Duration::from_secs(10 * 60);

/// How long a client may send too much beside its calls before its connection is closed.
const FLOOD_TIME: Duration = Duration::from_secs(10);

/// The transport reads headers up to this multiple of the limit, so that the server can refuse them
/// with a message. Beyond that, the transport refuses them with HTTP status 431.
const HEADERS_READ_TIMES: u32 = 4;

/// Interval between two looks whether keys of issuers are due to be read.
const KEYS_INTERVAL: Duration = Duration::from_secs(1);
/// How long the last uses of keys may take to be written when the server stops.
const USES_TIME: Duration = Duration::from_secs(2);

/// Interval between two searches for files that no record cites.
const FILES_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Binds the address, so that the port is known before the server starts.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; is another server running there?"))
}

/// The listeners of the server.
#[derive(Debug)]
pub struct Listeners {
    /// For calls.
    pub calls: TcpListener,
    /// What calls are encrypted with; none for plain text.
    pub tls: Option<Tls>,
    /// For metrics scrapes.
    pub metrics: Option<TcpListener>,
}

impl Listeners {
    /// The same listeners once more, for a server that takes the place of another.
    pub fn shared(&self) -> io::Result<Self> {
        let shared = |listener: &TcpListener| {
            let descriptor = listener.as_fd().try_clone_to_owned()?;
            TcpListener::from_std(descriptor.into())
        };
        Ok(Self {
            calls: shared(&self.calls)?,
            tls: self.tls.clone(),
            metrics: self.metrics.as_ref().map(shared).transpose()?,
        })
    }
}

/// What tells a server to stop.
pub trait Stop: Send {
    /// Waits for the next request to stop and returns its name. A second one means: at once.
    fn next(&mut self) -> impl Future<Output = &'static str> + Send;
}

/// Why a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A request to stop came.
    Stopped,
    /// Its data is to be replaced.
    Over,
}

/// The signals that stop a process. Handlers are installed first: by default, the first process of
/// a container ignores these signals.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
}

impl Signals {
    /// Installs the handlers.
    pub fn take() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: unix::signal(unix::SignalKind::terminate())?,
            interrupt: unix::signal(unix::SignalKind::interrupt())?,
        })
    }
}

impl Stop for Signals {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Serves until a request to stop or until `over`, then gives running calls the configured number
/// of seconds to finish. A second request stops it at once.
pub async fn serve(
    registry: Registry,
    mut writer: WriterTask,
    listeners: Listeners,
    signals: &mut impl Stop,
    shutdown_seconds: u64,
    options: ServerOptions,
    over: impl Future<Output = ()>,
) -> anyhow::Result<Ended> {
    if options.insecure && listeners.tls.is_none() && options.trusted_proxies == Proxies::default()
    {
        tracing::warn!(
            "no --trusted-proxy is given: all who call through a proxy without a key are one \
             caller to the limits"
        );
    }
    let (stop, stopped) = watch::channel(false);
    let metrics = Metrics::default();
    // metrics stay available until the very end, so that the shutdown can be watched
    let (_metrics_stop, metrics_stopped) = watch::channel(false);
    if let Some(listener) = listeners.metrics {
        tokio::spawn(metrics::serve(metrics.clone(), listener, metrics_stopped));
    }
    let Listeners { calls, tls, .. } = listeners;
    let serving = serve_until(registry.clone(), calls, tls, options, metrics, stopped);
    let mut serving = tokio::spawn(serving);
    let mut why = Ended::Stopped;
    tokio::select! {
        name = signals.next() => tracing::info!(signal = name, "shutting down"),
        () = over => why = Ended::Over,
        // The writer holds no handle on itself, so it ends early only on a fatal error.
        ended = &mut writer => {
            ended??;
            anyhow::bail!("the writer ended by itself");
        }
        ended = &mut serving => return ended?.map(|()| why),
    }
    stop.send_replace(true);
    let hard_stop = tokio::time::sleep(Duration::from_secs(shutdown_seconds));
    let mut writer_time = WRITER_TIME;
    tokio::select! {
        ended = &mut serving => ended??,
        () = hard_stop => tracing::warn!(shutdown_seconds, "stopping with calls still open"),
        name = signals.next() => {
            tracing::warn!(signal = name, "stopping at once");
            why = Ended::Stopped;
            writer_time = WRITER_TIME_AT_ONCE;
        }
    }
    serving.abort();
    // Calls may outlive their connections and hold handles, so the writer is closed explicitly. It
    // finishes its queue and ends.
    registry.close();
    let ended = tokio::select! {
        ended = tokio::time::timeout(writer_time, &mut writer) => ended.ok(),
        _ = signals.next() => {
            why = Ended::Stopped;
            None
        }
    };
    match ended {
        Some(ended) => ended??,
        None => {
            writer.abort();
            anyhow::bail!("the writer did not finish in time; nothing acknowledged is lost");
        }
    }
    tracing::info!("stopped");
    Ok(why)
}

/// Serves until `stop` is set, and returns after the calls in progress have ended.
pub async fn serve_until(
    registry: Registry,
    listener: TcpListener,
    tls: Option<Tls>,
    options: ServerOptions,
    metrics: Metrics,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let limits = options.limits;
    let (say, serving) = watch::channel(Serving::No);
    let refusing = Arc::new(AtomicBool::new(false));
    let (ending, ended) = watch::channel(false);
    let readiness = registry.readiness();
    let following = follow_readiness(readiness, stop, say, Arc::clone(&refusing), ending);
    let following = tokio::spawn(following);
    let admission = Admission::new(Amounts {
        calls_per_second: limits.calls_per_second,
        calls: (limits.calls_in_flight, limits.calls_in_flight_per_caller),
        watchers: (limits.watchers, limits.watchers_per_caller),
    });
    let proxies = options.trusted_proxies;
    let connections = Connections::new(limits, proxies.clone());
    let measures = registry.measures();
    metrics.add(
        "ndp_writer_group_commands",
        "commands in each group that is committed together",
        measures.group_commands.clone(),
    );
    metrics.add(
        "ndp_writer_commit_seconds",
        "time that writing and committing each group took",
        measures.commit_seconds.clone(),
    );
    metrics.add(
        "ndp_writer_request_id_lookups",
        "request ids that were looked up in the log, because it may have them",
        measures.request_id_lookups.clone(),
    );
    if let Some(tls) = &tls {
        tls.register(&metrics);
    }
    metrics.collect(metrics::Live {
        registry: registry.clone(),
        connections: connections.clone(),
        admission: Arc::clone(&admission),
    });
    let browsers = Browsers {
        public_url: options.public_url,
        key: registry.cookie_key().clone(),
    };
    let subject_key = registry.subject_key().clone();
    let sign_in = SignIn::open(&options.issuers, subject_key, browsers)?;
    let following_keys = tokio::spawn(follow_keys(registry.clone(), sign_in.clone()));
    let identifier = Identifier::new(registry.clone(), sign_in.clone());
    let entrance = Entrance::new(
        identifier.clone(),
        Arc::clone(&admission),
        proxies,
        refusing,
        limits.header_bytes,
    );
    let call_time_max = Duration::from_secs(limits.call_seconds);
    let transfer_time_max = Duration::from_secs(limits.transfer_seconds);
    let guard = Guard::new(registry.clone(), call_time_max, transfer_time_max);
    let files = Files::open(registry.store(), &options.files)?;
    let tidying = tokio::spawn(tidy_files(registry.clone(), files.clone()));
    let denials = Denials::new(registry.clock().now());
    let checkpoints = signing::open(&registry, &options.signing)?;
    let sign_in_pages = browser::pages(&registry, &sign_in, &identifier);
    let methods = Methods::new(
        &registry,
        sign_in.clone(),
        files,
        Arc::new(checkpoints),
        denials.clone(),
        admission.answer_bytes(),
        ended.clone(),
    );
    let json = HttpLayer::new(registry.turns().clone())?;
    let slow = Duration::from_millis(limits.slow_call_ms);
    let calls = Calls::new(registry.clone(), identifier, methods, denials, slow);
    let grpc = Stack::new(metrics.clone(), guard, calls, Standard::new(serving)?);
    let within = BoxCloneSyncService::new(grpc.clone());
    let pages = crate::web::pages(within, &registry, &sign_in);
    let web = ServiceBuilder::new()
        .layer(option_layer(web::cors(&options.web_origins)))
        .layer(sign_in_pages)
        .layer(pages)
        .layer(json.clone())
        .layer(GrpcWebLayer::new())
        .service(grpc.clone());
    let front = Front::new(entrance, grpc, web, json, options.sandbox);
    let keepalive_interval = options.keepalive_interval.unwrap_or(KEEPALIVE_INTERVAL);
    let manners = Manners {
        header_bytes: limits.header_bytes.saturating_mul(HEADERS_READ_TIMES),
        greeting_time: options.greeting_time.unwrap_or(GREETING_TIME),
        keepalive_interval,
        keepalive_timeout: KEEPALIVE_TIMEOUT.min(keepalive_interval),
        answer_time: options.answer_time.unwrap_or(ANSWER_TIME),
        flood_time: options.flood_time.unwrap_or(FLOOD_TIME),
        age_max: options.connection_age.unwrap_or(AGE_MAX),
        idle_max: options.connection_idle.unwrap_or(IDLE_MAX),
    };
    let answer = move |request| front.answer(request);
    let acceptor = Acceptor {
        tls,
        proxy_protocol: options.proxy_protocol,
        admission,
        connections,
        manners,
        metrics,
    };
    listener::serve(listener, acceptor, answer, ended).await;
    let uses = tokio::time::timeout(USES_TIME, registry.write_key_uses()).await;
    if !matches!(uses, Ok(Ok(()))) {
        tracing::warn!("the last uses of API keys were not written");
    }
    following.abort();
    tidying.abort();
    following_keys.abort();
    Ok(())
}

/// Reads the keys of the issuers of tokens, periodically.
async fn follow_keys(registry: Registry, sign_in: SignIn) {
    loop {
        sign_in.refresh_keys(registry.clock().now()).await;
        tokio::time::sleep(KEYS_INTERVAL).await;
    }
}

/// Removes files that no record cites, periodically.
async fn tidy_files(registry: Registry, files: Files) {
    loop {
        tokio::time::sleep(FILES_INTERVAL).await;
        let snapshot = registry.read();
        let is_cited = |sha256: &str| {
            let digest = read_digest(sha256);
            digest.is_some_and(|digest| snapshot.citations.has(&digest))
        };
        if let Err(error) = files.remove_uncited(registry.clock().now(), is_cited).await {
            tracing::warn!(%error, "files that no record cites were not removed");
        }
    }
}

/// Reports NOT_SERVING while the log cannot be read, because the served state may then be old. On
/// shutdown, health changes first; then new calls are refused; then streams end and connections
/// close.
async fn follow_readiness(
    mut readiness: watch::Receiver<bool>,
    mut stop: watch::Receiver<bool>,
    say: watch::Sender<Serving>,
    refusing: Arc<AtomicBool>,
    ending: watch::Sender<bool>,
) {
    loop {
        let serves = *readiness.borrow_and_update() && !*stop.borrow_and_update();
        say.send_replace(if serves { Serving::Yes } else { Serving::No });
        if *stop.borrow() {
            refusing.store(true, Ordering::Relaxed);
            ending.send_replace(true);
            // Ends the health watches after a last status: they would delay the shutdown.
            say.send_replace(Serving::Ending);
            return;
        }
        let changed = tokio::select! {
            // the registry is gone, and so is the sender of `stopping`
            changed = readiness.changed() => changed,
            changed = stop.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}
