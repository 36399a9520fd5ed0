//! The OpenAPI document as its users' tools see it: a stock validator accepts it, a stock generator
//! makes a client of it that works, and schemathesis finds no answer that it does not describe.

use std::{collections::BTreeSet, fs, path::Path, process::Command, time::Duration};

use ndp_registry::domain::principals::Role;
use serde_json::{Value, json};

use crate::{
    harness::{
        Engine,
        http::send,
        plans::AGENCY,
        process::{Process, Stream},
        raw,
        server::{As, Server},
        tools,
    },
    protos,
};

/// Far more than any of it takes.
const BOUND: Duration = Duration::from_secs(900);

async fn document(server: &Server) -> Vec<u8> {
    let answer = send(&server.address, "GET /openapi.json", &[], "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.body
}

/// Runs one of the pinned Python tools; what it prints.
fn run(tool: &Path, folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(tool);
    // the tools call each other by name
    let bin = tool.parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    command
        .args(arguments)
        .current_dir(folder)
        .env("PATH", path)
        .env("PYTHONPATH", folder.join("generated"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("NO_COLOR", "1");
    let process = Process::spawn(command);
    let ended = process.wait(BOUND);
    let printed = process.printed(Stream::Stdout) + &process.printed(Stream::Stderr);
    assert!(ended.success(), "{}:\n{printed}", tool.display());
    printed
}

fn key(caller: &As) -> &str {
    caller.sent().strip_prefix("Bearer ").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_holds_every_method_with_its_comment() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let document: Value = serde_json::from_slice(&document(&server).await).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut held = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            let what = format!("{verb} {path} {name}");
            assert!(
                operation["description"].as_str().unwrap().len() > 20,
                "{what}"
            );
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{what}: {parameter}");
            }
            assert!(held.insert(name), "{what} is there twice");
        }
    }
    for method in raw::methods() {
        assert!(
            protos::http(&method).is_none() || held.remove(method.name()),
            "{}",
            method.name()
        );
    }
    assert_eq!(held.into_iter().collect::<Vec<_>>(), ["WatchChanges"]);
    // every field and its rules, in the words of the protos
    let plan = &document["components"]["schemas"]["SubmitPlanBody"];
    assert_eq!(plan["required"], json!(["etag"]));
    assert!(
        plan["properties"].get("name").is_none(),
        "the path holds it: {plan}"
    );
    let etag = &plan["properties"]["etag"];
    assert_eq!(
        (&etag["minLength"], &etag["maxLength"]),
        (&json!(1), &json!(64))
    );
    assert!(
        etag["description"]
            .as_str()
            .unwrap()
            .starts_with("The etag that was read")
    );
    let id = plan["properties"]["requestId"]["pattern"].as_str().unwrap();
    let id = regex::Regex::new(id).unwrap();
    assert!(
        id.is_match("5d4a7f0e-3c2b-4a19-8f6e-0d1c2b3a4958") && id.is_match("") && !id.is_match("x")
    );
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(
            schema["description"]
                .as_str()
                .is_some_and(|it| !it.is_empty()),
            "{name}"
        );
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            let told = schema["description"].is_string() || field == "@type";
            assert!(told, "{name}.{field} is not described");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stock_validator_accepts_it_and_a_stock_generator_makes_a_client() {
    let Some(bin) = tools::openapi() else { return };
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    fs::write(folder.join("openapi.json"), document(&server).await).unwrap();
    run(
        &bin.join("openapi-spec-validator"),
        folder,
        &["openapi.json"],
    );
    let generate = [
        "generate",
        "--path",
        "openapi.json",
        "--output-path",
        "generated",
    ];
    let printed = run(&bin.join("openapi-python-client"), folder, &generate);
    // it says what of a document it could not make code of
    assert!(!printed.contains("Warning"), "{printed}");
    assert!(!printed.contains("WARNING"), "{printed}");

    let editor = server
        .person("editor", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    let script = tools::repository().join("tests/openapi/client.py");
    let address = format!("http://{}", server.address);
    let arguments = [script.to_str().unwrap(), &address, key(&editor)];
    let printed = run(&bin.join("python"), folder, &arguments);
    insta::assert_snapshot!(printed, @r"
    platforms: 84, platforms/ndp-001 to platforms/ndp-084
    platform: Nền tảng định danh và xác thực điện tử, revision 1, 2026
    plan: platforms/ndp-001/plans/generated is SUBMITTED
    error: 16 phương thức này cần khóa API: hãy gửi metadata `authorization: Bearer <khóa>`
    ");
    server.stop().await;
}

/// Not asked: that whatever fits the schemas is accepted, for a filter has a grammar, a name needs
/// its resource, and an update its mask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_no_answer_that_is_not_described() {
    let Some(bin) = tools::openapi() else { return };
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let caller = server
        .person("caller", &[Role::Admin, Role::Steward], None)
        .await;
    let directory = tempfile::tempdir().unwrap();
    for file in ["hooks.py", "schemathesis.toml"] {
        let original = tools::repository().join("tests/openapi").join(file);
        fs::copy(original, directory.path().join(file)).unwrap();
    }
    // the records that schemathesis.toml names
    let editor = server
        .person("editor", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    let plan = json!({"parent": "platforms/ndp-001", "plan_id": "example",
        "plan": {"display_name": "Kế hoạch thử nghiệm (made up)"}});
    server.raw(editor).ok("CreatePlan", plan).await;
    let document = format!("http://{}/openapi.json", server.address);
    let authorization = format!("authorization: {}", caller.sent());
    let arguments = [
        "run",
        &document,
        "-H",
        &authorization,
        // a stream does not end
        "--exclude-operation-id",
        "WatchChanges",
        "--phases",
        "coverage,fuzzing",
        "--max-examples",
        "3",
        "--seed",
        "1",
        "--checks",
        "all",
        "--exclude-checks",
        "positive_data_acceptance,ignored_auth",
        "--suppress-health-check",
        "all",
        "--no-color",
    ];
    let printed = run(&bin.join("schemathesis"), directory.path(), &arguments);
    let tested = printed.lines().any(|it| it.trim().starts_with("Tested: "));
    assert!(tested, "{printed}");
    server.stop().await;
}
