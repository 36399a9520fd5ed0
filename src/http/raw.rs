//! Files over HTTP: a body that becomes a field of bytes, message by message, and an answer whose
//! body is such a field. Neither is ever in memory as a whole.
//!
//! A browser never shows a file that it receives: the headers make it save the file, with the type
//! of its content, and nothing in it runs.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{BufMut as _, Bytes};
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH,
        CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    },
    request::Parts,
};
use http_body::Frame;
use ndp_core::messages::Protocol;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use prost_reflect::{DynamicMessage, FieldDescriptor, Value, prost::Message as _};
use tonic::{Code, Status, body::Body};
use tower::Service;

use super::{
    Api, HttpResult, ResponseOptions,
    coding::Coding,
    conditions::Conditions,
    errors::{self, Refusal},
    grpc::{self, Messages},
    held, json, query, request,
    routes::Route,
    spelt,
};

/// Most bytes of a body that become one message.
const PIECE_BYTES: usize = 256 * 1024;

/// Fields that say what a file is, in a request and in the first message of an answer.
const MEDIA_TYPE: &str = "media_type";
const FILE: &str = "file";
const SIZE: &str = "size_bytes";
const SHA256: &str = "sha256";
/// The name to save it by; the digest where there is none.
const FILENAME: &str = "filename";

/// The extensions of file names, by type.
const ENDS: [(&str, &str); 8] = [
    ("application/pdf", "pdf"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
    ),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
    ),
    ("application/vnd.oasis.opendocument.text", "odt"),
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("text/plain", "txt"),
    ("text/csv", "csv"),
];

impl Api {
    /// Forwards a body as messages with that field.
    pub(super) async fn upload<S>(
        &self,
        mut service: S,
        route: &Route,
        field: &FieldDescriptor,
        variables: &[(&str, String)],
        (parts, body): (Parts, Body),
    ) -> Result<HttpResult, S::Error>
    where
        S: Service<Request<Body>, Response = Response<Body>>,
    {
        let (asked, first) = match begin(route, variables, &parts) {
            Ok(read) => read,
            Err(refusal) => return Ok(Err(spelt(route, refusal))),
        };
        let upload = Upload {
            body,
            field: field.number(),
            first: Some(first),
            rest: Bytes::new(),
        };
        let request = grpc::with_body(route, parts, Body::new(upload));
        let response = service.call(request).await?;
        let converted = self.convert(route, &asked, response).await;
        Ok(converted.or_else(|failed| self.failed(route, &asked, failed)))
    }

    /// Answers the bytes in that field of each message.
    pub(super) async fn download<S>(
        &self,
        mut service: S,
        route: &Route,
        field: &FieldDescriptor,
        variables: &[(&str, String)],
        parts: Parts,
    ) -> Result<HttpResult, S::Error>
    where
        S: Service<Request<Body>, Response = Response<Body>>,
    {
        let message = match message(route, variables, &parts) {
            Ok(message) => message,
            Err(refusal) => return Ok(Err(spelt(route, refusal))),
        };
        let known: Vec<_> = parts
            .headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .cloned()
            .collect();
        let request = grpc::request(route, parts, message.encode_to_vec());
        let (head, body) = service.call(request).await?.into_parts();
        let failed = |status: Status| {
            let refusal = spelt(route, status.into());
            let mut response = errors::response(&self.status, &refusal);
            grpc::metadata(&head.headers, response.headers_mut());
            Ok(Ok(response))
        };
        let answered = Status::from_header_map(&head.headers);
        if let Some(status) = answered.filter(|status| status.code() != Code::Ok) {
            return failed(status);
        }
        let mut messages = Messages::new(body);
        let nothing = || Err(Status::internal("the method gave no answer"));
        let first = messages.next().await.unwrap_or_else(nothing);
        let first = first.and_then(|first| grpc::decode(route.method.output(), first));
        let first = match first {
            Ok(first) => first,
            Err(status) => return failed(status),
        };
        let mut headers = match headers(&first) {
            Some(headers) => headers,
            None => return failed(Status::internal("the answer does not say what it is")),
        };
        grpc::metadata(&head.headers, &mut headers);
        let unchanged = headers.get(ETAG).is_some_and(|tag| names(&known, tag));
        let mut response = if unchanged {
            headers.remove(CONTENT_LENGTH);
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            Response::new(Body::new(Download {
                first: chunk(&first, field),
                messages,
                route: route.clone(),
                field: field.clone(),
            }))
        };
        *response.headers_mut() = headers;
        Ok(Ok(response))
    }
}

/// The message of the path and the query.
fn message(
    route: &Route,
    variables: &[(&str, String)],
    parts: &Parts,
) -> Result<DynamicMessage, Refusal> {
    request::message(route, variables, query(parts)?, b"")
}

/// The first message of an upload.
fn begin(
    route: &Route,
    variables: &[(&str, String)],
    parts: &Parts,
) -> Result<(ResponseOptions, Bytes), Refusal> {
    if Coding::of(&parts.headers)? != Coding::Plain {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let refusal = Refusal::new(status, &Protocol::CodingUnsupported);
        return Err(refusal.with(ACCEPT_ENCODING, "identity"));
    }
    let mut message = message(route, variables, parts)?;
    let stated = parts.headers.get(CONTENT_TYPE).map(|it| it.to_str());
    if let Some(Ok(stated)) = stated
        && !message.has_field_by_name(MEDIA_TYPE)
    {
        // where the request has no such field, the type is not asked for
        let _ = message.try_set_field_by_name(MEDIA_TYPE, Value::String(stated.to_owned()));
    }
    let asked = ResponseOptions {
        held: held(parts)?,
        conditions: Conditions::new(route, &parts.headers, &mut message)?,
        events: false,
        other: None,
    };
    Ok((asked, grpc::framed(&message.encode_to_vec())))
}

/// The body of an upload, as messages.
#[derive(Debug)]
struct Upload {
    body: Body,
    /// The number of the field.
    field: u32,
    first: Option<Bytes>,
    /// The bytes that were received and not forwarded yet.
    rest: Bytes,
}

impl Upload {
    /// The next piece as a message.
    fn piece(&mut self) -> Option<Bytes> {
        if self.rest.is_empty() {
            return None;
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        let size = piece.len() as u64;
        let length = key_len(self.field) + encoded_len_varint(size) + piece.len();
        let mut frame = grpc::frame(length);
        encode_key(self.field, WireType::LengthDelimited, &mut frame);
        encode_varint(size, &mut frame);
        frame.put_slice(&piece);
        Some(frame.freeze())
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        loop {
            if let Some(piece) = self.piece() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                // trailers of HTTP are ignored
                Some(Ok(frame)) => self.rest = frame.into_data().unwrap_or_default(),
                Some(Err(status)) => return Poll::Ready(Some(Err(status))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// The headers of an answer whose first message says what it is.
fn headers(first: &DynamicMessage) -> Option<HeaderMap> {
    let file = first.get_field_by_name(FILE)?;
    let file = file.as_message()?;
    let text = |name| file.get_field_by_name(name)?.as_str().map(str::to_owned);
    let (media_type, sha256) = (text(MEDIA_TYPE)?, text(SHA256)?);
    let size = file.get_field_by_name(SIZE)?.as_i64()?;
    let end = ENDS.iter().find(|(of, _)| *of == media_type);
    let end = end.map_or("bin", |(_, end)| *end);
    let saved = match text(FILENAME).filter(|it| it.bytes().all(is_plain)) {
        Some(name) => format!("attachment; filename=\"{name}\""),
        None => format!("attachment; filename=\"{sha256}.{end}\""),
    };
    let content_type = match media_type.starts_with("text/") {
        true => format!("{media_type}; charset=utf-8"),
        false => media_type,
    };
    let mut headers = HeaderMap::new();
    json::harden(&mut headers);
    // only the caller may cache it, and must revalidate: access may have been withdrawn
    let private = HeaderValue::from_static("private, no-cache");
    headers.insert(CACHE_CONTROL, private);
    let policy = HeaderValue::from_static("sandbox; default-src 'none'");
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CONTENT_DISPOSITION, saved),
        (ETAG, format!("\"{sha256}\"")),
    ] {
        headers.insert(name, HeaderValue::from_str(&value).ok()?);
    }
    Some(headers)
}

/// Whether a character of a file's name needs no quoting in a header.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Whether `if-none-match` names the tag.
pub(crate) fn names(known: &[HeaderValue], tag: &HeaderValue) -> bool {
    let known = known.iter().filter_map(|it| it.to_str().ok());
    let mut known = known.flat_map(|it| it.split(',')).map(str::trim);
    known.any(|it| it == "*" || it.trim_start_matches("W/").as_bytes() == tag.as_bytes())
}

/// The bytes of a message.
fn chunk(message: &DynamicMessage, field: &FieldDescriptor) -> Bytes {
    let value = message.get_field(field);
    value.as_bytes().cloned().unwrap_or_default()
}

/// The bytes of an answer.
#[derive(Debug)]
struct Download {
    first: Bytes,
    messages: Messages,
    route: Route,
    field: FieldDescriptor,
}

impl http_body::Body for Download {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            let first = std::mem::take(&mut self.first);
            if !first.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(first))));
            }
            match ready!(self.messages.poll_next(cx)) {
                Some(Ok(message)) => match grpc::decode(self.route.method.output(), message) {
                    Ok(message) => self.first = chunk(&message, &self.field),
                    Err(status) => return Poll::Ready(Some(Err(status))),
                },
                Some(Err(status)) => return Poll::Ready(Some(Err(status))),
                None => return Poll::Ready(None),
            }
        }
    }
}
