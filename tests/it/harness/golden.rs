//! Texts kept in files under tests/golden, so that a change to them is a diff that a person reads.
//! `INSTA_UPDATE=always` rewrites them, as it does inline snapshots.

use std::{env, fmt::Write as _, fs};

use super::tools::repository;

/// Compares a text with `tests/golden/{name}`.
pub(crate) fn assert_golden(name: &str, actual: &str) {
    assert_file(&format!("tests/golden/{name}"), actual);
}

/// Compares a text with a file of the repository that is made from something else in it.
pub(crate) fn assert_file(name: &str, actual: &str) {
    let path = repository().join(name);
    if env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if expected == actual {
        return;
    }
    let mut changes = String::new();
    for line in expected
        .lines()
        .filter(|line| !actual.lines().any(|it| it == *line))
    {
        writeln!(changes, "- {line}").unwrap();
    }
    for line in actual
        .lines()
        .filter(|line| !expected.lines().any(|it| it == *line))
    {
        writeln!(changes, "+ {line}").unwrap();
    }
    if changes.is_empty() {
        changes.push_str("  the same lines, in another order or number\n");
    }
    panic!(
        "not as {name} has it (INSTA_UPDATE=always writes what there is now):\n\
         {changes}"
    );
}
