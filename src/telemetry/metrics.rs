//! The metrics of this process, in the OpenMetrics text that Prometheus reads.
//!
//! Calls are counted under the names that gRPC servers in other languages use. Labels take their
//! values from the protos and from lists in the code, never from a request, so that no caller can
//! make the page grow. The cost per call is a look-up and a few atomic additions.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use prometheus_client::{
    collector::Collector,
    metrics::{counter::Counter, family::Family, histogram::Histogram, info::Info},
    registry::Registry,
};

use tonic::Status;
use tonic_types::StatusExt;

use crate::wire::methods::{METHODS, Method};
use ndp_core::{
    error::Error,
    limits::{Limit, Scope},
    reasons,
};

/// Media type of the page.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the histogram of calls, in seconds: a read takes tens of microseconds, a write
/// some commits.
const SECONDS: [f64; 15] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    10.0,
];

/// gRPC codes by their numbers, as the metrics of other gRPC servers write them.
const CODES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

type Labels<const N: usize> = [(&'static str, String); N];

/// The metrics. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Mutex<Registry>,
    calls: Calls,
    methods: HashMap<String, MethodMetrics>,
    unknown: MethodMetrics,
    refusals: Family<Labels<2>, Counter>,
    replaced: Counter,
}

/// Families of the metrics of calls.
#[derive(Clone, Debug)]
struct Calls {
    started: Family<Labels<3>, Counter>,
    handled: Family<Labels<4>, Counter>,
    received: Family<Labels<3>, Counter>,
    sent: Family<Labels<3>, Counter>,
    seconds: Family<Labels<3>, Histogram, fn() -> Histogram>,
}

/// The metrics of one method; it appears on the page with its first call.
struct MethodMetrics {
    method: Method,
    handles: OnceLock<Arc<Handles>>,
}

/// The metrics of one method that was called, looked up once.
pub struct Handles {
    calls: Calls,
    method: Method,
    streams: bool,
    stays_open: bool,
    transfers: bool,
    answers_lists: bool,
    started: Counter,
    handled: [OnceLock<Counter>; CODES.len()],
    received: Counter,
    sent: Counter,
    seconds: Histogram,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl fmt::Debug for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handles")
            .field("method", &self.method.path())
            .finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let calls = Calls {
            started: Family::default(),
            handled: Family::default(),
            received: Family::default(),
            sent: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
        };
        let refusals = Family::default();
        let replaced = Counter::default();
        let mut registry = Registry::default();
        let version = env!("CARGO_PKG_VERSION");
        let info = Info::new(vec![("version", version)]);
        registry.register("ndp_build", "the program that runs", info);
        registry.register("grpc_server_started", "calls begun", calls.started.clone());
        registry.register("grpc_server_handled", "calls ended", calls.handled.clone());
        registry.register(
            "grpc_server_msg_received",
            "messages received",
            calls.received.clone(),
        );
        registry.register("grpc_server_msg_sent", "messages sent", calls.sent.clone());
        registry.register(
            "grpc_server_handling_seconds",
            "time from a call's request to its answer, of a stream to its end",
            calls.seconds.clone(),
        );
        registry.register(
            "ndp_refusals",
            "calls, streams and connections refused, ended or held back by a limit",
            Family::clone(&refusals),
        );
        registry.register(
            "ndp_connections_replaced",
            "connections closed to make room for a newer one of the same address",
            replaced.clone(),
        );
        registry.register(
            "ndp_log_lines_dropped",
            "lines of the log that were dropped, for standard error was not read",
            super::lines::dropped(),
        );
        let methods = METHODS.iter().map(|method| {
            let metrics = MethodMetrics {
                method: method.clone(),
                handles: OnceLock::new(),
            };
            (method.path(), metrics)
        });
        let unknown = MethodMetrics {
            method: Method {
                service: "unknown".to_owned(),
                name: "unknown".to_owned(),
                full_name: "unknown/unknown".to_owned(),
                kind: "unary",
                is_standard: false,
                writes: false,
            },
            handles: OnceLock::new(),
        };
        Self(Arc::new(Inner {
            registry: Mutex::new(registry),
            methods: methods.collect(),
            unknown,
            calls,
            refusals,
            replaced,
        }))
    }
}

impl Metrics {
    /// The page as it is now.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        self.with(|registry| prometheus_client::encoding::text::encode(&mut page, registry))?;
        Ok(page)
    }

    /// Adds a metric that is counted elsewhere.
    pub fn add(&self, name: &str, help: &str, metric: impl prometheus_client::registry::Metric) {
        self.with(|registry| registry.register(name, help, metric));
    }

    /// Adds metrics that are looked up when the page is read.
    pub fn collect(&self, collector: impl Collector) {
        self.with(|registry| registry.register_collector(Box::new(collector)));
    }

    fn with<T>(&self, with: impl FnOnce(&mut Registry) -> T) -> T {
        with(
            &mut self
                .0
                .registry
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// The metrics of the method at a path. All unknown methods share one set.
    pub fn method(&self, path: &str) -> &Arc<Handles> {
        let found = self.0.methods.get(path).unwrap_or(&self.0.unknown);
        found
            .handles
            .get_or_init(|| Arc::new(Handles::new(&self.0.calls, &found.method)))
    }

    /// Counts a refusal by a limit.
    pub fn refused(&self, limit: Limit, scope: Scope) {
        self.count_refusal(limit.name(), scope.name());
    }

    /// Counts a refusal, if the error is one by a limit.
    pub fn refused_for(&self, error: &Error) {
        if let Error::Exhausted { limit, scope, .. } = error {
            self.refused(*limit, *scope);
        }
    }

    /// Counts a connection that was closed to make room for a newer one of the same address.
    pub fn replaced(&self) {
        self.0.replaced.inc();
    }

    /// Counts that a connection is not read for a while, because its client sends too much beside
    /// its calls.
    pub fn held_back(&self) {
        self.count_refusal("frames", "caller");
    }

    /// Counts a refusal, if the status is RESOURCE_EXHAUSTED, by its error details.
    pub fn refused_by(&self, status: &Status) {
        if status.code() != tonic::Code::ResourceExhausted {
            return;
        }
        let info = status.get_details_error_info();
        let said = |key| info.as_ref().and_then(|info| info.metadata.get(key));
        let limit =
            said("limit").and_then(|name| Limit::ALL.into_iter().find(|it| it.name() == name));
        let scope = match said("scope").map(String::as_str) {
            Some("caller") => Scope::Caller,
            _ => Scope::All,
        };
        match (limit, info.as_ref().map(|info| info.reason.as_str())) {
            (Some(limit), _) => self.refused(limit, scope),
            (None, Some(it)) if it == reasons::MESSAGE_TOO_LARGE.name() => {
                self.count_refusal("message_bytes", "caller")
            }
            (None, Some(it)) if it == reasons::READER_STALLED.name() => {
                self.count_refusal("time_to_read", "caller")
            }
            (None, _) => self.count_refusal("other", "all"),
        }
    }

    fn count_refusal(&self, limit: &str, scope: &str) {
        let labels = [("limit", limit.to_owned()), ("scope", scope.to_owned())];
        self.0.refusals.get_or_create(&labels).inc();
    }
}

impl Handles {
    fn new(calls: &Calls, method: &Method) -> Self {
        let labels = labels(method);
        Self {
            calls: calls.clone(),
            method: method.clone(),
            streams: method.streams(),
            stays_open: method.stays_open(),
            transfers: method.transfers(),
            answers_lists: method.answers_lists(),
            started: calls.started.get_or_create_owned(&labels),
            handled: [const { OnceLock::new() }; CODES.len()],
            received: calls.received.get_or_create_owned(&labels),
            sent: calls.sent.get_or_create_owned(&labels),
            seconds: calls.seconds.get_or_create_owned(&labels),
        }
    }

    /// Whether its messages stream.
    pub const fn streams(&self) -> bool {
        self.streams
    }

    /// Whether a call stays open for as long as its client likes.
    pub const fn stays_open(&self) -> bool {
        self.stays_open
    }

    /// Whether it moves a file of records.
    pub const fn transfers(&self) -> bool {
        self.transfers
    }

    /// Whether its answer holds many records.
    pub const fn answers_lists(&self) -> bool {
        self.answers_lists
    }

    /// Its name with that of its service.
    pub fn path(&self) -> String {
        let path = self.method.path();
        path.trim_start_matches('/').to_owned()
    }

    /// A call has begun.
    pub fn started(&self) {
        self.started.inc();
        if !self.streams() {
            self.received.inc();
        }
    }

    /// Counts messages that were received or sent on a stream.
    pub fn messages(&self, received: u64, sent: u64) {
        if received > 0 {
            self.received.inc_by(received);
        }
        if sent > 0 {
            self.sent.inc_by(sent);
        }
    }

    /// A call has ended, with this code.
    pub fn handled(&self, code: tonic::Code, took: Duration) {
        let number = code as usize;
        let counter = self.handled.get(number).map(|counter| {
            counter.get_or_init(|| {
                let [kind, service, name] = labels(&self.method);
                let code = CODES.get(number).copied().unwrap_or("Unknown");
                let labels = [kind, service, name, ("grpc_code", code.to_owned())];
                self.calls.handled.get_or_create_owned(&labels)
            })
        });
        if let Some(counter) = counter {
            counter.inc();
        }
        if code == tonic::Code::Ok && !self.streams() {
            self.sent.inc();
        }
        self.seconds.observe(took.as_secs_f64());
    }
}

fn labels(method: &Method) -> Labels<3> {
    [
        ("grpc_type", method.kind.to_owned()),
        ("grpc_service", method.service.clone()),
        ("grpc_method", method.name.clone()),
    ]
}
