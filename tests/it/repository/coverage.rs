//! Nothing is promised that no test has tried: each method and each command is in one.

use std::{fs, path::Path};

use ndp_core::reasons;

use crate::{
    harness::{raw::POOL, tools},
    operations::cli::COMMANDS,
};

/// Methods and commands that no test calls yet; the list may only shrink.
const NOT_TRIED: &[&str] = &[];

/// The text of every test but this one.
fn tests(folder: &Path, text: &mut String) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, text);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("coverage.rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
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

#[test]
fn every_reason_of_an_error_is_seen() {
    let mut text = String::new();
    tests(&tools::repository().join("tests/it"), &mut text);
    let seen = |name: &str| {
        let mut rest = text.split(name).skip(1);
        // not as a part of another name
        rest.any(|after| !after.starts_with(|c: char| c == '_' || c.is_ascii_uppercase()))
    };
    let names = reasons::ALL.iter().map(|it| it.name());
    let not_seen: Vec<_> = names.filter(|name| !seen(name)).collect();
    assert_eq!(not_seen, NOT_SEEN);
}

#[test]
fn every_method_and_command_is_tried() {
    let mut text = String::new();
    tests(&tools::repository().join("tests/it"), &mut text);
    let ours = POOL
        .services()
        .filter(|it| it.package_name() == "ndp.registry.v1");
    let methods = ours.flat_map(|it| it.methods().collect::<Vec<_>>());
    let mut not_tried = Vec::new();
    for method in methods {
        let name = method.name();
        // as the client calls it, `clients.plans.submit_plan(…)`, or by its name
        let calls = [
            format!(".{}(", heck::ToSnakeCase::to_snake_case(name)),
            format!("\"{name}\""),
        ];
        if !calls.iter().any(|it| text.contains(it)) {
            not_tried.push(name.to_owned());
        }
    }
    for command in COMMANDS
        .iter()
        .filter(|it| !matches!(**it, "" | "admin" | "admin key"))
    {
        // as one text, or word by word
        let words: Vec<_> = command.split(' ').collect();
        let calls = [
            format!("\"{command} -"),
            format!("\"{command} "),
            format!("\"{command}\""),
        ];
        let separately = format!("\"{}\"", words.join("\", \""));
        if !text.contains(&separately) && !calls.iter().any(|it| text.contains(it)) {
            not_tried.push((*command).to_owned());
        }
    }
    assert_eq!(not_tried, NOT_TRIED);
}
