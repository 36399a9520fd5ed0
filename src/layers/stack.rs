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
    HeaderValue, Request, Response, Version,
    header::{CONTENT_TYPE, ORIGIN},
};
use tonic::{Status, body::Body};
use tower::{Service, ServiceExt};

use super::{
    answer::send, calls::Calls, details::explain, entrance::Entrance, guard::Guard, methods,
    metrics::Going, receive::receive,
};
use crate::{
    admission::held::{Entry, Held},
    domain::error::Error,
    http::{HttpLayer, Refused},
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
    /// Counts and guards all calls; identifies those of our services, but not those of the
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
    async fn answer(
        &self,
        request: Request<Body>,
        entry: Result<&Held, Error>,
        came: Instant,
    ) -> Response<Body> {
        let path = request.uri().path();
        let method = self.metrics.method(path);
        let is_standard = methods::is_standard(path);
        let going = Going::begin(&self.metrics, method, came);
        let held = match entry {
            Ok(held) => held,
            Err(error) => return going.send(self.guard.refuse(error)),
        };
        let request = going.receive(request);
        #[cfg(feature = "otlp")]
        let traced = (!is_standard).then(|| super::traces::Traced::begin(&request));
        let next = async |request| {
            if is_standard {
                // apart, for all others would carry the room that it takes
                let answered = Box::pin(self.standard.answer(request)).await;
                explain(answered, standard::REQUEST_BYTES_MAX)
            } else {
                self.calls.answer(request, held, came).await
            }
        };
        let answering = self.guard.around(request, method, held, came, next);
        #[cfg(feature = "otlp")]
        let answering = async move {
            match traced {
                Some(traced) => traced.around(answering).await,
                None => answering.await,
            }
        };
        going.send(answering.await)
    }
}

/// For what comes through the layers that speak to browsers and in HTTP/JSON.
impl Service<Request<Body>> for Stack {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Answering {
        let inner = Arc::clone(&self.0);
        let came = Instant::now();
        let entry = request.extensions_mut().remove::<Entry>();
        Box::pin(async move {
            let entry = entry.unwrap_or_else(|| Entry(Err(Error::Bug("nobody let it in".into()))));
            let entry = entry.0.as_ref().map(|held| &**held).map_err(Error::clone);
            Ok(inner.answer(request, entry, came).await)
        })
    }
}

/// Lets requests in, and sends their answers: gRPC at once, and whatever else comes as `W` answers
/// it.
#[derive(Debug)]
pub struct Front<W>(Arc<FrontInner<W>>);

#[derive(Debug)]
struct FrontInner<W> {
    entrance: Entrance,
    grpc: Stack,
    web: W,
    json: HttpLayer,
}

impl<W> Front<W> {
    /// `web` calls `grpc` itself; `json` writes errors in HTTP/JSON.
    pub fn new(entrance: Entrance, grpc: Stack, web: W, json: HttpLayer) -> Self {
        Self(Arc::new(FrontInner {
            entrance,
            grpc,
            web,
            json,
        }))
    }
}

impl<W> Clone for Front<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W> Front<W>
where
    W: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    W: Clone + Send + Sync,
    W::Future: Send,
{
    /// The answer to a request.
    pub async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        let inner = &*self.0;
        let came = Instant::now();
        let entry = inner.entrance.enter(&mut request);
        if is_plain(&request) {
            let stack = &inner.grpc.0;
            match entry {
                Err(error) => stack.answer(request, Err(error), came).await,
                Ok(held) => {
                    let request = receive(request, &held);
                    let response = stack.answer(request, Ok(&held), came).await;
                    send(response, held, |error| stack.guard.refuse(error))
                }
            }
        } else {
            // apart: it takes more room
            Box::pin(inner.answer_web(request, entry)).await
        }
    }
}

impl<W> FrontInner<W>
where
    W: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
{
    async fn answer_web(
        &self,
        mut request: Request<Body>,
        entry: Result<Arc<Held>, Error>,
    ) -> Response<Body> {
        let held = entry.as_ref().ok().map(Arc::clone);
        request.extensions_mut().insert(Entry(entry));
        if let Some(held) = &held {
            request = receive(request, held);
        }
        let answered = self.web.clone().oneshot(request).await;
        let response = answered.unwrap_or_else(|never| match never {});
        // what was refused over HTTP/JSON says so here: no method has counted it
        if let Some(Refused(status)) = response.extensions().get() {
            self.grpc.0.metrics.refused_by(status);
        }
        let Some(held) = held else { return response };
        let content_type = response.headers().get(CONTENT_TYPE).cloned();
        send(response, held, |error| self.refuse(error, content_type))
    }

    /// A refusal in the protocol of the answer that it takes the place of.
    fn refuse(&self, error: Error, content_type: Option<HeaderValue>) -> Response<Body> {
        let status = Status::from(error);
        match content_type {
            Some(kind) if kind.as_bytes().starts_with(b"application/grpc") => {
                let mut response = self.grpc.0.guard.refuse(status);
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            _ => self.json.refusal(status),
        }
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
