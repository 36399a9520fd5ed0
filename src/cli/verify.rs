//! `ndp-registry verify`.

use std::process::ExitCode;

use super::output;
use crate::{
    config::DatabaseArgs,
    files::{self, Files, Place},
    store::{self, Store},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = super::begin(&args.database)?;
    super::must_exist(&config)?;
    let store = super::open_to_verify(&config).await?;
    let report = Report::of(&store, &config.files).await?;
    store.close().await;
    super::check_untouched(&store, "verification")?;
    let is_right = report.is_right();
    output::print(report.told())?;
    Ok(if is_right {
        ExitCode::SUCCESS
    } else {
        super::EXIT_DATA.into()
    })
}

/// What verifying a database and its files found.
pub(super) struct Report {
    pub(super) database: store::Verified,
    pub(super) files: files::Verified,
}

impl Report {
    /// Verifies the database, and the files that are in it or in this place.
    pub(super) async fn of(store: &Store, place: &Place) -> anyhow::Result<Self> {
        let database = store.verify().await?;
        let files = Files::open_to_read(store, place)?.verify().await?;
        Ok(Self { database, files })
    }

    fn is_right(&self) -> bool {
        self.database.findings.is_empty() && self.files.findings.is_empty()
    }

    fn told(&self) -> String {
        let Self { database, files } = self;
        let mut text = format!(
            "{}: revision {}, {} changes, {} effects, {} records\n",
            if self.is_right() { "ok" } else { "NOT OK" },
            database.revision,
            database.changes,
            database.effects,
            database.records,
        );
        text.push_str(&told(files));
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
pub(super) fn told(files: &files::Verified) -> String {
    let files::Verified {
        files,
        bytes,
        outside,
        unread,
        findings: _,
    } = files;
    let mut told = match files {
        0 => return String::new(),
        _ => format!("  {files} files, {bytes} bytes"),
    };
    if *outside > 0 {
        told.push_str(&format!(", {outside} of them outside the database"));
    }
    if *unread > 0 {
        told.push_str(&format!(
            "; {unread} were not read: name their place by --files directory:PATH"
        ));
    }
    told.push('\n');
    told
}
