//! A request's body, charged to its caller as it comes.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Request;
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

use crate::admission::held::Held;

/// The request; its body ends with an error where its caller sends too much at a time.
pub(super) fn receive(request: Request<Body>, held: &Arc<Held>) -> Request<Body> {
    if http_body::Body::is_end_stream(request.body()) {
        return request;
    }
    let held = Arc::clone(held);
    request.map(|body| Body::new(Received { body, held }))
}

struct Received {
    body: Body,
    held: Arc<Held>,
}

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(bytes) = frame.data_ref()
            && let Err(error) = this.held.receive(bytes.len())
        {
            this.body = Body::empty();
            return Poll::Ready(Some(Err(error.into())));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
