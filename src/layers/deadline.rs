//! The deadline of a call: the client's `grpc-timeout`, and for unary calls at most the limit of
//! the server.
//!
//! A call that exceeds its deadline is dropped. A command that still waits for the writer is then
//! not decided. A command that is being committed completes, and its request id retrieves the
//! outcome.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::{Status, body::Body};

use crate::{
    call::deadline::{GRPC_TIMEOUT, deadline},
    wire::status,
};

/// How much earlier a deadline expires here than in the transport.
const EARLY: Duration = Duration::from_millis(2);

/// The deadline of a call.
#[derive(Debug)]
pub(super) struct Deadline {
    given: Duration,
    at: Instant,
    /// Only set for a call that has to wait. Most calls are answered at once.
    sleep: Option<Pin<Box<Sleep>>>,
}

/// The deadline of a call that arrived at a time with these headers; `None` where no limit applies.
pub(super) fn of(
    headers: &HeaderMap,
    came: std::time::Instant,
    most: Option<Duration>,
) -> Result<Option<Deadline>, Status> {
    let asked = deadline(headers);
    if asked.is_none() && headers.contains_key(&GRPC_TIMEOUT) {
        return Err(status::timeout_malformed());
    }
    let given = match (asked, most) {
        (Some(asked), Some(most)) => Some(asked.min(most)),
        (asked, most) => asked.or(most),
    };
    // The transport has a timer too, and it cannot give details. It must not report the expiry
    // first, and both timers have a resolution of a millisecond.
    Ok(given.map(|given| Deadline {
        given,
        at: Instant::from_std(came) + given - EARLY.min(given / 10),
        sleep: None,
    }))
}

impl Deadline {
    /// Ready when the deadline has expired, with the status that reports it.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        let at = self.at;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        let over = sleep.as_mut().poll(cx);
        over.map(|()| status::deadline_exceeded(self.given))
    }

    /// Passes the body on until the deadline, then ends it with trailers that report the expiry.
    pub(super) fn until(self, body: Body) -> Body {
        Body::new(Until {
            body: Some(body),
            deadline: self,
        })
    }
}

/// A stream that ends at its deadline.
#[derive(Debug)]
struct Until {
    body: Option<Body>,
    deadline: Deadline,
}

impl http_body::Body for Until {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        // Check the deadline first, so that a stream that is always ready ends too.
        if let Poll::Ready(status) = this.deadline.poll_over(cx) {
            this.body = None;
            let mut trailers = HeaderMap::new();
            let added = status.add_header(&mut trailers);
            return Poll::Ready(added.is_ok().then(|| Ok(Frame::trailers(trailers))));
        }
        Pin::new(body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body
            .as_ref()
            .is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
