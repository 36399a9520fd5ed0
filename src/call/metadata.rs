//! The names of our headers, and those that every answer carries.

use std::cell::RefCell;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use tonic::{Response, metadata::MetadataMap};

use ndp_core::{position::Position, rules::personal};

/// Revision that a response was served at, on every response.
pub static NDP_REVISION: HeaderName = HeaderName::from_static("ndp-revision");
/// The position in the log that a response was served at, on every response.
pub static NDP_POSITION: HeaderName = HeaderName::from_static("ndp-position");
/// The revision or position that this process must know before it answers.
pub static NDP_MIN_REVISION: HeaderName = HeaderName::from_static("ndp-min-revision");
/// Set on every answer of a registry whose records are synthetic.
pub static NDP_SYNTHETIC: HeaderName = HeaderName::from_static("ndp-synthetic");
/// The staff or account code of the person who acts through a system.
pub static NDP_ACTOR: HeaderName = HeaderName::from_static("ndp-actor");
/// The reason why a steward allows personal data.
pub static NDP_ALLOW_PERSONAL_DATA: HeaderName = HeaderName::from_static(personal::HEADER);
/// The key of a feed, which gives access to that feed only.
pub static NDP_FEED_KEY: HeaderName = HeaderName::from_static("ndp-feed-key");

/// The compressions that a client accepts. It is removed for methods that return one record.
pub static GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// Number of headers of an answer: ours and the content type.
const HEADERS: usize = 4;

/// A response that was made at a position, of a registry that may be synthetic.
pub(super) fn response<T>(message: T, position: &Position, synthetic: bool) -> Response<T> {
    let mut headers = HeaderMap::with_capacity(HEADERS);
    write_position(&mut headers, position);
    if synthetic {
        headers.insert(&NDP_SYNTHETIC, HeaderValue::from_static("true"));
    }
    Response::from_parts(
        MetadataMap::from_headers(headers),
        message,
        Extensions::new(),
    )
}

/// Writes the position of a response in the log.
pub fn write_position(headers: &mut HeaderMap, position: &Position) {
    thread_local! {
        /// What was written last: most answers carry the newest position.
        static LAST: RefCell<Option<(Position, HeaderValue, HeaderValue)>> =
            const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| {
        if last.as_ref().is_none_or(|(of, ..)| of != position) {
            let text = HeaderValue::try_from(position.to_string());
            let revision = HeaderValue::from(position.revision.get());
            *last = text.ok().map(|text| (*position, revision, text));
        }
        if let Some((_, revision, text)) = last {
            headers.insert(&NDP_REVISION, revision.clone());
            headers.insert(&NDP_POSITION, text.clone());
        }
    });
}
