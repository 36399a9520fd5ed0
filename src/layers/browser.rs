//! The pages of a browser's sign-in: from the list of issuers, or the form for an API key, to the
//! cookie of a session and back.
//!
//! What each page does is said by `sign_in`. Here it is charged: exchanging a code and verifying a
//! token cost far more than a call, and an issuer is asked by few at a time. A key is looked up as
//! that of a call is, and guessing is limited with that of calls.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ALLOW, AUTHORIZATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
        RETRY_AFTER, SET_COOKIE,
    },
    request::Parts,
};
use http_body_util::Full;
use tonic::body::Body;

use crate::{
    admission::{held::Held, pool::Pool},
    call::{Call, identity::Identifier},
    http::{
        Refused, harden,
        pages::{Pages, PagesLayer},
        receive,
    },
    registry::{Registry, authenticate::key_id, entropy::OsEntropy},
    sign_in::{
        SignIn,
        browser::{SIGN_IN, SIGN_OUT, Step, given_up, signed_out},
    },
    wire::{
        sign_in_page::{self, KEY, RETURN, SignedIn},
        status::status,
    },
};
use ndp_core::{caller::Caller, error::Error, limits::Limit, messages::Unauthenticated};

/// Codes that may be exchanged at one time, for all callers and for one.
const EXCHANGES: (usize, usize) = (64, 8);

/// What an exchange costs, in calls: a handshake with the issuer, and a signature.
const EXCHANGE_CALLS: usize = 20;

/// Nothing of another site is loaded, framed or sent to, and nothing runs.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'",
);

/// Answers the pages of the sign-in.
pub fn pages(
    registry: &Registry,
    sign_in: &SignIn,
    identifier: &Identifier,
) -> PagesLayer<SignInPages> {
    let (max, max_per_caller) = EXCHANGES;
    PagesLayer::new(SignInPages {
        registry: registry.clone(),
        sign_in: sign_in.clone(),
        identifier: identifier.clone(),
        exchanges: Pool::new(Limit::SignIns, max, max_per_caller),
    })
}

/// The pages of the sign-in.
#[derive(Debug)]
pub struct SignInPages {
    registry: Registry,
    sign_in: SignIn,
    identifier: Identifier,
    exchanges: Pool,
}

/// A page, by its path.
#[derive(Debug)]
pub enum Page {
    Choice,
    SignOut,
    Begin(String),
    Callback(String),
}

impl Page {
    fn of(path: &str) -> Option<Self> {
        if path == SIGN_OUT {
            return Some(Self::SignOut);
        }
        let rest = path.strip_prefix(SIGN_IN)?;
        if rest.is_empty() {
            return Some(Self::Choice);
        }
        let issuer = rest.strip_prefix('/')?;
        Some(match issuer.strip_suffix("/callback") {
            None => Self::Begin(issuer.to_owned()),
            Some(issuer) => Self::Callback(issuer.to_owned()),
        })
    }

    const fn verbs(&self) -> &'static str {
        match self {
            Self::Choice | Self::SignOut => "GET, HEAD, POST",
            // HEAD is for looking: it would begin a sign-in, or use a code up
            Self::Begin(_) | Self::Callback(_) => "GET",
        }
    }
}

impl Pages for SignInPages {
    type Page = Page;

    fn find(&self, request: &Request<Body>) -> Option<Page> {
        Page::of(request.uri().path())
    }

    async fn answer(
        &self,
        page: Page,
        request: &Parts,
        body: Body,
        held: &Arc<Held>,
    ) -> Response<Body> {
        let verb = &request.method;
        let verbs = page.verbs();
        if !verbs.split(", ").any(|it| it == verb.as_str()) {
            let mut response = html(StatusCode::METHOD_NOT_ALLOWED, String::new());
            let allow = HeaderValue::from_static(verbs);
            response.headers_mut().insert(ALLOW, allow);
            return response;
        }
        let answered = match &page {
            Page::Choice if verb == Method::POST => self.with_key(request, body, held).await,
            Page::Choice => self.choice(request),
            Page::SignOut if verb == Method::POST => self.sign_out(request),
            Page::SignOut => Ok(form(sign_in_page::sign_out())),
            Page::Begin(issuer) => self.begin(issuer, request),
            Page::Callback(issuer) => self.callback(issuer, request, held).await,
        };
        let mut response = answered.unwrap_or_else(|error| {
            let path = request.uri.path();
            tracing::info!(path, reason = error.reason().name(), "a sign-in failed");
            failed(error)
        });
        if matches!(page, Page::Callback(_)) && response.status() != StatusCode::SEE_OTHER {
            // its code may be used up
            set_cookie(&mut response, &given_up());
        }
        if verb == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        response
    }
}

impl SignInPages {
    fn choice(&self, request: &Parts) -> Result<Response<Body>, Error> {
        let query = request.uri.query().unwrap_or_default();
        let back = self.sign_in.back(query)?;
        let goes_on = back.clone().unwrap_or_else(|| SIGN_IN.to_owned());
        let query = back.map(|back| {
            let mut query = url::form_urlencoded::Serializer::for_suffix("?".to_owned(), 1);
            query.append_pair("return", &back).finish()
        });
        let query = query.unwrap_or_default();
        let paths = self.sign_in.clients();
        let paths = paths.map(|name| (name, format!("{SIGN_IN}/{name}{query}")));
        let paths: Vec<_> = paths.collect();
        let call = request.extensions.get::<Call>();
        let person = call.and_then(|it| it.caller.person());
        let proved = call.and_then(|it| it.proved.as_ref());
        let signed_in = match (&person, proved) {
            (Some(person), _) => SignedIn::As(person.principal.as_str()),
            (None, Some(identity)) => SignedIn::Unknown(identity),
            (None, None) => SignedIn::No,
        };
        Ok(form(sign_in_page::choice(signed_in, &paths, &goes_on)))
    }

    fn begin(&self, issuer: &str, request: &Parts) -> Result<Response<Body>, Error> {
        let query = request.uri.query().unwrap_or_default();
        let back = self.sign_in.back(query)?;
        let back = back.as_deref().unwrap_or(SIGN_IN);
        let (random, now) = (OsEntropy.secret(), self.registry.clock().now());
        let step = self.sign_in.begin(issuer, back, random, now);
        Ok(step.map_or_else(no_issuer, |step| go(&step)))
    }

    /// Signs in with the API key of a form.
    async fn with_key(
        &self,
        request: &Parts,
        body: Body,
        held: &Held,
    ) -> Result<Response<Body>, Error> {
        if !self.sign_in.is_same_origin(&request.headers) {
            return Err(Error::CrossSite);
        }
        let invalid = Error::Unauthenticated(Unauthenticated::Invalid);
        let fields = receive::form(&request.headers, body, held).await;
        let fields = fields.map_err(|_| invalid.clone())?;
        let given = |name: &str| {
            let found = fields.iter().find(|(it, _)| it == name);
            found.map_or("", |(_, value)| value.trim())
        };
        let back = self.sign_in.local(given(RETURN))?;
        let key = given(KEY);
        let presented = HeaderValue::try_from(format!("Bearer {key}")).ok();
        let Some(mut presented) = presented.filter(|_| key_id(key).is_some()) else {
            return Err(invalid);
        };
        presented.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, presented)]);
        let wrong = |id: &str| held.present_wrong_key(id);
        let (connection, who) = (held.connection(), held.who());
        let identified = self
            .identifier
            .identify(&headers, None, connection, &who, wrong);
        let Caller::Known(known) = identified.await?.caller else {
            return Err(invalid);
        };
        let Some(key) = known.credential.api_key() else {
            return Err(invalid);
        };
        let step = self
            .sign_in
            .with_key(key, back, self.registry.clock().now());
        tracing::info!(principal = %known.person.principal, "a browser signed in by a key");
        step.map_or(Err(invalid), |step| Ok(go(&step)))
    }

    async fn callback(
        &self,
        issuer: &str,
        request: &Parts,
        held: &Held,
    ) -> Result<Response<Body>, Error> {
        let now = || self.registry.clock().now();
        let query = request.uri.query().unwrap_or_default();
        let answered = self
            .sign_in
            .answered(issuer, query, &request.headers, now());
        let Some(answered) = answered else {
            return Ok(no_issuer());
        };
        let answered = answered.map_err(Error::Unauthenticated)?;
        held.work(EXCHANGE_CALLS)?;
        let place = self.exchanges.take(held.who(), 1)?;
        let token = self.sign_in.exchange(&answered).await?;
        let step = self.sign_in.complete(&answered, &token, now()).await?;
        drop(place);
        tracing::info!(issuer, "a browser signed in");
        Ok(go(&step))
    }

    fn sign_out(&self, request: &Parts) -> Result<Response<Body>, Error> {
        if !self.sign_in.is_same_origin(&request.headers) {
            return Err(Error::CrossSite);
        }
        Ok(go(&Step {
            location: SIGN_IN.to_owned(),
            cookies: vec![signed_out()],
        }))
    }
}

fn html(code: StatusCode, page: String) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(Bytes::from(page))));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    harden(headers);
    let text = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(CONTENT_TYPE, text);
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    // the URL of a callback has a code
    let none = HeaderValue::from_static("no-referrer");
    headers.insert(REFERRER_POLICY, none);
    response
}

/// A page with a form. With `no-referrer` a browser would not say which origin sends it.
fn form(page: String) -> Response<Body> {
    let mut response = html(StatusCode::OK, page);
    let own = HeaderValue::from_static("same-origin");
    response.headers_mut().insert(REFERRER_POLICY, own);
    response
}

fn go(step: &Step) -> Response<Body> {
    let mut response = html(StatusCode::SEE_OTHER, String::new());
    // both are made of what a header may have; one that is not leads nowhere
    if let Ok(location) = HeaderValue::from_str(&step.location) {
        response.headers_mut().insert(LOCATION, location);
    }
    for cookie in &step.cookies {
        set_cookie(&mut response, cookie);
    }
    response
}

fn set_cookie(response: &mut Response<Body>, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

fn no_issuer() -> Response<Body> {
    html(StatusCode::NOT_FOUND, sign_in_page::no_issuer())
}

fn failed(error: Error) -> Response<Body> {
    let code = match &error {
        Error::Invalid(_) => StatusCode::BAD_REQUEST,
        Error::Unauthenticated(_) | Error::CrossSite => StatusCode::FORBIDDEN,
        Error::Exhausted { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = html(code, sign_in_page::failed(&error));
    if code == StatusCode::TOO_MANY_REQUESTS || code == StatusCode::SERVICE_UNAVAILABLE {
        let later = HeaderValue::from_static("1");
        response.headers_mut().insert(RETRY_AFTER, later);
    }
    // counted like other refusals
    response.extensions_mut().insert(Refused(status(error)));
    response
}
