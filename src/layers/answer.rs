//! An answer on its way to the client: what of it is not sent yet is charged to its caller, and the
//! call keeps its place until the last byte has left.
//!
//! The bytes are handed over in small pieces, each of which knows when it was written to the
//! socket. Where the client takes none for too long, its connection has the answer given up.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tonic::{Status, body::Body};

use crate::{
    admission::{connection::Unsent, held::Held},
    domain::error::Error,
};

/// Bytes handed over at a time. What a client does not read is at most one piece beyond the window
/// that it gave.
const PIECE_BYTES: usize = 16 * 1024;

/// The response, charged for until it is sent; `refuse` writes the one that says that its caller
/// has no room for it.
pub(super) fn send(
    response: Response<Body>,
    held: Arc<Held>,
    refuse: impl FnOnce(Error) -> Response<Body>,
) -> Response<Body> {
    if http_body::Body::is_end_stream(response.body()) {
        return response;
    }
    let (parts, mut body) = response.into_parts();
    let size = http_body::Body::size_hint(&body);
    // What is there already is charged now, while it can still be refused with words. A body that
    // has nothing yet is asked again by whoever sends it.
    let first = body.frame().now_or_never().flatten();
    let mut rest = Rest {
        body,
        frame: None,
        bytes: Bytes::new(),
    };
    if let Some(first) = first {
        match first.map(Frame::into_data) {
            Ok(Ok(bytes)) => match held.answer(bytes.len()) {
                Ok(()) => rest.bytes = bytes,
                Err(error) => return refuse(error),
            },
            Ok(Err(frame)) => rest.frame = Some(Ok(frame)),
            Err(status) => rest.frame = Some(Err(status)),
        }
    }
    let sending = Arc::new(Sending {
        progress: AtomicU64::new(0),
        began: std::time::Instant::now(),
        rest: Mutex::new(Some(rest)),
        held,
    });
    let unsent: Weak<dyn Unsent> = Arc::downgrade(&sending) as Weak<dyn Unsent>;
    sending.held.connection().watch_over(unsent);
    Response::from_parts(parts, Body::new(Outgoing { sending, size }))
}

/// An answer that is being sent; held by its body and by the pieces that are not written yet.
struct Sending {
    held: Arc<Held>,
    began: std::time::Instant,
    /// When something was last handed over or written, in milliseconds after `began`.
    progress: AtomicU64,
    rest: Mutex<Option<Rest>>,
}

/// What is not handed over yet.
struct Rest {
    body: Body,
    /// A frame that comes before those of `body`.
    frame: Option<Result<Frame<Bytes>, Status>>,
    /// Bytes that come before it, charged for.
    bytes: Bytes,
}

impl Sending {
    fn rest(&self) -> MutexGuard<'_, Option<Rest>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Unsent for Sending {
    fn is_stalled(&self, time: Duration) -> bool {
        let still = self
            .now()
            .saturating_sub(self.progress.load(Ordering::Relaxed));
        u128::from(still) >= time.as_millis() && self.held.is_sending()
    }

    fn give_up(&self) {
        drop(self.rest().take());
        self.held.give_up();
    }
}

/// The body that hands an answer over.
struct Outgoing {
    sending: Arc<Sending>,
    size: SizeHint,
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let sending = &self.sending;
        let mut rest = sending.rest();
        let Some(rest) = rest.as_mut() else {
            return Poll::Ready(Some(Err(Status::cancelled("nobody read the answer"))));
        };
        if rest.bytes.is_empty() {
            let frame = match rest.frame.take() {
                Some(frame) => Some(frame),
                None => ready!(Pin::new(&mut rest.body).poll_frame(cx)),
            };
            let bytes = match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => bytes,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            };
            if let Err(error) = sending.held.answer(bytes.len()) {
                rest.body = Body::empty();
                return Poll::Ready(Some(trailers(error)));
            }
            rest.bytes = bytes;
        }
        sending.progress.store(sending.now(), Ordering::Relaxed);
        let bytes = rest.bytes.split_to(rest.bytes.len().min(PIECE_BYTES));
        let piece = Piece {
            bytes,
            sending: Arc::clone(sending),
        };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        let rest = self.sending.rest();
        rest.as_ref().is_some_and(|rest| {
            rest.bytes.is_empty()
                && rest.frame.is_none()
                && http_body::Body::is_end_stream(&rest.body)
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.size
    }
}

/// The end of a stream whose caller has no room for more of it.
fn trailers(error: Error) -> Result<Frame<Bytes>, Status> {
    let status = Status::from(error);
    let mut trailers = HeaderMap::new();
    match status.add_header(&mut trailers) {
        Ok(()) => Ok(Frame::trailers(trailers)),
        Err(_) => Err(status),
    }
}

/// Bytes that are handed over; dropped when they are written, or never will be.
struct Piece {
    bytes: Bytes,
    sending: Arc<Sending>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.sending
            .progress
            .store(self.sending.now(), Ordering::Relaxed);
        self.sending.held.sent(self.bytes.len());
    }
}
