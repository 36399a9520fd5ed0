//! The way of a call: through what counts it, guards it and says whose it is, to its method.
//!
//! Every call pays for all of it, so it is one service, shared by one count, and one future. gRPC
//! over HTTP/2 is answered as it comes; whatever else comes first goes through the layers that
//! speak to browsers and in HTTP/JSON, and these call the same service.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use http::{
    Request, Response, Version,
    header::{CONTENT_TYPE, ORIGIN},
};
use tonic::body::Body;
use tower::{Service, ServiceExt};

use super::{calls::Calls, details::explain, guard::Guard, methods, metrics::Going};
use crate::{
    service::standard::{self, Standard},
    telemetry::metrics::Metrics,
};

/// Answers gRPC.
#[derive(Clone, Debug)]
pub struct Stack(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    metrics: Metrics,
    guard: Guard,
    calls: Calls,
    standard: Standard,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl Stack {
    /// Counts all calls; guards and identifies those of our services, but not those of the
    /// standard ones.
    pub fn new(metrics: Metrics, guard: Guard, calls: Calls, standard: Standard) -> Self {
        Self(Arc::new(Inner {
            metrics,
            guard,
            calls,
            standard,
        }))
    }
}

impl Inner {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let came = Instant::now();
        let path = request.uri().path();
        let method = self.metrics.method(path);
        let is_standard = methods::is_standard(path);
        let going = Going::begin(&self.metrics, method, came);
        let request = going.receive(request);
        let response = if is_standard {
            // apart, for all others would carry the room that it takes
            let answered = Box::pin(self.standard.answer(request)).await;
            explain(answered, standard::REQUEST_BYTES_MAX)
        } else {
            #[cfg(feature = "otlp")]
            let traced = super::traces::Traced::begin(&request);
            let next = |request| self.calls.answer(request, came);
            let answering = self.guard.around(request, method, came, next);
            #[cfg(feature = "otlp")]
            let answering = traced.around(answering);
            answering.await
        };
        going.send(response)
    }
}

impl Service<Request<Body>> for Stack {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { Ok(inner.answer(request).await) })
    }
}

/// Answers gRPC at once, and has `W` answer whatever else comes.
#[derive(Debug)]
pub struct Front<W> {
    grpc: Stack,
    web: Arc<W>,
}

impl<W> Front<W> {
    /// `web` calls `grpc` itself.
    pub fn new(grpc: Stack, web: W) -> Self {
        let web = Arc::new(web);
        Self { grpc, web }
    }
}

impl<W> Clone for Front<W> {
    fn clone(&self) -> Self {
        Self {
            grpc: self.grpc.clone(),
            web: Arc::clone(&self.web),
        }
    }
}

impl<W> Service<Request<Body>> for Front<W>
where
    W: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    W: Clone + Send + Sync + 'static,
    W::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        if is_plain(&request) {
            return self.grpc.call(request);
        }
        let web = W::clone(&self.web);
        Box::pin(web.oneshot(request))
    }
}

/// Whether a request is gRPC over HTTP/2, and not of a page of some site.
fn is_plain(request: &Request<Body>) -> bool {
    let headers = request.headers();
    let content_type = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    let kind = content_type.and_then(|it| it.strip_prefix(b"application/grpc"));
    request.version() == Version::HTTP_2
        && kind.is_some_and(|kind| !kind.starts_with(b"-web"))
        && !headers.contains_key(ORIGIN)
}
