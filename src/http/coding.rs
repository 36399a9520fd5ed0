//! Content codings (RFC 9110 §8.4, §12.5.3): compresses answers with gzip if the client accepts it
//! and the size justifies it, and unpacks request bodies in gzip.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, VARY},
};
use http_body::Body as _;
use ndp_core::messages::{Protocol, Rule};
use tonic::body::Body;

use super::{
    accept::Codings,
    errors::Refusal,
    gzip::{Gzip, Unread, unpack},
};
use crate::{
    call::{COMPRESSED_BYTES_MIN, REQUEST_BYTES_MAX},
    wire::status,
};
use ndp_core::error::{Error, Violation};

/// The content coding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Gzip,
}

impl Coding {
    /// Reads the coding from the headers of a request.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut coding = Self::Plain;
        for line in headers.get_all(CONTENT_ENCODING) {
            let names = line.to_str().map_err(|_| unsupported())?;
            for name in names.split(',').map(|it| it.trim().to_ascii_lowercase()) {
                coding = match (coding, &*name) {
                    (coding, "" | "identity") => coding,
                    (Self::Plain, "gzip" | "x-gzip") => Self::Gzip,
                    _ => return Err(unsupported()),
                };
            }
        }
        Ok(coding)
    }

    /// Decodes a body with this coding. Asks `charge` for unpacked bytes before they are kept.
    pub(super) fn decode(
        self,
        body: Bytes,
        charge: impl FnMut(usize) -> Result<(), Error>,
    ) -> Result<Bytes, Refusal> {
        match self {
            Self::Plain => Ok(body),
            Self::Gzip => unpack(&body, REQUEST_BYTES_MAX, charge).map_err(|unread| match unread {
                Unread::Refused(error) => status::status(error).into(),
                Unread::TooLarge => status::protocol(&Protocol::MessageTooLarge {
                    most: REQUEST_BYTES_MAX,
                })
                .into(),
                Unread::Malformed => Refusal::malformed(
                    Violation::new(CONTENT_ENCODING.as_str(), Rule::GzipMalformed).into(),
                ),
            }),
        }
    }
}

fn unsupported() -> Refusal {
    let refusal = Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        &Protocol::CodingUnsupported,
    );
    refusal.with(ACCEPT_ENCODING, "gzip, identity")
}

/// Encodes the response as its client accepts it. A response with a tag stays plain if the client
/// accepts that. If it is compressed, its tag becomes weak, because its bytes differ.
pub(super) fn encoded(mut response: Response<Body>, asked: Codings) -> Response<Body> {
    let size = response.body().size_hint().exact();
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    let worth = size.is_none_or(|size| size >= COMPRESSED_BYTES_MIN as u64);
    let tag = headers.get(ETAG).cloned();
    let packs = asked.gzip && size != Some(0) && (!asked.plain || (worth && tag.is_none()));
    if !packs {
        return response;
    }
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let weak = tag.map(|tag| [b"W/", tag.as_bytes()].concat());
    if let Some(weak) = weak.and_then(|weak| HeaderValue::from_bytes(&weak).ok()) {
        headers.insert(ETAG, weak);
    }
    response.map(|body| Body::new(Gzip::new(body)))
}
