//! Around every call of our services, before anyone asks whose it is: refuses what is too much or
//! comes too late, ends what takes too long, and answers for what panics.
//!
//! One layer and one future for all of it, because every call pays for them; each concern is a
//! file of its own.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::Body;
use http::{HeaderValue, Request, Response};
use tonic::Status;
use tower::{Layer, Service};

use super::{
    deadline::{self, Deadline},
    limits::InFlight,
    methods, panics,
};
use crate::{
    registry::Registry,
    service::call::{GRPC_ACCEPT_ENCODING, NDP_REVISION},
    wire::status,
};

/// Guards calls.
#[derive(Clone, Debug)]
pub struct GuardLayer {
    registry: Registry,
    stopping: Arc<AtomicBool>,
    in_flight: InFlight,
    header_bytes_max: u32,
    call_time_max: Duration,
}

impl GuardLayer {
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
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard {
            with: Arc::new(self.clone()),
            inner,
        }
    }
}

/// The service that [`GuardLayer`] makes.
#[derive(Clone, Debug)]
pub struct Guard<S> {
    with: Arc<GuardLayer>,
    inner: S,
}

type Answering<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S, B> Service<Request<B>> for Guard<S>
where
    S: Service<Request<B>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answering<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let with = &self.with;
        if with.stopping.load(Ordering::Relaxed) {
            return refused(&with.registry, status::shutting_down());
        }
        let bytes_max = with.header_bytes_max;
        if size_of_headers(&request) > bytes_max as usize {
            let status = status::limit_reached("request headers", bytes_max.into());
            return refused(&with.registry, status);
        }
        let Some(permit) = with.in_flight.enter() else {
            let status = status::limit_reached("calls in flight", with.in_flight.max());
            return refused(&with.registry, status);
        };
        let path = request.uri().path();
        let streams = methods::streams(path);
        if !streams && !methods::answers_lists(path) {
            // compressing one record costs more than it saves
            request.headers_mut().remove(&GRPC_ACCEPT_ENCODING);
        }
        let time_max = (!streams).then_some(with.call_time_max);
        let deadline = match deadline::of(request.headers(), time_max) {
            Ok(deadline) => deadline,
            Err(status) => return refused(&with.registry, status),
        };
        let path = request.uri().clone();
        // The clone is not ready, the one that was asked is.
        let next = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, next);
        let with = Arc::clone(with);
        Box::pin(async move {
            let started = Instant::now();
            let answering = panics::caught(async move { ready.call(request).await });
            let answered = match deadline {
                None => answering.await,
                Some(mut deadline) => match deadline.within(answering).await {
                    Ok(answered) if streams => answered.map(|it| it.map(|it| until(it, deadline))),
                    Ok(answered) => answered,
                    Err(status) => {
                        let latency_us = started.elapsed().as_micros();
                        let method = path.path().trim_start_matches('/');
                        tracing::info!(method, latency_us, outcome = "DeadlineExceeded");
                        Err(status)
                    }
                },
            };
            drop(permit);
            answered.unwrap_or_else(|status| Ok(refuse(&with.registry, &status)))
        })
    }
}

/// Ends a stream at its deadline.
fn until(response: Response<Body>, deadline: Deadline) -> Response<Body> {
    response.map(|body| Body::new(deadline.until(body)))
}

fn refused<E: Send + 'static>(registry: &Registry, status: Status) -> Answering<E> {
    Box::pin(std::future::ready(Ok(refuse(registry, &status))))
}

/// The response to a call that never reached its method.
fn refuse(registry: &Registry, status: &Status) -> Response<Body> {
    let mut response = status.clone().into_http::<Body>();
    let revision = HeaderValue::from(registry.revision().get());
    response.headers_mut().insert(&NDP_REVISION, revision);
    response
}

/// As HTTP/2 counts it.
fn size_of_headers<B>(request: &Request<B>) -> usize {
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + 32);
    request.uri().path().len() + fields.sum::<usize>()
}
