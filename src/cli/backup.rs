//! `ndp-registry backup` and `ndp-registry restore`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};

use super::output;
use crate::{
    config::{DatabaseArgs, DatabaseConfig},
    registry::check::{self, Report},
    store::{DatabaseUrl, Store},
    telemetry,
};

#[derive(Debug, clap::Args)]
pub(super) struct BackupArgs {
    /// File to make; it must not be there
    file: PathBuf,

    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// File that `backup` made
    file: PathBuf,

    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn backup(args: &BackupArgs) -> anyhow::Result<ExitCode> {
    let config = begin(&args.database)?;
    super::must_exist(&config)?;
    let file = args.file.display();
    let store = super::open_to_read(&config).await?;
    let copied = store.copy_to_file(&args.file).await;
    store.close().await;
    copied.with_context(|| format!("cannot back up `{}` to `{file}`", config.database))?;
    let report = verified(&args.file).await?;
    output::print(format!("backed up: {file}, {}\n", counts(&report)))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn restore(args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let config = begin(&args.database)?;
    let file = args.file.display();
    let report = verified(&args.file).await?;
    let backup = open_file(&args.file).await?;
    let store = super::open_store(&config).await?;
    let restored = backup.copy_into(&store).await;
    backup.close().await;
    let log_id = store.head().await.map(|head| head.log_id);
    store.close().await;
    restored.with_context(|| format!("cannot restore `{file}` into `{}`", config.database))?;
    output::print(format!(
        "restored: {}, {}\nIt is a new log, {}: clients that read the old one are refused with \
         LOG_DIVERGED and read anew.\n",
        config.database,
        counts(&report),
        log_id?.simple(),
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn begin(database: &DatabaseArgs) -> anyhow::Result<DatabaseConfig> {
    let config = database.resolve()?;
    telemetry::start(config.log_format, &config.log_level)?;
    Ok(config)
}

fn counts(report: &Report) -> String {
    let Report {
        revision,
        changes,
        records,
        ..
    } = report;
    format!("revision {revision}, {changes} changes, {records} records, verified")
}

async fn open_file(file: &std::path::Path) -> anyhow::Result<Store> {
    let name = file.display();
    if !file.exists() {
        bail!("there is no file `{name}`");
    }
    let url = file.to_str().map(|path| format!("sqlite:{path}"));
    let url = url.with_context(|| format!("`{name}` is not UTF-8"))?;
    let url = DatabaseUrl::parse(&url).map_err(anyhow::Error::msg)?;
    let opened = Store::open_to_read_at(&url).await;
    opened.with_context(|| format!("cannot open `{name}`"))
}

/// A backup whose whole log verifies, and whose records are what the log says.
async fn verified(file: &std::path::Path) -> anyhow::Result<Report> {
    let store = open_file(file).await?;
    let report = check::check(&store).await;
    store.close().await;
    let report = report?;
    if let Some(first) = report.findings.first() {
        let (name, count) = (file.display(), report.findings.len());
        bail!("`{name}` does not verify, {count} findings, the first: {first}");
    }
    Ok(report)
}
