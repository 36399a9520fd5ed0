//! The server: binds, wires services and layers together, and shuts down.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use tokio::{net::TcpListener, signal::unix, sync::watch};
use tonic::transport::{Server, server::TcpIncoming};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    layers::calls::CallsLayer,
    pb,
    registry::{Registry, WriterTask},
    service,
};

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

/// Serves until SIGTERM or SIGINT, then lets running calls finish for so many seconds. A second
/// signal stops at once.
pub async fn serve(
    registry: Registry,
    writer: WriterTask,
    listener: TcpListener,
    shutdown_seconds: u64,
) -> anyhow::Result<()> {
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    let mut interrupt = unix::signal(unix::SignalKind::interrupt())?;
    let mut signal = async || {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    };
    let (stop, stopped) = watch::channel(false);
    let mut serving = tokio::spawn(serve_until(registry, listener, stopped));
    let mut writer = std::pin::pin!(writer);
    tokio::select! {
        name = signal() => tracing::info!(signal = name, "shutting down"),
        // The writer holds no handle on itself: it ends early only when it must not go on.
        ended = &mut writer => {
            ended??;
            anyhow::bail!("the writer ended by itself");
        }
        ended = &mut serving => return ended?,
    }
    stop.send_replace(true);
    let hard_stop = tokio::time::sleep(Duration::from_secs(shutdown_seconds));
    tokio::select! {
        ended = &mut serving => ended??,
        () = hard_stop => tracing::warn!(shutdown_seconds, "stopping with calls still open"),
        name = signal() => tracing::warn!(signal = name, "stopping at once"),
    }
    serving.abort();
    // With the last handle gone the writer finishes its queue and ends.
    tokio::time::timeout(Duration::from_secs(shutdown_seconds.max(1)), writer)
        .await
        .context("the writer did not finish in time")???;
    tracing::info!("stopped");
    Ok(())
}

/// Serves until `stop` says so, and until then what was begun has ended.
pub async fn serve_until(
    registry: Registry,
    listener: TcpListener,
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
    let routes = service::routes(&registry).into_axum_router().layer(calls);
    let mut stopping = stop.clone();
    // Said of the listener: what `Server::tcp_nodelay` says holds only for one that it binds
    // itself, and an answer in two segments would wait 40 ms for the client's acknowledgement.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let served = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .max_concurrent_streams(Some(STREAMS_MAX))
        .http2_max_header_list_size(Some(HEADERS_BYTES_MAX))
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
    health: HealthReporter,
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
        let changed = tokio::select! {
            changed = readiness.changed() => changed,
            changed = stop.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}
