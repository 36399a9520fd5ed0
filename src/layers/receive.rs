//! Charges the body of a request to its caller: the bytes as they arrive, and the memory that a
//! message takes from the moment its length is announced.

use ndp_core::messages::Protocol;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use tonic::{Status, body::Body};

use super::{
    frames::Frames,
    seen::{checked, seen},
};
use crate::{
    admission::held::Held,
    call::REQUEST_BYTES_MAX,
    wire::status::{protocol, status},
};
use ndp_core::error::Error;

/// Why the body of a request ended early. gRPC-Web's layer passes on no more than a text of it.
#[derive(Clone, Debug, Default)]
struct Ended(Arc<OnceLock<Status>>);

/// The request, with the bytes of its body charged as they arrive. The body ends with an error if
/// its caller sends too much at a time.
pub(super) fn receive(mut request: Request<Body>, held: &Arc<Held>) -> Request<Body> {
    if http_body::Body::is_end_stream(request.body()) {
        return request;
    }
    let ended = Ended::default();
    request.extensions_mut().insert(ended.clone());
    let request = arriving(request);
    let request = charged(request, held, |held, data| held.receive(data.len()));
    request.map(|body| {
        seen(body, move |frame| {
            if let Err(status) = frame {
                drop(ended.0.set(status.clone()));
            }
        })
    })
}

/// The gRPC request, with its messages charged besides.
pub(super) fn receive_messages(mut request: Request<Body>, held: &Arc<Held>) -> Request<Body> {
    let ended = request.extensions_mut().remove::<Ended>();
    let request = match ended {
        None => request,
        Some(ended) => request.map(|body| {
            checked(body, move |frame| match frame {
                Ok(_) => Ok(()),
                Err(_) => Err(ended
                    .0
                    .get()
                    .cloned()
                    .unwrap_or_else(|| protocol(&Protocol::WebMalformed))),
            })
        }),
    };
    let mut messages = Messages::default();
    charged(request, held, move |held, data| messages.charge(held, data))
}

/// Both, of a gRPC request that comes as it is.
pub(super) fn receive_grpc(request: Request<Body>, held: &Arc<Held>) -> Request<Body> {
    let request = arriving(request);
    let mut messages = Messages::default();
    charged(request, held, move |held, data| {
        held.receive(data.len())?;
        messages.charge(held, data)
    })
}

/// The request as it arrives. Where the transport cannot read it to its end, the client did not
/// send it whole: that is not an error of the server.
fn arriving(request: Request<Body>) -> Request<Body> {
    if http_body::Body::is_end_stream(request.body()) {
        return request;
    }
    let check = |frame: Result<&Frame<Bytes>, &Status>| match frame {
        Ok(_) => Ok(()),
        Err(_) => Err(protocol(&Protocol::RequestCutOff)),
    };
    request.map(|body| checked(body, check))
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
