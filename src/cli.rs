//! The command line: what a person types, and what the process answers with.

mod check;
mod demo;
mod descriptor;
mod key;
mod serve;

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};

use crate::{
    catalogue,
    config::{self, DatabaseConfig, Mistakes},
    domain::{
        names::Revision,
        time::{Clock, Timestamp},
    },
    registry::{Registry, WriterTask, entropy::OsEntropy},
    store::Store,
    telemetry,
};

/// Settings or arguments are wrong; as EX_USAGE of sysexits.
const EXIT_USAGE: u8 = 64;
/// The records are not what the log says; as EX_DATAERR.
const EXIT_DATA: u8 = 65;

/// Registry of Vietnam's national digital platforms and their implementation plans, over gRPC
///
/// `ndp-registry serve` is all it takes: it makes a database in this directory, fills it with the
/// shipped catalogue, and says what to type next.
///
/// Settings come from options, else from environment variables (NDP_DATABASE for --database), else
/// from the file that --config names, else they have their defaults. Exit codes: 0 done (`serve`:
/// was stopped), 1 failed (standard error says why), 64 wrong arguments or settings, 65 `check`
/// found something.
#[derive(Debug, Parser)]
#[command(name = "ndp-registry", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server; a new database gets the shipped catalogue
    Serve(Box<crate::config::ServeArgs>),
    /// Make, list and revoke API keys on the database itself; the first administrator's, too
    #[command(subcommand)]
    Key(key::Command),
    /// Verify that the log's digests hold and that the records are what the log says
    Check(check::Args),
    /// Fill an empty database with a made-up year, to try the registry on; nothing in it is true
    Demo(demo::Args),
    /// Print the contract as a FileDescriptorSet, with comments: `grpcurl -protoset` and others
    /// take it
    Descriptor,
}

/// Runs what the command line asks for.
pub async fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are no errors; clap's own exit code for those that are is another.
        Err(message) => {
            let code = if message.use_stderr() { EXIT_USAGE } else { 0 };
            return message
                .print()
                .map_or(ExitCode::FAILURE, |()| ExitCode::from(code));
        }
    };
    let result = match cli.command {
        Command::Serve(args) => serve::run(&args).await,
        Command::Key(command) => key::run(command).await,
        Command::Check(args) => check::run(&args).await,
        Command::Demo(args) => demo::run(&args).await,
        Command::Descriptor => descriptor::run(),
    };
    telemetry::flush();
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        if error.is::<Mistakes>() {
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
    let store = open_store(config).await?;
    let entropy = Box::new(OsEntropy);
    let (registry, writer) =
        Registry::start(store.clone(), std::sync::Arc::new(SystemClock), entropy).await?;
    // Read only where there is a log to open with it.
    if registry.revision() == Revision::ZERO {
        let seed = catalogue::seed(config.catalogue.iter().map(String::as_str))?;
        if registry.seed(seed).await? {
            tracing::info!(editions = %config.catalogue.join(","), "loaded the shipped catalogue");
        }
    }
    Ok((registry, writer, store))
}

/// How to run another command of this program on the same database.
fn same_database(config: &DatabaseConfig, command: &str) -> String {
    let program = std::env::args_os().next().unwrap_or_default();
    let program = config::quoted(&program.to_string_lossy());
    format!("{program} {command}{}", config.same_database)
}

/// Opens the store, and says which one where it cannot.
async fn open_store(config: &DatabaseConfig) -> anyhow::Result<Store> {
    let shown = config::without_password(&config.database);
    if let Some(file) = config::sqlite_file(&config.database)
        && let Some(directory) = file.parent()
        && !directory.as_os_str().is_empty()
        && !directory.is_dir()
    {
        bail!(
            "cannot open `{shown}`: there is no directory `{}`",
            directory.display()
        );
    }
    Store::open(&config.database, uuid::Uuid::new_v4())
        .await
        .with_context(|| format!("cannot open `{shown}`"))
}

/// Opens the store to read it as it is: nothing is made or brought up to date.
async fn open_to_read(config: &DatabaseConfig) -> anyhow::Result<Store> {
    let shown = config::without_password(&config.database);
    let opened = Store::open_to_read(&config.database).await;
    opened.with_context(|| format!("cannot open `{shown}`"))
}

/// Refuses a SQLite file that is not there: to a command that makes nothing, a name mistyped is
/// not a new database.
fn must_exist(config: &DatabaseConfig) -> anyhow::Result<()> {
    match config::sqlite_file(&config.database) {
        Some(file) if !file.exists() => bail!("there is no database `{}`", file.display()),
        _ => Ok(()),
    }
}

/// Lets the writer finish and the connections close.
async fn close(registry: Registry, writer: WriterTask, store: Store) -> anyhow::Result<()> {
    drop(registry);
    writer.await??;
    store.close().await;
    Ok(())
}
