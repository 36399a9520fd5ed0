//! Makes each call a part of its caller's trace, which `traceparent` names as the W3C writes it.

use http::{HeaderMap, Request};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The span of a call; what the call makes of itself belongs to it.
pub(super) fn span<B>(request: &Request<B>) -> Span {
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
    span
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
