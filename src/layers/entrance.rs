//! The first thing that happens to a request, whatever its protocol: who calls is looked up, and
//! pays, before anything waits, is buffered or computed for it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http::Request;
use tonic::body::Body;

use super::{methods, panics};
use crate::{
    admission::{Admission, connection::Connection, held::Held, proxies::Proxies, who::Who},
    domain::{
        error::Error,
        limits::{Limit, Scope},
    },
    registry::Registry,
    service::call::identify_now,
};

/// Lets requests in.
#[derive(Debug)]
pub struct Entrance {
    registry: Registry,
    admission: Arc<Admission>,
    proxies: Proxies,
    stopping: Arc<AtomicBool>,
    header_bytes_max: u32,
}

impl Entrance {
    /// Refuses requests once `stopping` is set, and those that `admission` has no room for.
    pub const fn new(
        registry: Registry,
        admission: Arc<Admission>,
        proxies: Proxies,
        stopping: Arc<AtomicBool>,
        header_bytes_max: u32,
    ) -> Self {
        Self {
            registry,
            admission,
            proxies,
            stopping,
            header_bytes_max,
        }
    }

    /// Charges whoever calls; a caller that is identified is left in the request's extensions.
    pub(super) fn enter(&self, request: &mut Request<Body>) -> Result<Arc<Held>, Error> {
        panics::caught_at_once(|| self.charge(request)).unwrap_or_else(Err)
    }

    fn charge(&self, request: &mut Request<Body>) -> Result<Arc<Held>, Error> {
        let standard = methods::is_standard(request.uri().path());
        // health is to be heard to the end
        if self.stopping.load(Ordering::Relaxed) && !standard {
            return Err(Error::Unavailable {
                reason: "SHUTTING_DOWN",
            });
        }
        let connection = request.extensions().get::<Arc<Connection>>();
        let Some(connection) = connection.map(Arc::clone) else {
            return Err(Error::Bug("a request without its connection".into()));
        };
        let address = self
            .proxies
            .address(connection.peer().ip(), request.headers());
        // A credential that is not known may be before long: until then the address pays.
        let call = identify_now(&self.registry, request.headers(), &address).ok();
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
        if let Some(call) = call {
            request.extensions_mut().insert(call);
        }
        Ok(held)
    }
}

/// As HTTP/2 counts it.
fn size_of_headers<B>(request: &Request<B>) -> usize {
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + 32);
    request.uri().path().len() + fields.sum::<usize>()
}
