//! What a person sees with grpcurl, without a proto at hand: the real one against the real binary.

use std::{process::Command, time::Duration};

use ndp_registry::service;
use serde_json::Value;
use tonic::transport::Endpoint;
use tonic_reflection::pb::v1alpha::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::harness::{
    process::{Process, Signal, Stream},
    tools,
};

/// Far more than any of it takes.
const BOUND: Duration = Duration::from_secs(60);

/// The binary on a new database, with a key of a steward.
struct Served {
    process: Process,
    address: String,
    key: String,
    _directory: tempfile::TempDir,
}

impl Served {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/registry.db", directory.path().display());
        let key = [
            "admin",
            "key",
            "create",
            "--principal",
            "steward",
            "--role",
            "steward",
        ];
        let key = Process::start(&[&key[..], &["--database", &url]].concat(), &[]);
        assert!(key.wait(BOUND).success());
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--database", &url];
        let process = Process::start(&arguments, &[]);
        let line = process.wait_for_line("listening on ", BOUND);
        Self {
            process,
            address: line.rsplit(' ').next().unwrap().to_owned(),
            key: key.printed(Stream::Stdout).trim_end().to_owned(),
            _directory: directory,
        }
    }

    /// Runs grpcurl with options, and arguments after the address. Returns what it prints.
    fn grpcurl(&self, options: &[&str], what: &[&str]) -> (bool, String) {
        let mut command = Command::new(tools::grpcurl().unwrap());
        command
            .arg("-plaintext")
            .args(options)
            .arg(&self.address)
            .args(what);
        let process = Process::spawn(command);
        let ended = process.wait(BOUND);
        let printed = process.printed(Stream::Stdout) + &process.printed(Stream::Stderr);
        (ended.success(), printed)
    }

    fn succeeds(&self, options: &[&str], what: &[&str]) -> String {
        let (succeeded, printed) = self.grpcurl(options, what);
        assert!(succeeded, "{printed}");
        printed
    }

    fn stop(self) {
        self.process.signal(Signal::Term);
        assert!(self.process.wait(BOUND).success());
    }
}

#[test]
fn services_methods_and_messages_are_described() {
    let Some(_) = tools::grpcurl() else { return };
    let served = Served::start();
    let listed = served.succeeds(&[], &["list"]);
    let listed: Vec<_> = listed.lines().collect();
    for service in service::NAMES.into_iter().chain(["grpc.health.v1.Health"]) {
        assert!(listed.contains(&service), "{service} in {listed:?}");
    }
    for service in service::NAMES {
        // a file that reflection cannot answer would end this with an error
        served.succeeds(&[], &["describe", service]);
    }
    let method = ["describe", "ndp.registry.v1.PlanService.SubmitPlan"];
    insta::assert_snapshot!(served.succeeds(&[], &method), @r###"
    ndp.registry.v1.PlanService.SubmitPlan is a method:
    // Hands a DRAFT or RETURNED plan in for approval, and freezes it with its milestones; an editor
    // of its agency. Errors: FAILED_PRECONDITION in any other state; ABORTED when the etag is not
    // current, also because a milestone was written since.
    rpc SubmitPlan ( .ndp.registry.v1.SubmitPlanRequest ) returns ( .ndp.registry.v1.Plan ) {
      option (.google.api.http) = {
        post: "/v1/{name=platforms/*/plans/*}:submit",
        body: "*"
      };
      option (.google.api.method_signature) = "name,etag";
    }
    "###);
    // the details of errors are in the pool, or grpcurl could not print them
    for detail in [
        "ErrorInfo",
        "BadRequest",
        "LocalizedMessage",
        "RetryInfo",
        "QuotaFailure",
    ] {
        served.succeeds(&[], &["describe", &format!("google.rpc.{detail}")]);
    }
    let template = ["describe", "ndp.registry.v1.GetAgencyRequest"];
    let template = served.succeeds(&["-msg-template"], &template);
    assert!(template.contains("\"readRevision\": \"0\""), "{template}");
    served.stop();
}

#[test]
fn errors_are_readable_and_vietnamese() {
    let Some(_) = tools::grpcurl() else { return };
    let served = Served::start();
    let authorization = format!("authorization: Bearer {}", served.key);
    let request = "{\"agency_id\": \"thu-nghiem\", \"agency\": {\"kind\": \"OTHER\"}}";
    let options = ["-H", &authorization, "-d", request];
    let create = ["ndp.registry.v1.CatalogueService/CreateAgency"];
    let (succeeded, printed) = served.grpcurl(&options, &create);
    assert!(!succeeded);
    insta::assert_snapshot!(printed.replace('\t', "    "), @r###"
    ERROR:
      Code: InvalidArgument
      Message: `agency.display_name`: give the official name in Vietnamese
      Details:
      1)    {
              "@type": "type.googleapis.com/google.rpc.ErrorInfo",
              "domain": "ndp.registry",
              "metadata": {
                "violation_count": "1"
              },
              "reason": "INVALID_REQUEST"
            }
      2)    {
              "@type": "type.googleapis.com/google.rpc.BadRequest",
              "fieldViolations": [
                {
                  "field": "agency.display_name",
                  "description": "give the official name in Vietnamese",
                  "reason": "REQUIRED",
                  "localizedMessage": {
                    "locale": "vi",
                    "message": "hãy ghi tên chính thức bằng tiếng Việt"
                  }
                }
              ]
            }
      3)    {
              "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
              "locale": "vi",
              "message": "`agency.display_name`: hãy ghi tên chính thức bằng tiếng Việt"
            }
    "###);

    let (_, unknown) = served.grpcurl(&[], &["ndp.registry.v1.PlanService/DeletePlan"]);
    assert!(unknown.contains("does not include a method"), "{unknown}");
    served.stop();
}

#[test]
fn a_first_look_shows_the_84_their_revision_and_the_caller() {
    let Some(_) = tools::grpcurl() else { return };
    let served = Served::start();
    let health = served.succeeds(&[], &["grpc.health.v1.Health/Check"]);
    assert!(health.contains("\"SERVING\""), "{health}");
    let of_one = ["-d", "{\"service\": \"ndp.registry.v1.PlanService\"}"];
    let health = served.succeeds(&of_one, &["grpc.health.v1.Health/Check"]);
    assert!(health.contains("\"SERVING\""), "{health}");

    let summary = ["ndp.registry.v1.MonitoringService/ComputeSummary"];
    let counts: Value =
        serde_json::from_str(&served.succeeds(&["-emit-defaults"], &summary)).unwrap();
    assert_eq!(counts["declaredPlatformCount"], 84, "{counts}");
    assert_eq!(counts["heldPlatformCount"], 84);
    assert_eq!(counts["issuedPlanPlatformCount"], 0);
    // the zeros are seen without being asked for
    let counts: Value = serde_json::from_str(&served.succeeds(&[], &summary)).unwrap();
    assert_eq!(counts["issuedPlanPlatformCount"], 0, "{counts}");
    let verbose = served.succeeds(&["-v"], &summary);
    // the seed, a principal, its key
    assert!(
        verbose.lines().any(|line| line == "ndp-revision: 3"),
        "{verbose}"
    );

    let who = ["ndp.registry.v1.AccessService/IdentifyCaller"];
    let authorization = format!("authorization: Bearer {}", served.key);
    let caller: Value =
        serde_json::from_str(&served.succeeds(&["-H", &authorization], &who)).unwrap();
    assert_eq!(caller["principal"], "principals/steward");
    assert_eq!(caller["roles"][0], "ROLE_STEWARD");
    served.stop();
}

/// What docs/requests.md and the comments of the protos show, typed as they show it.
#[test]
fn masks_dates_and_filters_are_written_as_the_docs_say() {
    let Some(_) = tools::grpcurl() else { return };
    let served = Served::start();
    let authorization = format!("authorization: Bearer {}", served.key);
    let call = |request: &str, method: &str| {
        let method = format!("ndp.registry.v1.{method}");
        served.grpcurl(&["-H", &authorization, "-d", request], &[&method])
    };
    let update = |mask: &str| {
        let agency = r#"{"name": "agencies/bo-cong-an", "display_name_en": "A", "kind": "OTHER"}"#;
        let request = format!(r#"{{"agency": {agency}, "update_mask": {{"paths": {mask}}}}}"#);
        call(&request, "CatalogueService/UpdateAgency")
    };
    let (succeeded, printed) = update(r#"["display_name_en"]"#);
    assert!(succeeded, "{printed}");
    let agency: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(agency["displayNameEn"], "A");
    assert_eq!(agency["kind"], "MINISTRY", "{printed}");
    for (mask, part) in [
        (r#"["displayNameEn"]"#, "did you mean `display_name_en`?"),
        (r#"["display_name_en,kind"]"#, "an element of its own"),
        (r#"["agency.kind"]"#, "did you mean `kind`?"),
        (r#"["successions.scope"]"#, "send `successions`"),
        (r#"["*", "kind"]"#, "send `*` alone"),
    ] {
        let (succeeded, printed) = update(mask);
        assert!(!succeeded && printed.contains(part), "{mask}: {printed}");
    }

    let date = r#"{"effective_date": {"year": 2025, "month": 9, "day": 30}}"#;
    let (succeeded, printed) = call(date, "MonitoringService/ComputeSummary");
    assert!(succeeded, "{printed}");
    assert!(printed.contains("\"heldPlatformCount\": 84"), "{printed}");

    for (arguments, part) in [
        (
            r#""filter": "state = ACTIVE or state = RETIRED""#,
            "write `OR` instead of `or`",
        ),
        (
            r#""filter": "governingAgency = a""#,
            "did you mean `governing_agency`?",
        ),
        (
            r#""filter": "display_name = “định danh”""#,
            "the straight quote",
        ),
        (
            r#""order_by": "-display_name""#,
            "write `display_name desc`",
        ),
        (r#""page_size": -1"#, "`page_size`: must be at least 0"),
    ] {
        let request = format!("{{{arguments}}}");
        let (succeeded, printed) = call(&request, "CatalogueService/ListPlatforms");
        assert!(
            !succeeded && printed.contains(part),
            "{arguments}: {printed}"
        );
    }
    let (_, printed) = call(
        r#"{"name": "platforms/ndp-001/plans/x"}"#,
        "PlanService/SubmitPlan",
    );
    assert!(
        printed.contains("read the record and send its `etag`"),
        "{printed}"
    );
    let (_, printed) = call(r#"{"group": "Z"}"#, "MonitoringService/ComputeSummary");
    assert!(printed.contains("has no group"), "{printed}");
    served.stop();
}

#[test]
fn the_printed_descriptor_set_serves_instead_of_reflection() {
    let Some(grpcurl) = tools::grpcurl() else {
        return;
    };
    let served = Served::start();
    let printed = Command::new(env!("CARGO_BIN_EXE_ndp-registry"))
        .arg("descriptor")
        .output()
        .unwrap();
    assert!(printed.status.success(), "{printed:?}");
    assert_eq!(printed.stdout, ndp_registry::pb::FILE_DESCRIPTOR_SET);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("registry.binpb");
    std::fs::write(&file, printed.stdout).unwrap();
    let protoset = ["-use-reflection=false", "-protoset", file.to_str().unwrap()];
    let get = ["ndp.registry.v1.CatalogueService/GetPlatform"];
    let request = ["-d", "{\"name\": \"platforms/ndp-001\"}"];
    let platform = served.succeeds(&[&protoset[..], &request].concat(), &get);
    let platform: Value = serde_json::from_str(&platform).unwrap();
    assert_eq!(platform["name"], "platforms/ndp-001");
    // it describes without a server, comments and all
    let described = Command::new(grpcurl)
        .args(&protoset[1..])
        .args(["describe", "ndp.registry.v1.GetPlatformRequest.name"])
        .output()
        .unwrap();
    let described = String::from_utf8(described.stdout).unwrap();
    assert!(
        described.contains("// Resource name of the platform. Required."),
        "{described}"
    );
    served.stop();
}

/// Older tools know this one only; grpcurl takes the newer where there is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_older_reflection_answers_too() {
    let served = Served::start();
    let endpoint = Endpoint::from_shared(format!("http://{}", served.address)).unwrap();
    let mut client = ServerReflectionClient::new(endpoint.connect().await.unwrap());
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = client
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    let names: Vec<_> = list.service.into_iter().map(|it| it.name).collect();
    for service in service::NAMES {
        assert!(
            names.iter().any(|it| it == service),
            "{service} in {names:?}"
        );
    }
    served.stop();
}
