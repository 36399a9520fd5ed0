//! The path of a call to its method: counting, guarding and identification.
//!
//! Every call pays for these steps, so they are one service with one shared reference count and one
//! future. gRPC over HTTP/2 is answered directly. Any other request first passes the layers for
//! browsers and HTTP/JSON, and these call the same service.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    mem::take,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use futures_util::{FutureExt, future::Either};
use http::{
    HeaderValue, Request, Response, Version,
    header::{CONTENT_TYPE, ORIGIN, STRICT_TRANSPORT_SECURITY},
};
use tonic::body::Body;
use tower::{Service, ServiceExt};

use super::{
    answer::send,
    calls::Calls,
    details::explain,
    entrance::Entrance,
    guard::Guard,
    metrics::CallGuard,
    receive::{receive, receive_grpc, receive_messages},
    web::NDP_SANDBOX,
};
use crate::{
    admission::{
        connection::Connection,
        held::{Entry, Held},
    },
    call::metadata::NDP_FEED_KEY,
    http::{HttpLayer, Refused},
    service::standard::{self, Standard},
    telemetry::metrics::Metrics,
    wire::{
        methods,
        status::{language, status},
    },
};
use ndp_core::error::Error;

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

/// Tells browsers to use only https for a year (RFC 6797).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl Stack {
    /// Counts and guards all calls. Identifies the calls of our services, but not those of the
    /// standard services.
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
    /// Answers a request. Takes it where it is used: each step that it is passed to would have a
    /// place of its size.
    async fn answer(
        &self,
        request: &mut Request<Body>,
        entry: Result<&Arc<Held>, Error>,
        came: Instant,
    ) -> Response<Body> {
        let path = request.uri().path();
        let vietnamese = language::prefers_vietnamese(request.headers());
        let spoken = |response| match vietnamese {
            true => language::answer_in_vietnamese(response),
            false => response,
        };
        let method = self.metrics.method(path);
        let is_standard = methods::is_standard(path);
        let going = CallGuard::begin(&self.metrics, method, came);
        let held = match entry {
            Ok(held) => held,
            Err(error) => return going.send(spoken(self.guard.refuse(status(error)))),
        };
        going.receive(request);
        #[cfg(feature = "otlp")]
        let traced = (!is_standard).then(|| super::traces::Traced::begin(request));
        let next = async |request: &mut Request<Body>| {
            if is_standard {
                // boxed: unboxed, this future would enlarge that of every other call
                let answered = Box::pin(self.standard.answer(take(request))).await;
                explain(answered, standard::REQUEST_BYTES_MAX)
            } else {
                if method.streams() || request.headers().contains_key(&NDP_FEED_KEY) {
                    // the service uses this to release the bytes of its requests, or to charge for
                    // a wrong feed key
                    request.extensions_mut().insert(Entry(Ok(Arc::clone(held))));
                }
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
        going.send(spoken(answering.await))
    }
}

/// For requests that come through the layers for browsers and HTTP/JSON.
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
            Ok(match entry.0 {
                Err(error) => inner.answer(&mut request, Err(error), came).await,
                Ok(held) => {
                    receive_messages(&mut request, &held);
                    inner.answer(&mut request, Ok(&held), came).await
                }
            })
        })
    }
}

/// The response of a call that was refused at once, or the work on one that was admitted.
pub type Answered =
    Either<Ready<Response<Body>>, Pin<Box<dyn Future<Output = Response<Body>> + Send>>>;

/// Admits requests and sends their answers: gRPC directly, and any other request through `W`.
#[derive(Debug)]
pub struct Front<W>(Arc<FrontInner<W>>);

#[derive(Debug)]
struct FrontInner<W> {
    entrance: Entrance,
    grpc: Stack,
    web: W,
    json: HttpLayer,
    sandbox: bool,
}

impl<W> Front<W> {
    /// `web` calls `grpc` itself. `json` writes errors in HTTP/JSON. Every response of a `sandbox`
    /// says that it is one.
    pub fn new(entrance: Entrance, grpc: Stack, web: W, json: HttpLayer, sandbox: bool) -> Self {
        Self(Arc::new(FrontInner {
            entrance,
            grpc,
            web,
            json,
            sandbox,
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
    W: Clone + Send + Sync + 'static,
    W::Future: Send,
{
    /// Answers a request. Called by the task of the connection, before the call has a task: a
    /// request that is refused leaves nothing behind but the refusal, however many others the
    /// client sent with it.
    pub fn answer(&self, mut request: Request<Body>) -> Answered {
        let came = Instant::now();
        let entry = self.0.entrance.enter(&mut request);
        let is_refused = entry.is_err();
        let inner = Arc::clone(&self.0);
        // boxed: the transport keeps a place of this size for the response of every call
        let mut answering: Pin<Box<dyn Future<Output = Response<Body>> + Send>> =
            if is_plain(&request) {
                Box::pin(async move {
                    let answered = inner.answer_grpc(&mut request, entry, came).await;
                    inner.marked(answered)
                })
            } else {
                let connection = request.extensions().get::<Arc<Connection>>();
                let is_encrypted = connection.is_some_and(|it| it.is_encrypted());
                Box::pin(async move {
                    let mut answered = inner.answer_web(request, entry).await;
                    if is_encrypted {
                        let headers = answered.headers_mut();
                        headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
                    }
                    inner.marked(answered)
                })
            };
        if is_refused && let Some(refusal) = (&mut answering).now_or_never() {
            return Either::Left(ready(refusal));
        }
        Either::Right(answering)
    }
}

impl<W> FrontInner<W>
where
    W: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
{
    async fn answer_grpc(
        &self,
        request: &mut Request<Body>,
        entry: Result<Arc<Held>, Error>,
        came: Instant,
    ) -> Response<Body> {
        let stack = &self.grpc.0;
        let held = match entry {
            Ok(held) => held,
            Err(error) => return stack.answer(request, Err(error), came).await,
        };
        receive_grpc(request, &held);
        let response = stack.answer(request, Ok(&held), came).await;
        send(response, held, &stack.metrics, |error| {
            stack.guard.refuse(status(error))
        })
    }

    async fn answer_web(
        &self,
        mut request: Request<Body>,
        entry: Result<Arc<Held>, Error>,
    ) -> Response<Body> {
        let held = entry.as_ref().ok().map(Arc::clone);
        request.extensions_mut().insert(Entry(entry));
        if let Some(held) = &held {
            receive(&mut request, held);
        }
        let answered = self.web.clone().oneshot(request).await;
        let response = answered.unwrap_or_else(|never| match never {});
        // a request refused over HTTP/JSON is counted here, because no method counted it
        if let Some(Refused(status)) = response.extensions().get() {
            self.grpc.0.metrics.refused_by(status);
        }
        let Some(held) = held else { return response };
        let content_type = response.headers().get(CONTENT_TYPE).cloned();
        send(response, held, &self.grpc.0.metrics, |error| {
            self.refuse(error, content_type)
        })
    }

    fn marked(&self, mut response: Response<Body>) -> Response<Body> {
        if self.sandbox {
            let headers = response.headers_mut();
            headers.insert(&NDP_SANDBOX, HeaderValue::from_static("true"));
        }
        response
    }

    /// Builds a refusal in the protocol of the answer that it replaces.
    fn refuse(&self, error: Error, content_type: Option<HeaderValue>) -> Response<Body> {
        let status = status(error);
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

/// Whether a request is gRPC over HTTP/2 and does not come from a web page.
fn is_plain(request: &Request<Body>) -> bool {
    let headers = request.headers();
    let content_type = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    let kind = content_type.and_then(|it| it.strip_prefix(b"application/grpc"));
    request.version() == Version::HTTP_2
        && kind.is_some_and(|kind| !kind.starts_with(b"-web"))
        && !headers.contains_key(ORIGIN)
}
