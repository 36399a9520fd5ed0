//! The body of an answer that waits in memory. It passes the bytes on piece by piece, so that what
//! comes after it, such as gzip, works on one piece at a time and only as fast as the client reads.
//! The bytes not passed on yet are charged to the caller; the layer that sends the others charges
//! those.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::Status;

use crate::admission::held::Kept;

/// Bytes passed on at a time. Other calls have a turn between two pieces: to gzip one takes about
/// half a millisecond.
const PIECE_BYTES: usize = 32 * 1024;

/// The bytes left, and what is charged for them.
#[derive(Debug)]
pub(super) struct KeptLine {
    rest: Bytes,
    kept: Kept,
    /// Whether other calls had a turn since the last piece.
    yielded: bool,
}

impl KeptLine {
    pub(super) const fn new(line: Bytes, kept: Kept) -> Self {
        Self {
            rest: line,
            kept,
            yielded: true,
        }
    }
}

impl http_body::Body for KeptLine {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            return Poll::Ready(None);
        }
        if !std::mem::replace(&mut this.yielded, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.yielded = false;
        let piece = this.rest.split_to(this.rest.len().min(PIECE_BYTES));
        this.kept.sent(piece.len());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
