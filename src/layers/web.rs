//! CORS for gRPC-Web and HTTP/JSON: the origins that may call from a browser, and the headers that
//! they may send and read.
//!
//! A browser sends a preflight request before a page of another site calls, and blocks the call
//! without an answer. CORS does not restrict other clients: keys and access rules do.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

use crate::call::metadata::{
    NDP_ACTOR, NDP_ALLOW_PERSONAL_DATA, NDP_MIN_REVISION, NDP_POSITION, NDP_REVISION, NDP_SYNTHETIC,
};

/// Set on every response of a sandbox, also of health, reflection and errors.
pub static NDP_SANDBOX: HeaderName = HeaderName::from_static("ndp-sandbox");

/// How long a browser may cache the preflight answer: the longest time that Chromium keeps one.
const ANSWER_KEPT: Duration = Duration::from_secs(7200);

/// Answers browsers for pages of these origins. `None` without origins: browsers then let no page
/// of another site call.
pub fn cors(origins: &[HeaderValue]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let sent = [
        header::AUTHORIZATION,
        header::CONTENT_ENCODING,
        header::CONTENT_TYPE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        HeaderName::from_static("grpc-timeout"),
        HeaderName::from_static("last-event-id"),
        HeaderName::from_static("traceparent"),
        HeaderName::from_static("x-grpc-web"),
        HeaderName::from_static("x-server-timeout"),
        HeaderName::from_static("x-user-agent"),
        NDP_ACTOR.clone(),
        NDP_ALLOW_PERSONAL_DATA.clone(),
        NDP_MIN_REVISION.clone(),
    ];
    let read = [
        header::ETAG,
        HeaderName::from_static("grpc-message"),
        HeaderName::from_static("grpc-status"),
        HeaderName::from_static("grpc-status-details-bin"),
        header::RETRY_AFTER,
        NDP_POSITION.clone(),
        NDP_REVISION.clone(),
        NDP_SANDBOX.clone(),
        NDP_SYNTHETIC.clone(),
    ];
    Some(
        CorsLayer::new()
            .allow_origin(origins.to_vec())
            .allow_methods([Method::GET, Method::POST, Method::PATCH])
            .allow_headers(sent)
            .expose_headers(read)
            .max_age(ANSWER_KEPT),
    )
}
