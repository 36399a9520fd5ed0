//! Around every call of our services: identifies the caller, logs the call once with its outcome,
//! and puts the revision on the response.

use std::time::{Duration, Instant};

use http::{HeaderMap, Request, Response};
use tonic::{Code, Status, body::Body};

use super::details::explain;
use crate::{
    admission::{held::Held, who::Who},
    call::{
        Call, REQUEST_BYTES_MAX,
        deadline::patience,
        denials::{Attempt, Denials},
        identity::{Identifier, Session, await_revision},
        metadata::{NDP_MIN_REVISION, NDP_REVISION, write_position},
    },
    registry::Registry,
    service::Methods,
    wire::{
        methods,
        status::{denied_attempt, status, transport::is_undeclared_compression},
    },
};
use ndp_core::{caller::Person, error::Error, position::Position};

/// Identifies and logs calls, and passes them to our services.
#[derive(Debug)]
pub struct Calls {
    registry: Registry,
    identifier: Identifier,
    methods: Methods,
    denials: Denials,
    slow: Duration,
}

impl Calls {
    /// Serves these methods on this registry, and records the attempts that are denied. Calls of
    /// any caller that take at least `slow` are logged.
    pub const fn new(
        registry: Registry,
        identifier: Identifier,
        methods: Methods,
        denials: Denials,
        slow: Duration,
    ) -> Self {
        Self {
            registry,
            identifier,
            methods,
            denials,
            slow,
        }
    }

    /// Answers a call that arrived at the time `came`. Takes the request.
    pub(super) async fn answer(
        &self,
        request: &mut Request<Body>,
        held: &Held,
        came: Instant,
    ) -> Response<Body> {
        let headers = request.headers();
        let patience = patience(headers);
        let waits = headers.contains_key(&NDP_MIN_REVISION);
        let of_call = |call: &Call| (call.caller.person(), call.snapshot.position());
        let identified = match request.extensions_mut().get_mut::<Call>() {
            Some(call) if !waits => {
                // it was identified before its deadline was translated into a gRPC header
                call.patience = patience;
                Ok(of_call(call))
            }
            // boxed: few calls wait, and unboxed this future would enlarge that of every call
            _ => {
                let session = request.extensions().get::<Session>();
                let identified = Box::pin(self.identify(request.headers(), session, held)).await;
                identified.map(|call| {
                    let identified = of_call(&call);
                    request.extensions_mut().insert::<Call>(call);
                    identified
                })
            }
        };
        let uri = request.uri().clone();
        let method = uri.path().trim_start_matches('/');
        let permitted = match request.extensions().get::<Call>() {
            Some(call) => methods::permit(&call.caller, method),
            None => Ok(()),
        };
        let (person, position) = match identified {
            Ok(identified) => identified,
            Err(error) => {
                let mut response = status(error).into_http();
                finish(&mut response, &self.registry.read().position());
                self.note(method, None, &response, held, came);
                return response;
            }
        };
        if let Err(error) = permitted {
            let mut response = status(error).into_http();
            finish(&mut response, &position);
            self.note(method, Some(person.as_ref()), &response, held, came);
            return response;
        }
        let answering = self.methods.answer(std::mem::take(request));
        let mut response = explain(answering.await, REQUEST_BYTES_MAX);
        finish(&mut response, &position);
        self.note(method, Some(person.as_ref()), &response, held, came);
        response
    }

    /// Logs a call, and records it if it was denied. `person` is `None` if the caller was not
    /// identified, and `Some(None)` if it is anonymous.
    fn note<R>(
        &self,
        method: &str,
        person: Option<Option<&Person>>,
        response: &Response<R>,
        held: &Held,
        came: Instant,
    ) {
        let status = Status::from_header_map(response.headers());
        self.log(method, person, response, status.as_ref(), came);
        if let Some(status) = status
            && let Some(denied) = denied_attempt(&status)
        {
            self.denials.record(&Attempt {
                time: self.registry.clock().now(),
                who: &held.who(),
                person: person.flatten(),
                method,
                resource: &denied.resource,
                reason: &denied.reason,
                message: status.message(),
            });
        }
    }

    /// Identifies the caller, at the minimum revision that the call asks for or a later one.
    async fn identify(
        &self,
        headers: &HeaderMap,
        session: Option<&Session>,
        held: &Held,
    ) -> Result<Call, Error> {
        await_revision(&self.registry, headers, &held.who()).await?;
        let (connection, who) = (held.connection(), held.who());
        let wrong = |id: &str| held.present_wrong_key(id);
        let identified = self
            .identifier
            .identify(headers, session, connection, &who, wrong);
        let call = identified.await?;
        if let Some(principal) = Who::principal(&call.caller) {
            held.pass_to(&principal)?;
        }
        Ok(call)
    }

    /// Writes one line for each call: at `error` for a fault of the server, and at `info` for any
    /// other call, except that what everyone may read is at `debug` when it is answered in time.
    fn log<R>(
        &self,
        method: &str,
        person: Option<Option<&Person>>,
        response: &Response<R>,
        status: Option<&Status>,
        came: Instant,
    ) {
        let took = came.elapsed();
        let latency_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let headers = response.headers();
        let revision = || {
            headers
                .get(&NDP_REVISION)?
                .to_str()
                .ok()?
                .parse::<u64>()
                .ok()
        };
        let actor = person.flatten().and_then(|person| person.actor.as_deref());
        let principal =
            person.map(|person| person.map_or("anonymous", |person| person.principal.as_str()));
        macro_rules! line {
            ($level:ident, $code:expr $(, $error:ident)?) => {
                tracing::$level!(
                    method,
                    principal,
                    actor,
                    revision = revision(),
                    latency_us,
                    outcome = ?$code,
                    $($error,)?
                    "answered"
                )
            };
        }
        match status {
            Some(status) if is_of_the_server(status) => {
                // it names the incident, whose cause has a line of its own
                let error = status.message();
                line!(error, status.code(), error);
            }
            Some(status) if status.code() != Code::Ok => line!(info, status.code()),
            _ if person == Some(None) && took < self.slow => line!(debug, Code::Ok),
            _ => line!(info, Code::Ok),
        }
    }
}

/// Puts the point of the log on a response that does not carry a later one.
pub(super) fn finish<R>(response: &mut Response<R>, position: &Position) {
    if !response.headers().contains_key(&NDP_REVISION) {
        write_position(response.headers_mut(), position);
    }
}

/// Whether a status reports a fault of the server. The code is not enough: for a message that is
/// marked as compressed without saying how, gRPC requires INTERNAL.
fn is_of_the_server(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Internal | Code::Unknown | Code::DataLoss
    ) && !is_undeclared_compression(status)
}
