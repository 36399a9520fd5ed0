//! The standard services over the wire: health by gRPC's health document, reflection by what
//! grpc-go's server answers, under both of its names.

use ndp_registry::{config::ServerOptions, service};
use prost::Message as _;
use prost_types::FileDescriptorProto;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{BOUND, start};
use crate::harness::{
    Engine,
    grpc::{Call, framed},
    raw::{POOL, reason},
    server::{As, Server},
};

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_follows_its_document() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let mut health = HealthClient::new(server.intercepted(As::default()));
    let mut whole = health.watch(of("")).await.unwrap().into_inner();
    while whole.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
    for service in std::iter::once("").chain(service::NAMES) {
        let checked = health.check(of(service)).await.unwrap();
        assert_eq!(checked.get_ref().status(), ServingStatus::Serving);
    }
    let unknown = health
        .check(of("ndp.registry.v1.Nothing"))
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    assert_eq!(reason(&unknown), "SERVICE_UNKNOWN");

    let unknown = health.watch(of("ndp.registry.v1.Nothing")).await.unwrap();
    let mut unknown = unknown.into_inner();
    let first = unknown.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::ServiceUnknown);
    // it stays open, and ends well with the server
    let ended = tokio::spawn(async move { unknown.message().await });
    let last = tokio::spawn(async move {
        let mut last = None;
        while let Some(next) = whole.message().await.unwrap() {
            last = Some(next.status());
        }
        last
    });
    tokio::task::yield_now().await;
    assert!(
        !ended.is_finished(),
        "the watch of an unknown service ended"
    );
    drop(health);
    server.stop().await;
    assert_eq!(ended.await.unwrap().unwrap(), None);
    assert_eq!(last.await.unwrap(), Some(ServingStatus::NotServing));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_too_large_is_refused() {
    let engine = Engine::sqlite();
    let server = start(&engine, ServerOptions::default()).await;
    for method in [
        "grpc.health.v1.Health/Check",
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ] {
        let call = Call::open(&server.address, method, &[]).await;
        let status = call.end(framed(0, &vec![0; 20_000])).await.outcome();
        assert_eq!(status.code(), Code::ResourceExhausted, "{method}");
        assert_eq!(reason(&status), "MESSAGE_TOO_LARGE");
        assert!(status.message().contains("16384"), "{status:?}");
    }
    for method in [
        "grpc.health.v1.Health/List",
        "grpc.reflection.v1.ServerReflection/X",
    ] {
        let call = Call::open(&server.address, method, &[]).await;
        let status = call.end(framed(0, &[])).await.outcome();
        assert_eq!(reason(&status), "METHOD_UNKNOWN", "{method}");
    }
    server.stop().await;
}

/// The same for each version of reflection, whose types have the same names in two packages.
macro_rules! versions {
    ($($version:ident),+) => { $(mod $version {
        use tonic_reflection::pb::$version::{
            ExtensionRequest, ServerReflectionRequest,
            server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest as Ask,
            server_reflection_response::MessageResponse as Answer,
        };

        use super::*;

        /// One stream.
        struct Asking {
            send: mpsc::Sender<ServerReflectionRequest>,
            answers: tonic::Streaming<
                tonic_reflection::pb::$version::ServerReflectionResponse,
            >,
        }

        impl Asking {
            async fn open(server: &Server) -> Self {
                let (send, requests) = mpsc::channel(1);
                let mut client = ServerReflectionClient::new(server.intercepted(As::default()));
                let answers = client.server_reflection_info(ReceiverStream::new(requests));
                let answers = answers.await.unwrap().into_inner();
                Self { send, answers }
            }

            async fn ask(&mut self, ask: Option<Ask>) -> Answer {
                let request = ServerReflectionRequest {
                    host: "any.host".into(),
                    message_request: ask,
                };
                self.send.send(request.clone()).await.unwrap();
                let answer = tokio::time::timeout(BOUND, self.answers.message());
                let answer = answer.await.expect("an answer").unwrap().unwrap();
                assert_eq!(answer.valid_host, "any.host");
                assert_eq!(answer.original_request, Some(request));
                answer.message_response.unwrap()
            }

            async fn files(&mut self, ask: Ask) -> Vec<String> {
                match self.ask(Some(ask)).await {
                    Answer::FileDescriptorResponse(files) => files
                        .file_descriptor_proto
                        .iter()
                        .map(|it| FileDescriptorProto::decode(&**it).unwrap().name().to_owned())
                        .collect(),
                    other => panic!("{other:?}"),
                }
            }

            async fn error(&mut self, ask: Option<Ask>) -> Code {
                match self.ask(ask).await {
                    Answer::ErrorResponse(error) => error.error_code.into(),
                    other => panic!("{other:?}"),
                }
            }
        }

        fn extension(of: &str, number: i32) -> Ask {
            Ask::FileContainingExtension(ExtensionRequest {
                containing_type: of.into(),
                extension_number: number,
            })
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn everything_served_is_found_by_its_name() {
            let engine = Engine::sqlite();
            let server = Server::start(&engine.url()).await;
            let mut asking = Asking::open(&server).await;
            let Answer::ListServicesResponse(listed) =
                asking.ask(Some(Ask::ListServices("*".into()))).await
            else {
                panic!("no list");
            };
            let listed: Vec<_> = listed.service.into_iter().map(|it| it.name).collect();
            let mut expected = service::NAMES.map(str::to_owned).to_vec();
            expected.extend([
                "grpc.health.v1.Health".to_owned(),
                "grpc.reflection.v1.ServerReflection".to_owned(),
                "grpc.reflection.v1alpha.ServerReflection".to_owned(),
            ]);
            expected.sort();
            assert_eq!(listed, expected);

            let first = asking.files(Ask::FileContainingSymbol(
                "ndp.registry.v1.CatalogueService".into(),
            ));
            let first = first.await;
            assert_eq!(first[0], "ndp/registry/v1/catalogue_service.proto");
            for import in ["buf/validate/validate.proto", "google/protobuf/descriptor.proto"] {
                assert!(first.contains(&import.to_owned()), "{import} in {first:?}");
            }
            for (symbol, file) in [
                ("ndp.registry.v1.PlanService.SubmitPlan", "ndp/registry/v1/plan_service.proto"),
                ("ndp.registry.v1.Plan", "ndp/registry/v1/plans.proto"),
                ("ndp.registry.v1.Plan.State", "ndp/registry/v1/plans.proto"),
                ("ndp.registry.v1.Plan.display_name", "ndp/registry/v1/plans.proto"),
                ("ndp.registry.v1.Plan.ISSUED", "ndp/registry/v1/plans.proto"),
                ("ndp.registry.v1.ROLE_STEWARD", "ndp/registry/v1/principals.proto"),
                ("ndp.registry.v1.Platform.LabelsEntry", "ndp/registry/v1/platforms.proto"),
                ("google.api.http", "google/api/annotations.proto"),
                ("buf.validate.field", "buf/validate/validate.proto"),
                ("google.rpc.ErrorInfo", "google/rpc/error_details.proto"),
                ("google.protobuf.FieldOptions", "google/protobuf/descriptor.proto"),
            ] {
                let files = asking.files(Ask::FileContainingSymbol(symbol.into())).await;
                // a file that this stream already sent comes first again; sent imports are left out
                assert_eq!(files[0], file, "{symbol}");
            }
            // every service that is listed can be described from a stream of its own
            for name in listed {
                let mut asking = Asking::open(&server).await;
                asking.files(Ask::FileContainingSymbol(name)).await;
            }
            drop(asking);
            server.stop().await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn extensions_are_found_by_what_they_extend() {
            let engine = Engine::sqlite();
            let server = Server::start(&engine.url()).await;
            let mut asking = Asking::open(&server).await;
            for (of, number, file) in [
                ("google.protobuf.MethodOptions", 72_295_728, "google/api/annotations.proto"),
                ("google.protobuf.FieldOptions", 1052, "google/api/field_behavior.proto"),
                ("google.protobuf.FieldOptions", 1159, "buf/validate/validate.proto"),
            ] {
                assert_eq!(asking.files(extension(of, number)).await[0], file);
            }
            let numbers = Ask::AllExtensionNumbersOfType("google.protobuf.FieldOptions".into());
            let Answer::AllExtensionNumbersResponse(numbers) = asking.ask(Some(numbers)).await
            else {
                panic!("no numbers");
            };
            assert_eq!(numbers.base_type_name, "google.protobuf.FieldOptions");
            let expected = POOL.get_message_by_name("google.protobuf.FieldOptions").unwrap();
            let mut expected: Vec<_> = expected.extensions().map(|it| it.number() as i32).collect();
            expected.sort_unstable();
            assert_eq!(numbers.extension_number, expected);
            let none = Ask::AllExtensionNumbersOfType("ndp.registry.v1.Plan".into());
            let Answer::AllExtensionNumbersResponse(none) = asking.ask(Some(none)).await else {
                panic!("no numbers");
            };
            assert_eq!(none.extension_number, Vec::<i32>::new());
            drop(asking);
            server.stop().await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn what_is_unknown_is_an_answer_and_the_stream_goes_on() {
            let engine = Engine::sqlite();
            let server = Server::start(&engine.url()).await;
            let mut asking = Asking::open(&server).await;
            for ask in [
                Ask::FileByFilename("nothing.proto".into()),
                Ask::FileByFilename(String::new()),
                Ask::FileContainingSymbol("ndp.registry.v1.Nothing".into()),
                Ask::FileContainingSymbol(".ndp.registry.v1.Plan".into()),
                Ask::FileContainingSymbol(String::new()),
                extension("google.protobuf.FieldOptions", 1),
                extension("ndp.registry.v1.Nothing", 1052),
                Ask::AllExtensionNumbersOfType("ndp.registry.v1.Nothing".into()),
                Ask::AllExtensionNumbersOfType("ndp.registry.v1.PlanService".into()),
            ] {
                assert_eq!(asking.error(Some(ask.clone())).await, Code::NotFound, "{ask:?}");
            }
            assert_eq!(asking.error(None).await, Code::InvalidArgument);
            let health = Ask::FileContainingSymbol("grpc.health.v1.Health".into());
            assert_eq!(asking.files(health).await.len(), 1);
            drop(asking);
            server.stop().await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn a_stream_has_a_last_request_and_ends_with_the_server() {
            let engine = Engine::sqlite();
            let server = Server::start(&engine.url()).await;
            let mut asking = Asking::open(&server).await;
            for _ in 0..1_000 {
                asking.error(None).await;
            }
            let one_more = ServerReflectionRequest::default();
            asking.send.send(one_more).await.unwrap();
            let status = asking.answers.message().await.unwrap_err();
            assert_eq!(reason(&status), "TOO_MANY_REQUESTS");

            let mut open = Asking::open(&server).await;
            open.error(None).await;
            let ended = tokio::spawn(async move { open.answers.message().await });
            drop(asking);
            server.stop().await;
            assert_eq!(reason(&ended.await.unwrap().unwrap_err()), "SHUTTING_DOWN");
        }
    })+ };
}

versions!(v1, v1alpha);
