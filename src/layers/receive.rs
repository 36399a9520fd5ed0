//! Charges the body of a request to its caller: the bytes as they arrive, and the memory that a
//! message takes from the moment its length is announced.

use ndp_core::messages::Protocol;
use std::{
    mem::take,
    sync::{Arc, OnceLock},
};

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

/// Charges the bytes of a request's body as they arrive. The body ends with an error if its caller
/// sends too much at a time.
pub(super) fn receive(request: &mut Request<Body>, held: &Arc<Held>) {
    if http_body::Body::is_end_stream(request.body()) {
        return;
    }
    let ended = Ended::default();
    request.extensions_mut().insert(ended.clone());
    arriving(request, held, |held, data| held.receive(data.len()));
    let body = take(request.body_mut());
    *request.body_mut() = seen(body, move |frame| {
        if let Err(status) = frame {
            drop(ended.0.set(status.clone()));
        }
    });
}

/// Charges the messages of such a gRPC request besides.
pub(super) fn receive_messages(request: &mut Request<Body>, held: &Arc<Held>) {
    let ended = request.extensions_mut().remove::<Ended>();
    let mut messages = Messages::default();
    let charge = move |held: &Held, data: &[u8]| messages.charge(held, data);
    charged(request, held, charge, move |_| match &ended {
        None => Ok(()),
        Some(ended) => Err(ended
            .0
            .get()
            .cloned()
            .unwrap_or_else(|| protocol(&Protocol::WebMalformed))),
    });
}

/// Charges both, of a gRPC request that comes as it is.
pub(super) fn receive_grpc(request: &mut Request<Body>, held: &Arc<Held>) {
    let mut messages = Messages::default();
    arriving(request, held, move |held, data| {
        held.receive(data.len())?;
        messages.charge(held, data)
    });
}

/// Charges the body as it arrives. Where the transport cannot read it to its end, the client did
/// not send it whole: that is not an error of the server.
fn arriving(
    request: &mut Request<Body>,
    held: &Arc<Held>,
    charge: impl FnMut(&Held, &[u8]) -> Result<(), Error> + Send + Unpin + 'static,
) {
    let cut_off = |_: &Status| Err(protocol(&Protocol::RequestCutOff));
    charged(request, held, charge, cut_off);
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

/// Charges the data of a body. `failed` says how it ends where reading it fails.
fn charged(
    request: &mut Request<Body>,
    held: &Arc<Held>,
    mut charge: impl FnMut(&Held, &[u8]) -> Result<(), Error> + Send + Unpin + 'static,
    failed: impl Fn(&Status) -> Result<(), Status> + Send + Unpin + 'static,
) {
    if http_body::Body::is_end_stream(request.body()) {
        return;
    }
    let held = Arc::clone(held);
    let check = move |frame: Result<&Frame<Bytes>, &Status>| {
        let data = frame.map(Frame::data_ref);
        match data {
            Ok(Some(data)) => charge(&held, data).map_err(status),
            Ok(None) => Ok(()),
            Err(status) => failed(status),
        }
    };
    let body = take(request.body_mut());
    *request.body_mut() = checked(body, check);
}
