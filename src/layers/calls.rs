//! Around every call of our services: identifies the caller, logs the call once with its outcome,
//! and puts the revision on the response.

use std::time::Instant;

use http::{HeaderMap, Request, Response};
use tonic::{Code, Status, body::Body};
use tracing::Instrument;

use super::details::explain;
use crate::{
    admission::{held::Held, who::Who},
    call::{
        Call, REQUEST_BYTES_MAX,
        deadline::patience,
        identity::{await_revision, identify},
        metadata::{NDP_MIN_REVISION, NDP_REVISION, write_position},
    },
    registry::Registry,
    service::Methods,
    wire::status::{status, transport::is_undeclared_compression},
};
use ndp_core::{error::Error, position::Position};

/// Identifies and logs calls, and passes them to our services.
#[derive(Debug)]
pub struct Calls {
    registry: Registry,
    methods: Methods,
}

impl Calls {
    /// Serves these methods on this registry.
    pub const fn new(registry: Registry, methods: Methods) -> Self {
        Self { registry, methods }
    }

    /// Answers a call that arrived at the time `came`.
    pub(super) async fn answer(
        &self,
        mut request: Request<Body>,
        held: &Held,
        came: Instant,
    ) -> Response<Body> {
        let identified = request.extensions_mut().remove::<Call>();
        let headers = request.headers();
        let identified = match identified {
            Some(call) if !headers.contains_key(&NDP_MIN_REVISION) => Ok(Call {
                // it was identified before its deadline was translated into a gRPC header
                patience: patience(headers),
                ..call
            }),
            // boxed: few calls wait, and unboxed this future would enlarge that of every call
            _ => Box::pin(self.identify(headers, held)).await,
        };
        let method = request.uri().path().trim_start_matches('/');
        let call = match identified {
            Ok(call) => call,
            Err(error) => {
                let span = tracing::info_span!("call", method);
                return span.in_scope(|| refuse(status(error), &self.registry, came));
            }
        };
        // Record all fields at once: recording a field later costs as much as the span.
        let person = call.caller.person();
        let person = person.as_ref();
        let span = tracing::info_span!(
            "call",
            method,
            principal = person.map_or("anonymous", |person| person.principal.as_str()),
            actor = person.and_then(|person| person.actor.as_deref()),
        );
        let position = call.snapshot.position();
        let answering = async move {
            request.extensions_mut().insert::<Call>(call);
            let mut response = explain(self.methods.answer(request).await, REQUEST_BYTES_MAX);
            finish(&mut response, &position);
            log(&response, came);
            response
        };
        answering.instrument(span).await
    }

    /// Identifies the caller, at the minimum revision that the call asks for or a later one.
    async fn identify(&self, headers: &HeaderMap, held: &Held) -> Result<Call, Error> {
        await_revision(&self.registry, headers, &held.who()).await?;
        let call = identify(&self.registry, headers, &held.who()).await?;
        if let Some(principal) = Who::principal(&call.caller) {
            held.pass_to(&principal)?;
        }
        Ok(call)
    }
}

/// Builds the response to a call that did not reach its method.
fn refuse(error: impl Into<Status>, registry: &Registry, came: Instant) -> Response<Body> {
    let mut response = error.into().into_http();
    finish(&mut response, &registry.read().position());
    log(&response, came);
    response
}

/// Puts the point of the log on a response that does not carry a later one.
pub(super) fn finish<R>(response: &mut Response<R>, position: &Position) {
    if !response.headers().contains_key(&NDP_REVISION) {
        write_position(response.headers_mut(), position);
    }
}

/// Writes one line for each call: at `info`, or at `error` for a fault of the server.
fn log<R>(response: &Response<R>, came: Instant) {
    let status = Status::from_header_map(response.headers());
    let code = status.as_ref().map_or(Code::Ok, Status::code);
    let latency_us = u64::try_from(came.elapsed().as_micros()).unwrap_or(u64::MAX);
    let revision = response
        .headers()
        .get(&NDP_REVISION)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if status.is_some_and(|status| is_of_the_server(&status)) {
        tracing::error!(revision, latency_us, outcome = ?code, "answered");
    } else {
        tracing::info!(revision, latency_us, outcome = ?code, "answered");
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
