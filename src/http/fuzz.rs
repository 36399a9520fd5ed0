//! The decoders of HTTP/JSON, for [`crate::fuzz`].

use std::sync::OnceLock;

use ::http::HeaderMap;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

use super::{
    accept::{self, Codings, Offer},
    coding, request,
    routes::{Found, Routes},
};

/// A route, by the first byte; then a line that is the query, then the body. What was read is
/// written as JSON and read again as the same.
pub(crate) fn request(pool: &DescriptorPool, bytes: &[u8]) {
    static ROUTES: OnceLock<Option<Routes>> = OnceLock::new();
    let routes = ROUTES.get_or_init(|| Routes::new(pool).ok());
    let Some((number, rest)) = bytes.split_first() else {
        return;
    };
    let mut parts = rest.splitn(2, |byte| *byte == b'\n');
    let query = parts.next().and_then(|it| std::str::from_utf8(it).ok());
    let body = parts.next().unwrap_or_default();
    let (Some(query), Some(routes)) = (query, routes) else {
        return;
    };
    for verb in routes.verbs() {
        if let Found::Route(route, variables) = routes.find(verb, query) {
            drop(request::message(route, &variables, "", body));
        }
    }
    let count = routes.iter().count();
    let Some(route) = routes.iter().nth(usize::from(*number) % count) else {
        return;
    };
    let Ok(message) = request::message(route, &[], query, body) else {
        return;
    };
    let written = |message: &DynamicMessage| {
        message.serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new())
    };
    let Ok(json) = written(&message) else { return };
    let read = super::body::read(&route.method.input(), json.to_string().as_bytes());
    let read = read.map(|read| written(&read).ok());
    assert_eq!(read, Ok(Some(json)), "what was written is read");
}

/// The headers that choose the form of an answer.
pub(crate) fn headers(headers: &HeaderMap) {
    let _ = Codings::asked(headers);
    drop(coding::Coding::of(headers));
    for offer in [Offer::One, Offer::Page, Offer::Stream] {
        drop(accept::form(headers, offer));
    }
}
