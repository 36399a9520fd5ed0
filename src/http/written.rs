//! An answer as it is written: in JSON, or in another form that was asked for.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value};
use tonic::Status;

use super::{conditions::Conditions, csv::Table, grpc, json, routes::Route};

/// A file that an answer may have in a field, and which is available alone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileForm {
    /// The field: a string, or bytes.
    pub(super) field: &'static str,
    /// The value of the parameter `format`.
    pub(super) format: &'static str,
    /// The type without parameters, as in `Accept`.
    pub(super) media_type: &'static str,
    /// The header `content-type`.
    content_type: &'static str,
}

/// The field of a feed.
pub(super) const ATOM: &str = "atom";

/// All such files.
pub(super) static FILE_FORMS: [FileForm; 4] = [
    FileForm {
        field: "html",
        format: "html",
        media_type: "text/html",
        content_type: "text/html; charset=utf-8",
    },
    FileForm {
        field: "docx",
        format: "docx",
        media_type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        content_type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    },
    FileForm {
        field: ATOM,
        format: "atom",
        media_type: "application/atom+xml",
        content_type: "application/atom+xml",
    },
    FileForm {
        field: "icalendar",
        format: "ics",
        media_type: "text/calendar",
        content_type: "text/calendar; charset=utf-8",
    },
];

/// A form that is not JSON.
#[derive(Clone, Debug)]
pub(super) enum Other {
    /// A page as CSV.
    Table(Table),
    /// A file in the answer.
    File(&'static FileForm),
    /// The field that is the answer as it is.
    Whole(FieldDescriptor),
}

/// Of bytes that are the answer: those of a path never change.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=604800, immutable");

/// The bytes of a field that holds a text or bytes.
fn bytes(value: &Value) -> Option<Bytes> {
    match value {
        Value::String(text) => Some(Bytes::from(text.clone())),
        Value::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

impl Other {
    /// The text of an answer, and the query of the next page.
    fn write(&self, answer: &DynamicMessage) -> Option<(Bytes, Option<String>)> {
        match self {
            Self::Table(table) => table.write(answer),
            Self::File(file) => {
                let bytes = bytes(&*answer.get_field_by_name(file.field)?)?;
                Some((bytes, None))
            }
            Self::Whole(field) => Some((bytes(&answer.get_field(field))?, None)),
        }
    }

    /// The headers that the form has beside those of every answer.
    pub(super) fn headers(&self, next: Option<&str>, headers: &mut HeaderMap) {
        match self {
            Self::Table(table) => table.headers(next, headers),
            Self::File(file) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.content_type));
                // nothing runs, and nothing is fetched
                let policy =
                    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
                headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
            }
            Self::Whole(field) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(whole_type(field)));
                if field.kind() == Kind::Bytes {
                    headers.insert(CACHE_CONTROL, IMMUTABLE);
                }
            }
        }
    }
}

/// The type of an answer that is one field.
pub(super) fn whole_type(field: &FieldDescriptor) -> &'static str {
    match field.kind() {
        Kind::Bytes => "application/octet-stream",
        _ => "text/plain; charset=utf-8",
    }
}

/// An answer in the form asked for.
pub(super) struct Written {
    pub(super) text: Bytes,
    /// The text of its tag.
    pub(super) tag: Option<String>,
    /// The query of the next page of a table.
    pub(super) next: Option<String>,
}

impl Written {
    /// Reads the message, which can take ten times the memory of its bytes, and drops it.
    pub(super) fn new(
        route: &Route,
        conditions: &Conditions,
        message: Bytes,
    ) -> Result<Self, Status> {
        let answer = grpc::decode(route.method.output(), message)?;
        let line = match &route.response_body {
            None => json::line(&answer),
            Some(field) => json::field(&answer, field),
        };
        let line = line.ok_or_else(|| Status::internal("the answer cannot be JSON"))?;
        let tag = conditions.tag(route, &answer, &line);
        Ok(Self {
            text: line,
            tag,
            next: None,
        })
    }

    /// The same in a form that is not JSON.
    pub(super) fn other(route: &Route, other: &Other, message: Bytes) -> Result<Self, Status> {
        let answer = grpc::decode(route.method.output(), message)?;
        let written = other.write(&answer);
        let (text, next) =
            written.ok_or_else(|| Status::internal("the answer has no such form"))?;
        Ok(Self {
            text,
            tag: None,
            next,
        })
    }
}
