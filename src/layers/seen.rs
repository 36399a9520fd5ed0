//! A body whose frames are looked at as they pass: what comes, how it ends, and that it was dropped
//! before, by what the looker holds.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

/// The same body; `see` is shown each frame, or the error, before it is passed on.
pub(super) fn seen<F>(body: Body, see: F) -> Body
where
    F: FnMut(Result<&Frame<Bytes>, &Status>) + Send + Unpin + 'static,
{
    Body::new(Seen { body, see })
}

struct Seen<F> {
    body: Body,
    see: F,
}

impl<F> http_body::Body for Seen<F>
where
    F: FnMut(Result<&Frame<Bytes>, &Status>) + Unpin,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(Some(frame)) = &polled {
            (this.see)(frame.as_ref());
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
