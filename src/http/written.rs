//! An answer as it is written: in JSON, or in another form that was asked for.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
};
use prost_reflect::{DynamicMessage, FieldDescriptor};
use tonic::Status;

use super::{conditions::Conditions, csv::Table, grpc, json, routes::Route};

/// A form that is not JSON.
#[derive(Clone, Debug)]
pub(super) enum Other {
    /// A page as CSV.
    Table(Table),
    /// The page of HTML in this field.
    Document(FieldDescriptor),
}

impl Other {
    /// The text of an answer, and the query of the next page.
    fn write(&self, answer: &DynamicMessage) -> Option<(Bytes, Option<String>)> {
        match self {
            Self::Table(table) => table.write(answer),
            Self::Document(field) => {
                let html = answer.get_field(field).as_str()?.to_owned();
                Some((html.into(), None))
            }
        }
    }

    /// The headers that the form has beside those of every answer.
    pub(super) fn headers(&self, next: Option<&str>, headers: &mut HeaderMap) {
        match self {
            Self::Table(table) => table.headers(next, headers),
            Self::Document(_) => {
                let html = HeaderValue::from_static("text/html; charset=utf-8");
                headers.insert(CONTENT_TYPE, html);
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
