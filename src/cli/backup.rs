//! `ndp-registry admin backup` and `ndp-registry admin restore`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use uuid::Uuid;

use super::{
    SystemClock, output,
    verify::{Report, line_of},
};
use crate::{
    config::{DatabaseArgs, DatabaseConfig},
    files::{Location, Verified},
    store::{DatabaseUrl, Store},
};
use ndp_core::time::Clock as _;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ndp-registry admin backup copy.db")]
pub(super) struct BackupArgs {
    /// File to make; it must not be there
    file: PathBuf,

    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ndp-registry admin restore copy.db --database sqlite:new.db")]
pub(super) struct RestoreArgs {
    /// File that `admin backup` made
    file: PathBuf,

    /// Database of the same log as it was later: what was redacted there is redacted here too
    #[arg(long, value_name = "URL")]
    redactions_of: Option<String>,

    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn backup(args: &BackupArgs) -> anyhow::Result<ExitCode> {
    let config = super::begin(&args.database)?;
    super::must_exist(&config)?;
    let file = args.file.display();
    let store = super::open_to_read(&config).await?;
    let copied = store.copy_to_file(&args.file).await;
    store.close().await;
    copied.with_context(|| format!("cannot back up `{}` to `{file}`", config.database))?;
    if let Err(error) = super::check_untouched(&store, "backup") {
        fs::remove_file(&args.file)?;
        return Err(error);
    }
    let copy = open_file(&args.file).await?;
    let counted = verified(&copy, &args.file, &config.files).await;
    copy.close().await;
    let (counted, files) = counted?;
    let outside = beside(&files, &config.files);
    output::print(format!(
        "backed up: {file}, {counted}\n{}{outside}",
        line_of(&files)
    ))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn restore(args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let config = super::begin(&args.database)?;
    let backup = open_file(&args.file).await?;
    let restored = restore_from(&backup, args, &config).await;
    backup.close().await;
    let (counted, files, log_id) = restored?;
    let outside = beside(&files, &config.files);
    let files = line_of(&files);
    output::print(format!(
        "restored: {}, {counted}\n{files}{outside}It is a new log, {}: clients that read the old \
         one are refused with LOG_DIVERGED and read anew.\n",
        config.database,
        log_id.simple(),
    ))?;
    Ok(ExitCode::SUCCESS)
}

async fn restore_from(
    backup: &Store,
    args: &RestoreArgs,
    config: &DatabaseConfig,
) -> anyhow::Result<(String, Verified, Uuid)> {
    let (counted, files) = verified(backup, &args.file, &config.files).await?;
    let newer = match &args.redactions_of {
        Some(url) => Some(open_newer(url).await?),
        None => None,
    };
    let store = super::open_store(config).await?;
    let restored = async {
        backup.copy_into(&store).await?;
        if let Some(newer) = &newer {
            let now = SystemClock.now();
            let mut salt = rand::random::<[u8; 16]>;
            store.redact_as(newer, now, &mut salt).await?;
            store.erase_overwritten().await?;
        }
        store.head().await
    };
    let restored = restored.await;
    store.close().await;
    if let Some(newer) = newer {
        newer.close().await;
    }
    let file = args.file.display();
    let head =
        restored.with_context(|| format!("cannot restore `{file}` into `{}`", config.database))?;
    Ok((counted, files, head.log_id))
}

/// Opens the database whose redactions are to be repeated. Its rows take the place of those of the
/// backup, so it has to verify too.
async fn open_newer(url: &str) -> anyhow::Result<Store> {
    let url = DatabaseUrl::parse(url).map_err(anyhow::Error::msg)?;
    let opened = Store::open_to_read_at(&url).await;
    let newer = opened.context("cannot open the database of `--redactions-of`")?;
    let found = newer.verify().await?;
    if let Some(first) = found.findings.first() {
        bail!("the database of `--redactions-of` does not verify, the first finding: {first}");
    }
    Ok(newer)
}

async fn open_file(file: &Path) -> anyhow::Result<Store> {
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

/// Describes the content of a backup, after the whole log has been verified, the records match it,
/// and each file has its digest.
async fn verified(
    backup: &Store,
    file: &Path,
    place: &Location,
) -> anyhow::Result<(String, Verified)> {
    let Report { database, files } = Report::of(backup, place, &[]).await?;
    let mut findings = database.findings.iter().chain(&files.findings);
    if let Some(first) = findings.next() {
        let (name, count) = (file.display(), findings.count() as u64 + 1 + database.more);
        bail!("`{name}` does not verify, {count} findings, the first: {first}");
    }
    let counted = format!(
        "revision {}, {} changes, {} records, verified",
        database.revision, database.changes, database.records
    );
    Ok((counted, files))
}

/// What to copy besides the database.
fn beside(files: &Verified, place: &Location) -> String {
    match (files.outside, place) {
        (0, _) => String::new(),
        (_, Location::Directory(path)) => {
            format!("  Copy the directory of files too: {}\n", path.display())
        }
        (_, Location::Database) => "  Copy the directory of files too.\n".to_owned(),
    }
}
