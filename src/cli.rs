//! The command line: its arguments, its output and its exit codes.

mod backup;
mod demo;
mod descriptor;
mod files;
mod key;
mod load;
mod onboard;
mod output;
mod protos;
pub mod sandbox;
mod serve;
pub mod story;
mod verify;
mod verify_document;

use std::{io::Write, path::Path, pin::pin, process::ExitCode, sync::LazyLock, time::Duration};

use anyhow::{Context, bail};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use rustix::{fs::Mode, process::umask};
use tokio::{
    runtime::Builder,
    time::{Instant, interval_at, timeout},
};

use crate::{
    admission::turns::TurnLimits,
    calendar, catalogue,
    client::{self, Language},
    config::{self, DatabaseArgs, DatabaseConfig, Mistakes},
    registry::{Bounds, Registry, WriterTask, entropy::OsEntropy},
    server::{Signals, Stop as _},
    store::{OpenError, Store},
    telemetry,
};
use ndp_core::{
    error::Error,
    names::Revision,
    time::{Clock, Timestamp},
};

/// The arguments or settings are wrong. The value is EX_USAGE of sysexits.
const EXIT_USAGE: u8 = 64;
/// The records do not match the log, or not the file. The value is EX_DATAERR of sysexits.
const EXIT_DATA: u8 = 65;
/// The exit codes that shells use for a process that a signal ended: 128 plus the signal number.
const EXIT_SIGINT: u8 = 130;
const EXIT_SIGTERM: u8 = 143;

/// Time until a running operation is first logged, and the interval after that.
const WARN_AFTER: Duration = Duration::from_millis(700);
const WARN_INTERVAL: Duration = Duration::from_secs(3);

/// How long the end of a process waits for work that a signal ended.
const DROP_TIME: Duration = Duration::from_millis(500);

/// A first call.
const EXAMPLE: &str = "ndp-registry search 'dinh danh' --server 127.0.0.1:50051";

/// Registry of Vietnam's national digital platforms and their implementation plans, over gRPC
///
/// `ndp-registry serve` is all it takes: it makes a database in this directory, fills it with the
/// shipped catalogue, and says what to type next. The commands below `admin` work on the database
/// itself. `descriptor` and `protos` print the contract. All others call a server: `login` stores
/// which one, and docs/cli.md shows them.
///
/// Settings come from options, else from environment variables (NDP_DATABASE for --database), else
/// from the file that --config names, else they have their defaults; an empty variable counts as
/// not given.
///
/// Exit codes: 0 done (`serve`: was stopped), 1 failed (standard error says why), 64 wrong
/// arguments or settings, 65 `admin verify` found something or `admin verify-document` no record,
/// 130 and 143 ended by SIGINT and SIGTERM. Of a server's refusal: 65 not valid, or not in this
/// state, 66 not found, 69 not reached, 70 a defect, 73 exists already, 75 try again, 77 not
/// allowed.
#[derive(Debug, Parser)]
#[command(
    name = "ndp-registry",
    version,
    max_term_width = 100,
    after_help = format!("Example:\n  {EXAMPLE}")
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server; a new database gets the shipped catalogue
    Serve(Box<crate::config::ServeArgs>),
    /// Work on the database itself: the first key, verification, backups
    #[command(subcommand)]
    Admin(Box<Admin>),
    /// Print the contract as a FileDescriptorSet, with comments: `grpcurl -protoset` and others
    /// take it
    #[command(after_help = "Example:\n  ndp-registry descriptor > registry.binpb")]
    Descriptor,
    /// Write the contract's protos, with those they import, and the FileDescriptorSet into a folder
    Protos(protos::Args),
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  ndp-registry admin verify")]
enum Admin {
    /// Make, list and revoke API keys on the database itself; the first administrator's, too
    #[command(subcommand)]
    Key(key::Command),
    /// Write the shipped entries of an edition into a registry that is not new
    Load(load::Args),
    /// Onboard an agency: its first principals, their roles and a key for each, in one change
    Onboard(onboard::Args),
    /// Verify that the log, the records and the files were not altered outside of the registry
    Verify(verify::Args),
    /// Say which records cite a file, by its SHA-256
    VerifyDocument(verify_document::Args),
    /// Write a verified backup into a new file, also while a server runs on the database
    Backup(backup::BackupArgs),
    /// Make a new registry of a backup, in an empty database; it gets a log id of its own
    Restore(backup::RestoreArgs),
    /// Fill an empty database with a synthetic year, to try the registry on; nothing in it is true
    Demo(demo::Args),
}

/// What the arguments select.
enum Selected {
    /// A command of the server's side.
    Here(Command),
    /// One that calls a server, by its name.
    Client(String, clap::ArgMatches),
}

/// Runs the command that the arguments select, and returns the exit code.
pub fn main() -> ExitCode {
    // only the owner may access the database, because it holds drafts and hashes of keys
    umask(Mode::RWXG | Mode::RWXO);
    let code = match command() {
        Ok(command) => {
            let runtime = Builder::new_multi_thread().enable_all().build();
            match runtime {
                Ok(runtime) => {
                    let code = runtime.block_on(run(command));
                    // work that still computes or waits for a disk does not delay the exit
                    runtime.shutdown_background();
                    code
                }
                Err(error) => failed(&anyhow::Error::new(error).context("no thread is to be had")),
            }
        }
        Err(code) => code,
    };
    telemetry::end_progress();
    telemetry::flush();
    code
}

/// The command that the arguments select, or the exit code if the arguments were handled here.
fn command() -> Result<Selected, ExitCode> {
    let parsed = |language| client::unless_empty(whole(language)).try_get_matches();
    // only what is said of the arguments needs their words, and a start does not wait for these
    let parsed = parsed(Language::English).or_else(|message| match language() {
        Language::English => Err(message),
        language @ Language::Vietnamese => parsed(language),
    });
    let mut matches = parsed.map_err(|message| tell(&message))?;
    let own = Cli::command();
    let is_own = |name: &str| own.find_subcommand(name).is_some();
    let is_clients = matches.subcommand_name().is_some_and(|name| !is_own(name));
    if let Some((name, inner)) = is_clients.then(|| matches.remove_subcommand()).flatten() {
        return Ok(Selected::Client(name, inner));
    }
    let cli = Cli::from_arg_matches_mut(&mut matches);
    cli.map(|cli| Selected::Here(cli.command))
        .map_err(|message| tell(&message))
}

/// Every command; those of the client only where none of the others is asked for, because they are
/// made from the descriptors.
fn whole(language: Language) -> clap::Command {
    let own = Cli::command().arg(client::language_flag());
    let mut arguments = std::env::args_os().skip(1).filter(|it| it != "help");
    let named = match arguments.next() {
        Some(flag) if flag == "--lang" => arguments.nth(1),
        Some(flag) if flag.to_string_lossy().starts_with("--lang=") => arguments.next(),
        first => first,
    };
    match (
        named.is_some_and(|name| own.find_subcommand(name).is_some()),
        language,
    ) {
        (true, _) => own,
        (false, Language::English) => client::commands(own, language),
        (false, Language::Vietnamese) => client::commands(in_vietnamese(own), language),
    }
}

/// The language that is asked for.
fn language() -> Language {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    client::language(&arguments)
}

/// What the help of the whole program says in Vietnamese. The help of a command of the server's
/// side is in English.
fn in_vietnamese(own: clap::Command) -> clap::Command {
    let abouts = [
        (
            "serve",
            "Chạy máy chủ; cơ sở dữ liệu mới được nạp danh mục kèm theo",
        ),
        (
            "admin",
            "Làm việc trên chính cơ sở dữ liệu: khóa đầu tiên, kiểm tra, sao lưu",
        ),
        (
            "descriptor",
            "In giao diện lập trình ở dạng FileDescriptorSet, kèm chú thích, cho `grpcurl \
             -protoset` và công cụ khác",
        ),
        (
            "protos",
            "Ghi các tệp proto của giao diện lập trình, các tệp proto được dùng đến và \
             FileDescriptorSet vào một thư mục",
        ),
    ];
    let own = abouts.into_iter().fold(own, |own, (name, about)| {
        own.mut_subcommand(name, |it| it.about(about))
    });
    let about = "Hệ thống đăng ký các nền tảng số quốc gia của Việt Nam và kế hoạch triển khai các \
                 nền tảng đó, qua gRPC";
    let more = "Chỉ cần chạy `ndp-registry serve`: lệnh này tạo cơ sở dữ liệu trong thư mục hiện \
                tại, nạp danh mục kèm theo và cho biết cần gõ gì tiếp. Các lệnh con của `admin` \
                làm việc trên chính cơ sở dữ liệu. `descriptor` và `protos` in giao diện lập \
                trình. Mọi lệnh khác gọi đến một máy chủ: `login` lưu máy chủ nào, và \
                docs/cli.md hướng dẫn cách dùng.\n\n\
                Thiết lập lấy từ tùy chọn, nếu không có thì từ biến môi trường (NDP_DATABASE ứng \
                với --database), rồi từ tệp mà --config nêu, cuối cùng là giá trị mặc định; biến \
                rỗng coi như không có.\n\n\
                Mã kết thúc: 0 đã xong (`serve`: đã dừng), 1 không thành công (đầu ra lỗi chuẩn \
                cho biết lý do), 64 sai tham số hoặc thiết lập, 65 `admin verify` phát hiện sai \
                lệch hoặc `admin verify-document` không thấy bản ghi nào, 130 và 143 bị dừng bởi \
                SIGINT và SIGTERM. Khi máy chủ từ chối: 65 không hợp lệ hoặc trạng thái không \
                cho phép, 66 không tìm thấy, 69 không kết nối được, 70 lỗi nội bộ, 73 đã có, 75 \
                hãy thử lại, 77 không có quyền.";
    own.about(about)
        .long_about(format!("{about}\n\n{more}"))
        .after_help(format!("Ví dụ:\n  {EXAMPLE}"))
}

/// Prints help, the version, or the error in the arguments.
fn tell(message: &clap::Error) -> ExitCode {
    if message.use_stderr() {
        // without colors, because it may contain a password
        let text = match language() {
            Language::English => None,
            Language::Vietnamese => client::arguments_in_vietnamese(message),
        };
        let text = without_urls(text.unwrap_or_else(|| message.render().to_string()));
        telemetry::say(text.trim_end());
        return ExitCode::from(EXIT_USAGE);
    }
    let printed = message.print().and_then(|()| std::io::stdout().flush());
    match output::ended(printed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// The text without arguments that may be a database URL.
fn without_urls(text: String) -> String {
    let arguments = std::env::args_os().map(|it| it.to_string_lossy().into_owned());
    arguments.fold(text, |text, argument| {
        let value = match argument.split_once('=') {
            Some((option, value)) if option.starts_with('-') => value,
            _ => &argument,
        };
        if value.contains("://") || value.contains('@') {
            text.replace(value, "…")
        } else {
            text
        }
    })
}

async fn run(selected: Selected) -> ExitCode {
    let ended = match Signals::take() {
        Err(error) => Err(error),
        Ok(signals) => match selected {
            Selected::Here(Command::Serve(args)) => serve::run(&args, signals).await,
            Selected::Here(command) => run_once(once(command), signals).await,
            Selected::Client(name, given) => {
                let calling =
                    async move { Ok(client::run(&name, given, whole(Language::English)).await) };
                run_once(calling, signals).await
            }
        },
    };
    ended.unwrap_or_else(|error| failed(&error))
}

/// Runs a command that ends by itself.
async fn once(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(_) => bail!("it does not end by itself"),
        Command::Admin(command) => match *command {
            Admin::Key(command) => key::run(command).await,
            Admin::Load(args) => load::run(&args).await,
            Admin::Onboard(args) => onboard::run(args).await,
            Admin::Verify(args) => verify::run(&args).await,
            Admin::VerifyDocument(args) => verify_document::run(&args).await,
            Admin::Backup(args) => backup::backup(&args).await,
            Admin::Restore(args) => backup::restore(&args).await,
            Admin::Demo(args) => demo::run(&args).await,
        },
        Command::Descriptor => descriptor::run(),
        Command::Protos(args) => protos::run(&args),
    }
}

/// Waits for a command, or for a signal. For a signal, returns the shell's exit code.
async fn run_once(
    command: impl Future<Output = anyhow::Result<ExitCode>> + Send + 'static,
    mut signals: Signals,
) -> anyhow::Result<ExitCode> {
    let mut running = tokio::spawn(command);
    tokio::select! {
        ended = &mut running => ended?,
        signal = signals.next() => {
            telemetry::end_progress();
            // what it holds is dropped, such as a file that is not complete
            running.abort();
            drop(timeout(DROP_TIME, running).await);
            // who presses Ctrl-C knows
            if signal != "SIGINT" {
                telemetry::say(&format!("error: ended by {signal}"));
            }
            Ok(ExitCode::from(if signal == "SIGINT" { EXIT_SIGINT } else { EXIT_SIGTERM }))
        }
    }
}

/// Prints the error with all its causes, and returns the exit code.
fn failed(error: &anyhow::Error) -> ExitCode {
    let causes = causes(error);
    if telemetry::is_json() {
        tracing::error!(error = causes.join(": "), "failed");
    } else {
        telemetry::say(&format!("error: {}", causes.join("\n  caused by: ")));
    }
    ExitCode::from(if error.is::<Mistakes>() {
        EXIT_USAGE
    } else {
        1
    })
}

/// An error and its causes. The operator of the process also sees the details of a defect.
fn causes(error: &anyhow::Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = match cause.downcast_ref::<Error>() {
            Some(Error::Bug(defect)) => defect.to_string(),
            _ => cause.to_string(),
        };
        // some messages already end with the message of their cause
        if causes.last().is_none_or(|last| !last.ends_with(&text)) {
            causes.push(text);
        }
    }
    causes
}

/// The wall clock. No other code reads it.
#[derive(Clone, Copy, Debug)]
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let micros = jiff::Timestamp::now().as_microsecond();
        // The years 1 to 9999 cover every time that this program will meet.
        Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX)
    }

    fn monotonic(&self) -> Option<Duration> {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        Some(START.elapsed())
    }

    fn recording(&self, database: Option<Timestamp>) -> Timestamp {
        database.unwrap_or_else(|| self.now())
    }
}

/// Opens the database, and seeds it if it is new.
async fn open(
    config: &DatabaseConfig,
    turns: TurnLimits,
) -> anyhow::Result<(Registry, WriterTask, Store)> {
    let store = open_store(config).await?;
    let bounds = Bounds {
        turns,
        ..Bounds::default()
    };
    let starting = Registry::start_within(
        store.clone(),
        std::sync::Arc::new(SystemClock),
        Box::new(OsEntropy),
        bounds,
    );
    let started = warning_if_slow(config, "reading the database", starting).await;
    let (registry, writer) =
        started.with_context(|| format!("cannot read `{}`", config.database))?;
    // read now, so that an unreadable calendar is reported at the start
    calendar::shipped()?;
    // The seed is read only for an empty log.
    if registry.revision() == Revision::ZERO {
        let seed = catalogue::seed(config.catalogue.iter().map(String::as_str))?;
        if warning_if_slow(config, "filling the database", registry.seed(seed)).await? {
            tracing::info!(editions = %config.catalogue.join(","), "loaded the shipped catalogue");
        }
    } else if config.catalogue_given {
        for edition in load::missing(&registry.read().state, &config.catalogue) {
            let load = same_database(config, &format!("admin load {edition}"));
            tracing::warn!(
                edition,
                "--catalogue is for a new database, and this one is not: no entry of the edition \
                 was loaded; to load them, run `{load}`"
            );
        }
    }
    Ok((registry, writer, store))
}

/// Runs an operation, and logs a warning while it takes longer than expected.
async fn warning_if_slow<T>(
    config: &DatabaseConfig,
    what: &str,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    let begun = Instant::now();
    let mut warnings = interval_at(begun + WARN_AFTER, WARN_INTERVAL);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = warnings.tick() => {
                let seconds = begun.elapsed().as_secs();
                tracing::warn!(database = %config.database, seconds, "still {what}");
            }
        }
    }
}

/// The command line for another command of this program on the same database.
fn same_database(config: &DatabaseConfig, command: &str) -> String {
    let program = std::env::args_os().next().unwrap_or_default();
    let program = config::quoted(&program.to_string_lossy());
    format!("{program} {command}{}", config.same_database)
}

/// Resolves the settings of a database command and starts logging according to them.
fn begin(database: &DatabaseArgs) -> anyhow::Result<DatabaseConfig> {
    let config = database.resolve()?;
    telemetry::start(config.log_format, &config.log_level)?;
    Ok(config)
}

/// Opens the store. An error names the database.
async fn open_store(config: &DatabaseConfig) -> anyhow::Result<Store> {
    let url = &config.database;
    if let Some(directory) = url.file().and_then(Path::parent)
        && !directory.as_os_str().is_empty()
        && !directory.is_dir()
    {
        let directory = directory.display();
        bail!("cannot open `{url}`: there is no directory `{directory}`");
    }
    opened(config, Store::open_at(url, uuid::Uuid::new_v4())).await
}

/// Waits until the store is open, and logs a long wait.
async fn opened(
    config: &DatabaseConfig,
    opening: impl Future<Output = Result<Store, OpenError>>,
) -> anyhow::Result<Store> {
    let opened = warning_if_slow(config, "connecting to the database", opening).await;
    opened.with_context(|| format!("cannot open `{}`", config.database))
}

/// Refuses data that was read while another process began to write, because a file that no process
/// has open is read without locks.
fn check_untouched(store: &Store, meanwhile: &str) -> anyhow::Result<()> {
    if store.was_untouched() {
        return Ok(());
    }
    bail!("the database was opened by another process during the {meanwhile}; run it again");
}

/// Opens the store to read it unchanged: nothing is created or migrated.
async fn open_to_read(config: &DatabaseConfig) -> anyhow::Result<Store> {
    opened(config, Store::open_to_read_at(&config.database)).await
}

/// The same, also if the end of the log does not match its head.
async fn open_to_verify(config: &DatabaseConfig) -> anyhow::Result<Store> {
    opened(config, Store::open_to_verify_at(&config.database)).await
}

/// Refuses a SQLite file that does not exist. A command that creates nothing must not treat a
/// mistyped name as a new database.
fn must_exist(config: &DatabaseConfig) -> anyhow::Result<()> {
    match config.database.file() {
        Some(file) if !file.exists() => bail!("there is no database `{}`", file.display()),
        _ => Ok(()),
    }
}

/// Waits until the writer has finished and the connections are closed.
async fn close(registry: Registry, writer: WriterTask, store: Store) -> anyhow::Result<()> {
    drop(registry);
    writer.await??;
    store.close().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples below a command, with the command each is about.
    fn examples(command: &clap::Command, path: &str, found: &mut Vec<(String, String)>) {
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let lines = help
            .split_once("Example:\n")
            .map_or("", |(_, lines)| lines)
            .lines();
        found.extend(lines.map(|line| (path.to_owned(), line.trim().to_owned())));
        for inner in command
            .get_subcommands()
            .filter(|it| it.get_name() != "help")
        {
            examples(inner, &format!("{path} {}", inner.get_name()), found);
        }
    }

    #[test]
    fn every_command_of_the_server_has_a_line_in_vietnamese() {
        let (english, vietnamese) = (Cli::command(), in_vietnamese(Cli::command()));
        for one in english.get_subcommands() {
            let other = vietnamese.find_subcommand(one.get_name()).unwrap();
            assert_ne!(one.get_about(), other.get_about());
        }
        assert_ne!(english.get_long_about(), vietnamese.get_long_about());
    }

    #[test]
    fn every_example_is_read_by_its_command() {
        let mut whole = client::commands(Cli::command(), Language::English);
        whole.build();
        let mut found = Vec::new();
        examples(&whole, "ndp-registry", &mut found);
        assert!(found.len() > 100, "{}", found.len());
        for (path, line) in found.iter().filter(|(_, line)| !line.is_empty()) {
            assert!(line.starts_with(path.as_str()), "{path}: {line}");
            let words = client::examples::split(line);
            let read =
                client::commands(Cli::command(), Language::English).try_get_matches_from(words);
            read.unwrap_or_else(|error| panic!("{path}: {line}\n{error}"));
        }
    }
}
