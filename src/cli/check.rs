//! `ndp-registry check`.

use std::process::ExitCode;

use crate::{config::DatabaseArgs, registry::check, telemetry};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = args.database.resolve()?;
    telemetry::start(config.log_format, &config.log_level)?;
    super::must_exist(&config)?;
    let store = super::open_store(&config).await?;
    let report = check::check(&store).await?;
    store.close().await;
    println!(
        "{}: revision {}, {} changes, {} effects, {} records",
        if report.findings.is_empty() {
            "ok"
        } else {
            "NOT OK"
        },
        report.revision,
        report.changes,
        report.effects,
        report.records,
    );
    for finding in &report.findings {
        println!("  {finding}");
    }
    Ok(if report.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        super::EXIT_DATA.into()
    })
}
