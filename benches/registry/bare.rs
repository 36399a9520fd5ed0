//! What the server is compared with: tonic with nothing behind it. It decodes the request, finds
//! a message made beforehand and lets tonic encode it, under the settings of the real server.

use std::{
    collections::HashMap,
    convert::Infallible,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ndp_registry::{call, pb};
use prost::Message;
use serde::{Deserialize, Serialize};
use tonic::{
    Request, Response, Status,
    body::Body,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{Grpc, NamedService, UnaryService},
    transport::{Server, server::TcpIncoming},
};
use tower::Service;

/// What a bare service answers: for each key, as [`Method::key`] gives it, a message in base64.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answers {
    pub(crate) path: String,
    pub(crate) messages: Vec<(String, String)>,
}

/// A method, by its request.
trait Method: Message + Default + Send + 'static {
    const SERVICE: &'static str;
    type Answer: Message + Default + Send + Sync + 'static;
    /// The part of a request that selects its answer.
    fn key(&self) -> &str;
}

impl Method for pb::GetPlatformRequest {
    const SERVICE: &'static str = "ndp.registry.v1.CatalogueService";
    type Answer = pb::Platform;

    fn key(&self) -> &str {
        &self.name
    }
}

impl Method for pb::ListPlatformsRequest {
    const SERVICE: &'static str = "ndp.registry.v1.CatalogueService";
    type Answer = pb::ListPlatformsResponse;

    fn key(&self) -> &'static str {
        ""
    }
}

impl Method for pb::UpdatePlanRequest {
    const SERVICE: &'static str = "ndp.registry.v1.PlanService";
    type Answer = pb::Plan;

    fn key(&self) -> &str {
        self.plan.as_ref().map_or("", |plan| &plan.name)
    }
}

/// What [`Method::key`] gives for an encoded request of this path.
pub(crate) fn key(path: &str, message: &[u8]) -> Result<String> {
    Ok(match path {
        GET_PLATFORM => pb::GetPlatformRequest::decode(message)?.key().to_owned(),
        LIST_PLATFORMS => String::new(),
        UPDATE_PLAN => pb::UpdatePlanRequest::decode(message)?.key().to_owned(),
        _ => bail!("{path}: not a method of the bare service"),
    })
}

/// Methods of the bare service.
pub(crate) const GET_PLATFORM: &str = "/ndp.registry.v1.CatalogueService/GetPlatform";
/// See [`GET_PLATFORM`].
pub(crate) const LIST_PLATFORMS: &str = "/ndp.registry.v1.CatalogueService/ListPlatforms";
/// See [`GET_PLATFORM`].
pub(crate) const UPDATE_PLAN: &str = "/ndp.registry.v1.PlanService/UpdatePlan";

/// The process of the bare service: prints its address, and serves until it is killed.
pub(crate) fn run(file: &str) -> Result<()> {
    let answers: Answers = serde_json::from_slice(&std::fs::read(file)?)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        match answers.path.as_str() {
            GET_PLATFORM => serve::<pb::GetPlatformRequest>(answers).await,
            LIST_PLATFORMS => serve::<pb::ListPlatformsRequest>(answers).await,
            UPDATE_PLAN => serve::<pb::UpdatePlanRequest>(answers).await,
            path => bail!("{path}: not a method of the bare service"),
        }
    })
}

async fn serve<M: Method>(answers: Answers) -> Result<()> {
    let mut messages = HashMap::new();
    for (key, message) in answers.messages {
        let message = M::Answer::decode(&*STANDARD.decode(message)?).context("an answer")?;
        messages.insert(key, Arc::new(message));
    }
    let bare = Bare::<M> {
        messages: Arc::new(messages),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!(
        "the bare service is listening on {}",
        listener.local_addr()?
    );
    // as src/server.rs
    Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(60)))
        .max_concurrent_streams(Some(200))
        .http2_max_header_list_size(Some(16 * 1024))
        .add_service(bare)
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}

/// The service as tonic's generator would write it, for one method.
struct Bare<M: Method> {
    messages: Arc<HashMap<String, Arc<M::Answer>>>,
}

impl<M: Method> Clone for Bare<M> {
    fn clone(&self) -> Self {
        Self {
            messages: Arc::clone(&self.messages),
        }
    }
}

impl<M: Method> NamedService for Bare<M> {
    const NAME: &'static str = M::SERVICE;
}

type Answering<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl<M: Method> Service<http::Request<Body>> for Bare<M> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answering<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let bare = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(Prebuilt::<M>(PhantomData)).apply_max_message_size_config(
                Some(call::REQUEST_BYTES_MAX),
                Some(call::RESPONSE_BYTES_MAX),
            );
            Ok(grpc.unary(bare, request).await)
        })
    }
}

impl<M: Method> UnaryService<M> for Bare<M> {
    type Response = Arc<M::Answer>;
    type Future = Answering<Response<Arc<M::Answer>>, Status>;

    fn call(&mut self, request: Request<M>) -> Self::Future {
        let bare = self.clone();
        Box::pin(async move {
            let message = bare.messages.get(request.get_ref().key());
            let message = message.ok_or_else(|| Status::not_found("no such answer"))?;
            Ok(Response::new(Arc::clone(message)))
        })
    }
}

/// Encodes a message that is shared between calls.
struct Prebuilt<M>(PhantomData<M>);

impl<M: Method> Codec for Prebuilt<M> {
    type Encode = Arc<M::Answer>;
    type Decode = M;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(PhantomData)
    }

    fn decoder(&mut self) -> Self {
        Self(PhantomData)
    }
}

impl<M: Method> Encoder for Prebuilt<M> {
    type Item = Arc<M::Answer>;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(to)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

impl<M: Method> Decoder for Prebuilt<M> {
    type Item = M;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<M>, Status> {
        M::decode(from)
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
