//! The annotations of the AIPs are all there: Google's own generator makes of them a client with
//! names of resources, pages that are walked by themselves, and arguments instead of requests.

use std::{fs, path::Path};

use ndp_core::records::principals::Role;

use crate::{
    contract::protos,
    harness::{Engine, plans::AGENCY, python::Python, raw, server::Server, tools},
};

/// The text of every generated client and pager.
fn texts(folder: &Path, text: &mut String) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts(&path, text);
        } else if path.ends_with("client.py") || path.ends_with("pagers.py") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn googles_generator_makes_a_client_that_works() {
    let Some(python) = Python::new() else { return };
    let protos = tools::repository().join("proto");
    let mut arguments = vec![
        "-m".to_owned(),
        "grpc_tools.protoc".to_owned(),
        format!("--proto_path={}", protos.display()),
        "--python_gapic_out=generated".to_owned(),
        "--python_gapic_opt=transport=grpc,autogen-snippets=false".to_owned(),
    ];
    for entry in protos.join("ndp/registry/v1").read_dir().unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        arguments.push(format!("ndp/registry/v1/{name}"));
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    python.run("python", &arguments);

    let mut text = String::new();
    texts(&python.folder().join("generated/ndp"), &mut text);
    for method in raw::methods() {
        let name = heck::ToSnakeCase::to_snake_case(method.name());
        // a word of Python's gets an underscore
        let defined = [format!("def {name}(self"), format!("def {name}_(self")];
        assert!(
            defined.iter().any(|it| text.contains(it)),
            "{name} is no method"
        );
        if method
            .output()
            .get_field_by_name("next_page_token")
            .is_some()
        {
            let pager = format!("class {}Pager:", method.name());
            assert!(text.contains(&pager), "{} has no pages", method.name());
        }
    }
    let mut resources = 0;
    for message in raw::POOL
        .all_messages()
        .filter(|it| it.package_name() == "ndp.registry.v1")
    {
        if protos::extension(&message.options(), "google.api.resource").is_some() {
            let name = heck::ToSnakeCase::to_snake_case(message.name());
            assert!(
                text.contains(&format!("def {name}_path(")),
                "{name} has no path"
            );
            resources += 1;
        }
    }
    assert!(resources > 5, "{resources} resources");

    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let editor = server
        .person("editor", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    let key = editor.sent().strip_prefix("Bearer ").unwrap();
    let printed = python.program("google_client.py", &[&server.address, key]);
    insta::assert_snapshot!(printed, @r"
    platforms: 84, platforms/ndp-001 to platforms/ndp-084
    platform: Nền tảng định danh và xác thực điện tử, of agencies/bo-cong-an
    plan: platforms/ndp-001/plans/google is SUBMITTED
    error: CREDENTIALS_MISSING phương thức này cần khóa API: hãy gửi metadata `authorization: Bearer <khóa>`
    ");
    server.stop().await;
}
