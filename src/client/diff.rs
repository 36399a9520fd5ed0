//! What differs between two states of a resource, field by field: of `diff`, and of what a write
//! would change.

use std::collections::BTreeMap;

use clap::ArgMatches;
use prost_reflect::{DynamicMessage, FieldDescriptor, MapKey, ReflectMessage as _, Value};
use tonic::Code;

use super::{
    Client,
    contract::{CONTRACT, Verb},
    failure::{Failure, no_method},
    request::{set, text_at},
    screen::{Form, print, yaml},
};
use crate::http::{
    csv::{NEXT_PAGE_TOKEN, PAGE_TOKEN},
    json,
};

/// Resources of which `diff` shows the difference.
const DIFFERENT: usize = 1000;

impl Client {
    /// What became of each resource between two revisions.
    pub(super) async fn diff(&self, given: &ArgMatches) -> Result<(), Failure> {
        let revision = |name| given.get_one::<i64>(name).copied().unwrap_or_default();
        let (from, to) = (revision("from"), revision("to"));
        if from >= to {
            return Err(Failure::usage(
                "the first revision is the earlier one",
                "phiên bản đầu phải là phiên bản trước",
            ));
        }
        let names = self.touched(from, to).await?;
        let mut text = String::new();
        let mut rows = Vec::new();
        for name in names {
            let Some(verb) = CONTRACT.reader_of(&name) else {
                continue;
            };
            let before = self.read_at(verb, &name, from).await?;
            let after = self.read_at(verb, &name, to).await?;
            let differences = differences(before.as_ref(), after.as_ref());
            if differences.is_empty() {
                continue;
            }
            text.push_str(&format!("{}\n", self.screen.bold(&name)));
            for Difference { path, old, new } in differences {
                text.push_str(&self.difference(&path, &old, &new));
                rows.push(serde_json::json!({
                    "resource": name, "path": path, "oldValue": old, "newValue": new,
                }));
            }
        }
        match self.screen.form {
            Form::Table => print(&text),
            Form::Yaml => print(&yaml(&rows)?),
            Form::Json => print(&format!(
                "{}\n",
                serde_json::to_string_pretty(&rows).map_err(anyhow::Error::from)?
            )),
            Form::Jsonl | Form::Csv => print(
                &rows
                    .iter()
                    .map(|row| format!("{row}\n"))
                    .collect::<String>(),
            ),
        }
    }

    /// The lines of a difference.
    pub(super) fn difference(&self, path: &str, old: &str, new: &str) -> String {
        let mut text = String::new();
        for (mark, color, value) in [("-", "31", old), ("+", "32", new)] {
            if !value.is_empty() {
                let line = format!("  {mark} {path}: {value}");
                text.push_str(&self.screen.painted(color, &line));
                text.push('\n');
            }
        }
        text
    }

    /// The resources that the changes after one revision, up to another, wrote.
    async fn touched(&self, from: i64, to: i64) -> Result<Vec<String>, Failure> {
        let verb = CONTRACT.method("ListChanges");
        let verb = verb.ok_or_else(|| no_method("ListChanges"))?;
        let mut message = DynamicMessage::new(verb.route.method.input());
        set(
            &mut message,
            "filter",
            &format!("revision > {from} AND revision <= {to}"),
        )?;
        set(&mut message, "page_size", "500")?;
        let mut names = Vec::new();
        loop {
            let answer = self.connection.call(verb, &message).await?;
            let changes = answer.get_field_by_name("changes");
            for change in changes
                .as_ref()
                .and_then(|it| it.as_list())
                .unwrap_or_default()
            {
                let Some(change) = change.as_message() else {
                    continue;
                };
                for name in effects(change) {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
            if names.len() > DIFFERENT {
                return Err(Failure::usage(
                    format!(
                        "more than {DIFFERENT} resources changed; choose revisions that are closer"
                    ),
                    format!(
                        "hơn {DIFFERENT} bản ghi đã thay đổi; hãy chọn hai phiên bản gần nhau hơn"
                    ),
                ));
            }
            match text_at(&answer, NEXT_PAGE_TOKEN).filter(|it| !it.is_empty()) {
                Some(token) => {
                    message.clear_field_by_name(PAGE_TOKEN[0]);
                    set(&mut message, PAGE_TOKEN[0], &token)?;
                }
                None => return Ok(names),
            }
        }
    }

    /// A resource as it was; none where it was not there.
    async fn read_at(
        &self,
        verb: &Verb,
        name: &str,
        revision: i64,
    ) -> Result<Option<DynamicMessage>, Failure> {
        // at revision 0 there was nothing, and the field says now
        if revision == 0 {
            return Ok(None);
        }
        let mut message = DynamicMessage::new(verb.route.method.input());
        set(&mut message, "name", name)?;
        set(&mut message, "read_revision", &revision.to_string())?;
        match self.connection.call(verb, &message).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Failure::Refused(status)) if status.code() == Code::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}
/// The names of the resources that a change touched.
pub(super) fn effects(change: &DynamicMessage) -> Vec<String> {
    let effects = change.get_field_by_name("effects");
    let effects = effects
        .as_ref()
        .and_then(|it| it.as_list())
        .unwrap_or_default();
    let effects = effects.iter().filter_map(Value::as_message);
    effects.filter_map(|it| text_at(it, "resource")).collect()
}

/// A field that has another value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) path: String,
    pub(super) old: String,
    pub(super) new: String,
}

/// The fields that differ, but for those that every write changes.
pub(super) fn differences(
    old: Option<&DynamicMessage>,
    new: Option<&DynamicMessage>,
) -> Vec<Difference> {
    let mut values: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut read = Vec::new();
    if let Some(old) = old {
        leaves(old, "", &mut read);
    }
    for (path, value) in read.drain(..) {
        values.entry(path).or_default().0 = value;
    }
    if let Some(new) = new {
        leaves(new, "", &mut read);
    }
    for (path, value) in read {
        values.entry(path).or_default().1 = value;
    }
    let differing = values.into_iter().filter(|(_, (old, new))| old != new);
    let kept = differing.filter(|(path, _)| {
        !matches!(
            path.as_str(),
            "name" | "etag" | "revision" | "create_time" | "update_time"
        )
    });
    kept.map(|(path, (old, new))| Difference { path, old, new })
        .collect()
}

/// Each value that has no parts, by its path.
fn leaves(message: &DynamicMessage, prefix: &str, found: &mut Vec<(String, String)>) {
    for (field, value) in message.fields() {
        let path = format!("{prefix}{}", field.name());
        leaf(&field, value, path, found);
    }
}

fn leaf(field: &FieldDescriptor, value: &Value, path: String, found: &mut Vec<(String, String)>) {
    let single = |value: &Value| match json::single(&field.kind(), value) {
        Some(serde_json::Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    };
    match value {
        Value::Message(inner) if crate::http::values::is_date(&inner.descriptor()) => {
            found.push((path, crate::http::values::date_text(inner)));
        }
        Value::Message(inner) if inner.descriptor().package_name() != "google.protobuf" => {
            leaves(inner, &format!("{path}."), found);
        }
        Value::List(items) => {
            for (at, item) in items.iter().enumerate() {
                leaf(field, item, format!("{path}[{at}]"), found);
            }
        }
        Value::Map(map) => {
            for (key, value) in map {
                if let MapKey::String(key) = key {
                    let text = value.as_str().unwrap_or_default().to_owned();
                    found.push((format!("{path}[{key}]"), text));
                }
            }
        }
        value => found.push((path, single(value))),
    }
}
