//! `ndp-registry check`.

use std::process::ExitCode;

use super::output;
use crate::{
    config::DatabaseArgs,
    files::{Files, Place, Verified},
    registry::check::{self, Report},
    store::Store,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = super::begin(&args.database)?;
    super::must_exist(&config)?;
    let store = super::open_to_read(&config).await?;
    let (report, files) = checked(&store, &config.files).await?;
    store.close().await;
    super::check_untouched(&store, "check")?;
    let mut text = format!(
        "{}: revision {}, {} changes, {} effects, {} records\n",
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
    text.push_str(&told(&files));
    for finding in &report.findings {
        text.push_str(&format!("  {finding}\n"));
    }
    output::print(text)?;
    Ok(if report.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        super::EXIT_DATA.into()
    })
}

/// Checks the log, the records, and the files that are in the database or in this place.
pub(super) async fn checked(store: &Store, place: &Place) -> anyhow::Result<(Report, Verified)> {
    let mut report = check::check(store).await?;
    let files = Files::open_to_read(store, place)?.verify().await?;
    report.findings.extend(files.findings.iter().cloned());
    Ok((report, files))
}

/// A line about the files, where there are any.
pub(super) fn told(files: &Verified) -> String {
    let Verified {
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
