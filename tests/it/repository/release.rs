//! Releases: one version number everywhere, and a baseline of the contract that is not renewed
//! by accident. CONTRIBUTING.md says how a release is made.

use std::fs;

use crate::harness::{sha256, tools::repository};

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// The headings of releases, newest first: the number, and the day or `Unreleased`.
fn headings(changelog: &str) -> Vec<(&str, &str)> {
    let headings = changelog.lines().filter_map(|line| {
        let (number, day) = line.strip_prefix("## [")?.split_once("] - ")?;
        Some((number, day))
    });
    headings.collect()
}

/// What is wrong with the baseline of this SHA-256, by the changelog.
fn fault(changelog: &str, digest: &str) -> Option<&'static str> {
    let mut days = headings(changelog).into_iter().map(|(_, day)| day);
    if days.all(|day| day == "Unreleased") {
        return None;
    }
    let mut contracts = changelog
        .lines()
        .filter_map(|it| it.strip_prefix("Contract: "));
    match contracts.next() {
        None => Some("a release has the line `Contract:` under its heading"),
        Some(contract) if contract != format!("`{digest}`") => {
            Some("proto/baseline.binpb was renewed and CHANGELOG.md says nothing of it")
        }
        Some(_) => None,
    }
}

#[test]
fn the_number_is_the_same_everywhere() {
    let changelog = read("CHANGELOG.md");
    let (number, _) = headings(&changelog)[0];
    assert_eq!(number, env!("CARGO_PKG_VERSION"));
    let core: toml::Table = read("crates/core/Cargo.toml").parse().unwrap();
    assert_eq!(core["package"]["version"].as_str(), Some(number));
}

#[test]
fn the_baseline_is_that_of_the_changelog() {
    let baseline = fs::read(repository().join("proto/baseline.binpb")).unwrap();
    assert_eq!(fault(&read("CHANGELOG.md"), &sha256(&baseline)), None);
}

#[test]
fn a_baseline_that_was_renewed_in_passing_is_found() {
    assert_eq!(fault("## [0.1.0] - Unreleased\n", "aa"), None);
    let released = "## [0.2.0] - Unreleased\n\n## [0.1.0] - 2026-12-01\n\n";
    assert!(fault(released, "aa").is_some_and(|it| it.contains("has the line")));
    let with_contract = format!("{released}Contract: `aa`\n");
    assert_eq!(fault(&with_contract, "aa"), None);
    assert!(fault(&with_contract, "bb").is_some_and(|it| it.contains("was renewed")));
    // a break before 1.0.0, which the newest heading tells
    let broken = with_contract.replacen("Unreleased", "Unreleased\n\nContract: `bb`", 1);
    assert_eq!(fault(&broken, "bb"), None);
}
