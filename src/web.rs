//! The pages of the dashboard, on the port of the API: HTML made on the server, read by leaders,
//! agencies and the public.
//!
//! A page is made of calls of the services in this process, by the caller of the page, on one
//! revision and for one day: so what is charged, allowed and visible is decided where it is for
//! every call, and nothing is counted here. What a page says is escaped by the type of `maud`;
//! nothing runs in it but one script of this program, and it needs none.

mod about;
mod acts;
mod address;
mod agencies;
mod ask;
mod assets;
mod called;
mod changes;
mod comparison;
mod differences;
mod editions;
mod extent;
mod figures;
mod forms;
mod frame;
mod indicators;
mod integration;
mod leader;
mod lists;
mod parts;
mod picture;
mod plans;
mod platforms;
mod programmes;
mod recommendations;
mod search;
mod tasks;
mod weekly;
mod wording;
mod words;
mod work;

use std::{convert::Infallible, fmt, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
        LOCATION, REFERRER_POLICY, RETRY_AFTER, VARY,
    },
    request::Parts,
};
use http_body_util::Full;
use maud::Markup;
use sha2::{Digest as _, Sha256};
use tonic::body::Body;
use tower::util::BoxCloneSyncService;

use self::{
    address::{Address, Known},
    ask::{Ask, Failed},
    forms::Outcome,
    frame::Frame,
    parts::prose,
    words::Lang,
};
use crate::{
    admission::held::Held,
    call::Call,
    http::{
        compressed, harden, names_tag,
        pages::{Pages, PagesLayer},
        receive,
    },
    registry::Registry,
    sign_in::SignIn,
};
use ndp_core::{caller::Caller, change::At, hex};

/// The gRPC services, called in this process.
pub type Grpc = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// Longest query of an address, in bytes: a page token, and a filter.
const QUERY_BYTES_MAX: usize = 20 * 1024;

/// Only what this server serves is loaded, and nothing within a page runs or sets its style.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
     img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// The pages of the dashboard.
pub struct Dashboard {
    grpc: Grpc,
    registry: Registry,
    sign_in: SignIn,
}

impl fmt::Debug for Dashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dashboard")
    }
}

/// Pages made of calls of these services.
pub fn pages(grpc: Grpc, registry: &Registry, sign_in: &SignIn) -> PagesLayer<Dashboard> {
    PagesLayer::new(Dashboard {
        grpc,
        registry: registry.clone(),
        sign_in: sign_in.clone(),
    })
}

/// A page, by its path.
#[derive(Debug)]
pub enum Page {
    Asset(&'static assets::Asset),
    Leader,
    Agencies,
    Agency(String),
    Platforms,
    Platform(String),
    Tasks,
    Task(String),
    Indicators,
    Indicator(String),
    Editions,
    Edition(String),
    Recommendations,
    Recommendation(String),
    Programme(String),
    Figure(String),
    List(lists::List),
    Search,
    Changes,
    Change(String),
    About,
    Weekly,
    Work,
    Form(&'static acts::Act, String),
    /// A browser asked for a path that no page has.
    Missing,
}

impl Page {
    fn of(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        if let Some(asset) = assets::find(path) {
            return Some(Self::Asset(asset));
        }
        if let Some((act, name)) = acts::Act::find(path) {
            return Some(Self::Form(act, name.to_owned()));
        }
        let (first, id) = match path.split_once('/') {
            Some((_, "")) => return None,
            Some((first, id)) if !id.contains('/') => (first, Some(id.to_owned())),
            Some(_) => return None,
            None => (path, None),
        };
        Some(match (first, id) {
            ("", None) => Self::Leader,
            ("agencies", None) => Self::Agencies,
            ("agencies", Some(id)) => Self::Agency(id),
            ("platforms", None) => Self::Platforms,
            ("platforms", Some(id)) => Self::Platform(id),
            ("tasks", None) => Self::Tasks,
            ("tasks", Some(id)) => Self::Task(id),
            ("indicators", None) => Self::Indicators,
            ("indicators", Some(id)) => Self::Indicator(id),
            ("editions", None) => Self::Editions,
            ("editions", Some(id)) => Self::Edition(id),
            ("recommendations", None) => Self::Recommendations,
            ("recommendations", Some(id)) => Self::Recommendation(id),
            ("programmes", Some(id)) => Self::Programme(id),
            ("figures", Some(id)) => Self::Figure(id),
            ("search", None) => Self::Search,
            ("changes", None) => Self::Changes,
            ("changes", Some(id)) => Self::Change(id),
            ("about", None) => Self::About,
            ("weekly", None) => Self::Weekly,
            ("work", None) => Self::Work,
            (name, None) => Self::List(lists::List::of(name)?),
            _ => return None,
        })
    }
}

/// Beginnings of the paths of the API, which are never of a page.
const OTHERS: [&str; 4] = ["/v1/", "/openapi.json", "/ndp.", "/grpc."];

/// Whether a browser asks for a path that no page has.
fn is_lost(request: &Request<Body>) -> bool {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let accepts = request
        .headers()
        .get(ACCEPT)
        .and_then(|it| it.to_str().ok());
    let path = request.uri().path();
    reads
        && accepts.is_some_and(|it| it.contains("text/html"))
        && !OTHERS.iter().any(|it| path.starts_with(it))
}

/// A page that is made: its title, and its content.
struct Made {
    title: String,
    main: Markup,
}

impl Pages for Dashboard {
    type Page = Page;

    fn find(&self, request: &Request<Body>) -> Option<Page> {
        let path = request.uri().path();
        Page::of(path).or_else(|| is_lost(request).then_some(Page::Missing))
    }

    async fn answer(
        &self,
        page: Page,
        request: &Parts,
        body: Body,
        held: &Arc<Held>,
    ) -> Response<Body> {
        let mut response = match (&request.method, page) {
            (&Method::GET | &Method::HEAD, page) => self.get(page, request, held).await,
            (&Method::POST, Page::Form(act, name)) => {
                Box::pin(self.post(act, &name, request, body, held)).await
            }
            (_, page) => {
                let mut response = plain(StatusCode::METHOD_NOT_ALLOWED);
                let verbs = HeaderValue::from_static(match page {
                    Page::Form(..) => "GET, HEAD, POST",
                    _ => "GET, HEAD",
                });
                response.headers_mut().insert(ALLOW, verbs);
                response
            }
        };
        if request.method == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        response
    }
}

impl Dashboard {
    async fn get(&self, page: Page, request: &Parts, held: &Arc<Held>) -> Response<Body> {
        if let Page::Asset(asset) = page {
            return compressed(&request.headers, asset.response());
        }
        let query = request.uri.query().unwrap_or_default();
        if query.len() > QUERY_BYTES_MAX {
            return plain(StatusCode::URI_TOO_LONG);
        }
        let lang = Lang::of(query, &request.headers);
        let now = self.registry.clock().now();
        let address = match Address::read(request.uri.path(), query, lang) {
            Ok(address) => address,
            Err(failed) => {
                let address = Address::bare(request.uri.path(), lang);
                return self.failed(&Ask::new(self, request, held, address, now), &failed);
            }
        };
        if address.known == Some(Known::Now) {
            return see_other(&address.lasting(now));
        }
        if let Page::Form(act, name) = page {
            let address = Address::bare_like(&address);
            let ask = Ask::new(self, request, held, address, now);
            return Box::pin(self.form(ask, act, &name, request)).await;
        }
        let call = request.extensions.get::<Call>();
        let tag = call.map(|call| tag(call, request, lang, &now.date_in_vietnam().to_string()));
        let known: Vec<_> = request
            .headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .cloned()
            .collect();
        let bare = tag.as_ref().and_then(|tag| HeaderValue::from_str(tag).ok());
        if bare.as_ref().is_some_and(|tag| names_tag(&known, tag)) {
            let mut response = plain(StatusCode::NOT_MODIFIED);
            tagged(&mut response, tag);
            return response;
        }
        let mut ask = Ask::new(self, request, held, address, now);
        if let Err(failed) = ask.begin(call).await {
            return self.failed(&ask, &failed);
        }
        let made = match self.made(page, &ask).await {
            Ok(made) => forms::done(&ask).await.map(|notice| (made, notice)),
            Err(failed) => Err(failed),
        };
        match made {
            Ok((made, notice)) => {
                let mut frame = self.frame(&ask);
                frame.notice = notice.as_ref();
                let html = frame.page(&made.title, &made.main).into_string();
                let response = html_response(StatusCode::OK, html);
                // tagged afterwards: a response with a tag is not compressed
                let mut response = compressed(&request.headers, response);
                tagged(&mut response, tag);
                response
            }
            Err(failed) => self.failed(&ask, &failed),
        }
    }

    /// Shows a form.
    async fn form(
        &self,
        mut ask: Ask,
        act: &'static acts::Act,
        name: &str,
        request: &Parts,
    ) -> Response<Body> {
        let made = match ask.begin(request.extensions.get::<Call>()).await {
            Ok(()) => forms::page(&ask, act, name).await,
            Err(failed) => Err(failed),
        };
        match made {
            Ok(made) => self.still(&ask, StatusCode::OK, &made),
            Err(failed) => {
                let made = forms::failed(&ask, act, &failed).await;
                self.refused(&ask, &failed, &made)
            }
        }
    }

    /// Takes a form that is sent.
    async fn post(
        &self,
        act: &'static acts::Act,
        name: &str,
        request: &Parts,
        body: Body,
        held: &Arc<Held>,
    ) -> Response<Body> {
        let query = request.uri.query().unwrap_or_default();
        let lang = Lang::of(query, &request.headers);
        let path = request.uri.path();
        let address = Address::read(path, query, lang);
        let address = address.unwrap_or_else(|_| Address::bare(path, lang));
        let now = self.registry.clock().now();
        let mut ask = Ask::new(self, request, held, Address::bare_like(&address), now);
        let signed_out = match ask.begin(request.extensions.get::<Call>()).await {
            Ok(()) => ask.caller.principal.is_empty().then(Failed::sign_in),
            Err(failed) if failed.code == StatusCode::UNAUTHORIZED => Some(failed),
            Err(failed) => return self.failed(&ask, &failed),
        };
        let outcome = match receive::form(&request.headers, body, held).await {
            Err(status) => Err(status.into()),
            Ok(fields) => match signed_out {
                None => forms::posted(&mut ask, act, name, fields).await,
                // nothing that another site sent is shown
                Some(failed) if self.sign_in.is_same_origin(&request.headers) => {
                    Ok(forms::signed_out(&ask, act, name, fields, &failed))
                }
                Some(failed) => Err(failed),
            },
        };
        match outcome {
            Ok(Outcome::Page(code, made)) => self.still(&ask, code, &made),
            Ok(Outcome::Done(address)) => see_other(&address),
            Err(failed) => {
                let made = forms::failed(&ask, act, &failed).await;
                self.refused(&ask, &failed, &made)
            }
        }
    }

    /// A page that does not follow the log.
    fn still(&self, ask: &Ask, code: StatusCode, made: &Made) -> Response<Body> {
        let mut frame = self.frame(ask);
        frame.follows = false;
        html_response(code, frame.page(&made.title, &made.main).into_string())
    }

    /// The content of a page.
    async fn made(&self, page: Page, ask: &Ask) -> Result<Made, Failed> {
        match page {
            Page::Asset(_) | Page::Form(..) | Page::Missing => Err(Failed::not_found()),
            Page::Leader => Box::pin(leader::page(ask)).await,
            Page::Agencies => Box::pin(agencies::list(ask)).await,
            Page::Agency(id) => Box::pin(agencies::page(ask, &id)).await,
            Page::Platforms => Box::pin(platforms::list(ask)).await,
            Page::Platform(id) => Box::pin(platforms::page(ask, &id)).await,
            Page::Tasks => Box::pin(tasks::list(ask)).await,
            Page::Task(id) => Box::pin(tasks::page(ask, &id)).await,
            Page::Indicators => Box::pin(indicators::list(ask)).await,
            Page::Indicator(id) => Box::pin(indicators::page(ask, &id)).await,
            Page::Editions => Box::pin(editions::list(ask)).await,
            Page::Edition(id) => Box::pin(editions::page(ask, &id)).await,
            Page::Recommendations => Box::pin(recommendations::list(ask)).await,
            Page::Recommendation(id) => Box::pin(recommendations::page(ask, &id)).await,
            Page::Programme(id) => Box::pin(programmes::page(ask, &id)).await,
            Page::Figure(id) => Box::pin(figures::page(ask, &id)).await,
            Page::List(list) => Box::pin(lists::page(ask, list)).await,
            Page::Search => Box::pin(search::page(ask)).await,
            Page::Changes => Box::pin(changes::list(ask)).await,
            Page::Change(id) => Box::pin(changes::page(ask, &id)).await,
            Page::About => Ok(about::page(ask)),
            Page::Weekly => Box::pin(weekly::page(ask)).await,
            Page::Work => Box::pin(work::page(ask)).await,
        }
    }

    fn frame<'a>(&self, ask: &'a Ask) -> Frame<'a> {
        Frame {
            address: &ask.address,
            caller: &ask.caller,
            follows: !ask.is_pinned(),
            notice: None,
            synthetic: ask.synthetic,
            revision: ask.revision,
            date: ask.date(),
            dated: ask.is_dated(),
        }
    }

    /// The page that says why the page that was asked for cannot be shown.
    fn failed(&self, ask: &Ask, failed: &Failed) -> Response<Body> {
        self.refused(ask, failed, &frame::failed(&ask.address, failed, &prose))
    }

    fn refused(&self, ask: &Ask, failed: &Failed, made: &Made) -> Response<Body> {
        let mut response = self.still(ask, failed.code, made);
        if matches!(failed.code.as_u16(), 429 | 503) {
            let later = HeaderValue::from_static("1");
            response.headers_mut().insert(RETRY_AFTER, later);
        }
        response
    }
}

/// What an answer depends on: the log's position, the day, who reads with which key, the language,
/// the address, and the program itself.
fn tag(call: &Call, request: &Parts, lang: Lang, today: &str) -> String {
    let person = call.caller.person();
    let principal = person.as_ref().map_or("", |it| it.principal.as_str());
    let scope = match &call.caller {
        Caller::Known(known) => known.scope.as_ref().map(|it| format!("{it:?}")),
        Caller::Anonymous | Caller::System { .. } => None,
    };
    let address = request.uri.path_and_query().map_or("", |it| it.as_str());
    let mut hash = Sha256::new();
    for part in [
        env!("CARGO_PKG_VERSION"),
        assets::version(),
        &call.snapshot.position().to_string(),
        today,
        principal,
        &scope.unwrap_or_default(),
        lang.tag(),
        address,
    ] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let digest = hex::write(&digest);
    format!("\"{}\"", digest.get(..24).unwrap_or_default())
}

/// A tag is weak: the same page may be compressed or not.
fn tagged(response: &mut Response<Body>, tag: Option<String>) {
    let headers = response.headers_mut();
    let vary = HeaderValue::from_static("accept-encoding, accept-language, authorization, cookie");
    headers.insert(VARY, vary);
    let Some(tag) = tag else { return };
    if let Ok(tag) = HeaderValue::from_str(&format!("W/{tag}")) {
        headers.insert(ETAG, tag);
        let kept = HeaderValue::from_static("private, no-cache");
        headers.insert(CACHE_CONTROL, kept);
    }
}

fn plain(code: StatusCode) -> Response<Body> {
    html_response(code, String::new())
}

fn html_response(code: StatusCode, page: String) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(Bytes::from(page))));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    harden(headers);
    let opener = HeaderName::from_static("cross-origin-opener-policy");
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (REFERRER_POLICY, "same-origin"),
        (opener, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}

/// Leads to another address.
fn see_other(address: &str) -> Response<Body> {
    let mut response = plain(StatusCode::SEE_OTHER);
    if let Ok(address) = HeaderValue::from_str(address) {
        response.headers_mut().insert(LOCATION, address);
    }
    response
}

/// The state of knowledge that a page is of, as calls take it.
const fn as_of(known: Option<Known>) -> At {
    match known {
        None | Some(Known::Now) => At::Now,
        Some(Known::Revision(revision)) => At::Revision(revision),
        Some(Known::Time(time)) => At::Time(time),
    }
}
