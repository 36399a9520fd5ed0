//! The server: binds, wires services and layers together, and shuts down.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use tokio::{net::TcpListener, signal::unix, sync::watch};
use tonic::transport::{Server, server::TcpIncoming};
use tonic_health::{ServingStatus, server::HealthReporter};
use tonic_web::GrpcWebLayer;
use tower::util::option_layer;

use crate::{
    config::ServerOptions,
    http::HttpLayer,
    layers::{calls::CallsLayer, web},
    pb,
    registry::{Registry, WriterTask},
    service,
};

/// How long the writer may take to end once nothing is asked of it any more, for it may be in the
/// middle of a commit; and after a second signal.
const WRITER_TIME: Duration = Duration::from_secs(5);
const WRITER_TIME_AT_ONCE: Duration = Duration::from_millis(500);

/// How long a connection may be silent before it is asked whether it still lives.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);

/// Streams that one connection may have open; more wait on the client's side.
const STREAMS_MAX: u32 = 200;

/// Largest block of request headers, in bytes.
const HEADERS_BYTES_MAX: u32 = 16 * 1024;

/// Binds the address, so that the port is known before anything is served.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; is another server running there?"))
}

/// The signals that stop the server. Made before it says that it listens: until then a signal
/// ends the process as any other.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
}

impl Signals {
    /// Takes them over from the operating system's defaults.
    pub fn take() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: unix::signal(unix::SignalKind::terminate())?,
            interrupt: unix::signal(unix::SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Serves until SIGTERM or SIGINT, then lets running calls finish for so many seconds. A second
/// signal stops at once.
pub async fn serve(
    registry: Registry,
    mut writer: WriterTask,
    listener: TcpListener,
    mut signals: Signals,
    shutdown_seconds: u64,
    options: ServerOptions,
) -> anyhow::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let mut serving = tokio::spawn(serve_until(registry.clone(), listener, options, stopped));
    tokio::select! {
        name = signals.next() => tracing::info!(signal = name, "shutting down"),
        // The writer holds no handle on itself: it ends early only when it must not go on.
        ended = &mut writer => {
            ended??;
            anyhow::bail!("the writer ended by itself");
        }
        ended = &mut serving => return ended?,
    }
    stop.send_replace(true);
    let hard_stop = tokio::time::sleep(Duration::from_secs(shutdown_seconds));
    let mut writer_time = WRITER_TIME;
    tokio::select! {
        ended = &mut serving => ended??,
        () = hard_stop => tracing::warn!(shutdown_seconds, "stopping with calls still open"),
        name = signals.next() => {
            tracing::warn!(signal = name, "stopping at once");
            writer_time = WRITER_TIME_AT_ONCE;
        }
    }
    serving.abort();
    // Connections outlive the task that accepted them and hold their handles, so the writer is
    // told; it finishes its queue and ends.
    registry.close();
    let ended = tokio::select! {
        ended = tokio::time::timeout(writer_time, &mut writer) => ended.ok(),
        _ = signals.next() => None,
    };
    match ended {
        Some(ended) => ended??,
        None => {
            writer.abort();
            anyhow::bail!("the writer did not finish in time; nothing acknowledged is lost");
        }
    }
    tracing::info!("stopped");
    Ok(())
}

/// Serves until `stop` says so, and until then what was begun has ended.
pub async fn serve_until(
    registry: Registry,
    listener: TcpListener,
    options: ServerOptions,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let (health, health_service) = tonic_health::server::health_reporter();
    let following = tokio::spawn(follow_readiness(registry.readiness(), stop.clone(), health));
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let calls = CallsLayer::new(registry.clone());
    let routes = service::routes(&registry, stop.clone())
        .into_axum_router()
        .layer(calls);
    let mut stopping = stop.clone();
    // Said of the listener: what `Server::tcp_nodelay` says holds only for one that it binds
    // itself, and an answer in two segments would wait 40 ms for the client's acknowledgement.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let served = Server::builder()
        .accept_http1(true)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .max_concurrent_streams(Some(STREAMS_MAX))
        .http2_max_header_list_size(Some(HEADERS_BYTES_MAX))
        .layer(option_layer(web::cors(&options.web_origins)))
        .layer(HttpLayer::new(pb::FILE_DESCRIPTOR_SET)?)
        .layer(GrpcWebLayer::new())
        .add_routes(routes.into())
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .serve_with_incoming_shutdown(incoming, async move {
            drop(stopping.wait_for(|stop| *stop).await);
        })
        .await;
    following.abort();
    Ok(served?)
}

/// Health says NOT_SERVING while the log cannot be read, for what is served then may be old, and
/// from the moment that the server is told to stop.
async fn follow_readiness(
    mut readiness: watch::Receiver<bool>,
    mut stop: watch::Receiver<bool>,
    mut health: HealthReporter,
) {
    loop {
        let serves = *readiness.borrow_and_update() && !*stop.borrow_and_update();
        let status = if serves {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for name in std::iter::once("").chain(service::NAMES) {
            health.set_service_status(name, status).await;
        }
        if *stop.borrow() {
            // Ends the streams of Watch, after this last word: they would hold up the shutdown.
            for name in std::iter::once("").chain(service::NAMES) {
                health.clear_service_status(name).await;
            }
            return;
        }
        let changed = tokio::select! {
            changed = readiness.changed() => changed,
            changed = stop.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}
