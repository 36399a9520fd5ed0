//! Nothing is promised that no test has tried: each method, command and reason of an error is in a
//! test of its own, by its name.

use std::{fs, path::Path};

use ndp_core::reasons;

use crate::{
    harness::{raw::POOL, tools},
    operations::cli::COMMANDS,
};

/// Tests that name every method, in a table or by its descriptor: what they name is not tried for
/// what it does.
const WALKS: &[&str] = &[
    "access/matrix.rs",
    "access/permissions.rs",
    "contract/answers.rs",
    "contract/gapic.rs",
    "contract/lists.rs",
    "contract/openapi.rs",
    "contract/protos.rs",
    "contract/reference.rs",
    "contract/sizes.rs",
    "contract/snapshots.rs",
    "contract/violations.rs",
    "repository/coverage.rs",
    "transport/heavy_calls.rs",
    "transport/http.rs",
];

/// Methods that tests call, but not by their name, and what they write instead.
const CALLED_OTHERWISE: &[(&str, &str)] = &[
    ("AnnulPlan", "PlanMove::Annul,"),
    ("GetGlossary", "\"GET /v1/glossary\""),
    ("RenderReport", ":render\""),
];

/// The code of every test, without comments.
fn code(of: impl Fn(&str) -> bool) -> String {
    fn visit(root: &Path, folder: &Path, of: &impl Fn(&str) -> bool, code: &mut String) {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(root, &path, of, code);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            if path.extension().is_some_and(|it| it == "rs") && of(name) {
                let text = fs::read_to_string(&path).unwrap();
                let lines = text.lines().filter(|it| !it.trim_start().starts_with("//"));
                lines.for_each(|it| code.extend([it, "\n"]));
            }
        }
    }
    let root = tools::repository().join("tests/it");
    let mut text = String::new();
    visit(&root, &root, &of, &mut text);
    text
}

/// Reasons that no test over the wire or of the command line sees, and why.
const NOT_SEEN: &[&str] = &[
    // no request has a message in its query that cannot be written as text, nor a oneof there
    "PARAMETER_CONTRADICTED",
    "PARAMETER_NOT_TEXT",
    // takes thousands of records; the first and the last are tested in ndp-core
    "CHANGE_TOO_LARGE",
    "COMPARISON_TOO_LONG",
    // of the command line, which prints the text alone
    "DATABASE_NOT_EMPTY",
    "FILE_NOT_MADE",
    // takes a thousand requests; tested in ndp-core
    "INDICATOR_IS_FULL",
    // between two servers that seed one log
    "LOG_NOT_EMPTY",
    "RECORD_TOO_LARGE",
    // takes a write between the reading of a history and the decision
    "REDACTION_OVERTAKEN",
    // takes thousands of rows with the text
    "REDACTION_TOO_LARGE",
    // takes a watcher whose messages wait at that moment
    "LOG_REDACTED",
];

/// Whether the text has the name, not as a part of another one.
fn has(text: &str, name: &str) -> bool {
    let mut rest = text.split(name).skip(1);
    rest.any(|after| !after.starts_with(|c: char| c == '_' || c.is_ascii_uppercase()))
}

/// Whether the text calls the method: as the client does, `clients.plans.submit_plan(…)`, or by its
/// name.
fn calls(text: &str, method: &str) -> bool {
    let snake = heck::ToSnakeCase::to_snake_case(method);
    let otherwise = CALLED_OTHERWISE.iter().find(|(name, _)| *name == method);
    text.contains(&format!(".{snake}("))
        || text.contains(&format!("\"{method}\""))
        || otherwise.is_some_and(|(_, call)| text.contains(call))
}

/// Whether the text has the command, as one text or word by word.
fn runs(text: &str, command: &str) -> bool {
    let words: Vec<_> = command.split(' ').collect();
    let separately = format!("\"{}\"", words.join("\", \""));
    let starts = [" -", " ", "\""].map(|end| format!("\"{command}{end}"));
    text.contains(&separately) || starts.iter().any(|it| text.contains(it))
}

#[test]
fn every_reason_of_an_error_is_seen() {
    let text = code(|name| name != "repository/coverage.rs");
    let names = reasons::ALL.iter().map(|it| it.name());
    let not_seen: Vec<_> = names.filter(|name| !has(&text, name)).collect();
    assert_eq!(not_seen, NOT_SEEN);
}

#[test]
fn every_method_and_command_is_tried() {
    for walk in WALKS {
        assert!(
            tools::repository().join("tests/it").join(walk).is_file(),
            "{walk}"
        );
    }
    let text = code(|name| !WALKS.contains(&name));
    // the list of commands itself runs none
    let (before, list) = text.split_once("const COMMANDS").unwrap();
    let text = format!("{before}{}", list.split_once("];").unwrap().1);
    let ours = POOL
        .services()
        .filter(|it| it.package_name() == "ndp.registry.v1");
    let methods: Vec<_> = ours
        .flat_map(|it| it.methods().collect::<Vec<_>>())
        .collect();
    assert!(methods.len() > 100, "{}", methods.len());
    let names = methods.iter().map(|it| it.name());
    let not_called: Vec<_> = names.filter(|name| !calls(&text, name)).collect();
    assert_eq!(not_called, [""; 0]);
    let commands = COMMANDS
        .iter()
        .filter(|it| !matches!(**it, "" | "admin" | "admin key"));
    let not_run: Vec<_> = commands.filter(|it| !runs(&text, it)).collect();
    assert_eq!(not_run, [&""; 0]);
}

/// A method, command or reason that no test has would be found.
#[test]
fn what_is_not_tried_is_found() {
    let text = "clients.plans.submit_plan(x); raw.ok(\"GetPlan\", x); run(&[\"admin\", \"key\", \
                \"list\"]); \"NOT_ALLOWED_HERE\" \"NOT_UNIQUE\"";
    assert!(calls(text, "SubmitPlan") && calls(text, "GetPlan"));
    assert!(!calls(text, "ListPlans") && !calls(text, "AnnulPlan"));
    assert!(runs(text, "admin key list") && !runs(text, "admin key revoke"));
    assert!(has(text, "NOT_UNIQUE") && !has(text, "NOT_ALLOWED"));
}
