//! A panic fails only its own call: the caller gets an incident id that is also in the log, and
//! other calls are not affected.

use std::{
    io,
    sync::{Arc, Mutex},
};

use ndp_core::records::principals::Role;
use ndp_registry::pb;
use tonic::Code;
use tonic_types::StatusExt;

use super::sample;
use crate::{
    faults::{AGENCY, create},
    harness::{Engine, both, server::Server},
};

/// The lines of a log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_panic_answers_with_an_incident_that_is_in_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .finish();
    // this thread runs every task of the test but the writer, which has its own
    let logging = tracing::subscriber::set_default(subscriber);
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let mut clients = server.anonymous();
    server.clock.break_once();
    let request = pb::GetPlatformRequest {
        name: "platforms/ndp-001".into(),
        ..Default::default()
    };
    let status = clients
        .catalogue
        .get_platform(request.clone())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Internal, "{status:?}");
    let details = status.get_error_details();
    let incident = &details.request_info().expect("no incident").request_id;
    assert!(!incident.is_empty() && status.message().contains(incident.as_str()));
    assert!(!status.message().contains("planted"), "{status:?}");
    assert!(
        details
            .localized_message()
            .unwrap()
            .message
            .contains(incident.as_str())
    );
    // the same connection goes on
    clients.catalogue.get_platform(request).await.unwrap();
    let labels = "grpc_type=\"unary\",grpc_service=\"ndp.registry.v1.CatalogueService\",\
                  grpc_method=\"GetPlatform\",grpc_code=\"Internal\"";
    let counted = sample(&server, &format!("grpc_server_handled_total{{{labels}}}"));
    assert_eq!(counted, Some(1.0));
    drop(clients);
    server.stop().await;
    drop(logging);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line = log.lines().find(|line| line.contains(incident.as_str()));
    let line = line.unwrap_or_else(|| panic!("no incident {incident} in\n{log}"));
    assert!(
        line.contains("ERROR") && line.contains("the clock is broken (planted)"),
        "{line}"
    );
}

both! {
    async fn calls_beside_it_are_answered(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let mut calls = tokio::task::JoinSet::new();
        for n in 0..20 {
            let mut clients = server.clients(editor.clone());
            calls.spawn(async move { clients.plans.create_plan(create(&format!("n{n}"))).await });
        }
        let answered = calls.join_all().await;
        assert!(answered.iter().all(Result::is_ok), "{answered:?}");
        let mut anonymous = server.anonymous();
        server.clock.break_once();
        let request = pb::IdentifyCallerRequest {};
        let broken = anonymous.access.identify_caller(request).await.unwrap_err();
        assert_eq!(broken.code(), Code::Internal);
        server.clients(editor).plans.create_plan(create("after")).await.unwrap();
        server.stop().await;
    }
}
