//! The language of an error's message: that of `accept-language`, over gRPC and HTTP/JSON, in
//! headers and in trailers.

use ndp_registry::pb::{self, change_service_client::ChangeServiceClient};
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use crate::harness::{
    Engine,
    http::send,
    server::{As, Server},
};

fn asking<T>(message: T, language: &'static str) -> Request<T> {
    let mut request = Request::new(message);
    let value = language.parse().unwrap();
    request.metadata_mut().insert("accept-language", value);
    request
}

/// Whether the message is the Vietnamese one of the details, which have it in any case.
fn is_vietnamese(status: &Status) -> bool {
    let localized = status.get_details_localized_message().unwrap();
    assert_eq!(localized.locale, "vi");
    status.message() == localized.message
}

#[tokio::test]
async fn an_error_is_in_the_language_asked_for() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let mut clients = server.anonymous();
    let mut changes = ChangeServiceClient::new(server.intercepted(As::default()));
    for (language, vietnamese) in [("vi-VN,vi;q=0.9,en;q=0.8", true), ("en,vi;q=0.5", false)] {
        let missing = pb::GetPlatformRequest {
            name: "platforms/missing".to_owned(),
            ..pb::GetPlatformRequest::default()
        };
        let refused = clients
            .catalogue
            .get_platform(asking(missing, language))
            .await;
        assert_eq!(
            is_vietnamese(&refused.unwrap_err()),
            vietnamese,
            "{language}"
        );

        // the deadline passes when the answer has begun: the error is in the trailers
        let mut watch = asking(pb::WatchChangesRequest::default(), language);
        let time = "300m".parse().unwrap();
        watch.metadata_mut().insert("grpc-timeout", time);
        let mut stream = changes.watch_changes(watch).await.unwrap().into_inner();
        let ended = loop {
            match stream.message().await {
                Ok(message) => assert!(message.is_some(), "the watch ended without an error"),
                Err(status) => break status,
            }
        };
        assert_eq!(is_vietnamese(&ended), vietnamese, "{language}: {ended:?}");

        let headers = [("accept-language", language)];
        // by a method, by the reader of the query, and by the path
        for path in [
            "/v1/platforms/missing",
            "/v1/platforms?colour=red",
            "/v1/nothing",
        ] {
            let answer = send(&server.address, &format!("GET {path}"), &headers, "").await;
            let error = answer.json();
            let details = error["details"].as_array().unwrap();
            let localized = details.iter().find(|it| it["locale"] == "vi").unwrap();
            let received = error["message"] == localized["message"];
            assert_eq!(received, vietnamese, "{path}: {error}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn what_values_and_figures_are_called_is_answered_in_both_languages() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let answer = send(&server.address, "GET /v1/glossary", &[], b"").await;
    let glossary = answer.json();
    let called = |list: &str, owner: (&str, &str), name: (&str, &str)| {
        let labels = glossary[list].as_array().unwrap();
        let label = labels
            .iter()
            .find(|it| it[owner.0] == owner.1 && it[name.0] == name.1);
        let label = label.unwrap();
        (label["displayName"].clone(), label["displayNameEn"].clone())
    };
    let issued = called(
        "valueLabels",
        ("enumType", "Plan.State"),
        ("value", "ISSUED"),
    );
    assert_eq!(issued, ("Đã ban hành".into(), "Issued".into()));
    let plans = called(
        "figureLabels",
        ("messageType", "ComputeSummaryResponse"),
        ("field", "plan_count"),
    );
    assert_eq!(plans.0, "Số kế hoạch");
    server.stop().await;
}
