//! Finds the programs that tests call by hand, as a user would: grpcurl, buf, api-linter, and what
//! clients in other languages are built and run with.
//!
//! `tests/run` names its pinned ones in the environment; without it, those in `PATH` are used.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Once,
};

use super::left_out;

/// The grpcurl program; none when it is left out.
pub(crate) fn grpcurl() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    tool("grpcurl", "NDP_TEST_GRPCURL", &SAID)
}

/// The buf program; none when it is left out.
pub(crate) fn buf() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    tool("buf", "NDP_TEST_BUF", &SAID)
}

/// The protoc program; none when it is left out.
pub(crate) fn protoc() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    tool("protoc", "NDP_TEST_PROTOC", &SAID)
}

/// Google's api-linter; none when it is left out.
pub(crate) fn api_linter() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    tool("api-linter", "NDP_TEST_API_LINTER", &SAID)
}

/// The go program; none when it is left out.
pub(crate) fn go() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    tool("go", "NDP_TEST_GO", &SAID)
}

/// The Python program; none when it is left out.
pub(crate) fn python() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    tool("python3", "NDP_TEST_PYTHON", &SAID)
}

/// The Maven program, which finds its Java; none when it is left out.
pub(crate) fn maven() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    tool("mvn", "NDP_TEST_MAVEN", &SAID)
}

/// The Node.js program; none when it is left out.
pub(crate) fn node() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    tool("node", "NDP_TEST_NODE", &SAID)
}

/// The folder of tests/oidc with what it needs; none when it is left out. Only tests/run installs
/// it.
pub(crate) fn oidc_provider() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let folder = env::var_os("NDP_TEST_OIDC_PROVIDER").map(PathBuf::from);
    let folder = folder.filter(|it| it.join("node_modules/oidc-provider").is_dir());
    if folder.is_none() {
        left_out(
            &SAID,
            "tests with the OpenID provider of tests/oidc",
            "NDP_TEST_OIDC_PROVIDER names no folder of it",
        );
    }
    folder
}

/// The Chromium program; none when it is left out.
pub(crate) fn chromium() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    tool("chromium", "NDP_TEST_CHROMIUM", &SAID)
}

/// The folder of tests/dashboard with what it needs; none when it is left out. Only tests/run
/// installs it.
pub(crate) fn dashboard() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let folder = env::var_os("NDP_TEST_DASHBOARD").map(PathBuf::from);
    let folder = folder.filter(|it| it.join("node_modules/axe-core").is_dir());
    if folder.is_none() {
        left_out(
            &SAID,
            "tests of the dashboard in a browser, with the tools of tests/dashboard",
            "NDP_TEST_DASHBOARD names no folder of them",
        );
    }
    folder
}

/// The curl program; none when it is left out.
pub(crate) fn curl() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    tool("curl", "NDP_TEST_CURL", &SAID)
}

/// The tmux program; none when it is left out.
pub(crate) fn tmux() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    tool("tmux", "NDP_TEST_TMUX", &SAID)
}

/// The shells that complete commands, by their names; those that are there.
pub(crate) fn shells() -> Vec<(&'static str, PathBuf)> {
    static SAID: [Once; 3] = [const { Once::new() }; 3];
    let variables = [
        ("bash", "NDP_TEST_BASH"),
        ("zsh", "NDP_TEST_ZSH"),
        ("fish", "NDP_TEST_FISH"),
    ];
    let shells = variables.iter().zip(&SAID);
    let shells =
        shells.filter_map(|((name, variable), said)| Some((*name, tool(name, variable, said)?)));
    shells.collect()
}

/// The openssl program; none when it is left out.
pub(crate) fn openssl() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    tool("openssl", "NDP_TEST_OPENSSL", &SAID)
}

/// The PgBouncer program, which Debian keeps out of a user's `PATH`; none when it is left out.
pub(super) fn pgbouncer(said: &Once) -> Option<PathBuf> {
    const DEBIAN: &str = "/usr/sbin/pgbouncer";
    let debian = Some(PathBuf::from(DEBIAN)).filter(|it| it.is_file());
    match env::var_os("NDP_TEST_PGBOUNCER") {
        None if debian.is_some() => debian,
        _ => tool("pgbouncer", "NDP_TEST_PGBOUNCER", said),
    }
}

/// The folder of the Python tools of tests/python/requirements.txt; none when they are left out.
/// Only tests/run installs them.
pub(super) fn python_tools() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let bin = env::var_os("NDP_TEST_PYTHON_TOOLS").map(PathBuf::from);
    let bin = bin.filter(|it| it.join("schemathesis").is_file());
    if bin.is_none() {
        left_out(
            &SAID,
            "tests with the tools of tests/python",
            "NDP_TEST_PYTHON_TOOLS names no folder of them",
        );
    }
    bin
}

/// The Python of these tools; none when they are left out.
pub(crate) fn python_of_tools() -> Option<PathBuf> {
    python_tools().map(|bin| bin.join("python"))
}

/// The first program of this name in `PATH`.
pub(super) fn in_path(name: &str) -> Option<PathBuf> {
    in_one_of(&env::var_os("PATH")?, name)
}

/// The first program of this name in a path like `PATH`.
pub(crate) fn in_one_of(path: &OsStr, name: &str) -> Option<PathBuf> {
    env::split_paths(path)
        .map(|place| place.join(name))
        .find(|it| it.is_file())
}

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn tool(name: &str, variable: &str, said: &Once) -> Option<PathBuf> {
    let found = match env::var_os(variable)
        .as_deref()
        .filter(|it| *it != OsStr::new(""))
    {
        Some(path) => Some(PathBuf::from(path)).filter(|it| it.is_file()),
        None => in_path(name),
    };
    if found.is_none() {
        left_out(
            said,
            &format!("tests with {name}"),
            &format!("no {name} found"),
        );
    }
    found
}
