//! The command line: what a person types, and what the process answers with.

mod check;
mod key;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    catalogue,
    config::{DatabaseConfig, Mistakes},
    domain::time::{Clock, Timestamp},
    registry::{Registry, WriterTask, entropy::OsEntropy},
    store::Store,
};

/// Settings or arguments are wrong; as EX_USAGE of sysexits.
const EXIT_USAGE: u8 = 64;
/// The records are not what the log says; as EX_DATAERR.
const EXIT_DATA: u8 = 65;

/// Registry of Vietnam's national digital platforms and their implementation plans, over gRPC
///
/// Every option is also an environment variable and a key of the configuration file. Exit codes:
/// 0 done, 1 failed (standard error says why), 64 wrong arguments or settings, 65 `check` found
/// something.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server; a new database gets the shipped catalogue
    Serve(Box<crate::config::ServeArgs>),
    /// Make, list and revoke API keys, on the database itself: so that the first administrator
    /// can be
    #[command(subcommand)]
    Key(key::Command),
    /// Verify that the log's digests hold and that the records are what the log says
    Check(check::Args),
}

/// Runs what the command line asks for.
pub async fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(args) => serve::run(&args).await,
        Command::Key(command) => key::run(command).await,
        Command::Check(args) => check::run(&args).await,
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        if error.is::<Mistakes>() || error.is::<clap::Error>() {
            ExitCode::from(EXIT_USAGE)
        } else {
            ExitCode::FAILURE
        }
    })
}

/// The wall clock; the one place that reads it.
#[derive(Clone, Copy, Debug)]
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let micros = jiff::Timestamp::now().as_microsecond();
        // The years 1 to 9999 hold every time this program will see.
        Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX)
    }
}

/// Opens the database, and seeds it where it is new.
async fn open(config: &DatabaseConfig) -> anyhow::Result<(Registry, WriterTask, Store)> {
    let store = Store::open(&config.database, uuid::Uuid::new_v4()).await?;
    let entropy = Box::new(OsEntropy);
    let (registry, writer) =
        Registry::start(store.clone(), std::sync::Arc::new(SystemClock), entropy).await?;
    let seed = catalogue::seed(config.catalogue.iter().map(String::as_str))?;
    if registry.seed(seed).await? {
        tracing::info!(editions = %config.catalogue.join(","), "loaded the shipped catalogue");
    }
    Ok((registry, writer, store))
}

/// Lets the writer finish and the connections close.
async fn close(registry: Registry, writer: WriterTask, store: Store) -> anyhow::Result<()> {
    drop(registry);
    writer.await??;
    store.close().await;
    Ok(())
}
