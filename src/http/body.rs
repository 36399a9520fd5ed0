//! A strict reader of bodies in proto JSON. It refuses values that would otherwise be dropped or
//! guessed, and names the path of the field.
//!
//! The reader of prost-reflect takes the last of two values of a field and skips nulls in lists.
//! Here each field may be given once, in one spelling, and only one field of a oneof. A
//! `google.type.Date` may also be one text. prost-reflect still reads the well-known types that no
//! request has (`Any`, `Struct`, wrappers).

mod scan;

use ndp_core::messages::Rule;
use std::{
    collections::{BTreeSet, HashMap},
    fmt::{self, Write as _},
};

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use tonic::Status;

pub(crate) use self::scan::scan;
use super::values;
use crate::wire::status;
use ndp_core::error::{Error as DomainError, Violation};

/// The most characters of a name or text repeated in an error.
const QUOTED_MAX: usize = 200;

/// The mark that some editors and .NET put before UTF-8. RFC 8259 lets a reader ignore it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The body without a byte order mark.
pub(crate) fn text(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

/// Reads a message. The caller must scan the body first.
pub(crate) fn read(
    descriptor: &MessageDescriptor,
    body: &[u8],
) -> Result<DynamicMessage, Violation> {
    let mut reader = Reader::default();
    let mut json = serde_json::Deserializer::from_slice(body);
    let kind = Kind::Message(descriptor.clone());
    let whole = Seed {
        reader: &mut reader,
        what: What::Single(&kind),
    };
    let read = whole.deserialize(&mut json);
    match read.and_then(|value| json.end().map(|()| value)) {
        Ok(Some(Value::Message(message))) => Ok(message),
        Ok(_) => {
            reader.wrong_kind(&kind);
            Err(reader.violation(descriptor, None))
        }
        Err(error) => Err(reader.violation(descriptor, Some(&error))),
    }
}

/// Scans a body and reads it, without a charge: for a body that did not come from a caller.
pub(crate) fn scanned(
    descriptor: &MessageDescriptor,
    body: &[u8],
) -> Result<DynamicMessage, Status> {
    let body = text(body);
    scan(body).map_err(|refusal| refusal.status)?;
    let read = read(descriptor, body);
    read.map_err(|violation| status::status(DomainError::Invalid(violation.into())))
}

/// The text, cut to the length that an error may quote.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTED_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The current position of the reader, and the problem it found.
#[derive(Debug, Default)]
struct Reader {
    /// Path of the value that is being read.
    path: String,
    problem: Option<Rule>,
}

impl Reader {
    /// Runs `read` at a place within the current one. After an error the path is kept, because it
    /// shows where the error is.
    fn at<T, E>(
        &mut self,
        step: fmt::Arguments<'_>,
        read: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let before = self.path.len();
        // writing to a String cannot fail
        let _ = self.path.write_fmt(step);
        let made = read(self)?;
        self.path.truncate(before);
        Ok(made)
    }

    /// The separator between the path and the name of a field.
    const fn dot(&self) -> &'static str {
        if self.path.is_empty() { "" } else { "." }
    }

    fn refuse<E: Error>(&mut self, problem: Rule) -> E {
        self.problem.get_or_insert(problem);
        E::custom("")
    }

    fn wrong_kind(&mut self, kind: &Kind) {
        let form = values::form(kind);
        self.problem.get_or_insert(Rule::BodyOfWrongType {
            form: form.to_owned(),
        });
    }

    fn violation(
        self,
        descriptor: &MessageDescriptor,
        error: Option<&serde_json::Error>,
    ) -> Violation {
        let rule = self.problem.unwrap_or_else(|| Rule::BodyNotOf {
            message: descriptor.name().to_owned(),
            problem: error.map_or_else(String::new, |error| cut(&error.to_string())),
        });
        Violation::new(cut(&self.path), rule)
    }
}

/// The kind of value that is expected at a place.
#[derive(Clone, Copy, Debug)]
enum What<'a> {
    Single(&'a Kind),
    List(&'a Kind),
    /// Of these keys and values.
    Map(&'a Kind, &'a FieldDescriptor),
}

/// Reads the value at a place; none for null.
struct Seed<'a> {
    reader: &'a mut Reader,
    what: What<'a>,
}

impl Seed<'_> {
    fn wrong<E: Error>(self) -> E {
        let kind = match self.what {
            What::Single(kind) => kind,
            What::List(_) => {
                return self.reader.refuse(Rule::BodyNeedsList);
            }
            What::Map(..) => {
                return self.reader.refuse(Rule::BodyNeedsMap);
            }
        };
        self.reader.wrong_kind(kind);
        E::custom("")
    }

    fn found<E: Error>(self, value: Option<Value>) -> Result<Option<Value>, E> {
        match value {
            Some(value) => Ok(Some(value)),
            None => Err(self.wrong()),
        }
    }

    fn number<E: Error>(self, number: Option<Number>) -> Result<Option<Value>, E> {
        let value = match self.what {
            What::Single(kind) => number.and_then(|number| values::number(kind, &number)),
            What::List(_) | What::Map(..) => None,
        };
        self.found(value)
    }
}

/// Whether prost-reflect reads the message.
fn is_foreign(message: &MessageDescriptor) -> bool {
    message.package_name() == "google.protobuf" && !values::is_text(message)
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Option<Value>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        match self.what {
            What::Single(Kind::Message(message)) if is_foreign(message) => {
                let read = DynamicMessage::deserialize(message.clone(), json)?;
                Ok(Some(Value::Message(read)))
            }
            _ => json.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("proto JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        let is_bool = matches!(self.what, What::Single(Kind::Bool));
        self.found(is_bool.then_some(Value::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        self.number(Some(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        self.number(Some(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        self.number(Number::from_f64(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let value = match self.what {
            What::Single(kind) => values::text(kind, text),
            What::List(_) | What::Map(..) => None,
        };
        self.found(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let What::List(kind) = self.what else {
            return Err(self.wrong());
        };
        let reader = self.reader;
        let mut items = Vec::new();
        loop {
            let item = reader.at(format_args!("[{}]", items.len()), |reader| {
                let what = What::Single(kind);
                let item = list.next_element_seed(Seed { reader, what })?;
                match item {
                    Some(None) => Err(reader.refuse(null())),
                    Some(Some(item)) => Ok(Some(item)),
                    None => Ok(None),
                }
            })?;
            match item {
                Some(item) => items.push(item),
                None => return Ok(Some(Value::List(items))),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        match self.what {
            What::Map(keys, values) => entries(self.reader, keys, values, map),
            What::Single(Kind::Message(message)) if !values::is_text(message) => {
                fields(self.reader, message, map)
            }
            What::Single(_) | What::List(_) => Err(self.wrong()),
        }
    }
}

const fn null() -> Rule {
    Rule::BodyHasNull
}

/// The entries of a map, each key once.
fn entries<'de, A: MapAccess<'de>>(
    reader: &mut Reader,
    keys: &Kind,
    values: &FieldDescriptor,
    mut map: A,
) -> Result<Option<Value>, A::Error> {
    let kind = values.kind();
    let mut entries = HashMap::new();
    while let Some(text) = map.next_key::<String>()? {
        let (key, value) = reader.at(format_args!("[\"{text}\"]"), |reader| {
            let Some(key) = key(keys, &text) else {
                reader.wrong_kind(keys);
                return Err(A::Error::custom(""));
            };
            if entries.contains_key(&key) {
                return Err(reader.refuse(repeated()));
            }
            let what = What::Single(&kind);
            match map.next_value_seed(Seed { reader, what })? {
                Some(value) => Ok((key, value)),
                None => Err(reader.refuse(null())),
            }
        })?;
        entries.insert(key, value);
    }
    Ok(Some(Value::Map(entries)))
}

fn key(kind: &Kind, text: &str) -> Option<MapKey> {
    if matches!(kind, Kind::Bool) {
        return text.parse().ok().map(MapKey::Bool);
    }
    Some(match values::text(kind, text)? {
        Value::String(key) => MapKey::String(key),
        Value::I32(key) => MapKey::I32(key),
        Value::I64(key) => MapKey::I64(key),
        Value::U32(key) => MapKey::U32(key),
        Value::U64(key) => MapKey::U64(key),
        _ => return None,
    })
}

/// The fields of a message, each once and in either spelling.
fn fields<'de, A: MapAccess<'de>>(
    reader: &mut Reader,
    descriptor: &MessageDescriptor,
    mut map: A,
) -> Result<Option<Value>, A::Error> {
    let mut message = DynamicMessage::new(descriptor.clone());
    let mut seen = BTreeSet::new();
    while let Some(name) = map.next_key::<String>()? {
        let by_name = descriptor.get_field_by_json_name(&name);
        let by_name = by_name.or_else(|| descriptor.get_field_by_name(&name));
        let Some(field) = by_name else {
            let dot = reader.dot();
            return reader.at(format_args!("{dot}{name}"), |reader| {
                Err(reader.refuse(unknown(descriptor)))
            });
        };
        let dot = reader.dot();
        reader.at(format_args!("{dot}{}", field.json_name()), |reader| {
            if !seen.insert(field.number()) {
                return Err(reader.refuse(repeated()));
            }
            let kind = field.kind();
            let Some(value) = value(reader, &field, &kind, &mut map)? else {
                return Ok(());
            };
            let other = field.containing_oneof().and_then(|oneof| {
                let mut fields = oneof.fields();
                fields.find(|it| *it != field && message.has_field(it))
            });
            if let Some(other) = other {
                return Err(reader.refuse(contradicted(other.json_name())));
            }
            message.set_field(&field, value);
            Ok(())
        })?;
    }
    Ok(Some(Value::Message(message)))
}

fn value<'de, A: MapAccess<'de>>(
    reader: &mut Reader,
    field: &FieldDescriptor,
    kind: &Kind,
    map: &mut A,
) -> Result<Option<Value>, A::Error> {
    if let (true, Kind::Message(entry)) = (field.is_map(), kind) {
        let keys = entry.map_entry_key_field().kind();
        let values = entry.map_entry_value_field();
        let what = What::Map(&keys, &values);
        return map.next_value_seed(Seed { reader, what });
    }
    let what = match field.is_list() {
        true => What::List(kind),
        false => What::Single(kind),
    };
    map.next_value_seed(Seed { reader, what })
}

fn unknown(message: &MessageDescriptor) -> Rule {
    Rule::FieldUnknown {
        message: message.name().to_owned(),
    }
}

const fn repeated() -> Rule {
    Rule::FieldRepeated
}

fn contradicted(other: &str) -> Rule {
    Rule::FieldContradicted {
        other: other.to_owned(),
    }
}

#[cfg(test)]
mod tests;
