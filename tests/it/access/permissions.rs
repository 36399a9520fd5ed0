//! TestPermissions over the wire: its answers are those of the calls themselves, for every row of
//! the matrix, and it reveals nothing that the calls hide.

use std::collections::{BTreeMap, BTreeSet};

use ndp_core::records::principals::Role;
use serde_json::{Value, json};
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::harness::{
    Engine, both,
    plans::{AGENCY, Cast, OTHER_AGENCY},
    raw::{Raw, methods, reason, violations},
    server::{As, Server},
};

/// Methods where for some callers the content of the request decides.
const CONDITIONAL: [&str; 14] = [
    "BatchCreateObservations",
    "ConfirmDataFlow",
    "CreateDataFlow",
    "CreateObservation",
    "CreatePrincipal",
    "CreateProgramme",
    "CreateRecommendation",
    "CreateTask",
    "GetChange",
    "Import",
    "UpdateDataFlow",
    "UpdateDeployment",
    "UpdatePlatform",
    "UpdatePrincipal",
];

fn full_name(method: &str) -> String {
    let all = methods();
    let method = all.iter().find(|it| it.name() == method).unwrap();
    format!("{}/{}", method.parent_service().full_name(), method.name())
}

/// What the request names: its `name`, that of its record, or its `parent`.
fn resource(method: &str, request: &Value) -> String {
    let record = method.strip_prefix("Update").map(|record| {
        let parts = record.chars().flat_map(|it| match it.is_uppercase() {
            true => vec!['_', it.to_ascii_lowercase()],
            false => vec![it],
        });
        parts.skip(1).collect::<String>()
    });
    let named = record.map_or(&request["name"], |record| &request[record]["name"]);
    let named = named.as_str().or(request["parent"].as_str());
    named.unwrap_or_default().to_owned()
}

fn question(method: &str, resource: &str) -> Value {
    json!({"method": full_name(method), "resource": resource})
}

/// Asks, a hundred questions a call.
async fn asked(caller: &Raw, principal: &str, questions: &[Value]) -> Vec<Value> {
    let mut answers = Vec::new();
    for questions in questions.chunks(100) {
        let request = json!({"principal": principal, "questions": questions});
        let answer = caller.ok("TestPermissions", request).await;
        answers.extend(answer["answers"].as_array().unwrap().iter().cloned());
    }
    answers
}

/// A call that was made: its method, its resource and what it answered.
type Made = (String, String, Result<Value, Status>);

/// Calls that were made, each by its caller, to compare with what TestPermissions says of them.
#[derive(Default)]
pub(super) struct Compared {
    calls: BTreeMap<usize, Vec<Made>>,
    conditional: BTreeSet<String>,
}

impl Compared {
    pub(super) fn add(
        &mut self,
        caller: usize,
        method: &str,
        request: &Value,
        answer: Result<Value, Status>,
    ) {
        let call = (method.to_owned(), resource(method, request), answer);
        self.calls.entry(caller).or_default().push(call);
    }

    pub(super) async fn with_tested(&mut self, i: usize, name: &str, caller: &Raw) {
        let calls = &self.calls[&i];
        // what a caller may do with its own name or another's is not on the resource
        let questions: Vec<_> = calls.iter().map(|it| question(&it.0, &it.1)).collect();
        let answers = asked(caller, "", &questions).await;
        assert_eq!(answers.len(), calls.len());
        for ((method, resource, called), received) in calls.iter().zip(answers) {
            let what = format!("{name}: {method} {resource}: called {called:?}, tested {received}");
            assert_eq!(received["method"], full_name(method));
            let permission = received["permission"].as_str().unwrap();
            let content_decides = CONDITIONAL.contains(&&**method);
            match (permission, called) {
                ("ALLOWED", Ok(_)) => {}
                ("DENIED", Err(status)) => {
                    assert_eq!(received["reason"], reason(status), "{what}");
                    if !content_decides {
                        let vietnamese = status.get_details_localized_message().unwrap();
                        assert_eq!(received["message"], status.message(), "{what}");
                        assert_eq!(received["message_vi"], vietnamese.message, "{what}");
                    }
                }
                ("CONDITIONAL", _) => {
                    assert!(content_decides, "{what}");
                    self.conditional.insert(method.clone());
                }
                // a question about another principal
                ("ALLOWED", Err(_)) if method == "TestPermissions" => {}
                _ => panic!("{what}"),
            }
        }
    }

    /// Each method whose answers were not compared exactly has to be one where that is needed.
    pub(super) fn finish(self) {
        let expected: BTreeSet<_> = CONDITIONAL.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(self.conditional, expected);
    }
}

both! {
    async fn what_is_hidden_answers_as_what_is_not_there(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let draft = cast.draft("ndp-001", "draft").await;
        let draft = draft["name"].as_str().unwrap();
        let absent = "platforms/ndp-001/plans/absent";
        let all: Vec<_> = methods().iter().map(|it| it.name().to_owned()).collect();
        let on_plans = |name: &str| -> Vec<Value> {
            let mine = all.iter().filter(|it| it.ends_with("Plan") && *it != "CreatePlan");
            let mine = mine.map(|it| question(it, name));
            let below = ["CreateMilestone", "CreateReport", "CreateAssessment", "ListReports"];
            mine.chain(below.map(|it| question(it, name))).collect()
        };
        let stranger = [Role::AgencyEditor, Role::AgencyApprover];
        let stranger = server.person("stranger", &stranger, Some(OTHER_AGENCY)).await;
        let admin = server.person("admin", &[Role::Admin], None).await;
        let received = async |caller: &Raw, of: &str, name: &str| {
            let answers = asked(caller, of, &on_plans(name)).await;
            let text = serde_json::to_string(&answers).unwrap();
            text.replace(name, "PLAN")
        };
        let editor = "principals/cast-editor";
        for (caller, of) in [(As::default(), ""), (stranger, ""), (admin.clone(), editor)] {
            let caller = server.raw(caller);
            let hidden = received(&caller, of, draft).await;
            assert_eq!(hidden, received(&caller, of, absent).await);
            assert!(!hidden.contains("ALLOWED"), "{hidden}");
        }
        // callers who see the draft get the permissions of its editor
        let auditor = server.raw(server.person("auditor", &[Role::Auditor], None).await);
        let told_of_editor = received(&auditor, editor, draft).await;
        assert_eq!(told_of_editor, received(&cast.editor, "", draft).await);
        assert!(told_of_editor.contains("ALLOWED"));
        server.stop().await;
    }

    async fn of_another_principal_auditors_and_administrators_ask(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let keeper = server.person("keeper", &[Role::AgencyAdmin], Some(AGENCY)).await;
        let admin = server.raw(server.person("admin", &[Role::Admin], None).await);
        let auditor = server.raw(server.person("auditor", &[Role::Auditor], None).await);
        let questions = [question("CreateAgency", ""), question("ListDenials", "")];
        let request = |of: &str| json!({"principal": of, "questions": questions});
        let refused = async |caller: As, of: &str| {
            server.raw(caller).refusal("TestPermissions", request(of)).await
        };
        let (of, unseen) = ("principals/editor", "NotFound RESOURCE_NOT_FOUND");
        assert_eq!(refused(keeper, of).await, "PermissionDenied PERMISSION_DENIED");
        assert_eq!(refused(editor.clone(), "principals/admin").await, unseen);
        assert_eq!(refused(editor.clone(), "principals/absent").await, unseen);
        let missing = "Unauthenticated CREDENTIALS_MISSING";
        assert_eq!(refused(As::default(), of).await, missing);
        let own = server.raw(editor).ok("TestPermissions", request("")).await;
        assert_eq!(own["answers"][0]["reason"], "PERMISSION_DENIED");
        for caller in [&admin, &auditor] {
            assert_eq!(caller.ok("TestPermissions", request(of)).await, own);
        }
        // none of the keys of a disabled principal works
        let record = admin.ok("GetPrincipal", json!({"name": of})).await;
        let disable = json!({"name": of, "etag": record["etag"]});
        admin.ok("DisablePrincipal", disable).await;
        let received = auditor.ok("TestPermissions", request(of)).await;
        for answer in received["answers"].as_array().unwrap() {
            let received = (&answer["permission"], &answer["reason"]);
            assert_eq!(received, (&json!("DENIED"), &json!("PRINCIPAL_DISABLED")));
        }
        server.stop().await;
    }

    async fn a_question_that_has_no_answer_is_invalid(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let anyone = server.raw(As::default());
        let invalid = async |questions: Value| {
            let status = anyone.err("TestPermissions", json!({"questions": questions})).await;
            violations(&status)
        };
        let of = |method: &str, resource: &str| {
            json!([question("GetAgency", "agencies/x"), {"method": method, "resource": resource}])
        };
        let plans = "ndp.registry.v1.PlanService";
        let get = format!("{plans}/GetPlan");
        for (method, resource, received) in [
            ("IssuePlan", "", "questions[1].method PATTERN"),
            ("ndp.registry.v1.PlanService/Issue", "", "questions[1].method UNKNOWN_VALUE"),
            ("ndp.registry.v1.TaskService/GetPlan", "", "questions[1].method UNKNOWN_VALUE"),
            (&*get, "", "questions[1].resource NOT_ALLOWED"),
            (&*get, "platforms/x", "questions[1].resource NOT_ALLOWED"),
            (&*get, "platforms/x/plans/-", "questions[1].resource NOT_ALLOWED"),
            ("ndp.registry.v1.CatalogueService/CreateAgency", "agencies/x",
                "questions[1].resource NOT_ALLOWED"),
        ] {
            assert_eq!(invalid(of(method, resource)).await, received);
        }
        assert_eq!(invalid(json!([])).await, "questions TOO_FEW_ITEMS");
        let many = vec![question("GetAgency", "agencies/x"); 101];
        assert_eq!(invalid(json!(many)).await, "questions TOO_MANY_ITEMS");
        server.stop().await;
    }
}
