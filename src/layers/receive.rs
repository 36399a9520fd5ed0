//! Charges the body of a request to its caller as the bytes arrive.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use tonic::{Status, body::Body};

use super::seen::checked;
use crate::admission::held::Held;

/// The request with a charged body. The body ends with an error if its caller sends too much at a
/// time.
pub(super) fn receive(request: Request<Body>, held: &Arc<Held>) -> Request<Body> {
    if http_body::Body::is_end_stream(request.body()) {
        return request;
    }
    let held = Arc::clone(held);
    let charge = move |frame: Result<&Frame<Bytes>, &Status>| {
        let bytes = frame.ok().and_then(Frame::data_ref).map_or(0, Bytes::len);
        held.receive(bytes).map_err(Status::from)
    };
    request.map(|body| checked(body, charge))
}
