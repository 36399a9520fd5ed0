//! Sends an answer to the client. Its unsent bytes are charged to the caller, and the call keeps
//! its place until the last byte is written.
//!
//! The body passes the bytes to the transport in small pieces, and each piece records when it was
//! written to the socket. If the client takes no bytes for too long, the connection gives the
//! answer up.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tonic::{Status, body::Body};

use crate::{
    admission::{connection::Unsent, held::Held},
    telemetry::metrics::Metrics,
    wire::status::status,
};
use ndp_core::error::Error;

/// Bytes passed to the transport at a time. At most one piece waits beyond the flow-control window
/// of the client.
const PIECE_BYTES: usize = 16 * 1024;

/// Charges a response to its caller until it is sent. `refuse` builds the response for a caller
/// that has no room left, which `metrics` counts.
pub(super) fn send(
    response: Response<Body>,
    held: Arc<Held>,
    metrics: &Metrics,
    refuse: impl FnOnce(Error) -> Response<Body>,
) -> Response<Body> {
    if http_body::Body::is_end_stream(response.body()) {
        return response;
    }
    let (parts, mut body) = response.into_parts();
    let size = http_body::Body::size_hint(&body);
    // Charge the bytes that exist already now, while a refusal can still carry a message. The
    // transport polls a body without bytes again.
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
                Err(error) => {
                    metrics.refused_for(&error);
                    return refuse(error);
                }
            },
            Ok(Err(frame)) => rest.frame = Some(Ok(frame)),
            Err(status) => rest.frame = Some(Err(status)),
        }
    }
    let account = Arc::new(Account {
        progress: AtomicU64::new(held.connection().recently()),
        held,
    });
    let sending = Arc::new(Sending {
        rest: Mutex::new(Some(rest)),
        account,
    });
    let unsent: Weak<dyn Unsent> = Arc::downgrade(&sending) as Weak<dyn Unsent>;
    sending.account.held.connection().watch_over(unsent);
    let metrics = metrics.clone();
    let outgoing = Outgoing {
        sending,
        size,
        metrics,
    };
    Response::from_parts(parts, Body::new(outgoing))
}

/// An answer being sent. Only its body holds it.
struct Sending {
    account: Arc<Account>,
    rest: Mutex<Option<Rest>>,
}

/// What an answer is charged. Its unwritten pieces hold it. h2 drops pieces under the lock of its
/// streams, so this must not hold a body: the body of an answer may hold that of the request, which
/// takes the same lock when it is dropped.
struct Account {
    held: Arc<Held>,
    /// When bytes were last passed on or written, as the connection's `recently` has it.
    progress: AtomicU64,
}

/// The part not passed to the transport yet.
struct Rest {
    body: Body,
    /// A frame to send before those of `body`.
    frame: Option<Result<Frame<Bytes>, Status>>,
    /// Bytes to send before that frame, already charged.
    bytes: Bytes,
}

impl Sending {
    fn rest(&self) -> MutexGuard<'_, Option<Rest>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn note_progress(&self) {
        let now = self.held.connection().recently();
        self.progress.store(now, Ordering::Relaxed);
    }
}

impl Unsent for Sending {
    fn is_stalled(&self, now: u64, time: u64) -> bool {
        let Account { held, progress } = &*self.account;
        let still = now.saturating_sub(progress.load(Ordering::Relaxed));
        still >= time && held.is_sending()
    }

    fn give_up(&self) {
        let rest = self.rest().take();
        drop(rest);
        self.account.held.give_up();
    }
}

/// The body that passes an answer to the transport.
struct Outgoing {
    sending: Arc<Sending>,
    size: SizeHint,
    metrics: Metrics,
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
            if let Err(error) = sending.account.held.answer(bytes.len()) {
                rest.body = Body::empty();
                self.metrics.refused_for(&error);
                return Poll::Ready(Some(trailers(error)));
            }
            rest.bytes = bytes;
        }
        sending.account.note_progress();
        let bytes = rest.bytes.split_to(rest.bytes.len().min(PIECE_BYTES));
        let piece = Piece {
            bytes,
            account: Arc::clone(&sending.account),
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

/// Ends a stream whose caller has no room for more of it.
fn trailers(error: Error) -> Result<Frame<Bytes>, Status> {
    let status = status(error);
    let mut trailers = HeaderMap::new();
    match status.add_header(&mut trailers) {
        Ok(()) => Ok(Frame::trailers(trailers)),
        Err(_) => Err(status),
    }
}

/// Bytes passed to the transport. They are dropped when they are written or never will be.
struct Piece {
    bytes: Bytes,
    account: Arc<Account>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let Account { held, .. } = &*self.account;
        self.account.note_progress();
        held.sent(self.bytes.len());
        held.connection().note_written(self.bytes.len());
    }
}
