//! An answer as it is written: in JSON, or in another form that was asked for.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
};
use prost_reflect::{DynamicMessage, Value};
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
}

impl Other {
    /// The text of an answer, and the query of the next page.
    fn write(&self, answer: &DynamicMessage) -> Option<(Bytes, Option<String>)> {
        match self {
            Self::Table(table) => table.write(answer),
            Self::File(file) => {
                let bytes = match &*answer.get_field_by_name(file.field)? {
                    Value::String(text) => Bytes::from(text.clone()),
                    Value::Bytes(bytes) => bytes.clone(),
                    _ => return None,
                };
                Some((bytes, None))
            }
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
        }
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
