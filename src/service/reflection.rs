//! Server reflection: what grpcurl and its like read our protos from.
//!
//! grpc.reflection.v1 and v1alpha have the same messages under two names, so one implementation
//! serves both. What is served is indexed once; a file is answered as the compiler wrote it, with
//! what it imports and this stream has not had yet, as grpc-go does. What is unknown is an
//! `ErrorResponse` in the stream. The next request is read when the last answer was taken, so a
//! stream holds one answer; a stream has a greatest number of requests.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    future::ready,
    sync::Arc,
};

use futures_util::stream;
use prost::{DecodeError, Message};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};
use tokio::sync::watch;
use tokio_stream::Stream;
use tonic::{Response, Status, Streaming, body::Body, server::Grpc};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse,
    ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
    server_reflection_request::MessageRequest as Ask,
    server_reflection_response::MessageResponse as Answer,
};

use super::{RESPONSE_BYTES_MAX, gzip, health::Serving, standard::REQUEST_BYTES_MAX};
use crate::wire::status::{
    shutting_down,
    transport::{self, INVALID_ARGUMENT, NOT_FOUND},
};

/// The most requests of one stream. A client that describes everything needs a few hundred.
const REQUESTS_MAX: u32 = 1_000;

/// A FileDescriptorSet whose files stay as they were written: decoded and encoded anew, they
/// would lose their options.
#[derive(Clone, PartialEq, Message)]
struct Written {
    #[prost(bytes = "vec", repeated, tag = "1")]
    files: Vec<Vec<u8>>,
}

/// One proto file.
#[derive(Debug)]
struct File {
    bytes: Vec<u8>,
    imports: Vec<String>,
}

/// Where a name is declared.
#[derive(Clone, Copy, Debug)]
struct Symbol {
    file: usize,
    is_message: bool,
}

/// Everything that can be asked for.
#[derive(Debug, Default)]
struct Index {
    files: Vec<File>,
    by_name: HashMap<String, usize>,
    /// Services, methods, messages, fields, oneofs, enums, their values and extensions.
    symbols: HashMap<String, Symbol>,
    /// By the message extended, and the number.
    extensions: BTreeMap<(String, i32), usize>,
    services: Vec<String>,
}

impl Index {
    fn new(sets: &[&[u8]]) -> Result<Self, DecodeError> {
        let mut index = Self::default();
        for set in sets {
            for bytes in Written::decode(*set)?.files {
                let proto = FileDescriptorProto::decode(&*bytes)?;
                index.add(&proto, bytes);
            }
        }
        index.services.sort();
        Ok(index)
    }

    /// Adds a file, unless one of its name is there.
    fn add(&mut self, proto: &FileDescriptorProto, bytes: Vec<u8>) {
        if self.by_name.contains_key(proto.name()) {
            return;
        }
        let file = self.files.len();
        self.by_name.insert(proto.name().to_owned(), file);
        self.files.push(File {
            bytes,
            imports: proto.dependency.clone(),
        });
        let package = proto.package();
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

    /// The values of an enum are named beside it, not within it.
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

    /// The file, and what it needs that is not in `sent`; all of it is then.
    fn with_imports(&self, file: usize, sent: &mut [bool]) -> Answer {
        let mut answered = Vec::new();
        let mut open = VecDeque::from([file]);
        while let Some(at) = open.pop_front() {
            let (Some(one), Some(sent)) = (self.files.get(at), sent.get_mut(at)) else {
                continue;
            };
            // the file asked for is answered in any case
            if std::mem::replace(sent, true) && !answered.is_empty() {
                continue;
            }
            answered.push(one.bytes.clone());
            open.extend(one.imports.iter().filter_map(|name| self.by_name.get(name)));
        }
        Answer::FileDescriptorResponse(FileDescriptorResponse {
            file_descriptor_proto: answered,
        })
    }

    fn answer(&self, ask: Option<&Ask>, sent: &mut [bool]) -> Answer {
        let file = match ask {
            None => return error(INVALID_ARGUMENT, "the request asks for nothing"),
            Some(Ask::ListServices(_)) => {
                let service = self.services.iter();
                let service = service.map(|name| ServiceResponse { name: name.clone() });
                return Answer::ListServicesResponse(ListServiceResponse {
                    service: service.collect(),
                });
            }
            Some(Ask::AllExtensionNumbersOfType(name)) => return self.extensions_of(name),
            Some(Ask::FileByFilename(name)) => self.by_name.get(name).copied(),
            Some(Ask::FileContainingSymbol(name)) => self.symbols.get(name).map(|it| it.file),
            Some(Ask::FileContainingExtension(of)) => {
                let key = (of.containing_type.clone(), of.extension_number);
                self.extensions.get(&key).copied()
            }
        };
        match file {
            Some(file) => self.with_imports(file, sent),
            None => error(NOT_FOUND, "there is no such file, symbol or extension"),
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

/// The service, under both of its names.
#[derive(Clone, Debug)]
pub struct Reflection {
    index: Arc<Index>,
    serving: watch::Receiver<Serving>,
}

impl Reflection {
    /// Answers what these encoded FileDescriptorSets declare; streams end when the server does.
    pub fn new(sets: &[&[u8]], serving: watch::Receiver<Serving>) -> Result<Self, DecodeError> {
        let index = Arc::new(Index::new(sets)?);
        Ok(Self { index, serving })
    }

    /// Answers a call of ServerReflectionInfo.
    pub async fn answer(&self, request: http::Request<Body>) -> http::Response<Body> {
        let this = self.clone();
        let info = tower::service_fn(move |request: tonic::Request<Streaming<_>>| {
            ready(Ok(Response::new(this.answers(request.into_inner()))))
        });
        let codec = ProstCodec::<ServerReflectionResponse, ServerReflectionRequest>::default();
        Grpc::new(codec)
            .apply_compression_config(gzip(), Default::default())
            .apply_max_message_size_config(Some(REQUEST_BYTES_MAX), Some(RESPONSE_BYTES_MAX))
            .streaming(info, request)
            .await
    }

    fn answers(
        &self,
        requests: Streaming<ServerReflectionRequest>,
    ) -> impl Stream<Item = Result<ServerReflectionResponse, Status>> + Send + 'static + use<> {
        let asking = Asking {
            index: Arc::clone(&self.index),
            serving: self.serving.clone(),
            requests,
            sent: vec![false; self.index.files.len()],
            left: REQUESTS_MAX,
            ended: false,
        };
        stream::unfold(asking, |mut asking| async move {
            let next = asking.next().await?;
            asking.ended = next.is_err();
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
    ended: bool,
}

impl Asking {
    async fn next(&mut self) -> Option<Result<ServerReflectionResponse, Status>> {
        if self.ended {
            return None;
        }
        let serving = &mut self.serving;
        let ending = async { drop(serving.wait_for(|it| *it == Serving::Ending).await) };
        let request = tokio::select! {
            request = self.requests.message() => request,
            () = ending => return Some(Err(shutting_down())),
        };
        let request = match request {
            Ok(request) => request?,
            Err(status) => {
                let explained = transport::explained(&status, REQUEST_BYTES_MAX);
                return Some(Err(explained.unwrap_or(status)));
            }
        };
        let Some(left) = self.left.checked_sub(1) else {
            return Some(Err(transport::too_many_requests(REQUESTS_MAX)));
        };
        self.left = left;
        let ask = request.message_request.as_ref();
        let answer = self.index.answer(ask, &mut self.sent);
        Some(Ok(ServerReflectionResponse {
            valid_host: request.host.clone(),
            original_request: Some(request),
            message_response: Some(answer),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::standard::DESCRIPTORS;

    fn index() -> Index {
        Index::new(&DESCRIPTORS).unwrap()
    }

    fn files(answer: Answer) -> Vec<String> {
        let Answer::FileDescriptorResponse(response) = answer else {
            panic!("{answer:?}");
        };
        let files = response.file_descriptor_proto.into_iter();
        let files = files.map(|it| FileDescriptorProto::decode(&*it).unwrap());
        files.map(|it| it.name().to_owned()).collect()
    }

    #[test]
    fn everything_together_is_one_answer() {
        let bytes: usize = index().files.iter().map(|it| it.bytes.len()).sum();
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
