//! Server reflection, from which tools such as grpcurl read the protos.
//!
//! grpc.reflection.v1 and v1alpha have the same messages under two names, so one implementation
//! serves both. The files are indexed once. An answer has the requested file as the compiler wrote
//! it, with those of its imports that the stream has not sent yet, as in grpc-go. An unknown name
//! gives an `ErrorResponse` in the stream. The next request is read after the last answer was
//! taken, and answers share the files of the index, so an open stream needs little memory. The
//! number of requests per stream is limited.

use ndp_core::messages::Protocol;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    future::ready,
    sync::{Arc, OnceLock},
};

use bytes::{BufMut, Bytes};
use futures_util::stream;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::StreamBody;
use prost::{
    DecodeError, Message,
    encoding::{DecodeContext, WireType, decode_key, encode_key, encode_varint, skip_field},
};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, ServiceDescriptorProto,
};
use tokio::sync::watch;
use tokio_stream::Stream;
use tonic::{Response, Status, Streaming, body::Body, server::Grpc};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::{
    ErrorResponse, ExtensionNumberResponse, ListServiceResponse, ServerReflectionRequest,
    ServerReflectionResponse, ServiceResponse, server_reflection_request::MessageRequest as Ask,
    server_reflection_response::MessageResponse as Answer,
};

use super::{gzip, health::Serving, standard::REQUEST_BYTES_MAX};
use crate::wire::status::{
    protocol, shutting_down,
    transport::{self, INVALID_ARGUMENT, NOT_FOUND},
};

/// The most requests of one stream. A client that describes everything needs a few hundred.
const REQUESTS_MAX: u32 = 1_000;

/// What is read of a FileDescriptorSet.
#[derive(Clone, PartialEq, Message)]
struct Set {
    #[prost(message, repeated, tag = "1")]
    file: Vec<Declared>,
}

/// What is read of a FileDescriptorProto: its comments would take several times as much memory.
#[derive(Clone, PartialEq, Message)]
struct Declared {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    package: String,
    #[prost(string, repeated, tag = "3")]
    dependency: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    message_type: Vec<DescriptorProto>,
    #[prost(message, repeated, tag = "5")]
    enum_type: Vec<EnumDescriptorProto>,
    #[prost(message, repeated, tag = "6")]
    service: Vec<ServiceDescriptorProto>,
    #[prost(message, repeated, tag = "7")]
    extension: Vec<FieldDescriptorProto>,
}

/// Number of the field of an answer that holds a `FileDescriptorResponse`.
const FILE_DESCRIPTOR_RESPONSE: u32 = 4;

/// One proto file.
#[derive(Debug)]
struct File {
    /// The file as a field of its set, which all answers share. A `FileDescriptorResponse` has the
    /// same field. Decoding and encoding a file would lose its options.
    field: Bytes,
    imports: Vec<String>,
}

/// Where a name is declared.
#[derive(Clone, Copy, Debug)]
struct Symbol {
    file: usize,
    is_message: bool,
}

/// Everything that a request can ask for.
#[derive(Debug, Default)]
struct Index {
    files: Vec<File>,
    by_name: HashMap<String, usize>,
    /// Services, methods, messages, fields, oneofs, enums, their values and extensions.
    symbols: HashMap<String, Symbol>,
    /// Files by the extended message and the extension number.
    extensions: BTreeMap<(String, i32), usize>,
    services: Vec<String>,
}

impl Index {
    fn new(sets: &[&'static [u8]]) -> Result<Self, DecodeError> {
        let mut index = Self::default();
        for set in sets {
            let mut rest = Bytes::from_static(set);
            while !rest.is_empty() {
                let mut field = rest.clone();
                let (tag, wire_type) = decode_key(&mut rest)?;
                skip_field(wire_type, tag, &mut rest, DecodeContext::default())?;
                field.truncate(field.len() - rest.len());
                for proto in &Set::decode(field.clone())?.file {
                    index.add(proto, field.clone());
                }
            }
        }
        index.services.sort();
        Ok(index)
    }

    /// Adds a file, unless the index has one with the same name.
    fn add(&mut self, proto: &Declared, field: Bytes) {
        if self.by_name.contains_key(&proto.name) {
            return;
        }
        let file = self.files.len();
        self.by_name.insert(proto.name.clone(), file);
        self.files.push(File {
            field,
            imports: proto.dependency.clone(),
        });
        let package = &*proto.package;
        for message in &proto.message_type {
            self.add_message(file, package, message);
        }
        for one in &proto.enum_type {
            self.add_enum(file, package, one);
        }
        for extension in &proto.extension {
            self.add_extension(file, package, extension);
        }
        for service in &proto.service {
            let name = self.add_symbol(file, package, service.name());
            for method in &service.method {
                self.add_symbol(file, &name, method.name());
            }
            self.services.push(name);
        }
    }

    fn add_message(&mut self, file: usize, scope: &str, message: &DescriptorProto) {
        let name = self.add_symbol(file, scope, message.name());
        if let Some(symbol) = self.symbols.get_mut(&name) {
            symbol.is_message = true;
        }
        for field in &message.field {
            self.add_symbol(file, &name, field.name());
        }
        for oneof in &message.oneof_decl {
            self.add_symbol(file, &name, oneof.name());
        }
        for nested in &message.nested_type {
            self.add_message(file, &name, nested);
        }
        for one in &message.enum_type {
            self.add_enum(file, &name, one);
        }
        for extension in &message.extension {
            self.add_extension(file, &name, extension);
        }
    }

    /// Adds an enum. Its values have names in the scope of the enum, not within the enum.
    fn add_enum(&mut self, file: usize, scope: &str, one: &EnumDescriptorProto) {
        self.add_symbol(file, scope, one.name());
        for value in &one.value {
            self.add_symbol(file, scope, value.name());
        }
    }

    fn add_extension(&mut self, file: usize, scope: &str, extension: &FieldDescriptorProto) {
        self.add_symbol(file, scope, extension.name());
        let extended = extension.extendee().trim_start_matches('.').to_owned();
        self.extensions.insert((extended, extension.number()), file);
    }

    fn add_symbol(&mut self, file: usize, scope: &str, name: &str) -> String {
        let name = match scope {
            "" => name.to_owned(),
            scope => format!("{scope}.{name}"),
        };
        let symbol = Symbol {
            file,
            is_message: false,
        };
        self.symbols.entry(name.clone()).or_insert(symbol);
        name
    }

    /// The file and those of its imports that are not in `sent`. Marks them as sent.
    fn with_imports(&self, file: usize, sent: &mut [bool]) -> Reply {
        let mut answered = Vec::new();
        let mut open = VecDeque::from([file]);
        while let Some(at) = open.pop_front() {
            let (Some(one), Some(sent)) = (self.files.get(at), sent.get_mut(at)) else {
                continue;
            };
            // the requested file is always sent
            if std::mem::replace(sent, true) && !answered.is_empty() {
                continue;
            }
            answered.push(one.field.clone());
            open.extend(one.imports.iter().filter_map(|name| self.by_name.get(name)));
        }
        Reply::Files(answered)
    }

    fn answer(&self, ask: Option<&Ask>, sent: &mut [bool]) -> Reply {
        let file = match ask {
            None => {
                let error = error(INVALID_ARGUMENT, "the request asks for nothing");
                return Reply::Other(error);
            }
            Some(Ask::ListServices(_)) => {
                let service = self.services.iter();
                let service = service.map(|name| ServiceResponse { name: name.clone() });
                return Reply::Other(Answer::ListServicesResponse(ListServiceResponse {
                    service: service.collect(),
                }));
            }
            Some(Ask::AllExtensionNumbersOfType(name)) => {
                return Reply::Other(self.extensions_of(name));
            }
            Some(Ask::FileByFilename(name)) => self.by_name.get(name).copied(),
            Some(Ask::FileContainingSymbol(name)) => self.symbols.get(name).map(|it| it.file),
            Some(Ask::FileContainingExtension(of)) => {
                let key = (of.containing_type.clone(), of.extension_number);
                self.extensions.get(&key).copied()
            }
        };
        match file {
            Some(file) => self.with_imports(file, sent),
            None => {
                let error = error(NOT_FOUND, "there is no such file, symbol or extension");
                Reply::Other(error)
            }
        }
    }

    fn extensions_of(&self, name: &str) -> Answer {
        if !self.symbols.get(name).is_some_and(|it| it.is_message) {
            return error(NOT_FOUND, "there is no such message");
        }
        let from = (name.to_owned(), i32::MIN)..=(name.to_owned(), i32::MAX);
        let numbers = self.extensions.range(from).map(|((_, number), _)| *number);
        Answer::AllExtensionNumbersResponse(ExtensionNumberResponse {
            base_type_name: name.to_owned(),
            extension_number: numbers.collect(),
        })
    }
}

fn error(code: i32, message: &str) -> Answer {
    Answer::ErrorResponse(ErrorResponse {
        error_code: code,
        error_message: message.to_owned(),
    })
}

/// The answer to a request.
#[derive(Debug)]
enum Reply {
    /// Files, each as it is in the index.
    Files(Vec<Bytes>),
    Other(Answer),
}

impl Reply {
    /// The bytes of the gRPC message, prefix included, in the order to send them.
    fn encode(self, request: ServerReflectionRequest) -> VecDeque<Bytes> {
        let (files, message_response) = match self {
            Self::Files(files) => (files, None),
            Self::Other(answer) => (Vec::new(), Some(answer)),
        };
        let response = ServerReflectionResponse {
            valid_host: request.host.clone(),
            original_request: Some(request),
            message_response,
        };
        let mut message = response.encode_to_vec();
        let bytes = files.iter().map(Bytes::len).sum::<usize>();
        if !files.is_empty() {
            encode_key(
                FILE_DESCRIPTOR_RESPONSE,
                WireType::LengthDelimited,
                &mut message,
            );
            encode_varint(bytes as u64, &mut message);
        }
        let length = u32::try_from(message.len() + bytes).unwrap_or(u32::MAX);
        let mut prefix = vec![0];
        prefix.put_u32(length);
        prefix.append(&mut message);
        let mut pieces = VecDeque::from([Bytes::from(prefix)]);
        pieces.extend(files);
        pieces
    }
}

/// The service, under both of its names.
#[derive(Clone, Debug)]
pub struct Reflection {
    index: Arc<Index>,
    serving: watch::Receiver<Serving>,
}

impl Reflection {
    /// Serves the declarations of these encoded FileDescriptorSets. Streams end when the server
    /// stops.
    pub fn new(
        sets: &[&'static [u8]],
        serving: watch::Receiver<Serving>,
    ) -> Result<Self, DecodeError> {
        let index = Arc::new(Index::new(sets)?);
        Ok(Self { index, serving })
    }

    /// Answers a call of ServerReflectionInfo.
    ///
    /// tonic reads the requests but does not write the answers: its encoder copies each answer and
    /// keeps the buffer of the last one while the stream is open.
    pub async fn answer(&self, request: http::Request<Body>) -> http::Response<Body> {
        let requests = Arc::<OnceLock<Streaming<_>>>::default();
        let arrived = Arc::clone(&requests);
        let info = tower::service_fn(move |request: tonic::Request<Streaming<_>>| {
            let _ = arrived.set(request.into_inner());
            ready(Ok(Response::new(stream::empty())))
        });
        let codec = ProstCodec::<ServerReflectionResponse, ServerReflectionRequest>::default();
        let response = Grpc::new(codec)
            .apply_compression_config(gzip(), Default::default())
            .apply_max_message_size_config(Some(REQUEST_BYTES_MAX), None)
            .streaming(info, request)
            .await;
        match Arc::into_inner(requests).and_then(OnceLock::into_inner) {
            Some(requests) => response.map(|_| Body::new(StreamBody::new(self.answers(requests)))),
            None => response,
        }
    }

    fn answers(
        &self,
        requests: Streaming<ServerReflectionRequest>,
    ) -> impl Stream<Item = Result<Frame<Bytes>, Status>> + Send + 'static + use<> {
        let asking = Asking {
            index: Arc::clone(&self.index),
            serving: self.serving.clone(),
            requests,
            sent: vec![false; self.index.files.len()],
            left: REQUESTS_MAX,
            unsent: VecDeque::new(),
            ended: false,
        };
        stream::unfold(asking, |mut asking| async move {
            let next = asking.next_frame().await?;
            Some((next, asking))
        })
    }
}

/// One stream.
struct Asking {
    index: Arc<Index>,
    serving: watch::Receiver<Serving>,
    requests: Streaming<ServerReflectionRequest>,
    sent: Vec<bool>,
    left: u32,
    /// The rest of the current answer.
    unsent: VecDeque<Bytes>,
    ended: bool,
}

impl Asking {
    async fn next_frame(&mut self) -> Option<Result<Frame<Bytes>, Status>> {
        if self.ended {
            return None;
        }
        if self.unsent.is_empty() {
            match self.next_answer().await {
                Ok(Some(answer)) => self.unsent = answer,
                Ok(None) => return Some(self.end(Status::ok(""))),
                Err(status) => return Some(self.end(status)),
            }
        }
        self.unsent.pop_front().map(|bytes| Ok(Frame::data(bytes)))
    }

    /// The last frame.
    fn end(&mut self, status: Status) -> Result<Frame<Bytes>, Status> {
        self.ended = true;
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers)?;
        Ok(Frame::trailers(trailers))
    }

    async fn next_answer(&mut self) -> Result<Option<VecDeque<Bytes>>, Status> {
        let serving = &mut self.serving;
        let ending = async { drop(serving.wait_for(|it| *it == Serving::Ending).await) };
        let request = tokio::select! {
            request = self.requests.message() => request,
            () = ending => return Err(shutting_down()),
        };
        let request = request
            .map_err(|status| transport::explained(&status, REQUEST_BYTES_MAX).unwrap_or(status))?;
        let Some(request) = request else {
            return Ok(None);
        };
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => return Err(protocol(&Protocol::TooManyRequests { most: REQUESTS_MAX })),
        };
        let ask = request.message_request.as_ref();
        let reply = self.index.answer(ask, &mut self.sent);
        Ok(Some(reply.encode(request)))
    }
}

#[cfg(test)]
mod tests {
    use prost_types::FileDescriptorProto;

    use super::*;
    use crate::{call::RESPONSE_BYTES_MAX, service::standard::DESCRIPTORS};

    fn index() -> Index {
        Index::new(&DESCRIPTORS).unwrap()
    }

    /// The names of the files in an answer, as a client reads it.
    fn files(reply: Reply) -> Vec<String> {
        let pieces: Vec<_> = reply.encode(ServerReflectionRequest::default()).into();
        let bytes = pieces.concat();
        let (prefix, message) = bytes.split_at(5);
        assert_eq!(prefix[0], 0);
        assert_eq!(prefix[1..], (message.len() as u32).to_be_bytes());
        let response = ServerReflectionResponse::decode(message).unwrap();
        let Some(Answer::FileDescriptorResponse(response)) = response.message_response else {
            panic!("{response:?}");
        };
        let files = response.file_descriptor_proto.into_iter();
        let files = files.map(|it| FileDescriptorProto::decode(&*it).unwrap());
        files.map(|it| it.name().to_owned()).collect()
    }

    #[test]
    fn everything_together_is_one_answer() {
        let bytes: usize = index().files.iter().map(|it| it.field.len()).sum();
        assert!(bytes < RESPONSE_BYTES_MAX / 2, "{bytes}");
    }

    #[test]
    fn what_is_imported_is_there() {
        let index = index();
        for file in &index.files {
            for import in &file.imports {
                assert!(index.by_name.contains_key(import), "{import}");
            }
        }
    }

    #[test]
    fn a_file_comes_with_its_imports_once_a_stream() {
        let index = index();
        let mut sent = vec![false; index.files.len()];
        let ask = Ask::FileContainingSymbol("ndp.registry.v1.PlanService".into());
        let first = files(index.answer(Some(&ask), &mut sent));
        assert_eq!(first[0], "ndp/registry/v1/plan_service.proto");
        assert!(first.contains(&"google/protobuf/descriptor.proto".to_owned()));
        assert_eq!(files(index.answer(Some(&ask), &mut sent)), first[..1]);
        let ask = Ask::FileByFilename("google/protobuf/descriptor.proto".into());
        assert_eq!(files(index.answer(Some(&ask), &mut sent)).len(), 1);
    }
}
