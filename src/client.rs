//! The client: commands that call any registry over gRPC. They are made from the contract's
//! descriptors, so that a new kind of resource or a new method needs no code here.

mod call;
mod caller;
mod commands;
mod contract;
pub(crate) mod digest;
mod failure;
mod flags;
mod follow;
mod language;
mod profile;
mod request;
mod rows;
mod screen;
mod views;
mod write;

use std::{
    io::{self, IsTerminal as _},
    path::Path,
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
    failure::Failure,
    flags::{Flag, flags},
    language::Language,
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
    telemetry,
};

/// Fields of an import.
const CHUNKED: &str = "chunked";
const REQUEST_ID: &str = "request_id";

/// The largest page that is asked for.
const PAGE: u64 = 500;

/// Adds the client's commands to those of the program.
pub fn commands(command: Command) -> Command {
    commands::add_to(command)
        .subcommand(caller::login())
        .subcommand(caller::permissions())
        .subcommand(diff())
        .subcommand(completions())
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

fn diff() -> Command {
    let revision = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .value_name(name.to_uppercase())
            .required(true)
            .value_parser(clap::value_parser!(i64).range(0..))
            .help(help)
    };
    let command = Command::new("diff")
        .about("Shows what became of each resource between two revisions, field by field")
        .arg(revision("from", "The earlier revision"))
        .arg(revision("to", "The later one"))
        .after_help("Example:\n  ndp-registry diff 10 20");
    connected(command)
}

fn completions() -> Command {
    Command::new("completions")
        .about("Print what completes commands, flags and values in a shell")
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(["bash", "zsh", "fish"])
                .value_hint(ValueHint::Other),
        )
        .after_help(
            "Example:\n  ndp-registry completions bash > \
             ~/.local/share/bash-completion/completions/ndp-registry",
        )
}

/// Runs a command of the client. `whole` is the program's command, for the completion of it.
pub async fn run(name: &str, given: ArgMatches, whole: Command) -> ExitCode {
    let mut language = Language::of_the_locale();
    let mut known = Vec::new();
    let done = perform(name, &given, whole, &mut language, &mut known).await;
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            let inner = given.subcommand().map_or(&given, |(_, inner)| inner);
            let verbose = inner.try_get_one("verbose").ok().flatten().copied();
            telemetry::say(&failure.told(language, &known, verbose.unwrap_or_default()));
            ExitCode::from(failure.code())
        }
    }
}

async fn perform(
    name: &str,
    given: &ArgMatches,
    whole: Command,
    language: &mut Language,
    known: &mut Vec<Flag>,
) -> Result<(), Failure> {
    if name == "completions" {
        return complete(given, whole);
    }
    let (verb, inner) = match given.subcommand() {
        Some((verb, inner)) => (Some(verb), inner),
        None => (None, given),
    };
    if let Some(asked) = inner.get_one::<String>("lang") {
        *language = Language::named(asked);
    }
    let settings = if name == "login" {
        return caller::sign_in(inner, *language).await;
    } else {
        Settings::of(inner)?
    };
    if let Some(stored) = &settings.profile.lang {
        *language = Language::named(stored);
    }
    let form = inner.get_one::<String>("output").map_or("table", |it| it);
    let client = Client {
        connection: Connection::new(&settings, *language)?,
        screen: Screen::new(form, *language),
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
    let verb = found.ok_or_else(|| Failure::Usage(format!("`{name}` is no command")))?;
    *known = flags(verb);
    client.perform(verb, known, inner).await
}

/// A server, and how its answers are shown.
struct Client {
    connection: Connection,
    screen: Screen,
    verbose: bool,
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
                Some(field) => self.receive_file(verb, made.message, field).await,
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
        let progress = Progress::new();
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
            progress.clear();
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
                telemetry::say(&format!("note: {more} ({limit})"));
                break;
            }
            progress.show(count);
            message.clear_field_by_name(PAGE_TOKEN[0]);
            set(&mut message, PAGE_TOKEN[0], &token)?;
        }
        if count == 0 && self.screen.form == Form::Table {
            telemetry::say(
                self.screen
                    .language
                    .of("note: nothing found", "note: không có mục nào"),
            );
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
            telemetry::say(&format!("note: {text}"));
        }
    }

    /// Says the id of a write, by which it can be repeated and is found in the log.
    fn say_request_id(&self, request: &DynamicMessage) {
        let id = request::text_at(request, REQUEST_ID).filter(|_| self.verbose);
        if let Some(id) = id.filter(|it| !it.is_empty()) {
            telemetry::say(&format!("note: request id {id}"));
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
        let mut made = make(verb, flags, given)?;
        let path = given.get_one::<String>("file").cloned().unwrap_or_default();
        let described = describe(&path, &mut made.message);
        described.with_context(|| format!("cannot read `{path}`"))?;
        made.complete(verb)?;
        let first = made.message;
        self.say_request_id(&first);
        let goes_on = goes_on(&first);
        let file = tokio::fs::File::open(&path).await;
        let file = file.with_context(|| format!("cannot read `{path}`"))?;
        let parts = futures_util::stream::unfold(
            (file, Some(first), field),
            |(mut file, first, field)| async move {
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
                    return None;
                }
                let mut message =
                    first.unwrap_or_else(|| DynamicMessage::new(field.parent_message().clone()));
                message.set_field(&field, Value::Bytes(part.into()));
                Some((message, (file, None, field)))
            },
        );
        let answer = self.connection.send(verb, parts).await;
        let answer = answer.inspect_err(|_| self.say_how_to_go_on(goes_on.as_deref()))?;
        self.screen.message(&answer)?;
        if is_refused(&answer) {
            self.say_how_to_go_on(goes_on.as_deref());
            return Err(Failure::NotWritten);
        }
        Ok(())
    }

    /// Says how an import in groups that is not complete goes on.
    fn say_how_to_go_on(&self, request_id: Option<&str>) {
        if let Some(request_id) = request_id {
            let text = self.screen.language.of(
                "what is written stays; run the same command to go on, and with a mended file add",
                "phần đã ghi được giữ lại; chạy lại lệnh này để tiếp tục, nếu đã sửa tệp thì thêm",
            );
            telemetry::say(&format!("note: {text} --request-id {request_id}"));
        }
    }

    /// Prints the bytes of a streamed answer.
    async fn receive_file(
        &self,
        verb: &Verb,
        message: DynamicMessage,
        field: &prost_reflect::FieldDescriptor,
    ) -> Result<(), Failure> {
        use std::io::Write as _;
        if io::stdout().is_terminal() {
            let hint = "the answer is a file: write it to one, `> FILE`";
            return Err(Failure::Usage(hint.to_owned()));
        }
        let mut parts = self.connection.receive(verb, message).await?;
        while let Some(part) = parts.message().await? {
            let part = part.get_field(field);
            io::stdout()
                .lock()
                .write_all(part.as_bytes().map_or(&[][..], |it| it))?;
        }
        Ok(io::stdout().lock().flush()?)
    }
}

/// The request id by which an import in groups goes on; none of any other request.
fn goes_on(request: &DynamicMessage) -> Option<String> {
    let is_set = |name| request.get_field_by_name(name)?.as_bool();
    let is_tried = is_set("validate_only").unwrap_or_default();
    let is_chunked = is_set(CHUNKED).unwrap_or_default() && !is_tried;
    is_chunked.then(|| request::text_at(request, REQUEST_ID))?
}

/// Fills in what a request says of a file and the caller left out: its name, and its digest, by
/// which the server knows that all of it arrived. What is written in groups has a request id that
/// follows from the digest: the same command goes on where it ended.
fn describe(path: &str, request: &mut DynamicMessage) -> io::Result<()> {
    let (sha256, _) = digest::of_file(Path::new(path))?;
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
    Ok(())
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

/// Shows how much of a long list has come, on a terminal that does not show the list itself.
struct Progress {
    shown: bool,
}

impl Progress {
    fn new() -> Self {
        Self {
            shown: io::stderr().is_terminal() && !io::stdout().is_terminal(),
        }
    }

    fn show(&self, count: u64) {
        if self.shown {
            self.put(&format!("\r\x1b[K{count} …"));
        }
    }

    fn clear(&self) {
        if self.shown {
            self.put("\r\x1b[K");
        }
    }

    fn put(&self, text: &str) {
        use std::io::Write as _;
        // a terminal that is gone misses nothing
        let mut out = io::stderr().lock();
        drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }
}

/// The command with everything that is deferred.
#[cfg(test)]
fn built(mut command: Command) -> Command {
    command.build();
    command
}
