//! The protos as their users' tools see them: the real buf lints and builds them.

use std::{ffi::OsStr, path::Path, process::Command};

use crate::harness::tools;

/// Nothing of ours, nothing to check: what is vendored is exempt.
fn has_proto(directory: &Path) -> bool {
    let Ok(entries) = directory.read_dir() else {
        return false;
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .any(|path| {
            if path.is_dir() {
                has_proto(&path)
            } else {
                path.extension() == Some(OsStr::new("proto"))
            }
        })
}

fn buf(arguments: &[&str]) {
    if !has_proto(&tools::repository().join("proto/ndp")) {
        return;
    }
    let Some(buf) = tools::buf() else { return };
    let cache = tempfile::tempdir().unwrap();
    let output = Command::new(buf)
        .args(arguments)
        .current_dir(tools::repository())
        .env("BUF_CACHE_DIR", cache.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "buf {} says:\n{}{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn buf_lint_finds_nothing() {
    buf(&["lint"]);
}

#[test]
fn buf_builds_them() {
    buf(&["build", "-o", "/dev/null"]);
}
