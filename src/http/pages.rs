//! Pages for browsers beside the calls: a layer that answers the paths of a set of pages, and lets
//! any other request pass.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, request::Parts};
use tonic::body::Body;
use tower::{Layer, Service};

use crate::admission::held::{Entry, Held};

/// A set of pages.
pub trait Pages: Send + Sync + 'static {
    /// One of them.
    type Page: Send;

    /// The page that a request asks for.
    fn find(&self, request: &Request<Body>) -> Option<Self::Page>;

    /// Answers a request for a page, which was admitted.
    fn answer(
        &self,
        page: Self::Page,
        request: &Parts,
        body: Body,
        held: &Arc<Held>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// The layer of a set of pages.
#[derive(Debug)]
pub struct PagesLayer<P>(Arc<P>);

/// The service that [`PagesLayer`] makes.
#[derive(Debug)]
pub struct PagesService<P, S> {
    pages: Arc<P>,
    inner: S,
}

impl<P> PagesLayer<P> {
    /// Answers these pages.
    pub fn new(pages: P) -> Self {
        Self(Arc::new(pages))
    }
}

// derived, these would ask for pages that can be cloned

impl<P> Clone for PagesLayer<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P, S: Clone> Clone for PagesService<P, S> {
    fn clone(&self) -> Self {
        Self {
            pages: Arc::clone(&self.pages),
            inner: self.inner.clone(),
        }
    }
}

impl<P, S> Layer<S> for PagesLayer<P> {
    type Service = PagesService<P, S>;

    fn layer(&self, inner: S) -> PagesService<P, S> {
        let pages = Arc::clone(&self.0);
        PagesService { pages, inner }
    }
}

type Answering<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<P, S> Service<Request<Body>> for PagesService<P, S>
where
    P: Pages,
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answering<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let entry = request.extensions().get::<Entry>();
        let held = entry.and_then(|it| it.0.as_ref().ok()).map(Arc::clone);
        let page = self.pages.find(&request);
        // requests that are not admitted are refused by the inner service
        let (Some(page), Some(held)) = (page, held) else {
            return Box::pin(self.inner.call(request));
        };
        let pages = Arc::clone(&self.pages);
        let (request, body) = request.into_parts();
        Box::pin(async move { Ok(pages.answer(page, &request, body, &held).await) })
    }
}
