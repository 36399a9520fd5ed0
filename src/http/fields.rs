//! Fields of a request written as text: the variables of a path and the parameters of a query.
//!
//! A parameter is the path of a field, in the proto's names or in JSON's (`page_size`,
//! `pageSize`, `plan.budget.priceYear`), repeated for a repeated field; its value is as proto
//! JSON writes it, without the quotes.

use base64::{Engine, engine::general_purpose};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use serde::de::{IntoDeserializer, value::StrDeserializer};

/// Why a field is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The request has no such field.
    Unknown,
    /// The field is a message or a map: its own fields are set instead, or the body holds it.
    NoText,
    /// It is not repeated, and was given before.
    Repeated,
    /// Another field of its oneof was given before.
    Oneof(String),
    /// The text is not of its kind; how it is written.
    Malformed(String),
}

/// The fields that a path of them passes; the last is the one meant.
pub(super) fn resolve(
    message: &MessageDescriptor,
    path: &str,
) -> Result<Vec<FieldDescriptor>, Problem> {
    let mut message = Some(message.clone());
    let mut fields: Vec<FieldDescriptor> = Vec::new();
    for name in path.split('.') {
        let inside = message.take().ok_or(Problem::Unknown)?;
        let field = inside.get_field_by_name(name);
        let field = field.or_else(|| inside.get_field_by_json_name(name));
        let field = field.ok_or(Problem::Unknown)?;
        if let Kind::Message(inner) = field.kind()
            && !field.is_list()
            && !field.is_map()
            && !is_text(&inner)
        {
            message = Some(inner);
        }
        fields.push(field);
    }
    Ok(fields)
}

/// Sets the field, or adds to it where it is repeated.
pub(super) fn set(
    message: &mut DynamicMessage,
    fields: &[FieldDescriptor],
    text: &str,
) -> Result<(), Problem> {
    let Some((field, rest)) = fields.split_first() else {
        return Err(Problem::Unknown);
    };
    if let Some(oneof) = field.containing_oneof()
        && let Some(other) = oneof
            .fields()
            .find(|it| it != field && message.has_field(it))
    {
        return Err(Problem::Oneof(other.name().to_owned()));
    }
    if !rest.is_empty() {
        return match message.get_field_mut(field) {
            Value::Message(inner) => set(inner, rest, text),
            _ => Err(Problem::Unknown),
        };
    }
    if field.is_map() {
        return Err(Problem::NoText);
    }
    let value = value(&field.kind(), text)?;
    if field.is_list() {
        if let Value::List(list) = message.get_field_mut(field) {
            list.push(value);
        }
        return Ok(());
    }
    // a zero that was set is not to be told from one that was not; twice the same harms nobody
    if message.has_field(field) && *message.get_field(field) != value {
        return Err(Problem::Repeated);
    }
    message.set_field(field, value);
    Ok(())
}

/// Whether JSON writes the message as one text.
pub(super) fn is_text(message: &MessageDescriptor) -> bool {
    matches!(
        message.full_name(),
        "google.protobuf.Timestamp" | "google.protobuf.Duration" | "google.protobuf.FieldMask"
    )
}

fn value(kind: &Kind, text: &str) -> Result<Value, Problem> {
    let malformed = |form: &str| Problem::Malformed(form.to_owned());
    let read = match kind {
        Kind::String => Some(Value::String(text.to_owned())),
        Kind::Bool => text.parse().ok().map(Value::Bool),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => text.parse().ok().map(Value::I32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => text.parse().ok().map(Value::I64),
        Kind::Uint32 | Kind::Fixed32 => text.parse().ok().map(Value::U32),
        Kind::Uint64 | Kind::Fixed64 => text.parse().ok().map(Value::U64),
        Kind::Float => text.parse().ok().map(Value::F32),
        Kind::Double => text.parse().ok().map(Value::F64),
        Kind::Bytes => bytes(text).map(|bytes| Value::Bytes(bytes.into())),
        Kind::Enum(one) => {
            let named = one.get_value_by_name(text);
            let number = named.map(|value| Value::EnumNumber(value.number()));
            return number.ok_or_else(|| {
                let names: Vec<_> = one.values().map(|it| format!("`{}`", it.name())).collect();
                Problem::Malformed(names.join(", "))
            });
        }
        Kind::Message(message) if message.full_name() == "google.protobuf.FieldMask" => {
            Some(Value::Message(mask(message, text)?))
        }
        Kind::Message(message) if is_text(message) => {
            let text: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
            DynamicMessage::deserialize(message.clone(), text)
                .ok()
                .map(Value::Message)
        }
        Kind::Message(_) => return Err(Problem::NoText),
    };
    read.ok_or_else(|| {
        malformed(match kind {
            Kind::Bool => "`true`, `false`",
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "-2147483648 … 2147483647",
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "-2^63 … 2^63-1",
            Kind::Uint32 | Kind::Fixed32 => "0 … 4294967295",
            Kind::Uint64 | Kind::Fixed64 => "0 … 2^64-1",
            Kind::Float | Kind::Double => "12.5",
            Kind::Bytes => "base64",
            Kind::Message(message) if message.name() == "Duration" => "1.5s",
            _ => "2026-10-01T02:00:00Z",
        })
    })
}

/// Base64 of either alphabet, with or without padding.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    (general_purpose::STANDARD_NO_PAD.decode(text).ok())
        .or_else(|| general_purpose::URL_SAFE_NO_PAD.decode(text).ok())
}

/// A mask in the names of JSON or of the protos, which the registry speaks.
fn mask(message: &MessageDescriptor, text: &str) -> Result<DynamicMessage, Problem> {
    let mut mask = DynamicMessage::new(message.clone());
    let paths = message.get_field_by_name("paths").ok_or(Problem::NoText)?;
    let list = text.split(',').filter(|it| !it.is_empty());
    let list = list.map(|path| Value::String(snake(path.trim()))).collect();
    mask.set_field(&paths, Value::List(list));
    Ok(mask)
}

fn snake(path: &str) -> String {
    let mut snake = String::with_capacity(path.len());
    for character in path.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// Names and values of a query, as forms write them.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = Option<(String, String)>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name)?, decode(value)?))
    })
}

/// None where it is not UTF-8.
fn decode(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&text)
        .decode_utf8()
        .ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb;
    use prost_reflect::DescriptorPool;

    fn set_all(message: &str, parameters: &str) -> Result<serde_json::Value, Problem> {
        let pool = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap();
        let name = format!("ndp.registry.v1.{message}");
        let descriptor = pool.get_message_by_name(&name).unwrap();
        let mut message = DynamicMessage::new(descriptor.clone());
        for pair in pairs(parameters) {
            let (name, text) = pair.unwrap();
            set(&mut message, &resolve(&descriptor, &name)?, &text)?;
        }
        Ok(serde_json::to_value(&message).unwrap())
    }

    #[test]
    fn parameters_reach_into_messages_in_either_spelling() {
        let plan = "plan.budget.price_year=2026&plan.budget.amount.units=5&plan.leadUnit=a+b\
            &update_mask=leadUnit,budget.price_year&validateOnly=true\
            &plan.coordinatingAgencies=agencies/a&plan.coordinating_agencies=agencies/b";
        assert_eq!(
            set_all("UpdatePlanRequest", plan).unwrap(),
            serde_json::json!({
                "plan": {
                    "budget": {"priceYear": 2026, "amount": {"units": "5"}},
                    "leadUnit": "a b",
                    "coordinatingAgencies": ["agencies/a", "agencies/b"],
                },
                "updateMask": "leadUnit,budget.priceYear",
                "validateOnly": true,
            })
        );
    }

    #[test]
    fn what_is_no_text_or_contradicts_itself_is_refused() {
        let oneof = "new_record.platform.name=a&newRecord.agency.name=b";
        for (message, parameters, problem) in [
            ("UpdatePlanRequest", "plan=x", Problem::NoText),
            ("UpdatePlanRequest", "plan.colour=x", Problem::Unknown),
            ("UpdatePlanRequest", "plan.lead_unit.x=x", Problem::Unknown),
            (
                "UpdatePlatformRequest",
                "platform.labels=x",
                Problem::NoText,
            ),
            (
                "UpdatePlatformRequest",
                "platform.labels.a=x",
                Problem::Unknown,
            ),
            (
                "UpdatePlanRequest",
                "plan.lead_unit=x&plan.leadUnit=y",
                Problem::Repeated,
            ),
            ("Change.Effect", oneof, Problem::Oneof("platform".into())),
        ] {
            assert_eq!(set_all(message, parameters), Err(problem), "{parameters}");
        }
    }
}
