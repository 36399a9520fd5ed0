//! `ndp-registry serve`.

use std::process::ExitCode;

use crate::{
    config::ServeArgs,
    domain::principals::Role,
    registry::Registry,
    server::{self, Listeners},
    telemetry,
};

pub(super) async fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let config = args.resolve()?;
    let telemetry = telemetry::start(config.common.log_format, &config.common.log_level)?;
    let (registry, writer, store) = super::open(&config.common).await?;
    let calls = server::bind(config.listen).await?;
    let metrics = match config.metrics_listen {
        None => None,
        Some(address) => Some(server::bind(address).await?),
    };
    let signals = server::Signals::take()?;
    let address = calls.local_addr()?;
    let metrics_address = metrics.as_ref().map(|it| it.local_addr()).transpose()?;
    let key_create =
        super::same_database(&config.common, "key create --principal admin --role admin");
    println!(
        "{}",
        welcome(&registry, address, store.describe(), &key_create)
    );
    if let Some(address) = metrics_address {
        println!("\nMetrics are on http://{address}/metrics");
    }
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

/// What a newcomer reads: where it listens, how to get a first key, and what to type next.
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
         grpcurl -plaintext {address} ndp.registry.v1.MonitoringService/GetSummary\n  \
         grpcurl -plaintext -d '{{\"query\": \"dinh danh\"}}' {address} \
         ndp.registry.v1.CatalogueService/SearchPlatforms\n  \
         grpcurl -plaintext -d '{{\"page_size\": 3}}' {address} \
         ndp.registry.v1.CatalogueService/ListPlatforms"
    )
}
