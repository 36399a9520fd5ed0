//! Around every call: ends calls that exceed their deadline, and answers calls that panic.

use std::{
    future::poll_fn,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use http::{Request, Response};
use tonic::{Status, body::Body};

use super::{
    calls::finish,
    deadline::{self, Deadline},
    panics::poll_caught,
};
use crate::{
    admission::held::Held,
    call::{RESPONSE_BYTES_MAX, metadata::GRPC_ACCEPT_ENCODING},
    registry::Registry,
    telemetry::metrics::Handles,
    wire::status::status,
};

/// Guards calls.
#[derive(Debug)]
pub struct Guard {
    registry: Registry,
    call_time_max: Duration,
    transfer_time_max: Duration,
}

impl Guard {
    /// Limits a call that does not stay open to `call_time_max`, and one that moves a file of
    /// records to `transfer_time_max`.
    pub const fn new(
        registry: Registry,
        call_time_max: Duration,
        transfer_time_max: Duration,
    ) -> Self {
        Self {
            registry,
            call_time_max,
            transfer_time_max,
        }
    }

    /// Runs `next` for a call that arrived at a time, until its deadline.
    pub(super) async fn around(
        &self,
        request: &mut Request<Body>,
        method: &Handles,
        held: &Held,
        came: Instant,
        next: impl AsyncFnOnce(&mut Request<Body>) -> Response<Body>,
    ) -> Response<Body> {
        let mut deadline = match self.prepare(request, method, held, came) {
            Ok(deadline) => deadline,
            Err(status) => return self.refuse(status),
        };
        // Pinned here and polled by functions: an async function that takes this large future would
        // hold it twice. It is created inside the code that catches panics.
        let mut answering = pin!(async move { next(request).await });
        let answered = poll_fn(
            |cx| match (poll_caught(answering.as_mut(), cx), &mut deadline) {
                (Poll::Pending, Some(deadline)) => deadline.poll_over(cx).map(|status| {
                    let latency_us = came.elapsed().as_micros();
                    let method = method.path();
                    tracing::info!(method, latency_us, outcome = "DeadlineExceeded");
                    Err(status)
                }),
                (polled, _) => polled,
            },
        );
        match (answered.await, deadline) {
            (Ok(response), Some(deadline)) if method.streams() => {
                response.map(|body| deadline.until(body))
            }
            (Ok(response), _) => response,
            (Err(status), _) => self.refuse(status),
        }
    }

    fn prepare(
        &self,
        request: &mut Request<Body>,
        method: &Handles,
        held: &Held,
        came: Instant,
    ) -> Result<Option<Deadline>, Status> {
        if method.stays_open() {
            held.stay_open().map_err(status)?;
        }
        if method.answers_lists() {
            // a page is not computed for a caller with too many unread answers
            held.has_room_for(RESPONSE_BYTES_MAX).map_err(status)?;
        } else if !method.streams() {
            // compressing one record costs more than it saves
            request.headers_mut().remove(&GRPC_ACCEPT_ENCODING);
        }
        let time_max = match method.transfers() {
            true => self.transfer_time_max,
            false => self.call_time_max,
        };
        let time_max = (!method.stays_open()).then_some(time_max);
        deadline::of(request.headers(), came, time_max)
    }

    /// Builds the response to a call that did not reach its method.
    pub(super) fn refuse(&self, status: impl Into<Status>) -> Response<Body> {
        let mut response = status.into().into_http();
        finish(&mut response, &self.registry.read().position());
        response
    }
}
