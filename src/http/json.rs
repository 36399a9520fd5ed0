//! Messages as proto JSON, one line each.
//!
//! prost-reflect writes maps in a random order. This writer sorts them, so that the same message
//! always gives the same bytes. prost-reflect still writes the well-known types.

use std::{borrow::Cow, collections::BTreeMap, error::Error};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value,
};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap},
};
use tonic::body::Body;

use super::values;

/// The message in JSON, with a line feed at its end; `None` if it contains an `Any` of a type that
/// the protos do not have.
pub(crate) fn line(message: &DynamicMessage) -> Option<Bytes> {
    end(serde_json::to_vec(&Message(message)))
}

/// One field of the message as [`line`] writes the whole; none where it has no value.
pub(crate) fn field(message: &DynamicMessage, field: &FieldDescriptor) -> Option<Bytes> {
    let value = message.has_field(field).then(|| message.get_field(field))?;
    end(serde_json::to_vec(&Field(field, &value)))
}

/// One value of this kind as a whole takes it.
pub(crate) fn single(kind: &Kind, value: &Value) -> Option<serde_json::Value> {
    serde_json::to_value(Single(kind, value)).ok()
}

fn end(text: serde_json::Result<Vec<u8>>) -> Option<Bytes> {
    let mut text = text.ok()?;
    text.push(b'\n');
    // a long answer may wait for long, and its length is what is charged
    text.shrink_to_fit();
    Some(text.into())
}

/// A response with this JSON.
pub(super) fn response<B>(json: B) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut response = Response::new(Body::new(json));
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    harden(headers);
    response
}

/// Forbids caches to store the answer, which depends on the caller and the time, and forbids
/// browsers to guess its type.
pub(crate) fn harden(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
}

// === proto JSON ===

/// A message as proto JSON, for any serializer that keeps the order of fields.
#[derive(Debug)]
pub(crate) struct Message<'a>(pub(crate) &'a DynamicMessage);

impl Serialize for Message<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let descriptor = self.0.descriptor();
        if descriptor.full_name() == "google.protobuf.Any" {
            return any(self.0, serializer);
        }
        if is_well_known(&descriptor) {
            return self.0.serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        fields(self.0, &mut map)?;
        map.end()
    }
}

/// Whether the message is a well-known type, which may have its own JSON form.
fn is_well_known(message: &MessageDescriptor) -> bool {
    message.package_name() == "google.protobuf"
}

fn fields<M: SerializeMap>(message: &DynamicMessage, map: &mut M) -> Result<(), M::Error> {
    for (field, value) in message.fields() {
        map.serialize_entry(field.json_name(), &Field(&field, value))?;
    }
    Ok(())
}

/// Writes an `Any` as its inner message with the name of the type.
fn any<S: Serializer>(any: &DynamicMessage, serializer: S) -> Result<S::Ok, S::Error> {
    let text = any.get_field_by_name("type_url");
    let bytes = any.get_field_by_name("value");
    let (Some(url), Some(bytes)) = (
        text.as_ref().and_then(|it| it.as_str()),
        bytes.as_ref().and_then(|it| it.as_bytes()),
    ) else {
        return Err(S::Error::custom("an Any without its fields"));
    };
    let name = url.rsplit('/').next().unwrap_or_default();
    let descriptor = any.descriptor().parent_pool().get_message_by_name(name);
    let descriptor = descriptor.ok_or_else(|| S::Error::custom("an Any of an unknown type"))?;
    let inner = DynamicMessage::decode(descriptor, bytes.clone()).map_err(S::Error::custom)?;
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("@type", url)?;
    if is_well_known(&inner.descriptor()) {
        map.serialize_entry("value", &Message(&inner))?;
    } else {
        fields(&inner, &mut map)?;
    }
    map.end()
}

struct Field<'a>(&'a FieldDescriptor, &'a Value);

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = self.0.kind();
        match self.1 {
            Value::List(list) => serializer.collect_seq(list.iter().map(|it| Single(&kind, it))),
            Value::Map(map) => {
                let values = kind
                    .as_message()
                    .map(MessageDescriptor::map_entry_value_field);
                let values = values.ok_or_else(|| S::Error::custom("a map without its entry"))?;
                let kind = values.kind();
                let sorted: BTreeMap<_, _> = map.iter().collect();
                let entries = sorted
                    .iter()
                    .map(|(it, value)| (key(it), Single(&kind, value)));
                serializer.collect_map(entries)
            }
            value => Single(&kind, value).serialize(serializer),
        }
    }
}

struct Single<'a>(&'a Kind, &'a Value);

impl Serialize for Single<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I32(value) => serializer.serialize_i32(*value),
            Value::U32(value) => serializer.serialize_u32(*value),
            // many readers support only 53-bit integers
            Value::I64(value) => serializer.collect_str(value),
            Value::U64(value) => serializer.collect_str(value),
            Value::F32(value) if value.is_finite() => serializer.serialize_f32(*value),
            Value::F64(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::F32(value) => {
                serializer.serialize_str(values::not_finite_text(f64::from(*value)))
            }
            Value::F64(value) => serializer.serialize_str(values::not_finite_text(*value)),
            Value::String(value) => serializer.serialize_str(value),
            Value::Bytes(value) => serializer.serialize_str(&values::base64(value)),
            Value::EnumNumber(number) => {
                match self.0.as_enum().and_then(|it| it.get_value(*number)) {
                    Some(value) => serializer.serialize_str(value.name()),
                    None => serializer.serialize_i32(*number),
                }
            }
            Value::Message(message) => Message(message).serialize(serializer),
            Value::List(_) | Value::Map(_) => Err(S::Error::custom("a list within a list")),
        }
    }
}

fn key(key: &MapKey) -> Cow<'_, str> {
    match key {
        MapKey::Bool(key) => key.to_string().into(),
        MapKey::I32(key) => key.to_string().into(),
        MapKey::I64(key) => key.to_string().into(),
        MapKey::U32(key) => key.to_string().into(),
        MapKey::U64(key) => key.to_string().into(),
        MapKey::String(key) => key.into(),
    }
}
