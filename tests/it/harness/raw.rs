//! Calls of any method by its name, in JSON, as grpcurl makes them: for tests that walk all
//! methods, and for those that say a request in a line.

use std::sync::LazyLock;

use ndp_registry::pb;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor, SerializeOptions,
};
use serde_json::Value;
use tonic::{
    Request, Response, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

use super::server::As;

/// Everything that is served, and the details of errors.
pub(crate) static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap());

/// Every method of our services but those that stream, which have tests of their own.
pub(crate) fn methods() -> Vec<MethodDescriptor> {
    let ours = POOL
        .services()
        .filter(|service| service.package_name() == "ndp.registry.v1");
    ours.flat_map(|service| service.methods().collect::<Vec<_>>())
        .filter(|method| !method.is_server_streaming())
        .collect()
}

/// A client of all methods, as one caller.
#[derive(Clone)]
pub(crate) struct Raw(Grpc<InterceptedService<Channel, As>>);

impl Raw {
    pub(crate) fn new(channel: InterceptedService<Channel, As>) -> Self {
        Self(Grpc::new(channel))
    }

    /// A client of a server in another process.
    pub(crate) async fn connect(address: &str, caller: As) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let channel = endpoint.connect().await.unwrap();
        Self::new(InterceptedService::new(channel, caller))
    }

    /// Calls a method by its short name, as `GetPlan`.
    pub(crate) async fn call(&self, method: &str, request: Value) -> Result<Value, Status> {
        let response = self.respond(method, request).await?;
        Ok(json(response.get_ref()))
    }

    /// The same with what came around the answer.
    pub(crate) async fn respond(
        &self,
        method: &str,
        request: Value,
    ) -> Result<Response<DynamicMessage>, Status> {
        let method = methods().into_iter().find(|it| it.name() == method);
        let method = method.expect("a method of our services");
        let message = DynamicMessage::deserialize(method.input(), &request)
            .unwrap_or_else(|error| panic!("{}: {error} in {request}", method.full_name()));
        self.respond_to(&method, message).await
    }

    /// Calls any method, as if it were unary: one that streams has to refuse.
    pub(crate) async fn respond_to(
        &self,
        method: &MethodDescriptor,
        message: DynamicMessage,
    ) -> Result<Response<DynamicMessage>, Status> {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let mut grpc = self.0.clone();
        grpc.ready().await.unwrap();
        let codec = Dynamic(method.output());
        grpc.unary(Request::new(message), path.parse().unwrap(), codec)
            .await
    }

    /// Calls a method that has to answer.
    pub(crate) async fn ok(&self, method: &str, request: Value) -> Value {
        let answer = self.call(method, request.clone()).await;
        answer.unwrap_or_else(|status| panic!("{method} {request}: {status:?}"))
    }

    /// Calls a method that has to refuse.
    pub(crate) async fn err(&self, method: &str, request: Value) -> Status {
        match self.call(method, request.clone()).await {
            Err(status) => status,
            Ok(answer) => panic!("{method} {request} answered {answer}"),
        }
    }

    /// Calls a method that has to refuse; `CODE REASON`.
    pub(crate) async fn refusal(&self, method: &str, request: Value) -> String {
        let status = self.err(method, request).await;
        format!("{:?} {}", status.code(), reason(&status))
    }
}

/// The stable reason of an error.
pub(crate) fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    info.unwrap_or_else(|| panic!("{status:?} has no ErrorInfo"))
        .reason
}

/// What was wrong, a line for each field: `path REASON`.
pub(crate) fn violations(status: &Status) -> String {
    let details = status.get_details_bad_request();
    let details = details.expect("a bad request says what is wrong with it");
    let lines = details.field_violations.iter();
    let lines = lines.map(|it| format!("{} {}", it.field, it.reason));
    lines.collect::<Vec<_>>().join("\n")
}

/// Everything a client learns from an error.
pub(crate) fn learned(status: &Status) -> String {
    let details = status.get_error_details();
    format!("{:?} {} {details:?}", status.code(), status.message())
}

pub(crate) fn json(message: &DynamicMessage) -> Value {
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .stringify_64_bit_integers(false);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .unwrap()
}

struct Dynamic(MessageDescriptor);

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(self.0.clone())
    }

    fn decoder(&mut self) -> Self {
        Self(self.0.clone())
    }
}

impl Encoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, item: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        DynamicMessage::decode(self.0.clone(), buffer)
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
