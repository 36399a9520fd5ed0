//! The log as it grows: each change once, over broken connections, and with its proof where a key
//! is given.

use std::{fs, io::Write as _, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use ndp_core::{
    leaf::{Digest, leaf_hash},
    names::Revision,
};
use prost_reflect::{DynamicMessage, Value};
use tonic::Code;

use super::{
    Client,
    contract::{CONTRACT, Verb},
    diff::effects,
    download::directory_of,
    failure::{Failure, no_method},
    language::{Language, Words, unread},
    request::{set, text_at},
    screen::{Form, print},
};
use crate::{http::json::Message, signed};

/// Time before a broken connection is made again; doubled up to the longest.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Names of resources in the line of a change.
const NAMES: usize = 5;

/// The flags of `watch` that are not fields of its request.
pub(super) fn arguments(language: Language) -> [Arg; 2] {
    let key = language.of(
        "Check the proof that each change is in the log, and that the log only grows, by \
         checkpoints that this public key signed: <name>+<id>+<key>",
        "Kiểm tra bằng chứng rằng mỗi thay đổi có trong nhật ký và nhật ký chỉ được ghi thêm, theo \
         các điểm kiểm tra đã ký bằng khóa công khai này: <tên>+<mã>+<khóa>",
    );
    let file = language.of(
        "File that keeps the last checkpoint, so that the next watch goes on from it",
        "Tệp giữ điểm kiểm tra gần nhất, để lần theo dõi sau tiếp tục từ đó",
    );
    [
        Arg::new("verify")
            .long("verify")
            .value_name(language.of("KEY", "KHÓA"))
            .action(ArgAction::Append)
            .help(key),
        Arg::new("checkpoint")
            .long("checkpoint")
            .value_name(language.of("FILE", "TỆP"))
            .requires("verify")
            .value_parser(value_parser!(PathBuf))
            .help(file),
    ]
}

impl Client {
    /// Prints what is sent, and resumes after the last of it when the connection breaks.
    pub(super) async fn watch(
        &self,
        verb: &Verb,
        mut message: DynamicMessage,
        given: &ArgMatches,
    ) -> Result<(), Failure> {
        let mut proofs = Proofs::of(given)?;
        let mut pause = PAUSE;
        let mut broken: Option<Failure> = None;
        loop {
            let mut stream = match self.connection.follow(verb, message.clone()).await {
                Ok(stream) => stream,
                Err(failure) => {
                    // at the first try the address may be wrong
                    let Some(_) = broken.take().filter(|_| is_passing(&failure)) else {
                        return Err(failure);
                    };
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    broken = Some(failure);
                    continue;
                }
            };
            let failure = loop {
                match stream.message().await {
                    Ok(Some(event)) => {
                        pause = PAUSE;
                        if let Some(proofs) = &mut proofs
                            && let Some(change) = part(&event, "change")
                        {
                            proofs.check(self, &change).await?;
                        }
                        self.event(&event)?;
                        resume_after(&mut message, &event)?;
                    }
                    Ok(None) => return Ok(()),
                    Err(status) => break self.connection.explained(status),
                }
            };
            if !is_passing(&failure) {
                return Err(failure);
            }
            let language = self.screen.language;
            let resuming = language.of("resuming", "đang nối lại");
            language.note(format!("{}; {resuming}", failure.message(language)));
            tokio::time::sleep(pause).await;
            broken = Some(failure);
        }
    }

    fn event(&self, event: &DynamicMessage) -> Result<(), Failure> {
        if event.has_field_by_name("heartbeat") {
            return Ok(());
        }
        match self.screen.form {
            Form::Table => {
                if let Some(change) = part(event, "change") {
                    return print(&self.change(&change));
                }
                let records = part(event, "snapshot");
                let records =
                    records.and_then(|it| Some(it.get_field_by_name("records")?.into_owned()));
                let records = records
                    .as_ref()
                    .and_then(|it| it.as_list())
                    .unwrap_or_default();
                let names = records.iter().filter_map(|record| {
                    let (_, inner) = record.as_message()?.fields().next()?;
                    Some(format!("= {}\n", text_at(inner.as_message()?, "name")?))
                });
                print(&names.collect::<String>())
            }
            Form::Yaml => print(&format!("---\n{}", super::screen::yaml(&Message(event))?)),
            // one line each: who reads on does not wait for an end
            Form::Json | Form::Jsonl | Form::Csv => {
                let line = serde_json::to_string(&Message(event)).map_err(anyhow::Error::from)?;
                print(&format!("{line}\n"))
            }
        }
    }

    /// A change in one line: its revision, when, which method, by whom, and what it wrote.
    fn change(&self, change: &DynamicMessage) -> String {
        let cell = |name: &str| {
            let field = change.fields().find(|(field, _)| field.name() == name);
            field
                .and_then(|(field, value)| self.screen.cell(&field, value))
                .unwrap_or_default()
        };
        let parts = [
            self.screen.bold(&cell("revision")),
            cell("record_time"),
            cell("method"),
            cell("principal"),
            shortened(effects(change)),
        ];
        let parts: Vec<_> = parts.into_iter().filter(|it| !it.is_empty()).collect();
        format!("{}\n", parts.join("  "))
    }
}

/// The first of many names, and how many more there are.
fn shortened(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(NAMES);
    names.truncate(NAMES);
    if more > 0 {
        names.push(format!("+{more}"));
    }
    names.join(" ")
}

fn is_passing(failure: &Failure) -> bool {
    match failure {
        Failure::Unreachable(_) => true,
        Failure::Refused(status) => status.code() == Code::Unavailable,
        _ => false,
    }
}

fn part(message: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let has = message.has_field_by_name(name);
    has.then(|| message.get_field_by_name(name)?.as_message().cloned())?
}

/// Goes on after this event, once it can be gone on after.
fn resume_after(message: &mut DynamicMessage, event: &DynamicMessage) -> Result<(), Failure> {
    // a snapshot that is not complete is begun again
    let is_part = part(event, "snapshot").is_some_and(|it| {
        it.get_field_by_name("complete").and_then(|it| it.as_bool()) != Some(true)
    });
    let Some(position) = text_at(event, "position").filter(|it| !is_part && !it.is_empty()) else {
        return Ok(());
    };
    for name in ["start", "resume_revision", "resume_position"] {
        message.clear_field_by_name(name);
    }
    set(message, "start", "RESUME")?;
    set(message, "resume_position", &position)
}

/// What is known of the log, by checkpoints that a key signed.
struct Proofs {
    keys: Vec<String>,
    file: Option<PathBuf>,
    last: Option<(Revision, Digest)>,
}

impl Proofs {
    fn of(given: &ArgMatches) -> Result<Option<Self>, Failure> {
        let Ok(Some(keys)) = given.try_get_many::<String>("verify") else {
            return Ok(None);
        };
        let keys: Vec<_> = keys.cloned().collect();
        let file = given.get_one::<PathBuf>("checkpoint").cloned();
        let last = match file.as_ref().filter(|it| it.exists()) {
            None => None,
            Some(file) => {
                let shown = file.display();
                let note = fs::read_to_string(file);
                let note = note.with_context(|| unread(&shown))?;
                let read = signed::read_signed(&note, &keys);
                let words = |why: String| {
                    let text = format!("`{shown}`: {why}");
                    Failure::NotProven(Words::new(text.clone(), text))
                };
                Some(read.map_err(words)?)
            }
        };
        Ok(Some(Self { keys, file, last }))
    }

    /// Checks that the log continues the last checkpoint, and has the change.
    async fn check(&mut self, client: &Client, change: &DynamicMessage) -> Result<(), Failure> {
        let name = text_at(change, "name").unwrap_or_default();
        let not = |why: String| {
            Failure::NotProven(Words::new(
                format!("{name} is not proven: {why}"),
                format!("chưa chứng minh được {name}: {why}"),
            ))
        };
        let revision = change
            .get_field_by_name("revision")
            .and_then(|it| it.as_i64());
        let revision = revision.and_then(Revision::new);
        let revision = revision.ok_or_else(|| not("it has no revision".to_owned()))?;
        let tree = match self.last.filter(|(size, _)| *size >= revision) {
            Some(tree) => tree,
            None => self.advance(client).await?,
        };
        let mut message = request("ProveInclusion")?;
        set(&mut message.1, "name", &name)?;
        set(&mut message.1, "tree_size", &tree.0.get().to_string())?;
        let proof = client.connection.call(message.0, &message.1).await?;
        let header = digests(&proof, "header_digest");
        let header = header
            .first()
            .ok_or_else(|| not("its digest is missing".to_owned()))?;
        let leaf = leaf_hash(header, &digests(&proof, "effect_digests"));
        signed::includes(tree, revision, leaf, &digests(&proof, "hashes")).map_err(not)
    }

    /// Reads the newest checkpoint, and checks that it continues the last one.
    async fn advance(&mut self, client: &Client) -> Result<(Revision, Digest), Failure> {
        let not = |why: String| {
            Failure::NotProven(Words::new(
                format!("the log is not proven: {why}"),
                format!("chưa chứng minh được nhật ký: {why}"),
            ))
        };
        let mut message = request("GetCheckpoint")?;
        set(&mut message.1, "name", "checkpoint")?;
        let checkpoint = client.connection.call(message.0, &message.1).await?;
        let note = text_at(&checkpoint, "note").unwrap_or_default();
        let new = signed::read_signed(&note, &self.keys).map_err(not)?;
        if let Some(last) = self.last.filter(|(size, _)| *size > Revision::ZERO) {
            if new.0 < last.0 {
                let (last, new) = (last.0, new.0);
                return Err(not(format!("it had {last} changes, and has {new}\n{note}")));
            }
            let mut message = request("ProveConsistency")?;
            set(&mut message.1, "old_tree_size", &last.0.get().to_string())?;
            set(&mut message.1, "new_tree_size", &new.0.get().to_string())?;
            let proof = client.connection.call(message.0, &message.1).await?;
            let continues = signed::continues(last, new, &digests(&proof, "hashes"));
            continues.map_err(|why| not(format!("{why}; keep both checkpoints\n{note}")))?;
        }
        if let Some(file) = &self.file {
            let mut written = tempfile::NamedTempFile::new_in(directory_of(file))?;
            written.write_all(note.as_bytes())?;
            written.persist(file).map_err(|error| error.error)?;
        }
        self.last = Some(new);
        Ok(new)
    }
}

fn request(method: &str) -> Result<(&'static Verb, DynamicMessage), Failure> {
    let verb = CONTRACT.method(method);
    let verb = verb.ok_or_else(|| no_method(method))?;
    Ok((verb, DynamicMessage::new(verb.route.method.input())))
}

/// The digests in a field, one or a list. Values that are not digests are left out, so that the
/// proof fails.
fn digests(message: &DynamicMessage, name: &str) -> Vec<Digest> {
    let value = message.get_field_by_name(name);
    let values = match value.as_deref() {
        Some(Value::List(values)) => values.clone(),
        Some(single) => vec![single.clone()],
        None => Vec::new(),
    };
    let digests = values
        .iter()
        .filter_map(|it| it.as_bytes()?.as_ref().try_into().ok());
    digests.collect()
}
