//! Makes each call a part of its caller's trace, which the W3C header `traceparent` names. The span
//! lasts from the first byte to the last, with the name and attributes of OpenTelemetry's semantic
//! conventions for RPC (1.37). Values that a caller makes up, such as an unknown method, are not
//! repeated.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tonic::{Code, Status, body::Body};
use tracing::{Instrument, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::seen::seen;
use crate::{
    telemetry::TRACED,
    wire::methods::{METHODS, Method},
};

/// The name that the conventions give to an unknown method.
const OTHER: &str = "_OTHER";

/// A traced call.
#[derive(Debug)]
pub(super) struct Traced {
    going: SpanGuard,
    streams: bool,
}

impl Traced {
    /// Starts a span for a call that arrived now.
    pub(super) fn begin<B>(request: &Request<B>) -> Self {
        let path = request.uri().path().trim_start_matches('/');
        let method = method(path);
        let span = tracing::info_span!(
            target: TRACED,
            "rpc",
            "otel.name" = method.map_or(OTHER, |_| path),
            "otel.kind" = "server",
            "rpc.system" = "grpc",
            "rpc.service" = method.map(|it| it.service.as_str()),
            "rpc.method" = method.map_or(OTHER, |it| it.name.as_str()),
            "rpc.grpc.status_code" = Empty,
            "otel.status_code" = Empty,
        );
        let caller = TraceContextPropagator::new().extract(&Headers(request.headers()));
        // fails if no spans are exported, or this span is not
        drop(span.set_parent(caller));
        Self {
            going: SpanGuard { span, ended: false },
            streams: method.is_some_and(Method::streams),
        }
    }

    /// Runs the call inside its span.
    pub(super) async fn around(
        mut self,
        answering: impl Future<Output = Response<Body>>,
    ) -> Response<Body> {
        let response = answering.instrument(self.going.span.clone()).await;
        let status = Status::from_header_map(response.headers());
        if !self.streams || status.is_some() {
            self.going.end(status.map_or(Code::Ok, |it| it.code()));
            return response;
        }
        let mut going = self.going;
        // the body holds this: dropping the body early drops this as well
        let see = move |frame: Result<&Frame<Bytes>, &Status>| match frame {
            Ok(frame) => {
                let trailers = frame.trailers_ref();
                if let Some(status) = trailers.and_then(Status::from_header_map) {
                    going.end(status.code());
                }
            }
            Err(_) => going.end(Code::Unknown),
        };
        response.map(|body| seen(body, see))
    }
}

fn method(path: &str) -> Option<&'static Method> {
    let (service, name) = path.rsplit_once('/')?;
    let mut methods = METHODS.iter();
    methods.find(|it| it.service == service && it.name == name)
}

/// The span of a call in progress. If it is dropped before its end, the call was cancelled.
#[derive(Debug)]
struct SpanGuard {
    span: Span,
    ended: bool,
}

impl SpanGuard {
    fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        // the span ends when it was last exited
        let _in_it = self.span.enter();
        self.span.record("rpc.grpc.status_code", code as i32);
        if is_ours(code) {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

impl Drop for SpanGuard {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// Whether the conventions count the code as an error of the server, and not only of its caller.
const fn is_ours(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
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
