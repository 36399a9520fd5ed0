//! The flags of a command, made from the fields of its request.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::{
    contract::{Verb, is_given, kebab},
    language::Language,
};
use crate::http::{
    csv::PAGE_TOKEN,
    routes::{Body, PAGE_SIZE},
    values::{is_period, may_be_text},
};

/// How deep parts of parts have flags; below that they are given as JSON.
const DEPTH: usize = 4;
/// Names of flags that no field may have.
const RESERVED: &[&str] = &[
    "body",
    "ca",
    "client-certificate",
    "client-key",
    "file",
    "help",
    "insecure",
    "key-file",
    "lang",
    "limit",
    "output",
    "profile",
    "quiet",
    "server",
    "timeout",
    "to",
    "verbose",
    "verify",
    "version",
    "yes",
];

/// A flag that sets a field of a request.
#[derive(Clone, Debug)]
pub(super) struct Flag {
    pub(super) name: String,
    /// The fields that lead to it, from the request.
    pub(super) path: Vec<FieldDescriptor>,
    pub(super) form: Form,
}

/// How its value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A text, as in a query.
    Text,
    /// A message in JSON, or `@` and a file of it.
    Json,
    /// KEY=VALUE.
    Pair,
}

impl Flag {
    pub(super) fn field(&self) -> Option<&FieldDescriptor> {
        self.path.last()
    }

    /// The path of the field in the request, as errors and masks name it.
    pub(super) fn proto_path(&self) -> String {
        let names: Vec<_> = self.path.iter().map(FieldDescriptor::name).collect();
        names.join(".")
    }

    /// What it sets, as the glossary calls it.
    pub(super) fn called(&self, language: Language) -> String {
        let fields = without_resource(&self.path).iter();
        let names: Vec<_> = fields.map(|it| language.field(it)).collect();
        names.join(" / ")
    }
}

/// The flags of a verb: first of the request, then of the resource in it.
pub(super) fn flags(verb: &Verb) -> Vec<Flag> {
    let mut flags = Vec::new();
    let places: Vec<_> = verb.places().into_iter().map(|it| it.field).collect();
    let body = verb.body().map(|(field, _)| field.clone());
    let raw = match &verb.route.body {
        Body::Raw(field) => Some(field.clone()),
        _ => None,
    };
    let pages = [PAGE_SIZE, PAGE_TOKEN[0]];
    for field in verb.route.method.input().fields() {
        let skipped = places.iter().any(|it| it == field.name())
            || (verb.route.rows.is_some() && pages.contains(&field.name()))
            || raw.as_ref() == Some(&field);
        if !skipped && body.as_ref() != Some(&field) {
            add(&mut flags, &mut Vec::new(), &field, 1);
        }
    }
    if let Some((field, message)) = verb.body() {
        let is_new = verb.name == "create";
        for inner in message.fields().filter(|it| !is_new || it.name() != "etag") {
            add(&mut flags, &mut vec![field.clone()], &inner, 1);
        }
    }
    flags
}

fn add(
    flags: &mut Vec<Flag>,
    path: &mut Vec<FieldDescriptor>,
    field: &FieldDescriptor,
    depth: usize,
) {
    if !is_given(field) || path.iter().any(|it| it == field) {
        return;
    }
    path.push(field.clone());
    let form = match field.kind() {
        _ if field.is_map() => Form::Pair,
        Kind::Message(message) if is_period(&message) && !field.is_list() => {
            put(flags, path, Form::Text);
            for inner in message.fields() {
                add(flags, path, &inner, depth + 1);
            }
            path.pop();
            return;
        }
        Kind::Message(message) if may_be_text(&message) => Form::Text,
        Kind::Message(_) if field.is_list() || depth == DEPTH => Form::Json,
        Kind::Message(message) => {
            for inner in message.fields() {
                add(flags, path, &inner, depth + 1);
            }
            path.pop();
            return;
        }
        _ => Form::Text,
    };
    put(flags, path, form);
    path.pop();
}

fn put(flags: &mut Vec<Flag>, path: &[FieldDescriptor], form: Form) {
    let name = name(flags, path);
    flags.push(Flag {
        name,
        path: path.to_vec(),
        form,
    });
}

/// The path without the resource it begins with, unless another flag is called so.
fn name(flags: &[Flag], path: &[FieldDescriptor]) -> String {
    let joined = |path: &[FieldDescriptor]| {
        let names: Vec<_> = path.iter().map(|it| kebab(it.name())).collect();
        names.join(".")
    };
    let whole = joined(path);
    if whole == "validate-only" {
        return "dry-run".to_owned();
    }
    let short = joined(without_resource(path));
    let taken = flags.iter().any(|it| it.name == short) || RESERVED.contains(&short.as_str());
    match taken {
        false => short,
        true if whole != short => whole,
        true => format!("field.{short}"),
    }
}

/// The path without the resource it begins with.
fn without_resource(path: &[FieldDescriptor]) -> &[FieldDescriptor] {
    let first = path.first().and_then(|it| it.kind().as_message().cloned());
    match path {
        [_, inner @ ..] if !inner.is_empty() && first.is_some_and(|it| has_name(&it)) => inner,
        _ => path,
    }
}

fn has_name(message: &MessageDescriptor) -> bool {
    message.get_field_by_name("name").is_some()
}
