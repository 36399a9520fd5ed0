//! `ndp-registry serve`.

use std::{future, process::ExitCode, sync::Arc, thread};

use anyhow::{Context, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    SystemClock, files, output,
    sandbox::{self, Opened, Sandbox},
};
use crate::{
    config::{ServeArgs, TlsFiles, quoted},
    registry::Registry,
    server::{self, Listeners, Signals, Stop as _, tls::Tls},
    telemetry,
};
use ndp_core::records::principals::Role;

pub(super) async fn run(args: &ServeArgs, mut signals: Signals) -> anyhow::Result<ExitCode> {
    let mut config = args.resolve()?;
    let telemetry = telemetry::start(config.common.log_format, &config.common.log_level)?;
    let tls = config.tls.take().map(Tls::open).transpose();
    let tls = tls.context("cannot speak TLS")?;
    stay_for_other_signals(tls.clone())?;
    let limits = &mut config.options.limits;
    let room = files::connections(limits.connections);
    if room < limits.connections {
        // as if this number had been requested: one address gets at most half
        limits.connections_per_address = limits.connections_per_address.min(room.div_ceil(2));
        limits.connections = room;
    }
    // in its own task, so that a signal is handled while it computes or waits
    let (common, turns) = (config.common.clone(), config.options.limits.turns);
    let sandbox = match config.common.database.file() {
        Some(file) if config.options.sandbox => {
            Some(Arc::new(Sandbox::new(file, Arc::new(SystemClock), turns)))
        }
        _ => None,
    };
    let of_sandbox = sandbox.clone();
    let mut opening = tokio::spawn(async move {
        match of_sandbox {
            Some(sandbox) => sandbox.open().await,
            None => super::open(&common, turns).await.and_then(not_of_sandbox),
        }
    });
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
    let key_create = super::same_database(
        &config.common,
        "admin key create --principal admin --role ROLE_ADMIN",
    );
    let files = tls.as_ref().map(Tls::files);
    let mut welcome = welcome(&registry, address, files, store.describe(), &key_create);
    if sandbox.is_some() {
        welcome.push_str(&open_keys()?);
    }
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
    let listeners = Listeners {
        calls,
        tls,
        metrics,
    };
    let (seconds, options) = (config.shutdown_seconds, config.options);
    let served = match sandbox {
        Some(sandbox) => {
            let opened = (registry, writer, store);
            let days = sandbox.serve(opened, &listeners, &mut signals, seconds, &options);
            days.await
        }
        None => {
            let forever = future::pending();
            let serving = server::serve(
                registry,
                writer,
                listeners,
                &mut signals,
                seconds,
                options,
                forever,
            );
            let served = serving.await;
            store.close().await;
            served.map(|_| ())
        }
    };
    telemetry.finish().await;
    served.map(|()| ExitCode::SUCCESS)
}

/// Refuses a sandbox's database: everyone has its keys.
fn not_of_sandbox(opened: Opened) -> anyhow::Result<Opened> {
    if sandbox::is_sandbox(&opened.0.read().key_hashes)? {
        bail!(
            "`{}` is a sandbox's, whose keys everyone has: serve it with --sandbox, or name \
             another database",
            opened.2.describe()
        );
    }
    Ok(opened)
}

/// What a developer needs to know of a sandbox.
fn open_keys() -> anyhow::Result<String> {
    let mut text = String::from(
        "\n\nThis is a SANDBOX (môi trường thử nghiệm): everyone has these keys, and all that is \
         written is gone at\nmidnight in Vietnam.\n",
    );
    for key in sandbox::open_keys()? {
        text.push_str(&format!("  {:<20} {}\n", key.role, key.secret));
    }
    Ok(text)
}

/// Reads the files of TLS again at SIGHUP, and when they change. Ignores other signals that would
/// end the process by default and that have no meaning for this server. SIGPIPE is not among them,
/// because Rust ignores it: a broken pipe is an error of the write call.
fn stay_for_other_signals(tls: Option<Tls>) -> anyhow::Result<()> {
    let hangups = signal(SignalKind::hangup())?;
    match tls {
        Some(tls) => drop(tokio::spawn(tls.reload_on_change(hangups))),
        None => ignore("SIGHUP", hangups),
    }
    ignore("SIGUSR1", signal(SignalKind::user_defined1())?);
    ignore("SIGUSR2", signal(SignalKind::user_defined2())?);
    Ok(())
}

fn ignore(name: &'static str, mut signals: Signal) {
    tokio::spawn(async move {
        while signals.recv().await.is_some() {
            tracing::info!(signal = name, "ignored: there is nothing to reload");
        }
    });
}

/// The text for a new user: the listening address, how to get a first key, and the next commands.
fn welcome(
    registry: &Registry,
    address: std::net::SocketAddr,
    tls: Option<&TlsFiles>,
    database: &str,
    key_create: &str,
) -> String {
    let snapshot = registry.read();
    let platforms = snapshot.state.active_platforms().count();
    let revision = snapshot.state.revision();
    let synthetic = if snapshot.state.is_synthetic() {
        "What this registry holds is SYNTHETIC (thử nghiệm); nothing in it is true.\n"
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
    let scheme = tls.map_or("http", |_| "https");
    // the certificate itself is its own root in a first try; one of a known issuer needs neither
    let how = match tls {
        None => "-plaintext".to_owned(),
        Some(files) => {
            let own = quoted(&files.certificate.to_string_lossy());
            let client = match &files.client_ca {
                Some(ca) if ca.required => " -cert CERTIFICATE -key KEY",
                _ => "",
            };
            format!("-cacert {own}{client}")
        }
    };
    format!(
        "{synthetic}ndp-registry is listening on {address}\n\
         {database}, revision {revision}, {platforms} platforms\n\
         {first_key}\n\
         Open {scheme}://{address}/ in a browser, or try:\n  \
         grpcurl {how} {address} ndp.registry.v1.MonitoringService/ComputeSummary\n  \
         grpcurl {how} -d '{{\"query\": \"dinh danh\"}}' {address} \
         ndp.registry.v1.CatalogueService/SearchPlatforms\n  \
         grpcurl {how} -d '{{\"page_size\": 3}}' {address} \
         ndp.registry.v1.CatalogueService/ListPlatforms"
    )
}
