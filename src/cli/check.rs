//! `ndp-registry check`.

use std::process::ExitCode;

use super::output;
use crate::{config::DatabaseArgs, files::Files, registry::check};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = super::begin(&args.database)?;
    super::must_exist(&config)?;
    let store = super::open_to_read(&config).await?;
    let mut report = check::check(&store).await?;
    let files = Files::open_to_read(&store, &config.files)?.verify().await?;
    report.findings.extend(files.findings.iter().cloned());
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
    text.push_str(&super::backup::told(&files));
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
