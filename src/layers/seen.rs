//! A body that passes each frame to a closure. Dropping the body drops what the closure holds, so
//! the closure can also detect a body that is dropped before its end.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

/// The same body. `see` gets each frame, or the error, before it is passed on.
pub(super) fn seen<F>(body: Body, mut see: F) -> Body
where
    F: FnMut(Result<&Frame<Bytes>, &Status>) + Send + Unpin + 'static,
{
    checked(body, move |frame| {
        see(frame);
        Ok(())
    })
}

/// The same body until `check` refuses a frame. The body then ends with that status.
pub(super) fn checked<F>(body: Body, check: F) -> Body
where
    F: FnMut(Result<&Frame<Bytes>, &Status>) -> Result<(), Status> + Send + Unpin + 'static,
{
    Body::new(Checked { body, check })
}

struct Checked<F> {
    body: Body,
    check: F,
}

impl<F> http_body::Body for Checked<F>
where
    F: FnMut(Result<&Frame<Bytes>, &Status>) -> Result<(), Status> + Unpin,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(Some(frame)) = &polled
            && let Err(status) = (this.check)(frame.as_ref())
        {
            this.body = Body::empty();
            return Poll::Ready(Some(Err(status)));
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
