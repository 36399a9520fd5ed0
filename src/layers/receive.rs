//! Charges the body of a request to its caller: the bytes as they arrive, and the memory that a
//! message takes from the moment its length is announced.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use tonic::{Status, body::Body};

use super::{frames::Frames, seen::checked};
use crate::{admission::held::Held, service::REQUEST_BYTES_MAX};

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

/// The gRPC request, with each message charged when its prefix arrives: the decoder sets a buffer
/// of the announced length aside at once. It refuses a longer message than the limit by itself.
pub(super) fn receive_messages(request: Request<Body>, held: &Arc<Held>) -> Request<Body> {
    if http_body::Body::is_end_stream(request.body()) {
        return request;
    }
    let held = Arc::clone(held);
    let mut frames = Frames::default();
    let charge = move |frame: Result<&Frame<Bytes>, &Status>| {
        let Some(data) = frame.ok().and_then(Frame::data_ref) else {
            return Ok(());
        };
        let longest = frames.read(data).longest;
        if longest > REQUEST_BYTES_MAX {
            return Ok(());
        }
        held.decode(longest).map_err(Status::from)
    };
    request.map(|body| checked(body, charge))
}
