//! The generated service traits, a few lines per method: a request becomes a command or a query,
//! and the result becomes a response. This module contains no rules.

mod access;
mod assessments;
mod baselines;
mod catalogue;
mod changes;
mod data_flows;
mod denials;
mod deployments;
mod encodings;
mod evidence;
mod figures;
mod files;
mod glossary;
pub mod health;
mod indicators;
mod list;
mod methods {
    //! The services' methods, as `build.rs` writes them.

    include!(concat!(env!("OUT_DIR"), "/server/methods.rs"));
}
mod milestones;
mod monitoring;
mod onboarding;
mod permissions;
mod plans;
mod programmes;
mod proofs;
mod proposals;
mod read;
mod recommendations;
mod redactions;
pub mod reflection;
mod reports;
pub mod standard;
mod tasks;
mod transfer;
mod update;
mod within;
mod write;

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
    call::{REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, denials::Denials},
    files::Files,
    pb,
    registry::{Registry, checkpoints::Checkpoints},
    sign_in::SignIn,
};
use changes::WatchStream as WatchChangesStream;
use encodings::Encodings;
use files::DownloadFileStream;
use ndp_core::{error::Error, records::platforms::Platform};
use transfer::{DownloadTemplateStream, ExportStream};

macro_rules! names {
    ($($field:ident $module:ident $server:ident;)+) => {
        /// Names of the services, as health and reflection report them.
        pub const NAMES: [&str; [$(stringify!($field)),+].len()] =
            [$(pb::$module::SERVICE_NAME),+];
    };
}
methods::services!(names);

/// What a method returns, before the error becomes a status.
type RpcResult<T> = Result<tonic::Response<T>, Error>;

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
    sign_in: SignIn,
    files: Files,
    checkpoints: Arc<Checkpoints>,
    denials: Denials,
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

macro_rules! methods {
    ($($field:ident $module:ident $server:ident;)+) => {
        /// The services, by name.
        #[derive(Clone, Debug)]
        pub struct Methods {
            $($field: pb::$module::$server<Services>,)+
        }

        impl Methods {
            /// Creates the services on this registry. Streams end when `stopping` is set.
            pub fn new(
                registry: &Registry,
                sign_in: SignIn,
                files: Files,
                checkpoints: Arc<Checkpoints>,
                denials: Denials,
                unsent: Pool,
                stopping: watch::Receiver<bool>,
            ) -> Self {
                let services = Arc::new(Services {
                    registry: registry.clone(),
                    sign_in,
                    files,
                    checkpoints,
                    denials,
                    unsent,
                    stopping,
                    platforms: Arc::default(),
                });
                Self {
                    $($field: pb::$module::$server::from_arc(Arc::clone(&services))
                        .accept_compressed(CompressionEncoding::Gzip)
                        .send_compressed(CompressionEncoding::Gzip)
                        .max_decoding_message_size(REQUEST_BYTES_MAX)
                        .max_encoding_message_size(RESPONSE_BYTES_MAX),)+
                }
            }

            /// Runs the method that a request names.
            pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
                let path = request.uri().path();
                let service = path.strip_prefix('/').and_then(|path| path.split_once('/'));
                let answering = match service.map(|(service, _)| service) {
                    $(Some(pb::$module::SERVICE_NAME) => self.$field.clone().call(request),)+
                    _ => return Status::unimplemented("").into_http(),
                };
                answering.await.unwrap_or_else(|never| match never {})
            }
        }
    };
}
methods::services!(methods);
