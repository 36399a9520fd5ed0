//! Charges the body of a request to its caller: the bytes as they arrive, and the memory that a
//! message takes from the moment its length is announced.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use tonic::{Status, body::Body};

use super::{frames::Frames, seen::checked};
use crate::wire::status::status;
use crate::{admission::held::Held, domain::error::Error, service::REQUEST_BYTES_MAX};

/// The request, with the bytes of its body charged as they arrive. The body ends with an error if
/// its caller sends too much at a time.
pub(super) fn receive(request: Request<Body>, held: &Arc<Held>) -> Request<Body> {
    charged(request, held, |held, data| held.receive(data.len()))
}

/// The gRPC request, with its messages charged besides.
pub(super) fn receive_messages(request: Request<Body>, held: &Arc<Held>) -> Request<Body> {
    let mut messages = Messages::default();
    charged(request, held, move |held, data| messages.charge(held, data))
}

/// Both, of a gRPC request that comes as it is.
pub(super) fn receive_grpc(request: Request<Body>, held: &Arc<Held>) -> Request<Body> {
    let mut messages = Messages::default();
    charged(request, held, move |held, data| {
        held.receive(data.len())?;
        messages.charge(held, data)
    })
}

/// Charges each message when its prefix arrives: the decoder sets a buffer of the announced length
/// aside at once. It refuses a longer message than the limit by itself.
#[derive(Default)]
struct Messages(Frames);

impl Messages {
    fn charge(&mut self, held: &Held, data: &[u8]) -> Result<(), Error> {
        let longest = self.0.read(data).longest;
        if longest > REQUEST_BYTES_MAX {
            return Ok(());
        }
        held.decode(longest)
    }
}

fn charged(
    request: Request<Body>,
    held: &Arc<Held>,
    mut charge: impl FnMut(&Held, &[u8]) -> Result<(), Error> + Send + Unpin + 'static,
) -> Request<Body> {
    if http_body::Body::is_end_stream(request.body()) {
        return request;
    }
    let held = Arc::clone(held);
    let check = move |frame: Result<&Frame<Bytes>, &Status>| {
        let data = frame.ok().and_then(Frame::data_ref);
        data.map_or(Ok(()), |data| charge(&held, data))
            .map_err(status)
    };
    request.map(|body| checked(body, check))
}
