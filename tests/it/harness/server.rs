//! The real server in this process: on an engine's database, on a free port, with a clock that
//! stands until a test moves it. Callers are made with their keys as a test asks for them.

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use ndp_core::{
    caller::Caller,
    names::{AgencyName, ApiKeyName, PrincipalName, Revision},
    records::principals::{ApiKeyFields, PrincipalFields, PrincipalKind, Role},
    rules::{
        AnyCommand, Ids, Request,
        principals::{CreateApiKey, CreatePrincipal},
    },
    time::{Clock, Timestamp},
};
use ndp_registry::{
    admission::who::Who,
    catalogue,
    config::{ServerOptions, Signing},
    pb::{
        access_service_client::AccessServiceClient,
        catalogue_service_client::CatalogueServiceClient,
        monitoring_service_client::MonitoringServiceClient, plan_service_client::PlanServiceClient,
    },
    registry::{
        Bounds, Entropy, Registry, WriterTask,
        authenticate::{KEY_ID_LENGTH, NewKey},
        entropy::OsEntropy,
        recent::Following,
    },
    server::{self, tls::Tls},
    store::Store,
    telemetry::metrics::Metrics,
};
use tokio::{sync::watch, task::JoinHandle};
use tonic::{
    metadata::AsciiMetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

use super::{BOUND, raw::Raw, tools::repository, until};

/// What a test's clock shows at first: 1 October 2026, nine in the morning in Vietnam.
pub(crate) const MORNING: &str = "2026-10-01T02:00:00Z";

/// A clock that is moved by hand.
#[derive(Debug)]
pub(crate) struct ManualClock {
    micros: AtomicI64,
    broken: AtomicBool,
    running: OnceLock<Instant>,
}

impl ManualClock {
    pub(crate) fn at(time: &str) -> Arc<Self> {
        Arc::new(Self {
            micros: AtomicI64::new(Timestamp::parse(time).unwrap().as_micros()),
            broken: AtomicBool::new(false),
            running: OnceLock::new(),
        })
    }

    /// The real time, for a log that the real binary writes too.
    pub(crate) fn real() -> Arc<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Arc::new(Self {
            micros: AtomicI64::new(i64::try_from(now.unwrap().as_micros()).unwrap()),
            broken: AtomicBool::new(false),
            running: OnceLock::from(Instant::now()),
        })
    }

    /// Moves it on, or back with a negative number.
    pub(crate) fn advance(&self, seconds: i64) {
        self.micros.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// Lets it run by itself, as it would have from this moment on.
    pub(crate) fn run(&self, since: Instant) {
        self.running.set(since).expect("it runs once");
    }

    /// Lets the next call that looks at it panic.
    pub(crate) fn break_once(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        // the writer looks at it four times a second: it is the next call that is to break
        let writers = std::thread::current().name() == Some("registry-writer");
        assert!(
            writers || !self.broken.swap(false, Ordering::SeqCst),
            "the clock is broken (planted)"
        );
        let passed = self.running.get().map(Instant::elapsed);
        let passed = i64::try_from(passed.unwrap_or_default().as_micros()).unwrap();
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst) + passed).unwrap()
    }
}

/// A caller apart from those of the test, at a documentation address.
pub(crate) fn elsewhere() -> &'static Who {
    static ELSEWHERE: LazyLock<Who> = LazyLock::new(|| Who::at(IpAddr::from([192, 0, 2, 1])));
    &ELSEWHERE
}

/// A file with a synthetic signing key.
fn signing_key() -> PathBuf {
    repository().join("tests/fixtures/signing-key")
}

/// What a server is started with, beside its database.
struct Setup {
    clock: Arc<ManualClock>,
    options: ServerOptions,
    bounds: Bounds,
    entropy: Box<dyn Entropy>,
    tls: Option<Tls>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            clock: ManualClock::at(MORNING),
            options: ServerOptions {
                signing: Signing {
                    keys: vec![signing_key()],
                    origin: None,
                },
                ..ServerOptions::default()
            },
            bounds: Bounds::default(),
            entropy: Box::new(OsEntropy),
            tls: None,
        }
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) address: String,
    pub(crate) store: Store,
    pub(crate) metrics: Metrics,
    channel: Channel,
    stop: watch::Sender<bool>,
    serving: JoinHandle<anyhow::Result<()>>,
    writer: WriterTask,
}

/// Puts a caller's metadata on every call.
#[derive(Clone, Default)]
pub(crate) struct As {
    authorization: Option<AsciiMetadataValue>,
    actor: Option<AsciiMetadataValue>,
    allows: Option<AsciiMetadataValue>,
}

impl Interceptor for As {
    fn call(
        &mut self,
        mut request: tonic::Request<()>,
    ) -> Result<tonic::Request<()>, tonic::Status> {
        if let Some(authorization) = &self.authorization {
            request
                .metadata_mut()
                .insert("authorization", authorization.clone());
        }
        if let Some(actor) = &self.actor {
            request.metadata_mut().insert("ndp-actor", actor.clone());
        }
        if let Some(allows) = &self.allows {
            let metadata = request.metadata_mut();
            metadata.insert("ndp-allow-personal-data", allows.clone());
        }
        Ok(request)
    }
}

impl As {
    /// With this API key.
    pub(crate) fn key(key: &str) -> Self {
        Self {
            authorization: Some(format!("Bearer {key}").parse().unwrap()),
            ..Self::default()
        }
    }

    /// What it sends as `authorization`.
    pub(crate) fn sent(&self) -> &str {
        let sent = self.authorization.as_ref().expect("it has a key");
        sent.to_str().unwrap()
    }

    /// The same, for a person that the system names.
    pub(crate) fn actor(&self, actor: &str) -> Self {
        Self {
            actor: Some(AsciiMetadataValue::try_from(actor.as_bytes()).unwrap()),
            ..self.clone()
        }
    }

    /// The same, letting personal data through for this reason.
    pub(crate) fn allowing(&self, why: &str) -> Self {
        Self {
            allows: Some(AsciiMetadataValue::try_from(why.as_bytes()).unwrap()),
            ..self.clone()
        }
    }

    /// With this value in `authorization`, valid or not.
    pub(crate) fn authorization(value: &str) -> Self {
        Self {
            authorization: Some(AsciiMetadataValue::try_from(value.as_bytes()).unwrap()),
            ..Self::default()
        }
    }
}

type Channelled = InterceptedService<Channel, As>;

/// Clients of all services as one caller.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) catalogue: CatalogueServiceClient<Channelled>,
    pub(crate) plans: PlanServiceClient<Channelled>,
    pub(crate) monitoring: MonitoringServiceClient<Channelled>,
    pub(crate) access: AccessServiceClient<Channelled>,
}

impl Clients {
    /// Clients of a caller, of a server wherever it runs.
    pub(crate) fn new(channel: &Channel, caller: As) -> Self {
        let channel = channel.clone();
        Self {
            catalogue: CatalogueServiceClient::with_interceptor(channel.clone(), caller.clone()),
            plans: PlanServiceClient::with_interceptor(channel.clone(), caller.clone()),
            monitoring: MonitoringServiceClient::with_interceptor(channel.clone(), caller.clone()),
            access: AccessServiceClient::with_interceptor(channel, caller),
        }
    }
}

impl Server {
    /// On an empty database, seeded with the opening edition.
    pub(crate) async fn start(url: &str) -> Self {
        Self::start_with(url, &[catalogue::OPENING_EDITION]).await
    }

    /// On an existing database, with the clock advanced by `seconds`.
    pub(crate) async fn start_later(url: &str, seconds: i64) -> Self {
        let clock = ManualClock::at(MORNING);
        clock.advance(seconds);
        let setup = Setup {
            clock,
            ..Setup::default()
        };
        Self::start_as(url, &[catalogue::OPENING_EDITION], setup).await
    }

    /// On an empty database, with the real time.
    pub(crate) async fn start_now(url: &str) -> Self {
        let setup = Setup {
            clock: ManualClock::real(),
            ..Setup::default()
        };
        Self::start_as(url, &[catalogue::OPENING_EDITION], setup).await
    }

    /// The same with the entries of these editions, where the database is empty.
    pub(crate) async fn start_with(url: &str, editions: &[&str]) -> Self {
        Self::start_as(url, editions, Setup::default()).await
    }

    /// The same with what the writer draws ids and salts from.
    pub(crate) async fn start_drawing(url: &str, entropy: Box<dyn Entropy>) -> Self {
        let setup = Setup {
            entropy,
            ..Setup::default()
        };
        Self::start_as(url, &[catalogue::OPENING_EDITION], setup).await
    }

    /// The same with these options.
    pub(crate) async fn start_allowing(
        url: &str,
        editions: &[&str],
        options: ServerOptions,
    ) -> Self {
        let setup = Setup {
            options,
            ..Setup::default()
        };
        Self::start_as(url, editions, setup).await
    }

    /// The same with TLS. Its own channel leads nowhere.
    pub(crate) async fn start_encrypted(url: &str, tls: Tls, options: ServerOptions) -> Self {
        let setup = Setup {
            options,
            tls: Some(tls),
            ..Setup::default()
        };
        Self::start_as(url, &[catalogue::OPENING_EDITION], setup).await
    }

    /// The same with other limits for those who follow the log.
    pub(crate) async fn start_following(
        url: &str,
        editions: &[&str],
        following: Following,
    ) -> Self {
        let bounds = Bounds {
            following,
            ..Bounds::default()
        };
        let setup = Setup {
            bounds,
            ..Setup::default()
        };
        Self::start_as(url, editions, setup).await
    }

    /// On an empty database, within these bounds.
    pub(crate) async fn start_within(url: &str, bounds: Bounds) -> Self {
        let setup = Setup {
            bounds,
            ..Setup::default()
        };
        Self::start_as(url, &[catalogue::OPENING_EDITION], setup).await
    }

    async fn start_as(url: &str, editions: &[&str], setup: Setup) -> Self {
        let Setup {
            clock,
            options,
            bounds,
            entropy,
            tls,
        } = setup;
        let store = Store::open(url, uuid::Uuid::new_v4()).await.unwrap();
        let started =
            Registry::start_within(store.clone(), Arc::clone(&clock) as _, entropy, bounds);
        let (registry, writer) = started.await.unwrap();
        registry
            .seed(catalogue::seed(editions.iter().copied()).unwrap())
            .await
            .unwrap();
        let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = watch::channel(false);
        let metrics = Metrics::default();
        let serving = server::serve_until(
            registry.clone(),
            listener,
            tls.clone(),
            options,
            metrics.clone(),
            stopped,
        );
        let serving = tokio::spawn(serving);
        // what it measures is there before a test looks
        let begun = async || metrics.encode().unwrap().contains("\nndp_ready ");
        until("the server has begun", begun).await;
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let channel = match tls {
            None => endpoint.connect().await.unwrap(),
            Some(_) => endpoint.connect_lazy(),
        };
        Self {
            registry,
            clock,
            address,
            store,
            metrics,
            channel,
            stop,
            serving,
            writer,
        }
    }

    /// Clients of a caller.
    pub(crate) fn clients(&self, caller: As) -> Clients {
        Clients::new(&self.channel, caller)
    }

    /// Clients without credentials.
    pub(crate) fn anonymous(&self) -> Clients {
        self.clients(As::default())
    }

    /// A client of all methods by their names, as a caller.
    pub(crate) fn raw(&self, caller: As) -> Raw {
        Raw::new(InterceptedService::new(self.channel.clone(), caller))
    }

    /// A channel for a client of any service, as a caller.
    pub(crate) fn intercepted(&self, caller: As) -> InterceptedService<Channel, As> {
        InterceptedService::new(self.channel.clone(), caller)
    }

    /// Makes a person with roles, within an agency where one is given; answers how to call as it.
    pub(crate) async fn person(&self, id: &str, roles: &[Role], agency: Option<&str>) -> As {
        self.principal(id, PrincipalKind::Person, roles, agency)
            .await
    }

    /// Makes a principal and a key for it, as the command line does.
    pub(crate) async fn principal(
        &self,
        id: &str,
        kind: PrincipalKind,
        roles: &[Role],
        agency: Option<&str>,
    ) -> As {
        let name = PrincipalName::from_id(id).unwrap();
        let fields = PrincipalFields {
            display_name: format!("{id} (synthetic)"),
            kind,
            agency: agency.map(|agency| AgencyName::from_id(agency).unwrap()),
            roles: roles.to_vec(),
            ..PrincipalFields::default()
        };
        self.as_system(Box::new(CreatePrincipal {
            name: Some(name.clone()),
            fields,
        }))
        .await;
        let key_id = OsEntropy.id(KEY_ID_LENGTH);
        let key = NewKey::random(&key_id);
        let name = ApiKeyName::from_id(&name, &key_id).unwrap();
        let fields = ApiKeyFields::default();
        self.as_system(Box::new(CreateApiKey {
            name,
            id_chosen: false,
            fields,
            ttl: None,
            hash: key.hash,
        }))
        .await;
        As::key(&key.secret)
    }

    /// Has a command written as the registry itself.
    pub(crate) async fn as_system(&self, command: Box<dyn AnyCommand>) -> Revision {
        let request = Request {
            command,
            request_id: None,
            reason: String::new(),
        };
        let caller = Caller::System { actor: None };
        self.registry
            .submit(caller, request)
            .await
            .unwrap()
            .revision
    }

    /// Waits until it knows a revision after this one.
    pub(crate) async fn moved_on(&self, from: Revision) {
        let mut revisions = self.registry.revisions();
        let moved = revisions.wait_for(|revision| *revision > from);
        let moved = tokio::time::timeout(BOUND, moved).await;
        drop(moved.expect("nothing was written").unwrap());
    }

    /// Stops it and waits until everything it began has ended.
    pub(crate) async fn stop(self) {
        let Self {
            registry,
            store,
            channel,
            stop,
            serving,
            writer,
            ..
        } = self;
        drop(channel);
        stop.send_replace(true);
        let ended = tokio::time::timeout(Duration::from_secs(10), async {
            serving.await.unwrap().unwrap();
            // as the process does: the page of metrics still holds a handle
            registry.close();
            writer.await.unwrap().unwrap();
            store.close().await;
        });
        ended.await.expect("the server did not stop in time");
    }
}
