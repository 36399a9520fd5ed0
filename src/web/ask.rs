//! The calls that a page is made of: by its caller, on one revision, for one day. The first is paid
//! with the request of the page; each more costs as much as a call.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::future::Either;
use http::{
    Extensions, HeaderMap, HeaderName, Request, Response, StatusCode,
    header::{ACCEPT_LANGUAGE, AUTHORIZATION, HeaderValue},
    request::Parts,
    uri::PathAndQuery,
};
use prost::Message;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::Value;
use tonic::{Status, body::Body};
use tonic_types::{LocalizedMessage, StatusExt as _};
use tower::Service;

use super::{
    Dashboard, Grpc,
    address::{Address, Known},
    as_of,
    forms::Binding,
    words::{Lang, read},
};
use crate::{
    admission::held::{Held, Kept},
    call::{Call, identity::Session, metadata::NDP_ACTOR},
    http::{body::scanned, http_status},
    pb::{
        self, access_service_client::AccessServiceClient,
        catalogue_service_client::CatalogueServiceClient,
        change_service_client::ChangeServiceClient,
        indicator_service_client::IndicatorServiceClient,
        integration_service_client::IntegrationServiceClient,
        monitoring_service_client::MonitoringServiceClient, plan_service_client::PlanServiceClient,
        recommendation_service_client::RecommendationServiceClient,
        task_service_client::TaskServiceClient,
    },
    wire::{
        descriptors::{PACKAGE, POOL},
        dynamic::Dynamic,
        status::status,
        values,
    },
};
use ndp_core::{
    change::At,
    names::Revision,
    seal::SealKey,
    time::{Date, Timestamp},
};

/// The reason of a form of another session, which no call gives.
pub(super) const NOT_OF_SESSION: &str = "FORM_NOT_OF_SESSION";

/// Why there is no page.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) code: StatusCode,
    /// The stable reason, where a call gave one.
    pub(super) reason: String,
    vietnamese: String,
    english: String,
    pub(super) fields: Vec<Wrong>,
}

/// A field and what is wrong with it.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    pub(super) field: String,
    pub(super) vietnamese: String,
    pub(super) english: String,
}

impl Wrong {
    /// What is wrong, in one text.
    pub(super) fn text(&self, lang: Lang) -> &str {
        lang.either(&self.vietnamese, &self.english, "")
    }
}

impl Failed {
    fn new(code: StatusCode, vietnamese: &str, english: &str) -> Self {
        Self {
            code,
            reason: String::new(),
            vietnamese: vietnamese.to_owned(),
            english: english.to_owned(),
            fields: Vec::new(),
        }
    }

    /// What is wrong, in one text.
    pub(super) fn text(&self, lang: Lang) -> &str {
        lang.either(&self.vietnamese, &self.english, "")
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "", "")
    }

    pub(super) fn date() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "`date` phải là một ngày viết theo dạng 2026-09-30.",
            "`date` must be a day, written as 2026-09-30.",
        )
    }

    pub(super) fn known() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "`known` phải là số của một phiên bản, như 1200, hoặc thời điểm, như \
             2026-09-30T02:00:00Z.",
            "`known` must be the number of a revision, as 1200, or a time, as \
             2026-09-30T02:00:00Z.",
        )
    }

    pub(super) fn sign_in() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "Việc này cần đăng nhập.",
            "This takes someone who is signed in.",
        )
    }

    pub(super) fn denied(vietnamese: &str, english: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, vietnamese, english)
    }

    pub(super) fn not_of_session() -> Self {
        let failed = Self::denied(
            "Biểu mẫu này được mở ở phiên đăng nhập khác nên chưa có gì được ghi.",
            "The form was opened in another session, so nothing was written.",
        );
        Self {
            reason: NOT_OF_SESSION.to_owned(),
            ..failed
        }
    }

    pub(super) fn conflict(vietnamese: &str, english: &str) -> Self {
        Self::new(StatusCode::CONFLICT, vietnamese, english)
    }

    /// Whether the same request may succeed a moment later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.code.as_u16(), 429 | 503 | 504)
    }
}

impl From<Status> for Failed {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let fields = details.bad_request().map(|it| &it.field_violations);
        let localized = |text: Option<&LocalizedMessage>| {
            text.map_or_else(String::new, |it| it.message.clone())
        };
        let fields = fields.into_iter().flatten().map(|it| Wrong {
            field: it.field.clone(),
            vietnamese: localized(it.localized_message.as_ref()),
            english: it.description.clone(),
        });
        Self {
            code: http_status(&status),
            reason: details.error_info().map_or("", |it| &it.reason).to_owned(),
            vietnamese: localized(details.localized_message()),
            english: status.message().to_owned(),
            fields: fields.collect(),
        }
    }
}

/// Who reads; nobody is signed in where `principal` is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Reader {
    pub(super) principal: String,
}

/// The calls of one page.
pub(super) struct Ask {
    pub(super) address: Address,
    pub(super) caller: Reader,
    pub(super) synthetic: bool,
    pub(super) revision: i64,
    within: Within,
    /// What forms are sealed with, and the session of the caller, if it has one.
    form_key: SealKey,
    session: Option<[u8; 32]>,
    held: Arc<Held>,
    kept: Mutex<Vec<Kept>>,
    at: At,
    /// The day of the revision that is read.
    read_date: Date,
    /// Whether a call took the day that the address asks for.
    dated: AtomicBool,
}

impl Ask {
    pub(super) fn new(
        pages: &Dashboard,
        request: &Parts,
        held: &Arc<Held>,
        address: Address,
        now: Timestamp,
    ) -> Self {
        let mut headers = HeaderMap::new();
        let language = HeaderValue::from_static(address.lang.tag());
        headers.insert(ACCEPT_LANGUAGE, language);
        let traceparent = HeaderName::from_static("traceparent");
        for name in [AUTHORIZATION, traceparent, NDP_ACTOR.clone()] {
            if let Some(value) = request.headers.get(&name) {
                headers.insert(name, value.clone());
            }
        }
        let at = as_of(address.known);
        Self {
            address,
            caller: Reader::default(),
            synthetic: false,
            revision: 0,
            within: Within {
                grpc: pages.grpc.clone(),
                headers,
                extensions: request.extensions.clone(),
                held: Arc::clone(held),
                paid: Arc::new(AtomicBool::new(true)),
            },
            form_key: pages.registry.cookie_key().clone(),
            session: request.extensions.get::<Session>().map(|it| it.id),
            held: Arc::clone(held),
            kept: Mutex::default(),
            at,
            read_date: now.date_in_vietnam(),
            dated: AtomicBool::new(false),
        }
    }

    /// Settles what the page is made of. The caller's own snapshot serves all calls of a page; one
    /// that is not known yet is identified first, and its page is of the revision of that answer.
    pub(super) async fn begin(&mut self, call: Option<&Call>) -> Result<(), Failed> {
        if let Some(call) = call {
            let person = call.caller.person();
            self.caller.principal = person.map_or_else(String::new, |it| it.principal.to_string());
            self.synthetic = call.state().is_synthetic();
            self.revision = call.snapshot.state.revision().get();
        } else {
            let request = pb::IdentifyCallerRequest::default();
            let mut access = AccessServiceClient::new(self.within.clone());
            let identified = self.get(access.identify_caller(request)).await?;
            self.caller.principal = identified.principal;
            self.revision = identified.revision;
            if self.at == At::Now {
                self.at = Revision::new(identified.revision).map_or(At::Now, At::Revision);
            }
        }
        if self.at != At::Now {
            // the cheapest answer that says its day and its revision
            let request = pb::ComputeConnectionsRequest {
                read_revision: self.at_revision(),
                read_time: self.time(),
                ..Default::default()
            };
            let answer = self
                .get(self.monitoring().compute_connections(request))
                .await?;
            self.revision = answer.revision;
            self.synthetic |= answer.synthetic;
            self.read_date = read(answer.effective_date).unwrap_or(self.read_date);
        }
        Ok(())
    }

    /// Lets the calls from now on read the newest data. Those before read what was newest when the
    /// request came.
    pub(super) fn look_again(&mut self) {
        self.within.extensions.remove::<Call>();
    }

    pub(super) const fn lang(&self) -> Lang {
        self.address.lang
    }

    /// The day that the page is of: the one asked for, where its calls take one.
    pub(super) fn date(&self) -> Date {
        let asked = self.address.date.filter(|_| self.is_dated());
        asked.unwrap_or(self.read_date)
    }

    /// Whether the page answers for the day that is asked for. Asked when the page is made.
    pub(super) fn is_dated(&self) -> bool {
        self.dated.load(Ordering::Relaxed)
    }

    /// The day of what is read, which records and their standings are of, whatever day the address
    /// asks for.
    pub(super) const fn read_date(&self) -> Date {
        self.read_date
    }

    /// The day that the address asks for, as it writes it.
    pub(super) fn asked_date(&self) -> String {
        let asked = self.address.date;
        asked.map_or_else(String::new, |it| it.to_string())
    }

    /// `effective_date` of a call. A page that uses it answers for the day that is asked for.
    pub(super) fn effective_date(&self) -> Option<pb::Date> {
        self.dated.store(true, Ordering::Relaxed);
        values::write_date(Some(self.date()))
    }

    /// Whether the page stays as it is whatever is recorded later.
    pub(super) const fn is_pinned(&self) -> bool {
        matches!(
            self.address.known,
            Some(Known::Revision(_) | Known::Time(_))
        )
    }

    /// `read_revision` of a call.
    pub(super) fn at_revision(&self) -> i64 {
        match self.at {
            At::Revision(revision) => revision.get(),
            At::Now | At::Time(_) => 0,
        }
    }

    /// `read_time` of a call.
    pub(super) fn time(&self) -> Option<prost_types::Timestamp> {
        match self.at {
            At::Time(time) => Some(values::write_timestamp(time)),
            At::Now | At::Revision(_) => None,
        }
    }

    /// The answer of a call. Its bytes are charged until the page is made.
    pub(super) async fn get<T: Message>(
        &self,
        call: impl Future<Output = Result<tonic::Response<T>, Status>>,
    ) -> Result<T, Failed> {
        let answer = call.await?.into_inner();
        self.keep(answer.encoded_len())?;
        Ok(answer)
    }

    fn keep(&self, bytes: usize) -> Result<(), Failed> {
        let kept = self.held.keep(bytes).map_err(status)?;
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(kept);
        Ok(())
    }

    /// The answer of any method, by its name and a request in JSON.
    pub(super) async fn call(&self, name: &str, request: &Value) -> Result<DynamicMessage, Failed> {
        let request = message(name, request)?;
        let output = method(name).ok_or_else(Failed::not_found)?.output();
        let path = PathAndQuery::try_from(format!("/{PACKAGE}.{name}"));
        let path = path.map_err(|_| Failed::not_found())?;
        let mut client = tonic::client::Grpc::new(self.within.clone());
        client.ready().await.unwrap_or_else(|never| match never {});
        let calling = client.unary(tonic::Request::new(request), path, Dynamic(output));
        let answer = calling.await?.into_inner();
        self.keep(answer.encoded_len())?;
        Ok(answer)
    }

    /// What binds a form of this page to who opened it.
    pub(super) fn binding(&self) -> Binding<'_> {
        let principal = self.caller.principal.as_bytes();
        Binding {
            key: &self.form_key,
            of: self
                .session
                .as_ref()
                .map_or(principal, <[u8; 32]>::as_slice),
        }
    }

    pub(super) fn access(&self) -> AccessServiceClient<Within> {
        AccessServiceClient::new(self.within.clone())
    }

    pub(super) fn catalogue(&self) -> CatalogueServiceClient<Within> {
        CatalogueServiceClient::new(self.within.clone())
    }

    pub(super) fn changes(&self) -> ChangeServiceClient<Within> {
        ChangeServiceClient::new(self.within.clone())
    }

    pub(super) fn indicators(&self) -> IndicatorServiceClient<Within> {
        IndicatorServiceClient::new(self.within.clone())
    }

    pub(super) fn integration(&self) -> IntegrationServiceClient<Within> {
        IntegrationServiceClient::new(self.within.clone())
    }

    pub(super) fn monitoring(&self) -> MonitoringServiceClient<Within> {
        MonitoringServiceClient::new(self.within.clone())
    }

    pub(super) fn plans(&self) -> PlanServiceClient<Within> {
        PlanServiceClient::new(self.within.clone())
    }

    pub(super) fn recommendations(&self) -> RecommendationServiceClient<Within> {
        RecommendationServiceClient::new(self.within.clone())
    }

    pub(super) fn tasks(&self) -> TaskServiceClient<Within> {
        TaskServiceClient::new(self.within.clone())
    }

    /// What the agencies, platforms, programmes and editions among these resources are called; an
    /// edition by the symbol of its decision, because two may have one title.
    pub(super) async fn names<'a>(
        &self,
        resources: impl IntoIterator<Item = &'a str>,
    ) -> Result<Names, Failed> {
        let resources: BTreeSet<_> = resources.into_iter().collect();
        let mut names = BTreeMap::new();
        macro_rules! look_up {
            ($kind:literal, $service:ident.$list:ident, $request:expr, $records:ident) => {{
                let of_kind = resources.iter().filter(|it| it.starts_with($kind)).copied();
                let mut found = Vec::new();
                for some in of_kind.collect::<Vec<_>>().chunks(NAMES_OF_CALL) {
                    let mut request = $request;
                    request.page_size = 1000;
                    request.filter = named(some);
                    request.read_revision = self.at_revision();
                    request.read_time = self.time();
                    found.extend(self.get(self.$service().$list(request)).await?.$records);
                }
                found.into_iter()
            }};
        }
        let request = pb::ListAgenciesRequest::default();
        let agencies = look_up!(
            "agencies/",
            catalogue.list_agencies,
            request.clone(),
            agencies
        );
        names.extend(agencies.map(|it| (it.name, (it.display_name, it.display_name_en))));
        let request = pb::ListPlatformsRequest {
            show_retired: true,
            ..Default::default()
        };
        let platforms = look_up!(
            "platforms/",
            catalogue.list_platforms,
            request.clone(),
            platforms
        );
        names.extend(platforms.map(|it| (it.name, (it.display_name, it.display_name_en))));
        let request = pb::ListProgrammesRequest::default();
        let programmes = look_up!(
            "programmes/",
            tasks.list_programmes,
            request.clone(),
            programmes
        );
        names.extend(programmes.map(|it| (it.name, (it.display_name, it.display_name_en))));
        let request = pb::ListEditionsRequest::default();
        let editions = look_up!(
            "editions/",
            catalogue.list_editions,
            request.clone(),
            editions
        );
        names.extend(editions.map(|it| {
            let symbol = it.decision.map_or(it.display_name, |it| it.symbol);
            (it.name, (symbol, String::new()))
        }));
        Ok(Names(names))
    }
}

/// A method by its name, as `TaskService/ReportTask`.
pub(super) fn method(name: &str) -> Option<MethodDescriptor> {
    let (service, method) = name.split_once('/')?;
    let service = POOL.get_service_by_name(&format!("{PACKAGE}.{service}"))?;
    service.methods().find(|it| it.name() == method)
}

/// The request of a method, from JSON.
pub(super) fn message(name: &str, request: &Value) -> Result<DynamicMessage, Failed> {
    let input = method(name).ok_or_else(Failed::not_found)?.input();
    Ok(scanned(&input, request.to_string().as_bytes())?)
}

/// Names that one call looks up: as many of the longest as a filter of 4,096 bytes has room for.
pub(super) const NAMES_OF_CALL: usize = 40;

/// The filter for the records with these names.
pub(super) fn named(resources: &[&str]) -> String {
    let filters = resources.iter().map(|it| format!("name = \"{it}\""));
    filters.collect::<Vec<_>>().join(" OR ")
}

/// What records are called, by their resource names.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, (String, String)>);

impl Names {
    /// The name in this language, else in the other one, else the id.
    pub(super) fn of<'a>(&'a self, resource: &'a str, lang: Lang) -> &'a str {
        let id = resource.rsplit('/').next().unwrap_or(resource);
        self.known(resource, lang).unwrap_or(id)
    }

    /// The name in this language, else in the other one, if the record has one.
    pub(super) fn known(&self, resource: &str, lang: Lang) -> Option<&str> {
        let (vietnamese, english) = self.0.get(resource)?;
        Some(lang.either(vietnamese, english, "")).filter(|it| !it.is_empty())
    }

    /// Adds what others are called.
    pub(super) fn join(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(super) fn add(&mut self, resource: &str, vietnamese: String, english: String) {
        self.0.insert(resource.to_owned(), (vietnamese, english));
    }
}

/// The services, called as the caller of a page.
#[derive(Clone)]
pub(super) struct Within {
    grpc: Grpc,
    headers: HeaderMap,
    extensions: Extensions,
    held: Arc<Held>,
    /// Whether the next call is paid already: the first of a page, with the page's request.
    paid: Arc<AtomicBool>,
}

impl Service<Request<Body>> for Within {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future =
        Either<Ready<Result<Response<Body>, Infallible>>, <Grpc as Service<Request<Body>>>::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.grpc.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if !self.paid.swap(false, Ordering::Relaxed)
            && let Err(error) = self.held.work(1)
        {
            return Either::Left(ready(Ok(status(error).into_http())));
        }
        for (name, value) in &self.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        *request.extensions_mut() = self.extensions.clone();
        Either::Right(self.grpc.call(request))
    }
}
