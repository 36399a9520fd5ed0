//! Calls of any method on any protocol: gRPC, gRPC-Web, HTTP/JSON and TLS, how long a call may take,
//! how many are accepted, which answers are compressed, and what a panic costs.

mod compression;
mod connections;
mod deadlines;
mod grpc_web;
mod grpcurl;
mod heavy_calls;
mod http;
mod limits;
mod panics;
mod proxies;
mod standard_services;
pub(crate) mod tls;

use std::time::Duration;

use ndp_registry::{
    catalogue,
    config::{Limits, ServerOptions},
    pb,
};
use tonic::Status;
use tonic_types::StatusExt;

use crate::harness::{Engine, http::call, server::Server};

/// A guard against waiting for ever.
const BOUND: Duration = Duration::from_secs(30);

async fn start(engine: &Engine, options: ServerOptions) -> Server {
    Server::start_allowing(&engine.url(), &[catalogue::OPENING_EDITION], options).await
}

async fn start_limited(engine: &Engine, limits: Limits) -> Server {
    let options = ServerOptions {
        limits,
        ..ServerOptions::default()
    };
    start(engine, options).await
}

/// What an anonymous IdentifyCaller comes to, with these headers more.
async fn identify_caller(server: &Server, headers: &[(&str, &str)]) -> Status {
    let (method, request) = ("AccessService/IdentifyCaller", pb::IdentifyCallerRequest {});
    let answer = call(&server.address, method, headers, &request).await;
    answer.outcome()
}

/// Code, reason, limit and, where given, retry delay of a refusal in both languages.
pub(crate) fn limited(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().expect("no ErrorInfo");
    assert!(details.quota_failure().is_some(), "{status:?}");
    assert_eq!(
        details.localized_message().expect("Vietnamese").locale,
        "vi"
    );
    let retry = details
        .retry_info()
        .map(|it| it.retry_delay.unwrap().as_secs());
    let said = ["limit", "scope", "most"].map(|key| info.metadata[key].as_str());
    let said = said.join(" ");
    let retry = retry.map_or(String::new(), |it| format!(", again in {it} s"));
    format!("{:?} {}: {said}{retry}", status.code(), info.reason)
}

/// The value of a sample on the page of metrics, as `name{label="value"}`; labels in any order are
/// not matched.
pub(crate) fn sample(server: &Server, name: &str) -> Option<f64> {
    let page = server.metrics.encode().unwrap();
    let name = format!("{name} ");
    let line = page.lines().find_map(|line| line.strip_prefix(&name))?;
    Some(line.parse().unwrap())
}
