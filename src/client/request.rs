//! Requests from the arguments of a command.

use std::{
    fs,
    io::{self, Read as _},
};

use anyhow::Context as _;
use clap::{ArgMatches, parser::ValueSource};
use ndp_core::error::{Error, Violation};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};
use tonic::Status;
use uuid::Uuid;

use super::{
    contract::Verb,
    failure::Failure,
    flags::{Flag, Form},
    language::unread,
};
use crate::{
    http::{body, fields},
    wire::status,
};

/// A request, and the fields of the resource in it that were given, for the mask of an update.
pub(super) struct Made {
    pub(super) message: DynamicMessage,
    mask: Vec<String>,
}

/// The request of a verb.
pub(super) fn make(verb: &Verb, flags: &[Flag], given: &ArgMatches) -> Result<Made, Failure> {
    let mut message = DynamicMessage::new(verb.route.method.input());
    let mut mask = Vec::new();
    if let Ok(Some(body)) = given.try_get_one::<String>("body") {
        let text = contents(body)?;
        match verb.body() {
            Some((field, inner)) => {
                let read = read(inner, &text)?;
                mask.extend(read.fields().map(|(field, _)| field.name().to_owned()));
                message.set_field(field, Value::Message(read));
            }
            None => message = read(&verb.route.method.input(), &text)?,
        }
    }
    for place in verb.places() {
        let text = match given.get_one::<String>(&format!("place/{}", place.field)) {
            Some(text) => whole_name(&place.pattern, text),
            None => place.pattern.replace('*', "-"),
        };
        set(&mut message, &place.field, &text)?;
    }
    for flag in flags {
        let Ok(Some(values)) = given.try_get_many::<String>(&flag.name) else {
            continue;
        };
        if given.value_source(&flag.name) == Some(ValueSource::DefaultValue) {
            continue;
        }
        clear(&mut message, &flag.path);
        for value in values {
            give(&mut message, flag, value)?;
        }
        if verb
            .body()
            .is_some_and(|(field, _)| flag.path.first() == Some(field))
        {
            let within = flag.path.get(1..).unwrap_or_default();
            let names: Vec<_> = within.iter().map(FieldDescriptor::name).collect();
            mask.push(names.join("."));
        }
    }
    mask.retain(|it| it != "name" && it != "etag");
    mask.sort_unstable();
    mask.dedup();
    Ok(Made { message, mask })
}

impl Made {
    /// Completes a write: the mask of an update, and an id by which a retry is not done twice.
    pub(super) fn complete(&mut self, verb: &Verb) -> Result<(), Failure> {
        let input = verb.route.method.input();
        if let Some(field) = input.get_field_by_name("update_mask")
            && !self.message.has_field(&field)
        {
            if self.mask.is_empty() {
                return Err(Failure::usage(
                    "nothing to change: give a flag for each field to write, or --body; \
                     --update-mask names fields to clear",
                    "chưa có gì để thay đổi: hãy dùng cờ của từng trường cần ghi, hoặc --body; \
                     --update-mask nêu các trường cần xóa giá trị",
                ));
            }
            set(&mut self.message, "update_mask", &self.mask.join(","))?;
        }
        if let Some(field) = input.get_field_by_name("request_id")
            && !self.message.has_field(&field)
        {
            let id = Uuid::new_v4().to_string();
            self.message.set_field(&field, Value::String(id));
        }
        Ok(())
    }

    /// The path of the etag that the request can have, if none was given.
    pub(super) fn lacks_etag(&self, verb: &Verb) -> Option<String> {
        let input = verb.route.method.input();
        let path = match (input.get_field_by_name("etag"), verb.body()) {
            (Some(_), _) => "etag".to_owned(),
            (None, Some((field, inner))) if verb.name == "update" => {
                inner.get_field_by_name("etag")?;
                format!("{}.etag", field.name())
            }
            _ => return None,
        };
        text_at(&self.message, &path)
            .is_none_or(|it| it.is_empty())
            .then_some(path)
    }

    /// The name of the resource that it is about.
    pub(super) fn name(&self, verb: &Verb) -> Option<String> {
        let place = verb.places().into_iter().next()?;
        text_at(&self.message, &place.field)
    }
}

/// The text of a field, by its path.
pub(super) fn text_at(message: &DynamicMessage, path: &str) -> Option<String> {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let value = message.get_field_by_name(first)?;
    match rest {
        None => Some(value.as_str()?.to_owned()),
        Some(rest) => text_at(value.as_message()?, rest),
    }
}

/// Sets a field by its path.
pub(super) fn set(message: &mut DynamicMessage, path: &str, text: &str) -> Result<(), Failure> {
    let set = fields::resolve(&message.descriptor(), path)
        .and_then(|found| fields::set(message, &found, text));
    set.map_err(|problem| malformed(path, problem))
}

fn malformed(path: &str, problem: fields::Problem) -> Failure {
    let violation = Violation::new(path, problem.rule());
    Failure::Malformed(Box::new(status::status(Error::Invalid(violation.into()))))
}

/// Forgets what the body said, so that the flag says it.
fn clear(message: &mut DynamicMessage, path: &[FieldDescriptor]) {
    match path {
        [field] => message.clear_field(field),
        [field, rest @ ..] if message.has_field(field) => {
            if let Value::Message(inner) = message.get_field_mut(field) {
                clear(inner, rest);
            }
        }
        _ => {}
    }
}

fn give(message: &mut DynamicMessage, flag: &Flag, value: &str) -> Result<(), Failure> {
    let Some(field) = flag.field() else {
        return Ok(());
    };
    let value = match (flag.form, field.kind()) {
        (Form::Text, _) => {
            let set = fields::set(message, &flag.path, value);
            return set.map_err(|problem| malformed(&flag.proto_path(), problem));
        }
        (Form::Json, Kind::Message(inner)) => Value::Message(read(&inner, &contents(value)?)?),
        _ => {
            let pair = value.split_once('=');
            let (key, value) = pair.ok_or_else(|| {
                let name = &flag.name;
                Failure::usage(
                    format!("--{name}: write KEY=VALUE, not `{value}`"),
                    format!("--{name}: hãy ghi KHÓA=GIÁ_TRỊ, không ghi `{value}`"),
                )
            })?;
            let pair = (
                MapKey::String(key.to_owned()),
                Value::String(value.to_owned()),
            );
            if let Some(Value::Map(map)) = at(message, &flag.path) {
                map.insert(pair.0, pair.1);
            }
            return Ok(());
        }
    };
    match at(message, &flag.path) {
        Some(Value::List(list)) => list.push(value),
        Some(single) => *single = value,
        None => {}
    }
    Ok(())
}

/// The place that a path leads to.
fn at<'a>(message: &'a mut DynamicMessage, path: &[FieldDescriptor]) -> Option<&'a mut Value> {
    let (field, rest) = path.split_first()?;
    let value = message.get_field_mut(field);
    match (rest.is_empty(), value) {
        (true, value) => Some(value),
        (false, Value::Message(inner)) => at(inner, rest),
        (false, _) => None,
    }
}

fn read(descriptor: &MessageDescriptor, text: &str) -> Result<DynamicMessage, Failure> {
    let read: Result<_, Status> = body::scanned(descriptor, text.as_bytes());
    read.map_err(|status| Failure::Malformed(Box::new(status)))
}

/// The text itself, that of `@FILE`, or `-` for standard input.
fn contents(argument: &str) -> anyhow::Result<String> {
    if argument == "-" {
        let mut text = String::new();
        io::stdin()
            .read_to_string(&mut text)
            .with_context(|| unread("stdin"))?;
        return Ok(text);
    }
    match argument.strip_prefix('@') {
        Some(file) => fs::read_to_string(file).with_context(|| unread(file)),
        None => Ok(argument.to_owned()),
    }
}

/// The resource name, where only an id was given and one is enough.
fn whole_name(pattern: &str, text: &str) -> String {
    let is_id = !text.contains('/') && pattern.matches('*').count() == 1 && pattern.contains('/');
    match is_id {
        true => pattern.replace('*', text),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_completed_where_one_is_enough() {
        assert_eq!(whole_name("platforms/*", "ndp-001"), "platforms/ndp-001");
        assert_eq!(whole_name("platforms/*", "platforms/-"), "platforms/-");
        assert_eq!(whole_name("platforms/*/plans/*", "a"), "a");
        assert_eq!(whole_name("**", "a"), "a");
    }
}
