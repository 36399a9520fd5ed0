//! Makes each call a part of its caller's trace, which `traceparent` names as the W3C writes it.

use std::task::{Context, Poll};

use http::{HeaderMap, Request};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tower::{Layer, Service};
use tracing::{Instrument, instrument::Instrumented};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Traces calls.
#[derive(Clone, Copy, Debug)]
pub struct TracesLayer;

impl<S> Layer<S> for TracesLayer {
    type Service = Traced<S>;

    fn layer(&self, inner: S) -> Traced<S> {
        Traced(inner)
    }
}

/// The service that [`TracesLayer`] makes.
#[derive(Clone, Debug)]
pub struct Traced<S>(S);

impl<S, B> Service<Request<B>> for Traced<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Instrumented<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let method = request.uri().path().trim_start_matches('/');
        let span = tracing::info_span!(
            "rpc",
            "otel.name" = method,
            "otel.kind" = "server",
            "rpc.system" = "grpc"
        );
        let caller = TraceContextPropagator::new().extract(&Headers(request.headers()));
        // fails where nothing is sent anywhere, or not this span
        drop(span.set_parent(caller));
        // what the call makes of itself belongs to it
        let answering = span.in_scope(|| self.0.call(request));
        answering.instrument(span)
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
