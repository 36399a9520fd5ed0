//! Writes: with the etag of what was read, a preview of what would change, and the question to the
//! second person who decides.

use std::{
    env, fs,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    process::Command,
};

use anyhow::Context as _;
use clap::ArgMatches;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};
use tonic::Code;

use super::{
    Client,
    contract::{CONTRACT, Verb, is_given},
    diff::{Difference, differences},
    failure::Failure,
    flags::Flag,
    language::{Words, unwritten},
    request::{Made, make, set},
    screen::Form,
};
use crate::{
    http::{body, json::Message},
    telemetry,
};

/// What a second person decides on: it is shown before it is asked for.
const DECISIONS: [&str; 3] = ["approve", "confirm", "confirm-transcription"];
/// What edits a text where no variable says it.
const EDITOR: &str = "vi";

impl Client {
    pub(super) async fn write(
        &self,
        verb: &Verb,
        flags: &[Flag],
        given: &ArgMatches,
    ) -> Result<(), Failure> {
        let mut made = make(verb, flags, given)?;
        let is_preview = made.message.get_field_by_name("validate_only");
        let is_preview = is_preview.and_then(|it| it.as_bool()).unwrap_or_default();
        let lacks = made.lacks_etag(verb);
        let decides = DECISIONS.contains(&verb.name.as_str());
        let before = match lacks.is_some() || is_preview || decides {
            true => self.current(verb, &made).await?,
            false => None,
        };
        if let (Some(path), Some(before)) = (&lacks, &before)
            && let Some(etag) = super::request::text_at(before, "etag")
        {
            set(&mut made.message, path, &etag)?;
        }
        made.complete(verb)?;
        if decides && !is_preview {
            self.ask(before.as_ref(), given)?;
        }
        self.say_request_id(&made.message);
        let answer = self.connection.call(verb, &made.message).await?;
        if is_preview && self.screen.form == Form::Table {
            return self.preview(before.as_ref(), &answer);
        }
        self.screen.message(&answer)
    }

    /// What the request is about, as it is; none where nothing reads it.
    async fn current(&self, verb: &Verb, made: &Made) -> Result<Option<DynamicMessage>, Failure> {
        let (Some(reader), Some(name)) = (verb.reader(), made.name(verb)) else {
            return Ok(None);
        };
        // of a create, the place is the parent
        if verb.places().iter().any(|it| it.field == "parent") {
            return Ok(None);
        }
        match self.read(reader, &name).await {
            Ok(current) => Ok(Some(current)),
            // the server says so of the write, or makes it
            Err(Failure::Refused(status)) if status.code() == Code::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn read(&self, reader: &Verb, name: &str) -> Result<DynamicMessage, Failure> {
        let mut message = DynamicMessage::new(reader.route.method.input());
        set(&mut message, "name", name)?;
        self.connection.call(reader, &message).await
    }

    /// Shows what would change.
    fn preview(
        &self,
        before: Option<&DynamicMessage>,
        answer: &DynamicMessage,
    ) -> Result<(), Failure> {
        let note = self.screen.language.of(
            "nothing was written; it would be",
            "chưa ghi gì; nếu ghi thì sẽ là",
        );
        self.screen.language.note(note);
        // before what it is about
        telemetry::flush();
        let is_same = before.is_some_and(|it| it.descriptor() == answer.descriptor());
        let Some(before) = before.filter(|_| is_same) else {
            return self.screen.message(answer);
        };
        let lines = differences(Some(before), Some(answer)).into_iter();
        let lines: String = lines
            .map(|Difference { path, old, new }| self.difference(&path, &old, &new))
            .collect();
        super::screen::print(&lines)
    }

    /// Shows what is decided on, and asks, where someone at a terminal can answer.
    fn ask(&self, before: Option<&DynamicMessage>, given: &ArgMatches) -> Result<(), Failure> {
        if given.get_flag("yes") || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(());
        }
        if let Some(before) = before {
            telemetry::say(self.screen.record(before).trim_end());
        }
        telemetry::flush();
        let mut out = io::stderr().lock();
        out.write_all(
            self.screen
                .language
                .of("Go on? [y/N] ", "Tiếp tục? [y/N] ")
                .as_bytes(),
        )?;
        out.flush()?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        match matches!(line.trim(), "y" | "Y" | "yes" | "c" | "có") {
            true => Ok(()),
            false => Err(Failure::NotConfirmed(Words::new(
                "nothing was written",
                "chưa ghi gì",
            ))),
        }
    }

    /// Opens a resource as YAML, and writes the fields that were changed.
    pub(super) async fn edit(
        &self,
        noun: &str,
        flags: &[Flag],
        given: &ArgMatches,
    ) -> Result<(), Failure> {
        let no_edit = || {
            Failure::usage(
                format!("a {noun} cannot be edited"),
                format!("không sửa được {noun}"),
            )
        };
        let update = CONTRACT.find(noun, "update").ok_or_else(no_edit)?;
        let reader = update.reader().ok_or_else(no_edit)?;
        let (field, _) = update.body().ok_or_else(no_edit)?;
        let mut made = make(update, flags, given)?;
        let name = made.name(update).ok_or_else(no_edit)?;
        let before = self.read(reader, &name).await?;
        let shown = editable(&before);
        let mut file = tempfile::Builder::new()
            .prefix("ndp-registry-")
            .suffix(".yaml")
            .tempfile()
            .with_context(|| unwritten("ndp-registry-*.yaml"))?;
        let text = format!("# {name}\n{}", super::screen::yaml(&Message(&shown))?);
        file.write_all(text.as_bytes())?;
        file.flush()?;
        open(file.path())?;
        let edited = fs::read_to_string(file.path())?;
        let kept = |failure: Failure| match file.keep() {
            Ok((_, path)) => {
                let language = self.screen.language;
                let kept = language.of("what you wrote is in", "nội dung đã sửa được giữ ở");
                language.note(format!("{kept} {}", path.display()));
                failure
            }
            Err(_) => failure,
        };
        let after = match read(&edited, &shown) {
            Ok(after) => after,
            Err(failure) => return Err(kept(failure)),
        };
        let changed: Vec<_> = shown
            .descriptor()
            .fields()
            .filter(|it| shown.get_field(it) != after.get_field(it))
            .filter(|it| shown.has_field(it) || after.has_field(it))
            .collect();
        if changed.is_empty() {
            let language = self.screen.language;
            language.note(language.of("nothing changed", "không có thay đổi"));
            return Ok(());
        }
        let mut resource = after;
        for name in ["name", "etag"] {
            if let Some(value) = before.get_field_by_name(name) {
                drop(resource.try_set_field_by_name(name, value.into_owned()));
            }
        }
        made.message.set_field(field, Value::Message(resource));
        let mask: Vec<_> = changed.iter().map(|it| it.name()).collect();
        set(&mut made.message, "update_mask", &mask.join(","))?;
        made.complete(update)?;
        self.say_request_id(&made.message);
        match self.connection.call(update, &made.message).await {
            Ok(answer) => {
                let is_preview = made.message.get_field_by_name("validate_only");
                match is_preview.and_then(|it| it.as_bool()) {
                    Some(true) => self.preview(Some(&before), &answer),
                    _ => self.screen.message(&answer),
                }
            }
            Err(failure) => Err(kept(failure)),
        }
    }
}

/// The fields that a request may set.
fn editable(message: &DynamicMessage) -> DynamicMessage {
    let mut kept = DynamicMessage::new(message.descriptor());
    for (field, value) in message.fields() {
        if is_given(&field) && field.name() != "etag" {
            let value = match value {
                Value::Message(inner) if inner.descriptor().package_name() != "google.protobuf" => {
                    Value::Message(editable(inner))
                }
                value => value.clone(),
            };
            kept.set_field(&field, value);
        }
    }
    kept
}

fn read(text: &str, shown: &DynamicMessage) -> Result<DynamicMessage, Failure> {
    let value: Result<serde_json::Value, _> = serde_saphyr::from_str(text);
    let value = value.map_err(|error| {
        Failure::usage(
            format!("it is not YAML: {error}"),
            format!("đây không phải là YAML: {error}"),
        )
    })?;
    let value = if value.is_null() {
        serde_json::json!({})
    } else {
        value
    };
    let read = body::scanned(&shown.descriptor(), value.to_string().as_bytes());
    read.map_err(|status| Failure::Malformed(Box::new(status)))
}

/// Waits until the editor has ended.
fn open(path: &std::path::Path) -> Result<(), Failure> {
    let set = |name| {
        env::var(name)
            .ok()
            .filter(|it: &String| !it.trim().is_empty())
    };
    let editor = set("VISUAL").or_else(|| set("EDITOR"));
    let editor = editor.unwrap_or_else(|| EDITOR.to_owned());
    // it may have arguments
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or(EDITOR);
    let status = Command::new(program).args(words).arg(path).status();
    let status = status.with_context(|| {
        Words::new(
            format!("`{editor}` cannot be run; set EDITOR"),
            format!("không chạy được `{editor}`; hãy đặt biến EDITOR"),
        )
    })?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::NotConfirmed(Words::new(
            format!("`{editor}` ended with {status}; nothing sent"),
            format!("`{editor}` kết thúc với {status}; chưa gửi gì"),
        ))),
    }
}
