//! Errors in HTTP/JSON: google.rpc.Status as the body, and the HTTP status that its code maps to.
//!
//! A refusal before a method is reached (no such path, an unknown parameter, a body that is not
//! JSON) also has a stable reason and texts in English and Vietnamese.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};
use http_body_util::Full;
use prost_reflect::{DynamicMessage, MessageDescriptor, Value};
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt;

use super::json;
use crate::wire::status;
use ndp_core::{
    error::{Error, Violations},
    limits::Limit,
    messages::Protocol,
    reasons,
};

/// The HTTP status of an error: as in google/rpc/code.proto, except for errors for which HTTP has a
/// more specific status.
pub(crate) fn http_status(status: &Status) -> StatusCode {
    if let Some(info) = status.get_details_error_info() {
        let limit = info.metadata.get("limit").map(String::as_str);
        if info.reason == reasons::MESSAGE_TOO_LARGE.name() {
            return StatusCode::PAYLOAD_TOO_LARGE;
        }
        if limit == Some(Limit::RequestHeaders.name()) {
            return StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        }
    }
    match status.code() {
        Code::Ok => StatusCode::OK,
        // 499, client closed request, which has no name
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The status as JSON, one line. Details of a type that is not in the protos are left out.
pub(super) fn body(descriptor: &MessageDescriptor, status: &Status) -> Bytes {
    let shown = DynamicMessage::decode(descriptor.clone(), status.details());
    if let Ok(shown) = shown
        && shown.has_field_by_name("code")
        && let Some(line) = json::line(&shown)
    {
        return line;
    }
    let mut shown = DynamicMessage::new(descriptor.clone());
    let message = Value::String(status.message().to_owned());
    // Both are fields of google.rpc.Status, so setting them cannot fail.
    let _ = shown.try_set_field_by_name("code", Value::I32(status.code() as i32));
    let _ = shown.try_set_field_by_name("message", message);
    json::line(&shown).unwrap_or_default()
}

/// The response for an error.
pub(super) fn response(descriptor: &MessageDescriptor, refusal: &Refusal) -> Response<Body> {
    let Refusal {
        http,
        status,
        header,
    } = refusal;
    let mut response = json::response(Full::new(body(descriptor, status)));
    *response.status_mut() = *http;
    let headers = response.headers_mut();
    if let Some((name, value)) = header {
        headers.insert(name, value.clone());
    }
    if let Some(delay) = status
        .get_details_retry_info()
        .and_then(|it| it.retry_delay)
    {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds(delay)));
    }
    if status.code() == Code::Unauthenticated {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The delay in seconds, rounded up.
fn seconds(delay: Duration) -> u64 {
    delay.as_secs() + u64::from(delay.subsec_nanos() > 0)
}

/// Why a request is refused, with the HTTP status.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(super) http: StatusCode,
    pub(super) status: Status,
    /// A header that says what to send instead, if HTTP has one.
    pub(super) header: Option<(HeaderName, HeaderValue)>,
}

/// Marks the response to a request that was refused outside the methods, so that the metrics can
/// count the refusal.
#[derive(Clone, Debug)]
pub struct Refused(pub Status);

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self {
            http: http_status(&status),
            status,
            header: None,
        }
    }
}

impl Refusal {
    /// A refusal without field violations, with its own HTTP status.
    pub(super) fn new(http: StatusCode, refused: &Protocol) -> Self {
        let status = status::protocol(refused);
        Self {
            http,
            status,
            header: None,
        }
    }

    /// The same with a header that says what to send instead.
    pub(super) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, HeaderValue::from_static(value)));
        self
    }

    /// The refusal of a malformed request, with all its violations.
    pub(super) fn malformed(violations: Violations) -> Self {
        status::status(Error::Invalid(violations)).into()
    }
}
