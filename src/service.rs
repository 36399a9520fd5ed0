//! The generated service traits, a few lines per method: a request becomes a command or a query,
//! what comes back becomes a response. No rules are here.

mod access;
pub mod call;
mod catalogue;
mod changes;
mod encodings;
mod list;
mod monitoring;
mod plans;
mod read;
mod update;
pub mod watchers;
pub mod who;

use std::sync::Arc;

use tokio::sync::{Mutex, watch};
use tonic::{codec::CompressionEncoding, service::Routes};

use crate::{
    domain::platforms::Platform,
    pb::{
        self, access_service_server::AccessServiceServer,
        catalogue_service_server::CatalogueServiceServer,
        change_service_server::ChangeServiceServer,
        monitoring_service_server::MonitoringServiceServer, plan_service_server::PlanServiceServer,
    },
    registry::Registry,
};
use encodings::Encodings;
use watchers::Watchers;

/// Largest request that is read, in bytes: far above the largest record the field rules allow.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// Largest response that is written, in bytes. A page is cut well below it, so that clients with
/// the usual limit of 4 MiB can read every answer.
pub const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Names of our services, as health and reflection know them.
pub const NAMES: [&str; 5] = [
    "ndp.registry.v1.CatalogueService",
    "ndp.registry.v1.PlanService",
    "ndp.registry.v1.MonitoringService",
    "ndp.registry.v1.AccessService",
    "ndp.registry.v1.ChangeService",
];

/// Our services on one registry.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    registry: Registry,
    /// Held by one update at a time of those whose nested merge was outrun.
    merging: Arc<Mutex<()>>,
    watchers: Watchers,
    stopping: watch::Receiver<bool>,
    platforms: Arc<Encodings<Platform, pb::Platform>>,
}

impl Services {
    const fn registry(&self) -> &Registry {
        &self.registry
    }

    const fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.clone()
    }
}

/// Routes of all our services; streams end when `stopping` says so.
pub fn routes(registry: &Registry, watchers: Watchers, stopping: watch::Receiver<bool>) -> Routes {
    let services = Services {
        registry: registry.clone(),
        merging: Arc::default(),
        watchers,
        stopping,
        platforms: Arc::default(),
    };
    macro_rules! limited {
        ($server:ident) => {
            $server::new(services.clone())
                .send_compressed(CompressionEncoding::Gzip)
                .max_decoding_message_size(REQUEST_BYTES_MAX)
                .max_encoding_message_size(RESPONSE_BYTES_MAX)
        };
    }
    Routes::new(limited!(CatalogueServiceServer))
        .add_service(limited!(PlanServiceServer))
        .add_service(limited!(MonitoringServiceServer))
        .add_service(limited!(AccessServiceServer))
        .add_service(limited!(ChangeServiceServer))
}
