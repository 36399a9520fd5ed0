//! `ndp-registry serve`.

use std::{process::ExitCode, thread};

use tokio::signal::unix::{SignalKind, signal};

use super::{files, output};
use crate::{
    config::ServeArgs,
    registry::Registry,
    server::{self, Listeners, Signals},
    telemetry,
};
use ndp_core::records::principals::Role;

pub(super) async fn run(args: &ServeArgs, mut signals: Signals) -> anyhow::Result<ExitCode> {
    let mut config = args.resolve()?;
    let telemetry = telemetry::start(config.common.log_format, &config.common.log_level)?;
    stay_for_other_signals()?;
    let limits = &mut config.options.limits;
    let room = files::connections(limits.connections);
    if room < limits.connections {
        // as if this number had been requested: one address gets at most half
        limits.connections_per_address = limits.connections_per_address.min(room.div_ceil(2));
        limits.connections = room;
    }
    // in its own task, so that a signal is handled while it computes or waits
    let (common, turns) = (config.common.clone(), config.options.limits.turns);
    let mut opening = tokio::spawn(async move { super::open(&common, turns).await });
    let (registry, writer, store) = tokio::select! {
        opened = &mut opening => opened??,
        signal = signals.next() => {
            opening.abort();
            tracing::info!(signal, "stopped before it served");
            telemetry.finish().await;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let calls = server::bind(config.listen).await?;
    let metrics = match config.metrics_listen {
        None => None,
        Some(address) => Some(server::bind(address).await?),
    };
    let address = calls.local_addr()?;
    let metrics_address = metrics.as_ref().map(|it| it.local_addr()).transpose()?;
    let key_create =
        super::same_database(&config.common, "key create --principal admin --role admin");
    let mut welcome = welcome(&registry, address, store.describe(), &key_create);
    if let Some(address) = metrics_address {
        welcome.push_str(&format!("\n\nMetrics are on http://{address}/metrics"));
    }
    welcome.push('\n');
    tracing::info!(%address, "listening");
    // in a thread, because the server must run even if the output is never read
    thread::spawn(move || {
        if let Err(error) = output::print(welcome) {
            let error = format!("{error:#}");
            tracing::warn!(error, "where it listens could not be printed");
        }
    });
    let served = server::serve(
        registry,
        writer,
        Listeners { calls, metrics },
        signals,
        config.shutdown_seconds,
        config.options,
    )
    .await;
    store.close().await;
    telemetry.finish().await;
    served.map(|()| ExitCode::SUCCESS)
}

/// Ignores signals that would end the process by default and that have no meaning for this server.
/// SIGPIPE is not among them, because Rust ignores it: a broken pipe is an error of the write call.
fn stay_for_other_signals() -> anyhow::Result<()> {
    for (name, kind) in [
        ("SIGHUP", SignalKind::hangup()),
        ("SIGUSR1", SignalKind::user_defined1()),
        ("SIGUSR2", SignalKind::user_defined2()),
    ] {
        let mut signals = signal(kind)?;
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                tracing::info!(signal = name, "ignored: there is nothing to reload");
            }
        });
    }
    Ok(())
}

/// The text for a new user: the listening address, how to get a first key, and the next commands.
fn welcome(
    registry: &Registry,
    address: std::net::SocketAddr,
    database: &str,
    key_create: &str,
) -> String {
    let snapshot = registry.read();
    let platforms = snapshot.state.active_platforms().count();
    let revision = snapshot.state.revision();
    let made_up = if snapshot.state.is_made_up() {
        "What this registry holds is MADE UP (thử nghiệm); nothing in it is true.\n"
    } else {
        ""
    };
    let has_admin = snapshot
        .state
        .principals()
        .values()
        .any(|it| !it.disabled && it.fields.roles.contains(&Role::Admin));
    let first_key = if has_admin {
        String::new()
    } else {
        format!(
            "\nThere is no administrator yet. In another terminal, in this directory:\n  \
             {key_create}\n"
        )
    };
    format!(
        "{made_up}ndp-registry is listening on {address}\n\
         {database}, revision {revision}, {platforms} platforms\n\
         {first_key}\n\
         Try:\n  \
         grpcurl -plaintext {address} ndp.registry.v1.MonitoringService/ComputeSummary\n  \
         grpcurl -plaintext -d '{{\"query\": \"dinh danh\"}}' {address} \
         ndp.registry.v1.CatalogueService/SearchPlatforms\n  \
         grpcurl -plaintext -d '{{\"page_size\": 3}}' {address} \
         ndp.registry.v1.CatalogueService/ListPlatforms"
    )
}
