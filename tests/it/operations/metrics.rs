//! The page of metrics: what is on it is what happened, and callers cannot make it grow.

use std::collections::BTreeSet;

use ndp_core::records::principals::Role;
use ndp_registry::{
    config::ServerOptions,
    pb::{self, change_service_client::ChangeServiceClient},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::{
    Streaming, codegen::http::uri::PathAndQuery, service::interceptor::InterceptedService,
    transport::Channel,
};

use crate::{
    faults::{AGENCY, PLATFORM, Served, create, make_key},
    harness::{
        Engine, both,
        certificates::Authority,
        http::{Answer, send},
        server::{As, Server},
        tools::repository,
        until,
    },
    transport::{sample, tls},
};

both! {
    async fn what_happened_is_counted(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let mut editor = server.clients(editor);
        let groups = sample(&server, "ndp_writer_group_commands_count").unwrap();
        let commits = sample(&server, "ndp_writer_commit_seconds_count").unwrap();
        editor.plans.create_plan(create("one")).await.unwrap();
        editor.plans.create_plan(create("one")).await.unwrap_err();
        editor.plans.create_plan(create("two")).await.unwrap();
        editor.plans.create_plan(create("Not An Id")).await.unwrap_err();
        let labels = "grpc_type=\"unary\",grpc_service=\"ndp.registry.v1.PlanService\",\
                      grpc_method=\"CreatePlan\"";
        let of = |name: &str, more: &str| sample(&server, &format!("{name}{{{labels}{more}}}"));
        assert_eq!(of("grpc_server_started_total", ""), Some(4.0));
        for (code, count) in [("OK", 2.0), ("AlreadyExists", 1.0), ("InvalidArgument", 1.0)] {
            let handled = of("grpc_server_handled_total", &format!(",grpc_code=\"{code}\""));
            assert_eq!(handled, Some(count), "{code}");
        }
        assert_eq!(of("grpc_server_msg_received_total", ""), Some(4.0));
        assert_eq!(of("grpc_server_msg_sent_total", ""), Some(2.0));
        assert_eq!(of("grpc_server_handling_seconds_count", ""), Some(4.0));
        assert_eq!(sample(&server, "ndp_writer_group_commands_count"), Some(groups + 3.0));
        // a refusal changes nothing, so nothing is committed
        assert_eq!(sample(&server, "ndp_writer_commit_seconds_count"), Some(commits + 2.0));
        let revision = server.registry.revision().get();
        assert_eq!(sample(&server, "ndp_revision"), Some(revision as f64));
        editor.plans.create_milestone(pb::CreateMilestoneRequest {
            parent: format!("{PLATFORM}/plans/one"),
            milestone_id: "one".into(),
            milestone: Some(pb::Milestone {
                display_name: "Mốc thử nghiệm (synthetic)".into(),
                ..Default::default()
            }),
            ..Default::default()
        }).await.unwrap();
        let kinds = ["platforms", "plans", "milestones", "baselines", "reports", "assessments"];
        let records = kinds.map(|kind| sample(&server, &format!("ndp_records{{kind=\"{kind}\"}}")));
        assert_eq!(records, [84, 2, 1, 0, 0, 0].map(|count| Some(f64::from(count))));
        assert_eq!(sample(&server, "ndp_ready"), Some(1.0));
        assert!(sample(&server, "ndp_follower_lag_seconds").unwrap() < 10.0);
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_counts_its_messages_and_its_end() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let labels = "grpc_type=\"server_stream\",grpc_service=\"ndp.registry.v1.ChangeService\",\
                  grpc_method=\"WatchChanges\"";
    let of = |name: &str, more: &str| sample(&server, &format!("{name}{{{labels}{more}}}"));
    let watch = watching(server.intercepted(As::default())).await;
    assert_eq!(of("grpc_server_started_total", ""), Some(1.0));
    assert_eq!(of("grpc_server_msg_received_total", ""), Some(1.0));
    assert_eq!(of("grpc_server_msg_sent_total", ""), Some(1.0));
    assert_eq!(
        of("grpc_server_handling_seconds_count", ""),
        Some(0.0),
        "it goes on"
    );
    drop(watch);
    until("its end is counted", async || {
        of("grpc_server_handled_total", ",grpc_code=\"Canceled\"") == Some(1.0)
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_called_the_page_does_not_grow() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let lines = || server.metrics.encode().unwrap().lines().count();
    let call = async |path: String| {
        let mut client = tonic::client::Grpc::new(server.intercepted(Default::default()));
        client.ready().await.unwrap();
        let path = PathAndQuery::try_from(path).unwrap();
        let codec = tonic_prost::ProstCodec::<(), ()>::default();
        let called: Result<tonic::Response<()>, _> =
            client.unary(tonic::Request::new(()), path, codec).await;
        called.unwrap_err();
    };
    call("/nobody.v1.Nothing/Get".into()).await;
    let before = lines();
    for n in 0..50 {
        call(format!("/nobody.v1.Nothing{n}/Get")).await;
        call(format!("/ndp.registry.v1.PlanService/Get{n}")).await;
    }
    assert_eq!(lines(), before);
    let labels = "grpc_type=\"unary\",grpc_service=\"unknown\",grpc_method=\"unknown\"";
    let counted = sample(&server, &format!("grpc_server_started_total{{{labels}}}"));
    assert_eq!(counted, Some(101.0));
    server.stop().await;
}

/// A watch that has been sent the first change.
async fn watching(channel: InterceptedService<Channel, As>) -> Streaming<pb::WatchChangesResponse> {
    let mut client = ChangeServiceClient::new(channel);
    let request = pb::WatchChangesRequest {
        start: pb::watch_changes_request::Start::Beginning.into(),
        ..Default::default()
    };
    let mut watch = client.watch_changes(request).await.unwrap().into_inner();
    watch.message().await.unwrap().expect("the first change");
    watch
}

/// The page as Prometheus gets it.
async fn page(address: &str) -> Answer {
    send(address, "GET /metrics", &[], "").await
}

/// Names of the metrics that the page has samples of.
fn names(page: &str) -> BTreeSet<String> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let name = |line: &str| line.split(['{', ' ']).next().unwrap().to_owned();
    samples.map(name).collect()
}

/// Names of metrics in the queries of the board.
fn asked(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(query) if key == "expr" || key == "query" || key == "definition" => {
                        let part = |it: char| !it.is_ascii_alphanumeric() && it != '_';
                        let ours = ["grpc_server_", "ndp_", "process_"];
                        let words = query.split(part);
                        let words = words.filter(|it| ours.iter().any(|our| it.starts_with(our)));
                        found.extend(words.map(str::to_owned));
                    }
                    _ => asked(value, found),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|it| asked(it, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_server_exports_every_metric_of_the_board() {
    let engine = Engine::sqlite();
    let url = engine.url();
    // before the server, which knows it from the beginning
    let (editor, _) = make_key(&url, "editor");
    let more = ["--metrics-listen", "127.0.0.1:0", "--header-bytes", "1024"];
    let server = Served::start_with(&url, &more).await;
    let address = server.metrics_address();
    // a write, a read, a watch, and a refusal
    let mut editor = server.clients(&editor);
    editor.plans.create_plan(create("one")).await.unwrap();
    let mut large = tonic::Request::new(pb::IdentifyCallerRequest {});
    large
        .metadata_mut()
        .insert("x-synthetic", "x".repeat(2000).parse().unwrap());
    editor.access.identify_caller(large).await.unwrap_err();
    let channel = InterceptedService::new(server.channel.clone(), As::default());
    let _watch = watching(channel).await;

    let page = page(&address).await;
    assert_eq!(page.status, 200);
    let kind = page.header("content-type").unwrap();
    assert!(
        kind.starts_with("application/openmetrics-text; version=1.0.0"),
        "{kind}"
    );
    let text = String::from_utf8(page.body).unwrap();
    assert!(text.ends_with("# EOF\n"));
    let mut exported = names(&text);
    // and those that only a server with TLS has
    let authority = Authority::new();
    let other = Engine::sqlite();
    let encrypted = tls::start(&authority, &other, ServerOptions::default()).await;
    tls::measures(&encrypted, "ndp_handshakes 0").await;
    exported.extend(names(&encrypted.metrics.encode().unwrap()));
    encrypted.stop().await;
    let board = std::fs::read_to_string(repository().join("grafana/board.json")).unwrap();
    let mut wanted = BTreeSet::new();
    asked(&serde_json::from_str(&board).unwrap(), &mut wanted);
    assert!(wanted.len() > 20, "{wanted:?}");
    let missing: Vec<_> = wanted.difference(&exported).collect();
    assert!(
        missing.is_empty(),
        "the board asks for {missing:?}, exported are\n{text}"
    );
    // and the board leaves nothing out but the parts of histograms
    let left_out: Vec<_> = exported
        .difference(&wanted)
        .filter(|it| {
            !["_sum", "_count", "_created"]
                .iter()
                .any(|end| it.ends_with(end))
        })
        .collect();
    assert!(left_out.is_empty(), "not on the board: {left_out:?}");
    // nothing else is served there
    let other = send(&address, "GET /", &[], "").await;
    assert_eq!(other.status, 404);
    let mut health = TcpStream::connect(&address).await.unwrap();
    health
        .write_all(b"POST /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    health.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}
