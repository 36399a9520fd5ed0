//! The generated service traits, a few lines per method: a request becomes a command or a query,
//! and the result becomes a response. This module contains no rules.

mod access;
pub mod call;
mod catalogue;
mod changes;
mod encodings;
pub mod health;
mod list;
mod methods {
    //! The services' methods, as `build.rs` writes them.

    include!(concat!(env!("OUT_DIR"), "/server/methods.rs"));
}
mod monitoring;
mod plans;
mod read;
pub mod reflection;
pub mod standard;
mod update;

use std::sync::Arc;

use http::{Request, Response};
use tokio::sync::watch;
use tonic::{
    Status,
    body::Body,
    codec::{CompressionEncoding, EnabledCompressionEncodings},
};
use tower::Service;

use crate::{
    admission::pool::Pool,
    pb::{
        self,
        access_service_server::{self, AccessServiceServer},
        catalogue_service_server::{self, CatalogueServiceServer},
        change_service_server::{self, ChangeServiceServer},
        monitoring_service_server::{self, MonitoringServiceServer},
        plan_service_server::{self, PlanServiceServer},
    },
    registry::Registry,
};
use changes::WatchStream as WatchChangesStream;
use encodings::Encodings;
use ndp_core::records::platforms::Platform;

/// Maximum size of a request, in bytes: far above the largest record that the field rules allow.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// Maximum size of a response, in bytes. A page is limited to well below it, so that clients with
/// the usual limit of 4 MiB can read every response.
pub const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Names of the services, as health and reflection report them.
pub const NAMES: [&str; 5] = [
    "ndp.registry.v1.CatalogueService",
    "ndp.registry.v1.PlanService",
    "ndp.registry.v1.MonitoringService",
    "ndp.registry.v1.AccessService",
    "ndp.registry.v1.ChangeService",
];

/// The compression that requests may use. The size limit applies to the decompressed message.
fn gzip() -> EnabledCompressionEncodings {
    let mut encodings = EnabledCompressionEncodings::default();
    encodings.enable(CompressionEncoding::Gzip);
    encodings
}

/// The service implementations on one registry.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    registry: Registry,
    /// The limit on bytes that are queued for watchers.
    unsent: Pool,
    stopping: watch::Receiver<bool>,
    platforms: Arc<Encodings<Platform, pb::Platform>>,
}

impl Services {
    const fn registry(&self) -> &Registry {
        &self.registry
    }

    fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.clone()
    }
}

/// The services, by name.
#[derive(Clone, Debug)]
pub struct Methods {
    catalogue: CatalogueServiceServer<Services>,
    plans: PlanServiceServer<Services>,
    monitoring: MonitoringServiceServer<Services>,
    access: AccessServiceServer<Services>,
    changes: ChangeServiceServer<Services>,
}

impl Methods {
    /// Creates the services on this registry. Streams end when `stopping` is set.
    pub fn new(registry: &Registry, unsent: Pool, stopping: watch::Receiver<bool>) -> Self {
        let services = Arc::new(Services {
            registry: registry.clone(),
            unsent,
            stopping,
            platforms: Arc::default(),
        });
        macro_rules! limited {
            ($server:ident) => {
                $server::from_arc(Arc::clone(&services))
                    .accept_compressed(CompressionEncoding::Gzip)
                    .send_compressed(CompressionEncoding::Gzip)
                    .max_decoding_message_size(REQUEST_BYTES_MAX)
                    .max_encoding_message_size(RESPONSE_BYTES_MAX)
            };
        }
        Self {
            catalogue: limited!(CatalogueServiceServer),
            plans: limited!(PlanServiceServer),
            monitoring: limited!(MonitoringServiceServer),
            access: limited!(AccessServiceServer),
            changes: limited!(ChangeServiceServer),
        }
    }

    /// Runs the method that a request names.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        let service = path.strip_prefix('/').and_then(|path| path.split_once('/'));
        let answering = match service.map(|(service, _)| service) {
            Some(catalogue_service_server::SERVICE_NAME) => self.catalogue.clone().call(request),
            Some(plan_service_server::SERVICE_NAME) => self.plans.clone().call(request),
            Some(monitoring_service_server::SERVICE_NAME) => self.monitoring.clone().call(request),
            Some(access_service_server::SERVICE_NAME) => self.access.clone().call(request),
            Some(change_service_server::SERVICE_NAME) => self.changes.clone().call(request),
            _ => return Status::unimplemented("").into_http(),
        };
        answering.await.unwrap_or_else(|never| match never {})
    }
}
