//! Traces as a collector receives them over OTLP from the real binary: each call is a part of its
//! caller's trace, and no trace holds secrets or bodies. A collector that is absent or does not
//! answer delays nothing. Only in a build with the feature `otlp`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "it/harness/process.rs"]
#[expect(dead_code, reason = "this needs less of it than the other tests do")]
mod process;

use std::{collections::BTreeMap, time::Duration};

use ndp_registry::pb::{
    self, access_service_client::AccessServiceClient,
    catalogue_service_client::CatalogueServiceClient, change_service_client::ChangeServiceClient,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use process::{Process, Signal, Stream};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::mpsc};
use tonic::{
    Code, Request, Response, Status,
    metadata::MetadataMap,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};

/// A guard against waiting for ever.
const BOUND: Duration = Duration::from_secs(60);

/// Longer than any deadline of the test.
const NEVER_MS: &str = "86400000";

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID: &str = "00f067aa0ba902b7";

// === a collector ===

/// Hands on what it gets.
struct Collector(mpsc::UnboundedSender<ExportTraceServiceRequest>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.send(request.into_inner()).unwrap();
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// What came to a collector.
struct Collected {
    endpoint: String,
    exports: mpsc::UnboundedReceiver<ExportTraceServiceRequest>,
}

impl Collected {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (sender, exports) = mpsc::unbounded_channel();
        let server = Server::builder().add_service(TraceServiceServer::new(Collector(sender)));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        Self { endpoint, exports }
    }

    /// Waits for `count` spans; returns them by name, and everything received as text.
    async fn spans(&mut self, count: usize) -> (BTreeMap<String, Span>, String) {
        let mut spans = BTreeMap::new();
        let mut text = String::new();
        while spans.len() < count {
            let export = tokio::time::timeout(BOUND, self.exports.recv()).await;
            let export = export.unwrap_or_else(|_| panic!("nothing more came after {text}"));
            let export = export.unwrap();
            text.push_str(&format!("{export:#?}"));
            for of_resource in export.resource_spans {
                let resource = attributes(&of_resource.resource.unwrap().attributes);
                assert_eq!(resource["service.name"], "ndp-registry");
                assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
                for span in of_resource.scope_spans.into_iter().flat_map(|it| it.spans) {
                    spans.insert(span.name.clone(), span);
                }
            }
        }
        (spans, text)
    }
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let value = |pair: &KeyValue| match pair.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    };
    let pairs = pairs.iter();
    pairs
        .map(|pair| (pair.key.clone(), value(pair).unwrap_or_default()))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// === the server ===

/// A database of one test; the first program that opens it creates it.
struct Database {
    _directory: TempDir,
    url: String,
}

impl Database {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/registry.db", directory.path().display());
        Self {
            _directory: directory,
            url,
        }
    }

    /// A key of an auditor, made by the command line.
    fn key(&self) -> String {
        let more = ["--principal", "vien-kiem-thu", "--role", "auditor"];
        let mut arguments = vec!["admin", "key", "create", "--database", &self.url];
        arguments.extend(more);
        let made = Process::start(&arguments, &[]);
        let status = tokio::task::block_in_place(|| made.wait(BOUND));
        assert!(status.success(), "{}", made.printed(Stream::Stderr));
        made.printed(Stream::Stdout).trim().to_owned()
    }
}

/// `serve` of the real binary.
struct Served {
    process: Process,
    channel: Channel,
    _database: Database,
}

impl Served {
    async fn start(database: Database, environment: &[(&str, &str)]) -> Self {
        let url = &database.url;
        let arguments = ["serve", "--database", url, "--listen", "127.0.0.1:0"];
        let process = Process::start(&arguments, environment);
        let line = tokio::task::block_in_place(|| process.wait_for_line("listening on", BOUND));
        let address = line.rsplit(' ').next().unwrap();
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let channel = endpoint.connect().await.unwrap();
        Self {
            process,
            channel,
            _database: database,
        }
    }

    async fn identify_caller(
        &self,
        metadata: &MetadataMap,
    ) -> Result<pb::IdentifyCallerResponse, Status> {
        let mut request = Request::new(pb::IdentifyCallerRequest {});
        *request.metadata_mut() = metadata.clone();
        let mut client = AccessServiceClient::new(self.channel.clone());
        client
            .identify_caller(request)
            .await
            .map(Response::into_inner)
    }

    /// Ends it as an operator does; answers what it logged.
    fn stop(self) -> String {
        self.process.signal(Signal::Term);
        let status = tokio::task::block_in_place(|| self.process.wait(BOUND));
        let said = self.process.printed(Stream::Stderr);
        assert!(status.success(), "{said}");
        said
    }
}

// === what is sent ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_a_part_of_its_callers_trace() {
    let mut collected = Collected::start().await;
    let database = Database::new();
    // before the server, which knows it from the beginning
    let key = database.key();
    // traces do not hang on the log's level
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collected.endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("NDP_LOG_LEVEL", "error"),
    ];
    let server = Served::start(database, &environment).await;
    let mut metadata = MetadataMap::new();
    let parent = format!("00-{TRACE_ID}-{PARENT_ID}-01");
    metadata.insert("traceparent", parent.parse().unwrap());
    metadata.insert("authorization", format!("Bearer {key}").parse().unwrap());
    metadata.insert("x-synthetic", "synthetic-metadata".parse().unwrap());
    let me = server.identify_caller(&metadata).await.unwrap();
    assert!(format!("{me:?}").contains("vien-kiem-thu"), "{me:?}");
    let mut platforms = CatalogueServiceClient::new(server.channel.clone());
    let mut missing = Request::new(pb::GetPlatformRequest {
        name: "platforms/synthetic-name".into(),
        ..Default::default()
    });
    *missing.metadata_mut() = metadata.clone();
    let missing = platforms.get_platform(missing).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let mut changes = ChangeServiceClient::new(server.channel.clone());
    let mut watch = Request::new(pb::WatchChangesRequest::default());
    *watch.metadata_mut() = metadata.clone();
    watch.set_timeout(Duration::from_secs(3));
    let mut watch = changes.watch_changes(watch).await.unwrap().into_inner();
    let ended = loop {
        match watch.message().await {
            Ok(Some(_)) => {}
            ended => break ended.expect_err("it ends without a status"),
        }
    };
    assert_eq!(ended.code(), Code::DeadlineExceeded);
    let mut unknown = tonic::client::Grpc::new(server.channel.clone());
    unknown.ready().await.unwrap();
    let codec =
        tonic_prost::ProstCodec::<pb::IdentifyCallerRequest, pb::IdentifyCallerResponse>::default();
    let path = "/synthetic.Service/SyntheticMethod".parse().unwrap();
    let mut request = Request::new(pb::IdentifyCallerRequest {});
    *request.metadata_mut() = metadata;
    let unknown = unknown.unary(request, path, codec).await.unwrap_err();
    assert_eq!(unknown.code(), Code::Unimplemented);

    let (spans, text) = collected.spans(4).await;
    let package = "ndp.registry.v1";
    for (service, method, code) in [
        ("AccessService", "IdentifyCaller", Code::Ok),
        ("CatalogueService", "GetPlatform", Code::NotFound),
        ("ChangeService", "WatchChanges", Code::DeadlineExceeded),
        ("", "_OTHER", Code::Unimplemented),
    ] {
        let known = !service.is_empty();
        let service = format!("{package}.{service}");
        let name = if known {
            format!("{service}/{method}")
        } else {
            method.to_owned()
        };
        let span = spans
            .get(&name)
            .unwrap_or_else(|| panic!("no {name} in {text}"));
        assert_eq!(hex(&span.trace_id), TRACE_ID, "{name}");
        assert_eq!(hex(&span.parent_span_id), PARENT_ID, "{name}");
        assert_eq!(span.kind(), SpanKind::Server, "{name}");
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        let mut expected = BTreeMap::from([
            ("rpc.system", "grpc".to_owned()),
            ("rpc.method", method.to_owned()),
            ("rpc.grpc.status_code", (code as i32).to_string()),
        ]);
        if known {
            expected.insert("rpc.service", service);
        }
        let expected = expected.into_iter().map(|(k, v)| (k.to_owned(), v));
        let mut found = attributes(&span.attributes);
        // what the library adds, for people
        found.retain(|key, _| key.starts_with("rpc."));
        assert_eq!(found, expected.collect(), "{name}");
        let failed = span.status.as_ref().map(|it| it.code()) == Some(StatusCode::Error);
        let ours = !matches!(code, Code::Ok | Code::NotFound);
        assert_eq!(failed, ours, "{name}: {:?}", span.status);
    }
    // as long as the stream, and not as its head
    let watch = &spans["ndp.registry.v1.ChangeService/WatchChanges"];
    let nanos = watch.end_time_unix_nano - watch.start_time_unix_nano;
    assert!(nanos >= 2_950_000_000, "the stream took {nanos} ns");
    for secret in [
        &*key,
        "authorization",
        "vien-kiem-thu",
        "synthetic",
        "SyntheticMethod",
        "traceparent",
    ] {
        assert!(!text.contains(secret), "`{secret}` is in {text}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_sent_at_the_end_and_stays_out_of_the_log() {
    let mut collected = Collected::start().await;
    let environment = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*collected.endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", NEVER_MS),
        ("NDP_LOG_LEVEL", "info"),
        // so that the call has its line
        ("NDP_SLOW_CALL_MS", "0"),
    ];
    let server = Served::start(Database::new(), &environment).await;
    server.identify_caller(&MetadataMap::new()).await.unwrap();
    let said = server.stop();
    let (spans, text) = collected.spans(1).await;
    let span = &spans["ndp.registry.v1.AccessService/IdentifyCaller"];
    assert!(span.parent_span_id.is_empty(), "{text}");
    assert!(
        said.contains("answered") && said.contains("stopped"),
        "{said}"
    );
    assert!(!said.contains("rpc.system"), "{said}");
}

// === a collector that is not there ===

/// More calls than there is room for spans are answered, and the process ends.
async fn holds_nothing_up(endpoint: &str) -> String {
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", NEVER_MS),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8"),
        ("NDP_LOG_LEVEL", "warn"),
    ];
    let server = Served::start(Database::new(), &environment).await;
    let calls = async {
        for _ in 0..200 {
            server.identify_caller(&MetadataMap::new()).await.unwrap();
        }
    };
    tokio::time::timeout(BOUND, calls)
        .await
        .expect("calls wait for the collector");
    server.stop()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_holds_nothing_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    holds_nothing_up(&endpoint).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_does_not_answer_holds_nothing_up() {
    // the kernel accepts connections, and the test never reads from them
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let said = holds_nothing_up(&endpoint).await;
    assert!(said.contains("the last traces were not sent"), "{said}");
    drop(listener);
}
