//! The first step for every request of any protocol: identifies the caller and charges it, before
//! anything waits, buffers or computes for it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http::Request;
use tonic::body::Body;

use super::panics;
use crate::{
    admission::{Admission, connection::Connection, held::Held, proxies::Proxies, who::Who},
    call::identity::Identifier,
    wire::methods,
};
use ndp_core::{
    error::Error,
    limits::{Limit, Scope},
    messages::Unavailable,
};

/// Admits requests.
#[derive(Debug)]
pub struct Entrance {
    identifier: Identifier,
    admission: Arc<Admission>,
    proxies: Proxies,
    stopping: Arc<AtomicBool>,
    header_bytes_max: u32,
}

impl Entrance {
    /// Refuses requests after `stopping` is set, and those that exceed the limits of `admission`.
    pub const fn new(
        identifier: Identifier,
        admission: Arc<Admission>,
        proxies: Proxies,
        stopping: Arc<AtomicBool>,
        header_bytes_max: u32,
    ) -> Self {
        Self {
            identifier,
            admission,
            proxies,
            stopping,
            header_bytes_max,
        }
    }

    /// Charges the caller. An identified caller is stored in the extensions of the request.
    pub(super) fn enter(&self, request: &mut Request<Body>) -> Result<Arc<Held>, Error> {
        panics::caught_at_once(|| self.charge(request)).unwrap_or_else(Err)
    }

    fn charge(&self, request: &mut Request<Body>) -> Result<Arc<Held>, Error> {
        let standard = methods::is_standard(request.uri().path());
        // health checks work until the server ends
        if self.stopping.load(Ordering::Relaxed) && !standard {
            return Err(Error::Unavailable(Unavailable::ShuttingDown));
        }
        let connection = request.extensions().get::<Arc<Connection>>();
        let Some(connection) = connection.map(Arc::clone) else {
            return Err(Error::Bug("a request without its connection".into()));
        };
        let address = self
            .proxies
            .address(connection.peer().ip(), request.headers());
        // An unknown credential may become known soon, and a new token is not verified yet. Until
        // then, charge the address.
        let session = self.identifier.session(request);
        let identified = self.identifier.identify_now(
            request.headers(),
            session.as_ref(),
            &connection,
            &address,
        );
        if let Some(session) = session {
            request.extensions_mut().insert(session);
        }
        let call = identified.ok();
        let principal = call.as_ref().and_then(|call| Who::principal(&call.caller));
        if principal.is_some() {
            connection.present_credential();
        }
        let held = self
            .admission
            .enter(principal.unwrap_or(address), &connection)?;
        if size_of_headers(request) > self.header_bytes_max as usize {
            return Err(Error::Exhausted {
                limit: Limit::RequestHeaders,
                scope: Scope::Caller,
                most: self.header_bytes_max.into(),
            });
        }
        connection.note_admitted();
        if let Some(call) = call {
            request.extensions_mut().insert(call);
        }
        Ok(held)
    }
}

/// The size as HTTP/2 counts it.
fn size_of_headers<B>(request: &Request<B>) -> usize {
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + 32);
    request.uri().path().len() + fields.sum::<usize>()
}
