//! Around every call of our services: says whose it is, logs it once with its outcome, and puts
//! the revision on the response.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use http::{HeaderValue, Request, Response};
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Instrument;

use super::details::explain;
use crate::{
    registry::Registry,
    service::call::{Call, NDP_REVISION, await_revision, identify},
};

/// Identifies and logs calls.
#[derive(Clone, Debug)]
pub struct CallsLayer {
    registry: Registry,
}

impl CallsLayer {
    /// On this registry.
    pub const fn new(registry: Registry) -> Self {
        Self { registry }
    }
}

impl<S> Layer<S> for CallsLayer {
    type Service = Calls<S>;

    fn layer(&self, inner: S) -> Calls<S> {
        Calls {
            registry: self.registry.clone(),
            inner,
        }
    }
}

/// The service that [`CallsLayer`] makes.
#[derive(Clone, Debug)]
pub struct Calls<S> {
    registry: Registry,
    inner: S,
}

type Answering<R, E> = Pin<Box<dyn Future<Output = Result<Response<R>, E>> + Send>>;

impl<S, B, R> Service<Request<B>> for Calls<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Send + 'static,
    R: Default + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Answering<R, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let started = Instant::now();
        // The clone is not ready, the one that was asked is.
        let next = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, next);
        let registry = self.registry.clone();
        let answering = async move {
            let headers = request.headers();
            let identified = match await_revision(&registry, headers).await {
                Ok(()) => identify(&registry, headers).await,
                Err(error) => Err(error),
            };
            let method = request.uri().path().trim_start_matches('/');
            let call = match identified {
                Ok(call) => call,
                Err(error) => {
                    let span = tracing::info_span!("call", method);
                    return Ok(span.in_scope(|| refuse(error, &registry, started)));
                }
            };
            // All at once: each field recorded later costs as much as the span.
            let person = call.caller.person();
            let person = person.as_ref();
            let span = tracing::info_span!(
                "call",
                method,
                principal = person.map_or("anonymous", |person| person.principal.as_str()),
                actor = person.and_then(|person| person.actor.as_deref()),
            );
            let revision = call.snapshot.state.revision().get();
            request.extensions_mut().insert::<Call>(call);
            let answering = async move {
                let mut response = explain(ready.call(request).await?);
                finish(&mut response, revision);
                log(&response, started);
                Ok(response)
            };
            answering.instrument(span).await
        };
        Box::pin(answering)
    }
}

/// The response to a call that never reached its method.
fn refuse<R: Default>(
    error: impl Into<Status>,
    registry: &Registry,
    started: Instant,
) -> Response<R> {
    let mut response = error.into().into_http::<R>();
    finish(&mut response, registry.revision().get());
    log(&response, started);
    response
}

/// Puts the revision on a response that does not carry a later one.
fn finish<R>(response: &mut Response<R>, revision: i64) {
    response
        .headers_mut()
        .entry(&NDP_REVISION)
        .or_insert_with(|| HeaderValue::from(revision));
}

/// One line a call: at `info`, and what is our fault at `error`.
fn log<R>(response: &Response<R>, started: Instant) {
    let status = Status::from_header_map(response.headers());
    let code = status.as_ref().map_or(Code::Ok, Status::code);
    let latency_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let revision = response
        .headers()
        .get(&NDP_REVISION)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match code {
        Code::Internal | Code::Unknown | Code::DataLoss => {
            tracing::error!(revision, latency_us, outcome = ?code, "answered");
        }
        _ => tracing::info!(revision, latency_us, outcome = ?code, "answered"),
    }
}
