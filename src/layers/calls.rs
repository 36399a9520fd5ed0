//! Around every call of our services: says whose it is, logs it once with its outcome, and puts
//! the revision on the response.

use std::{net::SocketAddr, time::Instant};

use http::{HeaderValue, Request, Response};
use tonic::{Code, Status, body::Body, transport::server::TcpConnectInfo};
use tracing::Instrument;

use super::details::explain;
use crate::{
    admission::{rates::Rates, who::Who},
    registry::Registry,
    service::{
        Methods, REQUEST_BYTES_MAX,
        call::{Call, NDP_REVISION, await_revision, identify},
    },
};

/// Identifies and logs calls, and has our services answer them.
#[derive(Debug)]
pub struct Calls {
    registry: Registry,
    rates: Rates,
    methods: Methods,
}

impl Calls {
    /// Of these services on this registry; at most so many a second by one caller.
    pub fn new(registry: Registry, per_second: u32, methods: Methods) -> Self {
        Self {
            registry,
            rates: Rates::new(per_second),
            methods,
        }
    }

    /// What the method answers, to a call that came at a time.
    pub(super) async fn answer(&self, mut request: Request<Body>, came: Instant) -> Response<Body> {
        let headers = request.headers();
        let identified = match await_revision(&self.registry, headers).await {
            Ok(()) => identify(&self.registry, headers).await,
            Err(error) => Err(error),
        };
        let method = request.uri().path().trim_start_matches('/');
        let call = match identified {
            Ok(call) => call,
            Err(error) => {
                let span = tracing::info_span!("call", method);
                return span.in_scope(|| refuse(error, &self.registry, came));
            }
        };
        // All at once: each field recorded later costs as much as the span.
        let person = call.caller.person();
        let person = person.as_ref();
        let span = tracing::info_span!(
            "call",
            method,
            principal = person.map_or("anonymous", |person| person.principal.as_str()),
            actor = person.and_then(|person| person.actor.as_deref()),
        );
        let revision = call.snapshot.state.revision().get();
        let allowed = self.rates.check(Who::of(&call.caller, peer(&request)));
        let answering = async move {
            let mut response = match allowed {
                Ok(()) => {
                    request.extensions_mut().insert::<Call>(call);
                    explain(self.methods.answer(request).await, REQUEST_BYTES_MAX)
                }
                Err(error) => Status::from(error).into_http(),
            };
            finish(&mut response, revision);
            log(&response, came);
            response
        };
        answering.instrument(span).await
    }
}

fn peer<B>(request: &Request<B>) -> Option<SocketAddr> {
    request.extensions().get::<TcpConnectInfo>()?.remote_addr()
}

/// The response to a call that never reached its method.
fn refuse(error: impl Into<Status>, registry: &Registry, came: Instant) -> Response<Body> {
    let mut response = error.into().into_http();
    finish(&mut response, registry.revision().get());
    log(&response, came);
    response
}

/// Puts the revision on a response that does not carry a later one.
pub(super) fn finish<R>(response: &mut Response<R>, revision: i64) {
    response
        .headers_mut()
        .entry(&NDP_REVISION)
        .or_insert_with(|| HeaderValue::from(revision));
}

/// One line a call: at `info`, and what is our fault at `error`.
fn log<R>(response: &Response<R>, came: Instant) {
    let status = Status::from_header_map(response.headers());
    let code = status.as_ref().map_or(Code::Ok, Status::code);
    let latency_us = u64::try_from(came.elapsed().as_micros()).unwrap_or(u64::MAX);
    let revision = response
        .headers()
        .get(&NDP_REVISION)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match code {
        Code::Internal | Code::Unknown | Code::DataLoss => {
            tracing::error!(revision, latency_us, outcome = ?code, "answered");
        }
        _ => tracing::info!(revision, latency_us, outcome = ?code, "answered"),
    }
}
