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
};
use prost::Message;
use tonic::{Status, body::Body};
use tonic_types::StatusExt as _;
use tower::Service;

use super::{
    Dashboard, Grpc,
    address::{Address, Known},
    as_of,
    words::{Lang, both, read},
};
use crate::{
    admission::held::{Held, Kept},
    call::{Call, metadata::NDP_ACTOR},
    http::http_status,
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
    wire::{status::status, values},
};
use ndp_core::{
    change::At,
    names::Revision,
    time::{Date, Timestamp},
};

/// Why there is no page.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) code: StatusCode,
    /// In the language of the page.
    pub(super) text: String,
    /// A field and what is wrong with it.
    pub(super) fields: Vec<(String, String)>,
}

impl Failed {
    fn asked(text: &str) -> Self {
        Self {
            code: StatusCode::BAD_REQUEST,
            text: text.to_owned(),
            fields: Vec::new(),
        }
    }

    pub(super) fn not_found() -> Self {
        Self {
            code: StatusCode::NOT_FOUND,
            ..Self::asked("")
        }
    }

    pub(super) fn date(lang: Lang) -> Self {
        Self::asked(lang.of_text(both(
            "`date` phải là một ngày viết theo dạng 2026-09-30.",
            "`date` must be a day, written as 2026-09-30.",
        )))
    }

    pub(super) fn known(lang: Lang) -> Self {
        Self::asked(lang.of_text(both(
            "`known` phải là số của một phiên bản, như 1200, hoặc thời điểm, như \
             2026-09-30T02:00:00Z.",
            "`known` must be the number of a revision, as 1200, or a time, as \
             2026-09-30T02:00:00Z.",
        )))
    }
}

impl From<Status> for Failed {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let fields = details.bad_request().map(|it| &it.field_violations);
        let fields = fields.into_iter().flatten().map(|it| {
            let text = it.description.clone();
            (it.field.clone(), text)
        });
        Self {
            code: http_status(&status),
            text: status.message().to_owned(),
            fields: fields.collect(),
        }
    }
}

/// Who reads.
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
    held: Arc<Held>,
    kept: Mutex<Vec<Kept>>,
    at: At,
    read_date: Date,
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
            let told = self.get(access.identify_caller(request)).await?;
            self.caller.principal = told.principal;
            self.revision = told.revision;
            if self.at == At::Now {
                self.at = Revision::new(told.revision).map_or(At::Now, At::Revision);
            }
        }
        if self.at != At::Now {
            // the cheapest answer that says its day and its revision
            let request = pb::ComputeConnectionsRequest {
                read_revision: self.at_revision(),
                read_time: self.time(),
                ..Default::default()
            };
            let told = self
                .get(self.monitoring().compute_connections(request))
                .await?;
            self.revision = told.revision;
            self.synthetic |= told.synthetic;
            self.read_date = read(told.effective_date).unwrap_or(self.read_date);
        }
        Ok(())
    }

    pub(super) const fn lang(&self) -> Lang {
        self.address.lang
    }

    /// The day that the page is of: the one asked for, where its calls take one.
    pub(super) fn date(&self) -> Date {
        let asked = self
            .address
            .date
            .filter(|_| self.dated.load(Ordering::Relaxed));
        asked.unwrap_or(self.read_date)
    }

    /// The same for a call.
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
        let kept = self.held.keep(answer.encoded_len()).map_err(status)?;
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(kept);
        Ok(answer)
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

    /// What the agencies and platforms with these resource names are called.
    pub(super) async fn names<'a>(
        &self,
        resources: impl IntoIterator<Item = &'a str>,
    ) -> Result<Names, Failed> {
        let resources: BTreeSet<_> = resources.into_iter().collect();
        let of = |kind: &str| -> Vec<_> {
            let those = resources.iter().filter(|it| it.starts_with(kind));
            those
                .take(NAMES_MAX)
                .map(|it| format!("name = \"{it}\""))
                .collect()
        };
        let mut names = BTreeMap::new();
        let agencies = of("agencies/");
        if !agencies.is_empty() {
            let request = pb::ListAgenciesRequest {
                page_size: 1000,
                filter: agencies.join(" OR "),
                read_revision: self.at_revision(),
                read_time: self.time(),
                ..Default::default()
            };
            let answer = self.get(self.catalogue().list_agencies(request)).await?;
            for agency in answer.agencies {
                let called = (agency.display_name, agency.display_name_en);
                names.insert(agency.name, called);
            }
        }
        let platforms = of("platforms/");
        if !platforms.is_empty() {
            let request = pb::ListPlatformsRequest {
                page_size: 1000,
                filter: platforms.join(" OR "),
                show_retired: true,
                read_revision: self.at_revision(),
                read_time: self.time(),
                ..Default::default()
            };
            let answer = self.get(self.catalogue().list_platforms(request)).await?;
            for platform in answer.platforms {
                let called = (platform.display_name, platform.display_name_en);
                names.insert(platform.name, called);
            }
        }
        Ok(Names(names))
    }
}

/// Most names that one page looks up: as many as a filter has room for.
const NAMES_MAX: usize = 50;

/// What records are called, by their resource names.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, (String, String)>);

impl Names {
    /// The name in this language, else the other one, else the id.
    pub(super) fn of<'a>(&'a self, resource: &'a str, lang: Lang) -> &'a str {
        let id = resource.rsplit('/').next().unwrap_or(resource);
        let Some((vietnamese, english)) = self.0.get(resource) else {
            return id;
        };
        lang.either(vietnamese, english, id)
    }
}

/// The services, called as the caller of a page.
#[derive(Clone)]
pub(super) struct Within {
    grpc: Grpc,
    headers: HeaderMap,
    extensions: Extensions,
    held: Arc<Held>,
    /// Whether the next call is paid already.
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
