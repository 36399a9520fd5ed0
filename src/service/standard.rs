//! The standard gRPC services: health, and reflection under both of its names.

use http::{Request, Response};
use prost::DecodeError;
use tokio::sync::watch;
use tonic::{Status, body::Body, codec::CompressionEncoding};
use tonic_health::pb::health_server::{self, HealthServer};
use tonic_reflection::pb::{v1, v1alpha};
use tower::Service;

use super::{
    health::{Health, Serving},
    reflection::Reflection,
};
use crate::pb;

/// Every file that is served.
pub(super) const DESCRIPTORS: [&[u8]; 4] = [
    pb::FILE_DESCRIPTOR_SET,
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    v1::FILE_DESCRIPTOR_SET,
    v1alpha::FILE_DESCRIPTOR_SET,
];

/// The one method of reflection.
const SERVER_REFLECTION_INFO: &str = "ServerReflectionInfo";

/// Largest request: a name, and little else.
pub const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// The standard services, by their names.
#[derive(Clone, Debug)]
pub struct Standard {
    health: HealthServer<Health>,
    reflection: Reflection,
}

impl Standard {
    /// Reports the status that `serving` holds; streams end when it says so.
    pub fn new(serving: watch::Receiver<Serving>) -> Result<Self, DecodeError> {
        let reflection = Reflection::new(&DESCRIPTORS, serving.clone())?;
        let health = HealthServer::new(Health::new(serving))
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(REQUEST_BYTES_MAX);
        Ok(Self { health, reflection })
    }

    /// What the method that a request names answers.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        match path.strip_prefix('/').and_then(|path| path.split_once('/')) {
            Some((health_server::SERVICE_NAME, _)) => {
                let answered = self.health.clone().call(request).await;
                answered.unwrap_or_else(|never| match never {})
            }
            Some((
                v1::server_reflection_server::SERVICE_NAME
                | v1alpha::server_reflection_server::SERVICE_NAME,
                SERVER_REFLECTION_INFO,
            )) => self.reflection.answer(request).await,
            _ => Status::unimplemented("").into_http(),
        }
    }
}
