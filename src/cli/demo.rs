//! `ndp-registry admin demo`.

use std::process::ExitCode;

use super::{SystemClock, output};
use crate::{cli::story as demo, config::DatabaseArgs};
use ndp_core::time::Clock as _;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ndp-registry admin demo --database sqlite:demo.db")]
pub(super) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = super::begin(&args.database)?;
    let store = super::open_store(&config).await?;
    let end = demo::end_before(SystemClock.now().date_in_vietnam())?;
    let made = demo::make(store.clone(), end).await;
    store.close().await;
    let made = made?;
    output::print(format!(
        "synthetic: {} platforms, {} plans, {} milestones, a year to {end} in {} changes\n\
         Nothing in it is true. To look at it:\n  {}\n",
        made.platforms,
        made.plans,
        made.milestones,
        made.revision,
        super::same_database(&config, "serve"),
    ))?;
    Ok(ExitCode::SUCCESS)
}
