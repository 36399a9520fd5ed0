//! The time that a call has: what its client says in `grpc-timeout`, and for unary calls never more
//! than the server allows.
//!
//! A call whose time is over is dropped where it stands. A command that waits for the writer is
//! then not decided; one that is being committed is, and its request id leads to its outcome.

use std::{
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::Status;

use crate::{service::call, wire::status};

static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// When a call's time is over.
#[derive(Debug)]
pub(super) struct Deadline {
    given: Duration,
    sleep: Pin<Box<Sleep>>,
}

/// The deadline of a call that came with these headers; none where nobody set one.
pub(super) fn of(headers: &HeaderMap, most: Option<Duration>) -> Result<Option<Deadline>, Status> {
    let asked = call::deadline(headers);
    if asked.is_none() && headers.contains_key(&GRPC_TIMEOUT) {
        return Err(status::timeout_malformed());
    }
    let given = match (asked, most) {
        (Some(asked), Some(most)) => Some(asked.min(most)),
        (asked, most) => asked.or(most),
    };
    // From now on, and not from when it is first looked at: the transport counts as well, cannot
    // give details, and must not be the first to say that the time is over.
    Ok(given.map(|given| Deadline {
        given,
        sleep: Box::pin(sleep(given)),
    }))
}

impl Deadline {
    /// What the future answers in time.
    pub(super) async fn within<T>(
        &mut self,
        future: impl Future<Output = Result<T, Status>>,
    ) -> Result<Result<T, Status>, Status> {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(answered) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(answered));
            }
            let over = self.sleep.as_mut().poll(cx);
            over.map(|()| Err(status::deadline_exceeded(self.given)))
        })
        .await
    }

    /// The body for as long as there is time, and then trailers that say that it is over.
    pub(super) fn until(self, body: Body) -> Until {
        Until {
            body: Some(body),
            deadline: self,
        }
    }
}

/// A stream that ends at its deadline.
#[derive(Debug)]
pub(super) struct Until {
    body: Option<Body>,
    deadline: Deadline,
}

impl http_body::Body for Until {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        // The deadline first: a stream that always has something to say ends too.
        if this.deadline.sleep.as_mut().poll(cx).is_ready() {
            this.body = None;
            let mut trailers = HeaderMap::new();
            let added = status::deadline_exceeded(this.deadline.given).add_header(&mut trailers);
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
