//! Messages as proto JSON, one line each.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::Full;
use prost_reflect::{DynamicMessage, FieldDescriptor};
use serde::Serialize;
use tonic::body::Body;

/// The message in JSON, with a line feed at its end; none where an `Any` in it is of a type that
/// the protos do not have.
pub(super) fn line(message: &impl Serialize) -> Option<Bytes> {
    let mut text = serde_json::to_vec(message).ok()?;
    text.push(b'\n');
    Some(text.into())
}

/// One field of the message as [`line`] writes the whole.
pub(super) fn field(message: &DynamicMessage, field: &FieldDescriptor) -> Option<Bytes> {
    let mut whole = serde_json::to_value(message).ok()?;
    line(whole.get_mut(field.json_name())?)
}

/// A response with this JSON.
pub(super) fn response(json: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(json)));
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    harden(headers);
    response
}

/// What an answer is, depends on who asks and when, and it is never anything but what it says.
pub(super) fn harden(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
}
