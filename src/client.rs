//! The client: commands that call any registry over gRPC. They are made from the contract's
//! descriptors, so that a new kind of resource or a new method needs no code here.

mod arguments;
mod call;
mod caller;
mod commands;
mod contract;
mod diff;
pub(crate) mod digest;
mod download;
pub(crate) mod examples;
mod failure;
mod flags;
mod follow;
mod help;
mod language;
mod profile;
mod request;
mod rows;
mod screen;
mod views;
mod write;

pub(crate) use download::directory_of;
pub use language::Language;

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Arg, ArgMatches, Command, ValueHint, builder::Resettable};
use clap_complete::Shell;
use prost::Name as _;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};

use self::{
    call::{Connection, Settings},
    commands::connected,
    contract::{CONTRACT, Verb},
    download::{Download, TO},
    failure::Failure,
    flags::{Flag, flags},
    language::unread,
    request::{make, set},
    rows::Rows,
    screen::{Form, Screen, print},
};
use crate::{
    http::{
        csv::{NEXT_PAGE_TOKEN, PAGE_TOKEN},
        routes::{Body, PAGE_SIZE},
    },
    pb::{self, import_response::State},
    telemetry::{self, Measure, Progress},
};

/// Fields of an import.
const CHUNKED: &str = "chunked";
const REQUEST_ID: &str = "request_id";

/// The largest page that is asked for.
const PAGE: u64 = 500;

/// Adds the client's commands to those of the program. In Vietnamese they are only for what is said
/// of them, because all that is deferred is built.
pub fn commands(command: Command, language: Language) -> Command {
    let others = command.get_subcommands();
    let others: Vec<_> = others.map(|it| it.get_name().to_owned()).collect();
    let all = commands::add_to(command, language)
        .subcommand(caller::login(language))
        .subcommand(caller::permissions(language))
        .subcommand(diff(language))
        .subcommand(completions(language));
    match language {
        Language::English => all,
        Language::Vietnamese => help::worded(all, &others),
    }
}

/// The flag that names the language, for before a command; [`language`] reads it.
pub fn language_flag() -> Arg {
    commands::lang(Language::English).hide(true)
}

/// The language that these arguments ask for, or else the variable, the default profile or the
/// locale.
pub fn language(arguments: &[OsString]) -> Language {
    arguments::language(arguments, None)
}

/// An empty variable counts as not set, because templates of environment files contain empty
/// variables.
pub fn unless_empty(command: Command) -> Command {
    let empty = |arg: &Arg| {
        let variable = arg.get_env().and_then(std::env::var_os);
        variable.is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| {
            if empty(&arg) {
                arg.env(Resettable::Reset)
            } else {
                arg
            }
        })
        .mut_subcommands(unless_empty)
}

/// What is wrong with the arguments, in Vietnamese.
pub fn arguments_in_vietnamese(error: &clap::Error) -> Option<String> {
    arguments::in_vietnamese(error)
}

fn diff(language: Language) -> Command {
    let revision = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name)
            .value_name(value)
            .required(true)
            .value_parser(clap::value_parser!(i64).range(0..))
            .help(help)
    };
    let command = Command::new("diff")
        .about(language.of(
            "Shows what became of each resource between two revisions, field by field",
            "So sánh từng bản ghi giữa hai phiên bản, theo từng trường",
        ))
        .arg(revision(
            "from",
            language.of("FROM", "TỪ"),
            language.of("The earlier revision", "Phiên bản trước"),
        ))
        .arg(revision(
            "to",
            language.of("TO", "ĐẾN"),
            language.of("The later one", "Phiên bản sau"),
        ))
        .after_help(language.example("ndp-registry diff 10 20"));
    connected(command, language)
}

fn completions(language: Language) -> Command {
    Command::new("completions")
        .about(language.of(
            "Print what completes commands, flags and values in a shell",
            "In đoạn mã giúp shell gợi ý lệnh, tham số và giá trị",
        ))
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(["bash", "zsh", "fish"])
                .value_hint(ValueHint::Other),
        )
        .after_help(language.example(
            "ndp-registry completions bash > \
             ~/.local/share/bash-completion/completions/ndp-registry",
        ))
}

/// Runs a command of the client. `whole` is the program's command, for the completion of it.
pub async fn run(name: &str, given: ArgMatches, whole: Command) -> ExitCode {
    let inner = given.subcommand().map_or(&given, |(_, inner)| inner);
    let profile = inner.try_get_one::<String>("profile").ok().flatten();
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let language = arguments::language(&arguments, profile.map(String::as_str));
    let mut known = Vec::new();
    let done = perform(name, &given, whole, language, &mut known).await;
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            let verbose = inner.try_get_one("verbose").ok().flatten().copied();
            telemetry::say(&failure.text(language, &known, verbose.unwrap_or_default()));
            ExitCode::from(failure.code())
        }
    }
}

async fn perform(
    name: &str,
    given: &ArgMatches,
    whole: Command,
    language: Language,
    known: &mut Vec<Flag>,
) -> Result<(), Failure> {
    if name == "completions" {
        return complete(given, whole);
    }
    let (verb, inner) = match given.subcommand() {
        Some((verb, inner)) => (Some(verb), inner),
        None => (None, given),
    };
    if name == "login" {
        return caller::sign_in(inner, language).await;
    }
    let settings = Settings::of(inner)?;
    let form = inner.get_one::<String>("output").map_or("table", |it| it);
    let client = Client {
        connection: Connection::new(&settings, language)?,
        screen: Screen::new(form, language),
        quiet: inner.get_flag("quiet"),
        verbose: inner.get_flag("verbose"),
    };
    match (name, verb) {
        ("permissions", _) => return client.permissions(inner).await,
        ("diff", _) => return client.diff(inner).await,
        (noun, Some("edit")) => {
            *known = CONTRACT.find(noun, "update").map(flags).unwrap_or_default();
            return client.edit(noun, known, inner).await;
        }
        _ => {}
    }
    let found = match verb {
        Some(verb) => CONTRACT.find(name, verb),
        None => CONTRACT
            .short()
            .find(|(short, _)| *short == name)
            .map(|(_, verb)| verb),
    };
    let verb = found.ok_or_else(|| {
        Failure::usage(
            format!("`{name}` is no command"),
            format!("`{name}` không phải là lệnh"),
        )
    })?;
    *known = flags(verb);
    client.perform(verb, known, inner).await
}

/// A server, and how its answers are shown.
struct Client {
    connection: Connection,
    screen: Screen,
    verbose: bool,
    /// Whether nothing is shown while it runs.
    quiet: bool,
}

impl Client {
    async fn perform(
        &self,
        verb: &Verb,
        flags: &[Flag],
        given: &ArgMatches,
    ) -> Result<(), Failure> {
        if let Body::Raw(field) = &verb.route.body {
            return self.send_file(verb, flags, given, field.clone()).await;
        }
        if !verb.is_read() {
            return self.write(verb, flags, given).await;
        }
        let made = make(verb, flags, given)?;
        if verb.route.method.is_server_streaming() {
            return match &verb.route.raw {
                Some(field) => {
                    let to = given.get_one::<PathBuf>(TO).map(PathBuf::as_path);
                    self.receive_file(verb, made.message, field, to).await
                }
                None => self.watch(verb, made.message, given).await,
            };
        }
        match &verb.route.rows {
            // what is computed is one answer, in which rows are a part
            Some(_) if verb.name.starts_with("compute") => {
                let mut message = made.message;
                self.set_page(&mut message, given, 0);
                let answer = self.connection.call(verb, &message).await?;
                self.warn(&answer);
                self.view(verb, &answer)
            }
            Some(rows) => self.list(verb, made.message, given, rows).await,
            None => {
                let answer = self.connection.call(verb, &made.message).await?;
                self.warn(&answer);
                self.view(verb, &answer)
            }
        }
    }

    fn set_page(&self, message: &mut DynamicMessage, given: &ArgMatches, count: u64) -> u64 {
        let limit = given.get_one::<u64>("limit").copied().unwrap_or(PAGE);
        let size = limit.saturating_sub(count).min(PAGE);
        let size = i32::try_from(size).unwrap_or(i32::MAX);
        // the field is there: by it the method is known to answer pages
        drop(message.try_set_field_by_name(PAGE_SIZE, Value::I32(size)));
        limit
    }

    /// Prints page after page, up to the limit.
    async fn list(
        &self,
        verb: &Verb,
        mut message: DynamicMessage,
        given: &ArgMatches,
        field: &prost_reflect::FieldDescriptor,
    ) -> Result<(), Failure> {
        let Some(row) = field.kind().as_message().cloned() else {
            return self.view(verb, &self.connection.call(verb, &message).await?);
        };
        let mut rows = Rows::new(self.screen, row, true);
        // on a terminal the list itself is seen to come
        let quiet = io::stdout().is_terminal();
        let records = self.screen.language.of("records", "bản ghi");
        let progress = self.progress(
            self.screen.language.of("reading", "đang đọc"),
            Measure::Count(records, None),
            quiet,
        );
        let mut count = 0;
        loop {
            let limit = self.set_page(&mut message, given, count);
            let answer = self.connection.call(verb, &message).await?;
            if count == 0 {
                self.warn(&answer);
            }
            let page = answer.get_field(field);
            let page: Vec<_> = page.as_list().unwrap_or_default().iter().collect();
            let page: Vec<_> = page
                .iter()
                .filter_map(|it| it.as_message().cloned())
                .collect();
            count += page.len() as u64;
            progress.set(count);
            rows.page(&page)?;
            let token = answer.get_field_by_name(NEXT_PAGE_TOKEN);
            let token = token
                .and_then(|it| Some(it.as_str()?.to_owned()))
                .unwrap_or_default();
            if token.is_empty() {
                break;
            }
            if count >= limit {
                let more = self.screen.language.of(
                    "there are more; --limit says how many are shown",
                    "còn nữa; --limit cho biết số mục được hiển thị",
                );
                self.screen.language.note(format!("{more} ({limit})"));
                break;
            }
            message.clear_field_by_name(PAGE_TOKEN[0]);
            set(&mut message, PAGE_TOKEN[0], &token)?;
        }
        progress.end();
        if count == 0 && self.screen.form == Form::Table {
            let language = self.screen.language;
            language.note(language.of("nothing found", "không có mục nào"));
        }
        rows.end()
    }

    /// Says what an answer warns of.
    fn warn(&self, answer: &DynamicMessage) {
        let warnings = answer.get_field_by_name("warnings");
        let warnings = warnings
            .as_ref()
            .and_then(|it| it.as_list())
            .unwrap_or_default();
        for warning in warnings.iter().filter_map(Value::as_message) {
            let text = self.screen.language.of("text", "text_vi");
            let text = warning.get_field_by_name(text);
            let text = text.as_ref().and_then(|it| it.as_str()).unwrap_or_default();
            self.screen.language.note(text);
        }
    }

    /// Shows how far a call is, unless that is not wanted.
    fn progress(&self, text: &str, measure: Measure, quiet: bool) -> Progress {
        let comma = self.screen.language == Language::Vietnamese;
        Progress::start(text, measure, comma, quiet || self.quiet)
    }

    /// Says the id of a write, by which it can be repeated and is found in the log.
    fn say_request_id(&self, request: &DynamicMessage) {
        let id = request::text_at(request, REQUEST_ID).filter(|_| self.verbose);
        if let Some(id) = id.filter(|it| !it.is_empty()) {
            let language = self.screen.language;
            let name = language.of("request id", "mã yêu cầu");
            language.note(format!("{name} {id}"));
        }
    }

    /// Sends a file, in parts that the contract allows.
    async fn send_file(
        &self,
        verb: &Verb,
        flags: &[Flag],
        given: &ArgMatches,
        field: prost_reflect::FieldDescriptor,
    ) -> Result<(), Failure> {
        use tokio::io::AsyncReadExt as _;
        const PART: usize = 256 * 1024;
        let language = self.screen.language;
        let mut made = make(verb, flags, given)?;
        let path = given.get_one::<String>("file").cloned().unwrap_or_default();
        let described = describe(&path, &mut made.message);
        let size = described.with_context(|| unread(&path))?;
        made.complete(verb)?;
        let first = made.message;
        self.say_request_id(&first);
        let resumption = Resumption::of(&first, language);
        let file = tokio::fs::File::open(&path).await;
        let file = file.with_context(|| unread(&path))?;
        let sending = language.of("sending", "đang gửi");
        let progress = self.progress(sending, Measure::Bytes(Some(size)), false);
        let seen = progress.clone();
        let waiting = language.of("the server works on it", "máy chủ đang xử lý");
        let parts = futures_util::stream::unfold(
            (file, Some(first), field, seen),
            move |(mut file, first, field, seen)| async move {
                let mut part = vec![0; PART];
                let mut filled = 0;
                // a part that cannot be read ends the stream, and the server misses its digest
                while let Ok(read) = file.read(part.get_mut(filled..)?).await {
                    if read == 0 {
                        break;
                    }
                    filled += read;
                }
                part.truncate(filled);
                if first.is_none() && filled == 0 {
                    seen.stage(waiting, Measure::Time);
                    return None;
                }
                seen.add(filled as u64);
                let mut message =
                    first.unwrap_or_else(|| DynamicMessage::new(field.parent_message().clone()));
                message.set_field(&field, Value::Bytes(part.into()));
                Some((message, (file, None, field, seen)))
            },
        );
        let answer = self.connection.send(verb, parts).await;
        progress.end();
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                let is_unsure = resumption.chunked || failure.is_unsure();
                resumption.ends(is_unsure);
                return Err(failure);
            }
        };
        let refused = is_refused(&answer);
        let shown = self.screen.message(&answer);
        let is_partial = refused && resumption.chunked;
        resumption.ends(is_partial);
        shown?;
        match refused {
            true => Err(Failure::NotWritten),
            false => Ok(()),
        }
    }

    /// Writes the bytes of a streamed answer: to standard output, or into a file that has its name
    /// once all of it has come.
    async fn receive_file(
        &self,
        verb: &Verb,
        message: DynamicMessage,
        field: &prost_reflect::FieldDescriptor,
        to: Option<&Path>,
    ) -> Result<(), Failure> {
        let language = self.screen.language;
        if to.is_none() && io::stdout().is_terminal() {
            return Err(Failure::usage(
                format!("the answer is a file: --{TO} FILE says where to write it"),
                format!("kết quả là một tệp: --{TO} TỆP cho biết ghi vào đâu"),
            ));
        }
        let waiting = language.of("the server makes the file", "máy chủ đang tạo tệp");
        let progress = self.progress(waiting, Measure::Time, false);
        let mut download = Download::begin(to)?;
        let mut parts = self.connection.receive(verb, message).await?;
        while let Some(part) = parts.message().await? {
            if let Some(file) = part.get_field_by_name("file")
                && let Some(file) = file.as_message().filter(|_| part.has_field_by_name("file"))
            {
                download.describe(file);
                let receiving = language.of("receiving", "đang nhận");
                progress.stage(receiving, Measure::Bytes(download.size));
            }
            let part = part.get_field(field);
            let part = part.as_bytes().map_or(&[][..], |it| it);
            download.write(part)?;
            progress.add(part.len() as u64);
        }
        progress.end();
        download.end(language)
    }
}

/// Says how an import is repeated, if it ends before it is known to be complete: also by a signal,
/// when the call is dropped.
struct Resumption {
    language: Language,
    /// The id by which a repetition is known; none where there is nothing to repeat.
    request_id: Option<String>,
    /// Whether what is written may be a part of it.
    chunked: bool,
}

impl Resumption {
    fn of(request: &DynamicMessage, language: Language) -> Self {
        let is_set = |name| {
            let value = request.get_field_by_name(name);
            value.and_then(|it| it.as_bool()).unwrap_or_default()
        };
        let request_id = request::text_at(request, REQUEST_ID);
        Self {
            language,
            request_id: request_id.filter(|it| !it.is_empty() && !is_set("validate_only")),
            chunked: is_set(CHUNKED),
        }
    }

    /// The import is over: completely, or in a way that leaves open what was written.
    fn ends(mut self, is_unsure: bool) {
        if !is_unsure {
            self.request_id = None;
        }
    }
}

impl Drop for Resumption {
    fn drop(&mut self) {
        let Some(request_id) = &self.request_id else {
            return;
        };
        let text = match self.chunked {
            true => self.language.of(
                "what is written stays; run the same command to go on, and with a mended file add",
                "phần đã ghi được giữ lại; chạy lại lệnh này để tiếp tục, nếu đã sửa tệp thì thêm",
            ),
            false => self.language.of(
                "all of it is written, or nothing; to be sure, run the same command with",
                "đã ghi toàn bộ hoặc chưa ghi gì; để chắc chắn, hãy chạy lại lệnh này và thêm",
            ),
        };
        self.language
            .note(format!("{text} --request-id {request_id}"));
    }
}

/// Fills in what a request says of a file and the caller left out: its name, and its digest, by
/// which the server knows that all of it arrived. What is written in groups has a request id that
/// follows from the digest: the same command goes on where it ended. Answers the size of the file.
fn describe(path: &str, request: &mut DynamicMessage) -> io::Result<u64> {
    let (sha256, size) = digest::of_file(Path::new(path))?;
    let is_chunked = request
        .get_field_by_name(CHUNKED)
        .is_some_and(|it| it.as_bool() == Some(true));
    if is_chunked && !request.has_field_by_name(REQUEST_ID) {
        let bytes = u128::from_str_radix(sha256.get(..32).unwrap_or_default(), 16);
        let id = uuid::Builder::from_random_bytes(bytes.unwrap_or_default().to_be_bytes());
        let id = Value::String(id.into_uuid().to_string());
        drop(request.try_set_field_by_name(REQUEST_ID, id));
    }
    let name = Path::new(path).file_name();
    let name = name.map(|it| it.to_string_lossy().into_owned());
    for (field, value) in [("sha256", sha256), ("filename", name.unwrap_or_default())] {
        if !request.has_field_by_name(field) {
            // a request without the field says nothing of its file
            drop(request.try_set_field_by_name(field, Value::String(value)));
        }
    }
    Ok(size)
}

/// Whether the answer to a file says that not all of it was written.
fn is_refused(answer: &DynamicMessage) -> bool {
    let state = answer.get_field_by_name("state");
    let state = state.and_then(|it| it.as_enum_number());
    [State::Refused, State::PartlyWritten]
        .map(|it| Some(i32::from(it)))
        .contains(&state)
        && answer.descriptor().full_name() == pb::ImportResponse::full_name()
}

fn complete(given: &ArgMatches, mut whole: Command) -> Result<(), Failure> {
    let shell = match given.get_one::<String>("shell").map(String::as_str) {
        Some("zsh") => Shell::Zsh,
        Some("fish") => Shell::Fish,
        _ => Shell::Bash,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut whole, "ndp-registry", &mut script);
    // clap_complete 4.6 spells a name with a hyphen in two ways in the script for bash
    let script = String::from_utf8_lossy(&script);
    print(&script.replace("ndp__subcmd__registry", "ndp__registry"))
}

/// The command with everything that is deferred.
#[cfg(test)]
fn built(mut command: Command) -> Command {
    command.build();
    command
}
