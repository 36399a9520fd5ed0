//! Receives the body of a request: its type, its coding, its length and the time that it may take.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use ndp_core::messages::Protocol;
use tonic::{Code, Status, body::Body};

use super::{coding::Coding, errors::Refusal};
use crate::{admission::held::Held, call::REQUEST_BYTES_MAX, wire::status};

/// How long a client may take to send a body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Whether a body ended because admission has no room for more of it.
fn is_refused(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let status = error.downcast_ref::<Status>();
    status.is_some_and(|status| status.code() == Code::ResourceExhausted)
}

/// The media type of what a method takes.
const JSON: &str = "application/json";

/// The media type of a form that has no file.
const FORM: &str = "application/x-www-form-urlencoded";

/// Reads the body that a method takes. What is unpacked from gzip is charged like bytes received.
pub(super) async fn body(headers: &HeaderMap, body: Body, held: &Held) -> Result<Bytes, Refusal> {
    if http_body::Body::is_end_stream(&body) {
        return Ok(Bytes::new());
    }
    whole(headers, JSON, body, held).await
}

/// Reads the fields of a form of a page.
pub(crate) async fn form(
    headers: &HeaderMap,
    body: Body,
    held: &Held,
) -> Result<Vec<(String, String)>, Status> {
    let body = whole(headers, FORM, body, held)
        .await
        .map_err(|it| it.status)?;
    Ok(url::form_urlencoded::parse(&body).into_owned().collect())
}

/// Reads a body of this media type.
async fn whole(
    headers: &HeaderMap,
    media_type: &'static str,
    body: Body,
    held: &Held,
) -> Result<Bytes, Refusal> {
    if !headers
        .get(CONTENT_TYPE)
        .is_none_or(|it| is(it, media_type))
    {
        let refusal = Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            &Protocol::MediaTypeUnsupported { media_type },
        );
        return Err(refusal.with(ACCEPT, media_type));
    }
    let coding = Coding::of(headers)?;
    let read = Limited::new(body, REQUEST_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_TIME, read).await {
        Ok(Ok(read)) => coding.decode(read.to_bytes(), |bytes| held.receive(bytes)),
        Ok(Err(error)) if is_refused(&*error) => {
            // the caller sends too many bytes at the same time
            let status = error.downcast_ref::<Status>().cloned();
            Err(status.unwrap_or_else(|| Status::cancelled("")).into())
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(status::protocol(&Protocol::MessageTooLarge {
                most: REQUEST_BYTES_MAX,
            })
            .into())
        }
        Ok(Err(_)) => Err(incomplete(StatusCode::BAD_REQUEST)),
        Err(_) => Err(incomplete(StatusCode::REQUEST_TIMEOUT)),
    }
}

/// The refusal of a body that is incomplete, badly framed or too slow.
fn incomplete(http: StatusCode) -> Refusal {
    Refusal::new(http, &Protocol::BodyLate)
}

/// Whether the content type is this one. JSON is always UTF-8 (RFC 8259 §8.1), and so are our
/// forms; a client may still name this charset.
fn is(content_type: &HeaderValue, media_type: &str) -> bool {
    let text = content_type.to_str().unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let named = parts.next().unwrap_or_default();
    let other_charset = parts.any(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim_matches('"');
        name.eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8")
    });
    named.eq_ignore_ascii_case(media_type) && !other_charset
}
