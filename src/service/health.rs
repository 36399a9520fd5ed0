//! The health service (grpc.health.v1): reports to clients and load balancers whether this server
//! answers calls.
//!
//! All services depend on one log, so they serve together or not at all. As the gRPC health
//! checking protocol requires, `Check` of an unknown service is NOT_FOUND, and `Watch` of one
//! returns SERVICE_UNKNOWN and stays open. A watch ends when the server stops, after a last status.

use ndp_core::messages::Protocol;
use std::pin::Pin;

use futures_util::stream;
use tokio::sync::watch;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server,
};

use super::NAMES;
use crate::wire::status::protocol;

/// The health of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// It answers.
    Yes,
    /// It cannot read the log, so its answers may be out of date.
    No,
    /// It is stopping. Each watch gets a last status and ends.
    Ending,
}

impl Serving {
    const fn status(self) -> ServingStatus {
        match self {
            Self::Yes => ServingStatus::Serving,
            Self::No | Self::Ending => ServingStatus::NotServing,
        }
    }
}

/// The service.
#[derive(Clone, Debug)]
pub struct Health {
    serving: watch::Receiver<Serving>,
}

impl Health {
    /// Creates the service. It reports `serving` for each service and for the whole server.
    pub const fn new(serving: watch::Receiver<Serving>) -> Self {
        Self { serving }
    }
}

/// Whether a health check may ask for this service. The empty name means the whole server.
fn is_known(service: &str) -> bool {
    service.is_empty() || NAMES.contains(&service)
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

/// One watcher.
#[derive(Debug)]
struct Watching {
    serving: watch::Receiver<Serving>,
    known: bool,
    said: Option<ServingStatus>,
}

impl Watching {
    /// The next status that differs from the last; none once the server stops.
    async fn next(&mut self) -> Option<HealthCheckResponse> {
        loop {
            let serving = *self.serving.borrow_and_update();
            let status = if self.known {
                serving.status()
            } else {
                ServingStatus::ServiceUnknown
            };
            if self.said != Some(status) {
                self.said = Some(status);
                return Some(response(status));
            }
            if serving == Serving::Ending {
                return None;
            }
            self.serving.changed().await.ok()?;
        }
    }
}

#[tonic::async_trait]
impl health_server::Health for Health {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if is_known(&request.get_ref().service) {
            let status = self.serving.borrow().status();
            return Ok(Response::new(response(status)));
        }
        Err(protocol(&Protocol::ServiceUnknown))
    }

    type WatchStream =
        Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send + 'static>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let watching = Watching {
            serving: self.serving.clone(),
            known: is_known(&request.get_ref().service),
            said: None,
        };
        let statuses = stream::unfold(watching, |mut watching| async move {
            let next = watching.next().await?;
            Some((Ok(next), watching))
        });
        Ok(Response::new(Box::pin(statuses)))
    }
}

#[cfg(test)]
mod tests {
    use tokio_stream::StreamExt;
    use tonic_health::pb::health_server::Health as _;

    use super::*;

    fn asking(service: &str) -> Request<HealthCheckRequest> {
        Request::new(HealthCheckRequest {
            service: service.to_owned(),
        })
    }

    #[tokio::test]
    async fn check_knows_the_server_and_its_services() {
        let (say, serving) = watch::channel(Serving::No);
        let health = Health::new(serving);
        for (serving, status) in [
            (Serving::No, ServingStatus::NotServing),
            (Serving::Yes, ServingStatus::Serving),
            (Serving::Ending, ServingStatus::NotServing),
        ] {
            say.send_replace(serving);
            for service in std::iter::once("").chain(NAMES) {
                let answer = health.check(asking(service)).await.unwrap();
                assert_eq!(answer.get_ref().status(), status, "{service}");
            }
            for service in ["x", " ", "ndp.registry.v1", "ndp.registry.v1.planservice"] {
                let status = health.check(asking(service)).await.unwrap_err();
                assert_eq!(status.code(), tonic::Code::NotFound, "{service}");
            }
        }
    }

    #[tokio::test]
    async fn watch_says_each_change_once_and_ends_with_the_server() {
        let (say, serving) = watch::channel(Serving::Yes);
        let health = Health::new(serving);
        let mut known = health.watch(asking("")).await.unwrap().into_inner();
        let mut unknown = health.watch(asking("x")).await.unwrap().into_inner();
        assert_eq!(
            known.next().await.unwrap().unwrap().status(),
            ServingStatus::Serving
        );
        assert_eq!(
            unknown.next().await.unwrap().unwrap().status(),
            ServingStatus::ServiceUnknown
        );
        // an unchanged status is not sent again
        say.send_replace(Serving::Yes);
        say.send_replace(Serving::No);
        assert_eq!(
            known.next().await.unwrap().unwrap().status(),
            ServingStatus::NotServing
        );
        assert!(futures_util::FutureExt::now_or_never(known.next()).is_none());
        assert!(futures_util::FutureExt::now_or_never(unknown.next()).is_none());
        say.send_replace(Serving::Yes);
        say.send_replace(Serving::Ending);
        assert!(known.next().await.is_none(), "it has said NOT_SERVING");
        assert!(unknown.next().await.is_none());
    }
}
