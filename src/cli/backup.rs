//! `ndp-registry admin backup` and `ndp-registry admin restore`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use tempfile::TempPath;
use uuid::Uuid;

use super::{
    SystemClock, output,
    verify::{Report, line_of},
};
use crate::{
    client::directory_of,
    config::{DatabaseArgs, DatabaseConfig},
    files::{Location, Verified},
    store::{DatabaseUrl, Store},
    telemetry::{Measure, Progress},
};
use ndp_core::time::Clock as _;

/// The name of a backup that is not verified yet, in a directory of its own.
const PARTIAL: &str = "copy.db";

/// How often the size of a growing file is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

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
    let cannot = || format!("cannot back up `{}` to `{file}`", config.database);
    // it has its name once it is verified, so that nothing else is taken for a backup
    let partial = tempfile::Builder::new()
        .prefix(".ndp-registry-backup-")
        .tempdir_in(directory_of(&args.file));
    let partial = partial.with_context(cannot)?;
    if args.file.symlink_metadata().is_ok() {
        return Err(anyhow!("it is there already; name another file").context(cannot()));
    }
    let path = partial.path().join(PARTIAL);
    let store = super::open_to_read(&config).await?;
    let progress = Progress::start("copying", Measure::Bytes(None), false, false);
    let copied = while_growing(&path, &progress, store.copy_to_file(&path)).await;
    store.close().await;
    copied.with_context(cannot)?;
    super::check_untouched(&store, "backup")?;
    let copy = open_file(&path).await?;
    let counted = verified(&copy, &args.file, &config.files, &progress).await;
    copy.close().await;
    progress.end();
    let (counted, files) = counted?;
    let named = TempPath::try_from_path(&path).and_then(|path| {
        let named = path.persist_noclobber(&args.file);
        named.map_err(|error| error.error)
    });
    named.with_context(cannot)?;
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
    let progress = Progress::start("verifying the log", Measure::Time, false, false);
    let (counted, files) = verified(backup, &args.file, &config.files, &progress).await?;
    let newer = match &args.redactions_of {
        Some(url) => Some(open_newer(url).await?),
        None => None,
    };
    let store = super::open_store(config).await?;
    let restored = async {
        progress.stage("writing the database", Measure::Count("rows", None));
        backup.copy_into(&store, &|rows| progress.set(rows)).await?;
        progress.stage("committing", Measure::Time);
        if let Some(newer) = &newer {
            let now = SystemClock.now();
            let mut salt = rand::random::<[u8; 16]>;
            store.redact_as(newer, now, &mut salt).await?;
            store.erase_overwritten().await?;
        }
        store.head().await
    };
    let restored = restored.await;
    progress.end();
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

/// Waits for a file to be written, and says how large it is.
async fn while_growing<T>(file: &Path, progress: &Progress, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let mut looks = tokio::time::interval(LOOK_INTERVAL);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = looks.tick() => progress.set(fs::metadata(file).map_or(0, |it| it.len())),
        }
    }
}

/// Describes the content of a backup, after the whole log has been verified, the records match it,
/// and each file has its digest.
async fn verified(
    backup: &Store,
    file: &Path,
    place: &Location,
    progress: &Progress,
) -> anyhow::Result<(String, Verified)> {
    let Report { database, files } = Report::of(backup, place, &[], progress).await?;
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
