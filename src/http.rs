//! HTTP/JSON on the port of gRPC, from the `google.api.http` annotations of the protos.
//!
//! This layer wraps the whole gRPC stack. It passes gRPC requests through. It converts any other
//! request into a gRPC request to the same stack in this process, and the answer into JSON.
//! Therefore authentication, limits, deadlines, field rules, logs and metrics are the same. The
//! code here is not specific to any method.

mod accept;
pub(crate) mod body;
mod coding;
mod conditions;
pub(crate) mod csv;
mod errors;
pub(crate) mod fields;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod grpc;
mod gzip;
pub(crate) mod json;
mod kept;
#[cfg(test)]
mod openapi;
pub mod pages;
mod raw;
pub(crate) mod receive;
mod request;
pub(crate) mod routes;
mod spelling;
mod stream;
pub(crate) mod template;
mod timeout;
pub(crate) mod values;
mod written;

use ndp_core::messages::Protocol;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{ALLOW, CONTENT_TYPE, HOST},
};
use http_body_util::Full;
use prost_reflect::{DynamicMessage, MessageDescriptor, prost::Message};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service, ServiceExt};

pub(crate) use self::{errors::http_status, json::harden, raw::names as names_tag};

pub use self::errors::Refused;
use self::{
    accept::{Codings, Form, Offer},
    conditions::Conditions,
    csv::Table,
    errors::Refusal,
    grpc::Messages,
    kept::KeptLine,
    routes::{Found, Route, Routes},
    stream::Stream,
    written::{ATOM, Other, Written},
};
use crate::{
    admission::{
        held::{Entry, Held, Kept},
        turns::{Turns, Work},
    },
    call::deadline::deadline,
    call::metadata::NDP_FEED_KEY,
    wire::{
        descriptors::POOL,
        status::{self, language},
    },
};
use ndp_core::{
    error::{Error, Violation},
    messages::Rule,
};

/// Longest query of a URL, in bytes: the longest page token, and the longest filter encoded.
const QUERY_BYTES_MAX: usize = 32 * 1024;

/// Length of an answer, in bytes, up to which it is written as JSON at once. A longer answer waits
/// for a turn, so that one caller's long answers do not delay the calls of others.
const JSON_AT_ONCE_MAX: usize = 16 * 1024;

/// Path of the OpenAPI document.
const OPENAPI: &str = "/openapi.json";

/// The document. The test `the_document_is_that_of_the_protos` makes it from them.
const DOCUMENT: &[u8] = include_bytes!("../docs/openapi.json");

/// Answers HTTP/JSON by calling the gRPC services within.
#[derive(Clone, Debug)]
pub struct HttpLayer(Arc<Api>);

/// The API as read from the descriptors.
#[derive(Debug)]
struct Api {
    routes: Routes,
    /// google.rpc.Status.
    status: MessageDescriptor,
    turns: Turns,
}

impl HttpLayer {
    /// Reads the annotations of the services. Fails if one is invalid. Long answers are written in
    /// `turns`.
    pub fn new(turns: Turns) -> anyhow::Result<Self> {
        let routes = Routes::new(&POOL).map_err(|problem| anyhow!(problem))?;
        let status = POOL
            .get_message_by_name("google.rpc.Status")
            .context("the descriptors have no google.rpc.Status")?;
        Ok(Self(Arc::new(Api {
            routes,
            status,
            turns,
        })))
    }
}

impl HttpLayer {
    /// The response for an error.
    pub fn refusal(&self, status: Status) -> Response<Body> {
        errors::response(&self.0.status, &status.into())
    }
}

impl<S> Layer<S> for HttpLayer {
    type Service = HttpService<S>;

    fn layer(&self, inner: S) -> HttpService<S> {
        HttpService {
            api: Arc::clone(&self.0),
            inner,
        }
    }
}

/// The service that [`HttpLayer`] makes.
#[derive(Clone, Debug)]
pub struct HttpService<S> {
    api: Arc<Api>,
    inner: S,
}

type Answering<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for HttpService<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answering<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The clone may not be ready, so the instance that was polled is used.
        let next = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, next);
        if is_grpc(request.headers()) {
            return Box::pin(ready.call(request));
        }
        let api = Arc::clone(&self.api);
        let vietnamese = language::prefers_vietnamese(request.headers());
        let refuse = move |api: &Api, mut refusal: Refusal| {
            if vietnamese {
                refusal.status = language::in_vietnamese(&refusal.status);
            }
            api.refuse(&refusal)
        };
        if let Some(Entry(Err(error))) = request.extensions().get::<Entry>() {
            let refusal = Refusal::from(status::status(error.clone()));
            return Box::pin(async move { Ok(refuse(&api, refusal)) });
        }
        let understood = timeout::understand(request.headers_mut());
        let codings = Codings::asked(request.headers());
        // The timer starts now. The transport has a timer too, but can answer only in gRPC, so
        // this one must expire first.
        let time = deadline(request.headers()).map(|time| (time, tokio::time::sleep(time)));
        Box::pin(async move {
            let verb = request.method().clone();
            let path = request.uri().path().to_owned();
            let answering = async {
                if let Err(refusal) = understood {
                    return Ok(Err(refusal));
                }
                if codings.is_none() {
                    let refusal = accept::refused("accept-encoding", "gzip, identity");
                    return Ok(Err(refusal));
                }
                api.answer(ready, request).await
            };
            let outcome = match time {
                None => answering.await?,
                Some((time, _)) if time.is_zero() => Err(status::deadline_exceeded(time).into()),
                Some((time, over)) => tokio::select! {
                    biased;
                    outcome = answering => outcome?,
                    () = over => Err(status::deadline_exceeded(time).into()),
                },
            };
            let mut response = outcome.unwrap_or_else(|refusal| {
                let status = refusal.http.as_u16();
                let reason = refusal.status.message();
                // calls that reach a method are logged by the gRPC stack
                tracing::info!(%verb, path, status, reason, "refused");
                refuse(&api, refusal)
            });
            if let Some(codings) = codings {
                response = coding::encoded(response, codings);
            }
            if verb == Method::HEAD {
                *response.body_mut() = Body::empty();
            }
            Ok(response)
        })
    }
}

/// The response in a coding that the client accepts; as it is where the client accepts none.
pub(crate) fn compressed(headers: &HeaderMap, response: Response<Body>) -> Response<Body> {
    match Codings::asked(headers) {
        Some(codings) => coding::encoded(response, codings),
        None => response,
    }
}

/// Whether the request is gRPC or gRPC-Web, by its content type.
fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

type HttpResult = Result<Response<Body>, Refusal>;

impl Api {
    /// The response to a request that is refused before it reaches a method.
    fn refuse(&self, refusal: &Refusal) -> Response<Body> {
        let mut response = errors::response(&self.status, refusal);
        let refused = Refused(refusal.status.clone());
        response.extensions_mut().insert(refused);
        response
    }

    async fn answer<S>(&self, mut grpc: S, request: Request<Body>) -> Result<HttpResult, S::Error>
    where
        S: Service<Request<Body>, Response = Response<Body>>,
    {
        let (mut parts, body) = request.into_parts();
        // HEAD has the same answer as GET, without the body
        let verb = match parts.method {
            Method::HEAD => &Method::GET,
            ref verb => verb,
        };
        if parts.uri.path() == OPENAPI {
            return Ok(match *verb {
                Method::GET => Ok(json::response(Full::new(Bytes::from_static(DOCUMENT)))),
                _ => Ok(other_verbs(self, &parts.method, &[&Method::GET])),
            });
        }
        if parts.version == Version::HTTP_11 && parts.headers.get_all(HOST).iter().count() != 1 {
            return Ok(Err(no_host()));
        }
        let (route, variables) = match self.routes.find(verb, parts.uri.path()) {
            Found::Route(route, variables) => (route, variables),
            Found::OtherVerbs(verbs) => return Ok(Ok(other_verbs(self, &parts.method, &verbs))),
            Found::Nothing if parts.uri.path() == "*" => {
                return Ok(Ok(other_verbs(self, &parts.method, &self.routes.verbs())));
            }
            Found::Nothing => return Ok(Err(not_found())),
        };
        if let Err(refusal) = take_feed_key(route, &mut parts) {
            return Ok(Err(refusal));
        }
        if let routes::Body::Raw(field) = &route.body {
            let upload = self.upload(grpc, route, field, &variables, (parts, body));
            // boxed, because this future would otherwise enlarge that of every other call
            return Box::pin(upload).await;
        }
        if let Some(field) = &route.raw {
            return Box::pin(self.download(grpc, route, field, &variables, parts)).await;
        }
        let read = self.read(route, &variables, &parts, body);
        let (asked, message) = match read.await {
            Ok(read) => read,
            Err(refusal) => return Ok(Err(spelt(route, refusal))),
        };
        let encoded = message.encode_to_vec();
        let several = asked.conditions.names_several();
        let again = several.then(|| (parts.clone(), message));
        let response = grpc.call(grpc::request(route, parts, encoded)).await?;
        let mut converted = self.convert(route, &asked, response).await;
        let other = match (&converted, &again) {
            (Err(failed), Some((_, message))) => {
                asked.conditions.other(route, &failed.status, message)
            }
            _ => None,
        };
        if let (Some(other), Some((parts, _))) = (other, again) {
            let request = grpc::request(route, parts, other.encode_to_vec());
            let response = grpc.ready().await?.call(request).await?;
            converted = self.convert(route, &asked, response).await;
        }
        let answer = converted.or_else(|failed| self.failed(route, &asked, failed));
        Ok(answer)
    }

    /// Reads a request.
    async fn read(
        &self,
        route: &Route,
        variables: &[(&str, String)],
        parts: &http::request::Parts,
        body: Body,
    ) -> Result<(ResponseOptions, DynamicMessage), Refusal> {
        let headers = &parts.headers;
        let offer = Offer::of(route);
        let (format, query) = offer.take_format(query(parts)?);
        let form = match format {
            // there is one form, whatever a client of files accepts
            None if route.whole.is_some() => Form::Json,
            None => accept::form(headers, offer)?,
            Some(format) => offer.form(&format)?,
        };
        let held = held(parts)?;
        let body = receive::body(headers, body, &held).await?;
        let body = body::text(&body);
        let values = body::scan(body)?;
        held.read_values(values).map_err(status::status)?;
        let mut message = request::message(route, variables, &query, body)?;
        if let Some(last) = headers.get("last-event-id")
            && route.method.is_server_streaming()
        {
            stream::resume(&mut message, last).map_err(|one| Refusal::malformed(one.into()))?;
        }
        let conditions = Conditions::new(route, headers, &mut message)?;
        let other = match form {
            Form::Table => Table::new(route, parts.uri.query(), &mut message).map(Other::Table),
            Form::File(file) => Some(Other::File(file)),
            Form::Json => route.whole.clone().map(Other::Whole),
            Form::Events => None,
        };
        if route.rows.is_some() {
            // a page is not computed for a caller who could not have it written
            self.turns.has_place(&held.who()).map_err(status::status)?;
        }
        let asked = ResponseOptions {
            held,
            conditions,
            events: form == Form::Events,
            other,
        };
        Ok((asked, message))
    }

    /// The answer in JSON.
    async fn convert(
        &self,
        route: &Route,
        asked: &ResponseOptions,
        response: Response<Body>,
    ) -> Result<Response<Body>, Failed> {
        let (parts, body) = response.into_parts();
        let failed = |status| Failed {
            status,
            metadata: parts.headers.clone(),
            after_method: false,
        };
        let answered = Status::from_header_map(&parts.headers);
        if let Some(status) = answered.filter(|status| status.code() != Code::Ok) {
            return Err(failed(status));
        }
        if parts.status != StatusCode::OK {
            // a layer that speaks HTTP refused it
            let status = Status::unavailable("the call was refused before its method");
            return Err(failed(status));
        }
        let mut messages = Messages::new(body);
        if route.method.is_server_streaming() {
            let method = route.method.clone();
            let stream = Stream::new(messages, asked.events, self.status.clone(), method);
            let mut response = Response::new(Body::new(stream));
            let headers = response.headers_mut();
            let kind = match asked.events {
                true => "text/event-stream",
                false => "application/x-ndjson",
            };
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            json::harden(headers);
            grpc::metadata(&parts.headers, headers);
            return Ok(response);
        }
        let nothing = || Status::internal("the method gave no answer");
        let answer = messages.next().await.ok_or_else(nothing).flatten();
        let answer = answer.map_err(&failed)?;
        // the status comes after the message
        if let Some(Err(status)) = messages.next().await {
            return Err(failed(status));
        }
        let written = self.write(route, asked, answer).await;
        let (written, kept) = written.map_err(|status| Failed {
            after_method: true,
            ..failed(status)
        })?;
        let mut response = json::response(KeptLine::new(written.text, kept));
        if let Some(other) = &asked.other {
            other.headers(written.next.as_deref(), response.headers_mut());
        }
        grpc::metadata(&parts.headers, response.headers_mut());
        grpc::metadata(messages.trailers(), response.headers_mut());
        let answered = asked.conditions.answer(route, written.tag, response);
        answered.map_err(failed)
    }

    /// Reads the message of an answer, and writes it in the form asked for. Its bytes are charged
    /// while they are here: the message while it waits for a turn, and then what is written of it.
    async fn write(
        &self,
        route: &Route,
        asked: &ResponseOptions,
        message: Bytes,
    ) -> Result<(Written, Kept), Status> {
        let is_long = message.len() > JSON_AT_ONCE_MAX;
        let mut kept = asked.held.keep(message.len()).map_err(status::status)?;
        let (conditions, other) = (asked.conditions.clone(), asked.other.clone());
        let for_route = route.clone();
        let write = move || {
            let written = match &other {
                Some(other) => Written::other(&for_route, other, message)?,
                None => Written::new(&for_route, &conditions, message)?,
            };
            kept.change_to(written.text.len()).map_err(status::status)?;
            Ok((written, kept))
        };
        if !is_long {
            return write();
        }
        let turn = self.turns.take(Work::Json, &asked.held.who()).await;
        let turn = turn.map_err(status::status)?;
        turn.run(move |_| write()).await.map_err(status::status)?
    }

    /// The response to a call that a method, or a layer before it, refused.
    fn failed(&self, route: &Route, asked: &ResponseOptions, failed: Failed) -> HttpResult {
        let status = spelling::status(&failed.status, &route.method.input());
        let refusal = asked.conditions.refusal(status.into());
        let mut response = errors::response(&self.status, &refusal);
        grpc::metadata(&failed.metadata, response.headers_mut());
        if failed.after_method {
            response.extensions_mut().insert(Refused(failed.status));
        }
        Ok(response)
    }
}

/// The parameter of a feed that has its key: programs that follow feeds send no headers.
const FEED_KEY: &str = "key";

/// A refusal that names the fields of a request as JSON does.
fn spelt(route: &Route, mut refusal: Refusal) -> Refusal {
    refusal.status = spelling::status(&refusal.status, &route.method.input());
    refusal
}

/// The query of a URL, unless it is too long.
fn query(parts: &http::request::Parts) -> Result<&str, Refusal> {
    let query = parts.uri.query().unwrap_or_default();
    if query.len() > QUERY_BYTES_MAX {
        let most = QUERY_BYTES_MAX;
        let refused = Protocol::UrlTooLong { most };
        return Err(Refusal::new(StatusCode::URI_TOO_LONG, &refused));
    }
    Ok(query)
}

/// Moves the key of a feed from the query to its header.
fn take_feed_key(route: &Route, parts: &mut http::request::Parts) -> Result<(), Refusal> {
    let is_feed = route.files.iter().any(|file| file.field == ATOM);
    let query = parts.uri.query().filter(|_| is_feed);
    let Some((Some(key), rest)) = query.map(|query| accept::take(query, FEED_KEY)) else {
        return Ok(());
    };
    let form = || {
        let form = "`ndp_<id>_<secret>`".to_owned();
        let violation = Violation::new(FEED_KEY, Rule::ParameterMalformed { form });
        Refusal::malformed(violation.into())
    };
    let mut value = HeaderValue::from_str(&key).map_err(|_| form())?;
    value.set_sensitive(true);
    parts.headers.insert(&NDP_FEED_KEY, value);
    let path = parts.uri.path();
    let uri = match rest.is_empty() {
        true => path.parse(),
        false => format!("{path}?{rest}").parse(),
    };
    parts.uri = uri.map_err(|_| form())?;
    Ok(())
}

/// What the call holds of the shared resources.
fn held(parts: &http::request::Parts) -> Result<Arc<Held>, Status> {
    match parts.extensions.get() {
        Some(Entry(entered)) => entered.clone().map_err(status::status),
        None => Err(status::status(Error::Bug("nobody let it in".into()))),
    }
}

/// How to answer a request.
struct ResponseOptions {
    held: Arc<Held>,
    conditions: Conditions,
    /// A stream as server-sent events.
    events: bool,
    /// Not as JSON.
    other: Option<Other>,
}

/// A refusal by a method, or by a layer before it, with its metadata.
struct Failed {
    status: Status,
    metadata: HeaderMap,
    /// Whether the method itself succeeded, so that its layers counted no refusal.
    after_method: bool,
}

/// The refusal of a request without a host, which is invalid (RFC 9112 §3.2).
fn no_host() -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, &Protocol::HostMalformed)
}

fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, &Protocol::PathUnknown)
}

/// Lists the verbs of a path: the whole answer to OPTIONS, and a refusal of any other verb.
fn other_verbs(api: &Api, asked: &Method, verbs: &[&Method]) -> Response<Body> {
    let mut names: Vec<_> = verbs.iter().map(|verb| verb.as_str()).collect();
    if verbs.contains(&&Method::GET) {
        names.push("HEAD");
    }
    names.push("OPTIONS");
    let names = names.join(", ");
    let mut response = if *asked == Method::OPTIONS {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else {
        let refusal = Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            &Protocol::VerbUnknown {
                verbs: names.clone(),
            },
        );
        errors::response(&api.status, &refusal)
    };
    if let Ok(names) = HeaderValue::from_str(&names) {
        response.headers_mut().insert(ALLOW, names);
    }
    response
}
