//! Fields of a request written as text: the variables of a path and the parameters of a query.
//!
//! A parameter is the path of a field, in the proto's names or in JSON's (`page_size`,
//! `pageSize`, `plan.budget.priceYear`), repeated for a repeated field. Its value is in proto JSON,
//! without the quotes.

use ndp_core::messages::Rule;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use super::values;

/// Why a field is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The request has no such field.
    Unknown,
    /// The field is a message or a map: its own fields are set instead, or the body holds it.
    NoText,
    /// It is not a repeated field, but was given twice.
    Repeated,
    /// Another field of its oneof was given before.
    Oneof(String),
    /// The text does not fit the field's kind. Holds an example of the right form.
    Malformed(String),
}

impl Problem {
    /// The rule that the field breaks.
    pub(crate) fn rule(self) -> Rule {
        match self {
            Self::Unknown => Rule::ParameterUnknown,
            Self::NoText => Rule::ParameterNotText,
            Self::Repeated => Rule::ParameterRepeated,
            Self::Oneof(other) => Rule::ParameterContradicted { other },
            Self::Malformed(form) => Rule::ParameterMalformed { form },
        }
    }
}

/// The fields that a path of them passes; the last is the one meant.
pub(crate) fn resolve(
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
            && !values::is_text(&inner)
        {
            message = Some(inner);
        }
        fields.push(field);
    }
    Ok(fields)
}

/// Sets the field, or adds to it where it is repeated.
pub(crate) fn set(
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
    // a zero that was set looks like an unset field; the same value twice is harmless
    if message.has_field(field) && *message.get_field(field) != value {
        return Err(Problem::Repeated);
    }
    message.set_field(field, value);
    Ok(())
}

fn value(kind: &Kind, text: &str) -> Result<Value, Problem> {
    let read = match kind {
        Kind::Bool => text.parse().ok().map(Value::Bool),
        Kind::Message(message) if message.full_name() == "google.protobuf.FieldMask" => {
            Some(Value::Message(mask(message, text)?))
        }
        Kind::Message(message) if !values::may_be_text(message) => {
            return Err(Problem::NoText);
        }
        _ => values::text(kind, text),
    };
    read.ok_or_else(|| Problem::Malformed(values::form(kind)))
}

/// A mask in the names of JSON or of the protos. The registry uses the names of the protos.
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

/// Names and values of a query, in the encoding of HTML forms.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = Option<(String, String)>> {
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
    use prost_reflect::{DescriptorPool, EnumDescriptor};

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
    fn words_of_enums_are_read_in_any_case_and_none_for_another() {
        for text in ["PLAN_VIEW_FULL", "FULL", "plan_view_full", "full"] {
            let read = set_all("ListPlansRequest", &format!("view={text}"));
            assert_eq!(read.unwrap()["view"], "PLAN_VIEW_FULL", "{text}");
        }
        let pool = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap();
        let ours = |it: &EnumDescriptor| it.full_name().starts_with("ndp.registry.");
        for one in pool.all_enums().filter(ours) {
            let kind = Kind::Enum(one.clone());
            let zero = one.get_value(0).unwrap().name().to_owned();
            // `PLAN_VIEW_` where all values begin so
            let prefix = zero.strip_suffix("UNSPECIFIED").unwrap();
            let prefixed = one.values().all(|it| it.name().starts_with(prefix));
            for value in one.values() {
                let number = Some(Value::EnumNumber(value.number()));
                let name = value.name().to_lowercase();
                assert_eq!(values::text(&kind, &name), number, "{name}");
                if prefixed {
                    let short = &name[prefix.len()..];
                    assert_eq!(values::text(&kind, short), number, "{short}");
                }
            }
        }
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
