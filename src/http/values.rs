//! Single values as proto JSON writes them: numbers, and texts of every kind of field.
//!
//! The same reader serves texts in a body and parameters of a query, which are such texts without
//! quotes. Numbers follow the grammar of JSON, even in quotes: no `+1`, `007` or ` 1`.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use jiff::civil;
use ndp_core::records::words;
use prost_reflect::{DynamicMessage, EnumValueDescriptor, Kind, MessageDescriptor, Value};
use serde::de::{IntoDeserializer, value::StrDeserializer};
use serde_json::Number;

/// Padding is optional, and the bits beyond the last byte are dropped, as in other readers.
const BASE64: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, BASE64);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, BASE64);

/// Whether JSON writes the message as one text.
pub(crate) fn is_text(message: &MessageDescriptor) -> bool {
    matches!(
        message.full_name(),
        "google.protobuf.Timestamp" | "google.protobuf.Duration" | "google.protobuf.FieldMask"
    )
}

/// Whether the message is a date, which may also be written as one text.
pub(crate) fn is_date(message: &MessageDescriptor) -> bool {
    message.full_name() == "google.type.Date"
}

/// Whether the message is a period, which may also be written as one text.
pub(crate) fn is_period(message: &MessageDescriptor) -> bool {
    message.full_name() == "ndp.registry.v1.Period"
}

/// Whether the message may be written as one text.
pub(crate) fn may_be_text(message: &MessageDescriptor) -> bool {
    is_text(message) || is_date(message) || is_period(message)
}

/// Parses a JSON text as a value of this kind; `None` if it does not fit.
pub(crate) fn text(kind: &Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::String => Some(Value::String(text.to_owned())),
        Kind::Bool => None,
        Kind::Float | Kind::Double if not_finite(text).is_some() => {
            let value = not_finite(text)?;
            Some(match kind {
                Kind::Float if value.is_nan() => Value::F32(f32::NAN),
                Kind::Float if value > 0.0 => Value::F32(f32::INFINITY),
                Kind::Float => Value::F32(f32::NEG_INFINITY),
                _ => Value::F64(value),
            })
        }
        Kind::Bytes => {
            let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text));
            Some(Value::Bytes(bytes.ok()?.into()))
        }
        Kind::Enum(one) => {
            let values: Vec<_> = one.values().collect();
            let place = words::find(values.iter().map(EnumValueDescriptor::name), text)?;
            values.get(place).map(|it| Value::EnumNumber(it.number()))
        }
        Kind::Message(message) if is_date(message) => Some(Value::Message(date(message, text)?)),
        Kind::Message(message) if is_period(message) => {
            Some(Value::Message(period(message, text)?))
        }
        Kind::Message(message) if is_text(message) => {
            let is_time = message.full_name() == "google.protobuf.Timestamp";
            if is_time && !is_strict_time(text) {
                return None;
            }
            let text: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
            let read = DynamicMessage::deserialize(message.clone(), text);
            Some(Value::Message(read.ok()?))
        }
        Kind::Message(_) => None,
        // parsed exactly; serde_json may be off in the last bit
        Kind::Double => quoted(text).and_then(|_| text.parse().ok().map(Value::F64)),
        _ => number(kind, &quoted(text)?),
    }
}

/// Converts a JSON number to a value of this kind; `None` if it does not fit.
pub(crate) fn number(kind: &Kind, number: &Number) -> Option<Value> {
    Some(match kind {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(whole(number)?.try_into().ok()?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(whole(number)?.try_into().ok()?),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(whole(number)?.try_into().ok()?),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(whole(number)?.try_into().ok()?),
        Kind::Double => Value::F64(number.as_f64()?),
        Kind::Float => {
            let value = number.as_f64()?;
            let fits = value.abs() <= f64::from(f32::MAX);
            // a value in range is rounded
            Value::F32(fits.then_some(value as f32)?)
        }
        // unknown numbers are kept; the field rules decide whether they are allowed
        Kind::Enum(_) => Value::EnumNumber(whole(number)?.try_into().ok()?),
        Kind::Bool | Kind::String | Kind::Bytes | Kind::Message(_) => return None,
    })
}

/// An example of the form of a kind, for error messages.
pub(crate) fn form(kind: &Kind) -> String {
    let form = match kind {
        Kind::Bool => "`true`, `false`",
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "-2147483648 … 2147483647",
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "-2^63 … 2^63-1",
        Kind::Uint32 | Kind::Fixed32 => "0 … 4294967295",
        Kind::Uint64 | Kind::Fixed64 => "0 … 2^64-1",
        Kind::Float | Kind::Double => "12.5",
        Kind::Bytes => "base64",
        Kind::String => "\"…\"",
        Kind::Enum(one) => {
            let names: Vec<_> = one.values().map(|it| format!("`{}`", it.name())).collect();
            return names.join(", ");
        }
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Duration" => "1.5s",
            "google.protobuf.FieldMask" => "displayName,leadUnit",
            "google.protobuf.Timestamp" => "2026-10-01T02:00:00Z",
            "google.type.Date" => "2026-11-01",
            "ndp.registry.v1.Period" => "2026-11-01, 2026-11, 2026, 2026-11-01/2026-12-31, {…}",
            _ => "{…}",
        },
    };
    form.to_owned()
}

/// Parses the floating-point values that JSON numbers cannot represent.
fn not_finite(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// The text of a number that JSON cannot represent.
pub(crate) fn not_finite_text(number: f64) -> &'static str {
    match number {
        _ if number.is_nan() => "NaN",
        _ if number > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

/// Bytes as a text.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Parses a quoted number. The grammar is the same as without quotes.
fn quoted(text: &str) -> Option<Number> {
    let tight = !text.starts_with(char::is_whitespace) && !text.ends_with(char::is_whitespace);
    tight.then(|| serde_json::from_str(text).ok()).flatten()
}

/// The number as an integer, if it is whole in any notation, such as `1e3` or `5.0`.
fn whole(number: &Number) -> Option<i128> {
    if let Some(number) = number.as_i64() {
        return Some(number.into());
    }
    if let Some(number) = number.as_u64() {
        return Some(number.into());
    }
    // An exact `i64::MIN` was returned above; the same value as a float was rounded from a smaller
    // number.
    let is_whole = |it: &f64| it.fract() == 0.0 && *it > i64::MIN as f64;
    let number = number.as_f64().filter(is_whole)?;
    // a value beyond 2^127 saturates, which is also out of any range
    Some(number as i128)
}

/// Checks RFC 3339 as restricted by proto JSON: upper case, at most nine digits of a second, no
/// leap second, no offset of a day. prost-reflect accepts some of these, but checks the date.
fn is_strict_time(text: &str) -> bool {
    let Some((time, rest)) = text.split_at_checked(19) else {
        return false;
    };
    let below = |text: Option<&str>, most: u8| {
        let number = text.filter(|it| it.len() == 2 && it.bytes().all(|it| it.is_ascii_digit()));
        number
            .and_then(|it| it.parse().ok())
            .is_some_and(|it: u8| it < most)
    };
    let digits = rest.strip_prefix('.').map(|rest| {
        let end = rest
            .find(|it: char| !it.is_ascii_digit())
            .unwrap_or(rest.len());
        rest.split_at(end)
    });
    let (fraction, zone) = digits.unwrap_or(("0", rest));
    let offset = zone
        .strip_prefix(['+', '-'])
        .and_then(|it| it.split_once(':'));
    let zoned = zone == "Z"
        || offset
            .is_some_and(|(hours, minutes)| below(Some(hours), 24) && below(Some(minutes), 60));
    below(time.get(17..), 60) && (1..=9).contains(&fraction.len()) && zoned
}

/// A day as ISO 8601 writes it in full.
fn date(message: &MessageDescriptor, text: &str) -> Option<DynamicMessage> {
    let mut date = DynamicMessage::new(message.clone());
    let day = day(text)?;
    let parts = [
        ("year", day.year().into()),
        ("month", day.month().into()),
        ("day", day.day().into()),
    ];
    for (name, value) in parts {
        date.try_set_field_by_name(name, Value::I32(value)).ok()?;
    }
    Some(date)
}

/// The day that an answer has, as ISO 8601 writes it.
pub(crate) fn date_text(date: &DynamicMessage) -> String {
    let part = |name| {
        let value = date.get_field_by_name(name);
        value.and_then(|it| it.as_i32()).unwrap_or_default()
    };
    format!(
        "{:04}-{:02}-{:02}",
        part("year"),
        part("month"),
        part("day")
    )
}

fn day(text: &str) -> Option<civil::Date> {
    let is_form = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    // google.type.Date uses year 0 for "no year"
    let day = is_form.then(|| text.parse::<civil::Date>().ok()).flatten();
    day.filter(|it| it.year() != 0)
}

/// A period as ISO 8601 writes it: a day, a month or a year, or from one day to another, either of
/// which may be open, as `..`.
fn period(message: &MessageDescriptor, text: &str) -> Option<DynamicMessage> {
    let (start, end) = match (text.split_once('/'), text.len()) {
        (Some(("..", end)), _) => (None, Some(day(end)?)),
        (Some((start, "..")), _) => (Some(day(start)?), None),
        (Some((start, end)), _) => (Some(day(start)?), Some(day(end)?)),
        (None, 4) => {
            let first = day(&format!("{text}-01-01"))?;
            (Some(first), Some(first.last_of_year()))
        }
        (None, 7) => {
            let first = day(&format!("{text}-01"))?;
            (Some(first), Some(first.last_of_month()))
        }
        (None, _) => (Some(day(text)?), Some(day(text)?)),
    };
    let mut period = DynamicMessage::new(message.clone());
    for (name, day) in [("start", start), ("end", end)] {
        let field = message.get_field_by_name(name)?;
        if let (Some(day), Kind::Message(inner)) = (day, field.kind()) {
            period.set_field(&field, Value::Message(date(&inner, &day.to_string())?));
        }
    }
    Some(period)
}
