//! `ndp-registry admin verify`.

use std::{fs, path::PathBuf, process::ExitCode, sync::Once};

use anyhow::Context as _;

use super::output;
use crate::{
    config::DatabaseArgs,
    files::{self, Files, Location},
    signed,
    store::{self, Store},
    telemetry::{Measure, Progress},
};
use ndp_core::{leaf::Digest, names::Revision};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ndp-registry admin verify")]
pub(super) struct Args {
    /// File with a checkpoint that was kept, as `GET /v1/tlog/checkpoint` answers it: the log has
    /// to begin with the one that was signed; may be given more than once
    #[arg(long, value_name = "FILE", requires = "checkpoint_key")]
    checkpoint: Vec<PathBuf>,

    /// Public key that signed them, `<name>+<id>+<key>`; may be given more than once
    #[arg(long, value_name = "KEY")]
    checkpoint_key: Vec<String>,

    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = super::begin(&args.database)?;
    super::must_exist(&config)?;
    let store = super::open_to_verify(&config).await?;
    let roots = args.roots()?;
    let progress = Progress::start("verifying the log", Measure::Time, false, false);
    let report = Report::of(&store, &config.files, &roots, &progress).await;
    progress.end();
    let report = report?;
    store.close().await;
    super::check_untouched(&store, "verification")?;
    let is_right = report.is_right();
    output::print(report.text())?;
    Ok(if is_right {
        ExitCode::SUCCESS
    } else {
        super::EXIT_DATA.into()
    })
}

impl Args {
    /// The sizes and roots of the checkpoints, whose signatures hold.
    fn roots(&self) -> anyhow::Result<Vec<(Revision, Digest)>> {
        let read = |file: &PathBuf| {
            let name = file.display();
            let note = fs::read_to_string(file);
            let note = note.with_context(|| format!("the checkpoint `{name}` cannot be read"))?;
            let signed = signed::read_signed(&note, &self.checkpoint_key);
            let signed = signed.map_err(anyhow::Error::msg);
            signed.with_context(|| format!("the checkpoint `{name}` proves nothing"))
        };
        self.checkpoint.iter().map(read).collect()
    }
}

/// What verifying a database and its files found.
pub(super) struct Report {
    pub(super) database: store::Verified,
    pub(super) files: files::Verified,
}

impl Report {
    /// Verifies the database, that the log's tree has these roots at these sizes, and the files in
    /// the database or in this place.
    pub(super) async fn of(
        store: &Store,
        place: &Location,
        roots: &[(Revision, Digest)],
        progress: &Progress,
    ) -> anyhow::Result<Self> {
        let first = Once::new();
        let heard = |done, all| {
            let measure = Measure::Count("changes", Some(all));
            first.call_once(|| progress.stage("verifying the log", measure));
            progress.set(done);
        };
        let database = store.verify_with(roots, &heard).await?;
        progress.stage("verifying the files", Measure::Time);
        let files = Files::open_to_read(store, place)?.verify().await?;
        Ok(Self { database, files })
    }

    fn is_right(&self) -> bool {
        self.database.findings.is_empty() && self.files.findings.is_empty()
    }

    fn text(&self) -> String {
        let Self { database, files } = self;
        let mut text = format!(
            "{}: revision {}, {} changes, {} effects, {} records\n",
            if self.is_right() { "ok" } else { "NOT OK" },
            database.revision,
            database.changes,
            database.effects,
            database.records,
        );
        text.push_str(&line_of(files));
        for finding in database.findings.iter().chain(&files.findings) {
            text.push_str(&format!("  {finding}\n"));
        }
        if database.more > 0 {
            text.push_str(&format!("  and {} more\n", database.more));
        }
        text
    }
}

/// A line about the files, where there are any.
pub(super) fn line_of(files: &files::Verified) -> String {
    let files::Verified {
        files,
        bytes,
        outside,
        unread,
        findings: _,
    } = files;
    let mut line = match files {
        0 => return String::new(),
        _ => format!("  {files} files, {bytes} bytes"),
    };
    if *outside > 0 {
        line.push_str(&format!(", {outside} of them outside the database"));
    }
    if *unread > 0 {
        line.push_str(&format!(
            "; {unread} were not read: name their place by --files directory:PATH"
        ));
    }
    line.push('\n');
    line
}
