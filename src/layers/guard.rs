//! Around every call of our services, before anyone asks whose it is: refuses what is too much or
//! comes too late, ends what takes too long, and answers for what panics.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use http::{Request, Response};
use tonic::{Status, body::Body};

use super::{
    calls::finish,
    deadline::{self, Deadline},
    limits::{InFlight, Place},
    panics,
};
use crate::{
    domain::limits::{Limit, Scope},
    registry::Registry,
    service::call::GRPC_ACCEPT_ENCODING,
    telemetry::metrics::Handles,
    wire::status,
};

/// Guards calls.
#[derive(Debug)]
pub struct Guard {
    registry: Registry,
    stopping: Arc<AtomicBool>,
    in_flight: InFlight,
    header_bytes_max: u32,
    call_time_max: Duration,
}

impl Guard {
    /// Refuses calls once `stopping` is set, and those beyond the limits; a unary call has at most
    /// `call_time_max`.
    pub const fn new(
        registry: Registry,
        stopping: Arc<AtomicBool>,
        in_flight: InFlight,
        header_bytes_max: u32,
        call_time_max: Duration,
    ) -> Self {
        Self {
            registry,
            stopping,
            in_flight,
            header_bytes_max,
            call_time_max,
        }
    }

    /// What `next` answers to a call that came at a time, if the call is let in and while it has
    /// time.
    pub(super) async fn around<F>(
        &self,
        mut request: Request<Body>,
        method: &Handles,
        came: Instant,
        next: impl FnOnce(Request<Body>) -> F,
    ) -> Response<Body>
    where
        F: Future<Output = Response<Body>>,
    {
        let (place, deadline) = match self.enter(&mut request, method, came) {
            Ok(entered) => entered,
            Err(status) => return self.refuse(status),
        };
        // what answers is made where a panic of it is caught
        let answering = panics::caught(async move { next(request).await });
        let answered = match deadline {
            None => answering.await,
            Some(mut deadline) => match deadline.within(answering).await {
                Ok(Ok(response)) if method.streams() => {
                    Ok(response.map(|body| deadline.until(body)))
                }
                Ok(answered) => answered,
                Err(status) => {
                    let latency_us = came.elapsed().as_micros();
                    let method = method.path();
                    tracing::info!(method, latency_us, outcome = "DeadlineExceeded");
                    Err(status)
                }
            },
        };
        drop(place);
        answered.unwrap_or_else(|status| self.refuse(status))
    }

    fn enter(
        &self,
        request: &mut Request<Body>,
        method: &Handles,
        came: Instant,
    ) -> Result<(Place<'_>, Option<Deadline>), Status> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(status::shutting_down());
        }
        let bytes_max = self.header_bytes_max;
        if size_of_headers(request) > bytes_max as usize {
            return Err(status::limit_reached(
                Limit::RequestHeaders,
                Scope::All,
                bytes_max.into(),
            ));
        }
        let Some(place) = self.in_flight.enter() else {
            let max = self.in_flight.max();
            return Err(status::limit_reached(Limit::CallsInFlight, Scope::All, max));
        };
        if !method.streams() && !method.answers_lists() {
            // compressing one record costs more than it saves
            request.headers_mut().remove(&GRPC_ACCEPT_ENCODING);
        }
        let time_max = (!method.streams()).then_some(self.call_time_max);
        let deadline = deadline::of(request.headers(), came, time_max)?;
        Ok((place, deadline))
    }

    /// The response to a call that never reached its method.
    fn refuse(&self, status: Status) -> Response<Body> {
        let mut response = status.into_http();
        finish(&mut response, self.registry.revision().get());
        response
    }
}

/// As HTTP/2 counts it.
fn size_of_headers<B>(request: &Request<B>) -> usize {
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + 32);
    request.uri().path().len() + fields.sum::<usize>()
}
