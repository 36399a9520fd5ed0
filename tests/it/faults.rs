//! What the registry keeps when something breaks: a process, the database, one command of a
//! group, the network, the bytes on the wire. All data is synthetic.

mod altered;
mod clients;
mod clock;
mod corruption;
mod dependent;

mod groups;
mod hostile;
mod killed;
pub(crate) mod outages;
mod proxy;
mod unwritable;
mod watched;
mod wire;

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use ndp_core::{
    caller::Caller,
    change::RequestId,
    error::Error,
    names::{PlanName, PlatformName},
    records::plans::PlanFields,
    rules::{Request, plans::CreatePlan},
};
use ndp_registry::{
    pb,
    registry::{Outcome, Registry},
};
use tonic::{
    Response,
    transport::{Channel, Endpoint},
};
use uuid::Uuid;

pub(crate) use crate::harness::{plans::AGENCY, raw::reason};
use crate::harness::{
    process::{Process, Stream},
    server::{As, Clients},
};

/// A failure guard, not a promise.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// The platform whose plans the tests write; [`AGENCY`] governs it.
pub(crate) const PLATFORM: &str = "platforms/ndp-001";

// === the real binary ===

/// `serve` of the real binary on a database.
pub(crate) struct Served {
    pub(crate) process: Process,
    pub(crate) address: String,
    pub(crate) channel: Channel,
}

impl Served {
    pub(crate) async fn start(url: &str) -> Self {
        Self::start_with(url, &[]).await
    }

    pub(crate) async fn start_with(url: &str, options: &[&str]) -> Self {
        let mut arguments = vec!["serve", "--database", url, "--listen", "127.0.0.1:0"];
        arguments.extend(options);
        let process = Process::start(&arguments, &[("NDP_LOG_LEVEL", "info")]);
        let line = tokio::task::block_in_place(|| process.wait_for_line("listening on", BOUND));
        let address = line.rsplit(' ').next().unwrap().to_owned();
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let channel = endpoint.connect().await.unwrap();
        Self {
            process,
            address,
            channel,
        }
    }

    pub(crate) fn clients(&self, caller: &As) -> Clients {
        Clients::new(&self.channel, caller.clone())
    }

    /// The address of its metrics; only for a server started with metrics.
    pub(crate) fn metrics_address(&self) -> String {
        let line = || self.process.wait_for_line("Metrics are on http://", BOUND);
        let said = tokio::task::block_in_place(line);
        let address = said.trim_start_matches("Metrics are on http://");
        address.trim_end_matches("/metrics").to_owned()
    }
}

/// Runs a command of the real binary to its end: its exit code and what it printed.
pub(crate) fn command(arguments: &[&str], url: &str) -> (Option<i32>, String, String) {
    let mut arguments = arguments.to_vec();
    arguments.extend(["--database", url]);
    let process = Process::start(&arguments, &[("NDP_LOG_LEVEL", "warn")]);
    let status = tokio::task::block_in_place(|| process.wait(BOUND));
    let printed = process.printed(Stream::Stdout);
    (status.code(), printed, process.printed(Stream::Stderr))
}

/// Makes a key by the command line; answers how to call with it, and its name.
pub(crate) fn make_key(url: &str, principal: &str) -> (As, String) {
    let role = ["--role", "agency_editor", "--agency", AGENCY];
    let (code, key, said) = command(
        &[
            &["admin", "key", "create", "--principal", principal][..],
            &role[..],
        ]
        .concat(),
        url,
    );
    assert_eq!(code, Some(0), "{said}");
    let name = said
        .split_whitespace()
        .map(|word| word.trim_end_matches(';'))
        .find(|word| word.contains("/apiKeys/"));
    (As::key(key.trim()), name.unwrap().to_owned())
}

// === requests ===

pub(crate) fn create(id: &str) -> pb::CreatePlanRequest {
    pb::CreatePlanRequest {
        parent: PLATFORM.into(),
        plan_id: id.into(),
        plan: Some(pb::Plan {
            display_name: format!("Kế hoạch thử {id} (synthetic)"),
            ..pb::Plan::default()
        }),
        request_id: Uuid::new_v4().to_string(),
        ..pb::CreatePlanRequest::default()
    }
}

pub(crate) fn rename(id: &str, display_name: String) -> pb::UpdatePlanRequest {
    pb::UpdatePlanRequest {
        plan: Some(pb::Plan {
            name: format!("{PLATFORM}/plans/{id}"),
            display_name,
            ..pb::Plan::default()
        }),
        request_id: Uuid::new_v4().to_string(),
        ..pb::UpdatePlanRequest::default()
    }
}

/// The revision that a response was served at.
pub(crate) fn revision_in<T>(response: &Response<T>) -> i64 {
    let revision = response.metadata().get("ndp-revision").unwrap();
    revision.to_str().unwrap().parse().unwrap()
}

// === commands past the wire, where their order in the queue matters ===

/// The registry's own request to make a plan; its id is random where none is given.
pub(crate) fn making(id: Option<&str>) -> Request {
    let platform = PlatformName::parse(PLATFORM).unwrap();
    Request {
        command: Box::new(CreatePlan {
            name: id.map(|id| PlanName::from_id(&platform, id).unwrap()),
            platform,
            fields: PlanFields {
                display_name: "Kế hoạch thử (synthetic)".into(),
                ..PlanFields::default()
            },
            source: None,
        }),
        request_id: None,
        reason: String::new(),
    }
}

/// The same with a request id.
pub(crate) fn with_id(request: Request, id: Uuid) -> Request {
    Request {
        request_id: Some(RequestId {
            id,
            digest: [7; 32],
        }),
        ..request
    }
}

pub(crate) type Waiting = Pin<Box<dyn Future<Output = Result<Outcome, Error>> + Send>>;

/// Puts a command into the queue before it returns; an answer that is there already is `Err`.
pub(crate) fn queue(
    registry: &Registry,
    request: Request,
) -> Result<Waiting, Result<Outcome, Error>> {
    let registry = registry.clone();
    let caller = Caller::System { actor: None };
    let mut waiting: Waiting = Box::pin(async move { registry.submit(caller, request).await });
    match waiting
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Pending => Ok(waiting),
        Poll::Ready(answer) => Err(answer),
    }
}
