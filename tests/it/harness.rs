//! The basis of the tests: an empty database of either engine, a process, the real tools.
//!
//! A tool that the machine lacks leaves its tests out, with one line on stderr; under
//! `tests/run` (`NDP_TEST_ALL=1`) it fails them, so that a green run has skipped nothing.

pub(crate) mod certificates;
pub(crate) mod frames;
pub(crate) mod golden;
pub(crate) mod grpc;
pub(crate) mod http;
pub(crate) mod issuer;
pub(crate) mod pgbouncer;
pub(crate) mod plans;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod python;
pub(crate) mod raw;
pub(crate) mod server;
pub(crate) mod sql;
pub(crate) mod synthetic;
mod tests;
pub(crate) mod tools;

use std::{io::Write, path::Path, sync::Once, time::Duration};

use ndp_registry::pb::{self, change_service_client::ChangeServiceClient};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tonic::{service::interceptor::InterceptedService, transport::Channel};

use self::{postgres::PgDatabase, server::As};

/// An empty database of one engine, of one test; gone after it.
pub(crate) enum Engine {
    /// A file of this directory, and its URL.
    Sqlite(TempDir, String),
    /// A database of the shared cluster.
    Postgres(PgDatabase),
}

impl Engine {
    /// A directory for a SQLite file that does not exist yet.
    pub(crate) fn sqlite() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("ndp-sqlite-")
            .tempdir()
            .unwrap();
        let url = format!("sqlite:{}/registry.db", directory.path().display());
        Self::Sqlite(directory, url)
    }

    /// An empty PostgreSQL database; none when PostgreSQL is left out.
    pub(crate) async fn postgres() -> Option<Self> {
        Some(Self::Postgres(postgres::database().await?))
    }

    /// `sqlite:/…/registry.db`, or `postgres://…?host=/…` over a Unix socket.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(_, url) => url.clone(),
            Self::Postgres(database) => database.url.clone(),
        }
    }

    /// Where the test may keep files of its own: SQLite's directory; none on PostgreSQL.
    pub(crate) fn directory(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(directory, _) => Some(directory.path()),
            Self::Postgres(_) => None,
        }
    }
}

/// Writes each test once and runs it on both engines, as `name::sqlite` and `name::postgres`.
///
/// Attributes and doc comments go to both. The second is left out, and passes, where PostgreSQL
/// is; so `#[should_panic]` would fail there.
macro_rules! both {
    ($(
        $(#[$attribute:meta])*
        async fn $name:ident($engine:ident: $type:ty) $body:block
    )+) => {$(
        mod $name {
            use super::*;

            async fn run($engine: $type) $body

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run($crate::harness::Engine::sqlite()).await;
            }

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(engine) = $crate::harness::Engine::postgres().await {
                    run(engine).await;
                }
            }
        }
    )+};
}
pub(crate) use both;

/// A failure guard, not a promise.
const BOUND: Duration = Duration::from_secs(60);

/// The SHA-256 of some bytes, in hexadecimal digits.
pub(crate) fn sha256(content: &[u8]) -> String {
    ndp_core::hex::write(&Sha256::digest(content))
}

/// Waits until a condition that nothing announces holds; looks again at each turn.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(BOUND, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain until {what}");
}

/// Everything that a channel's caller sees of the log, by ListChanges, page by page.
pub(crate) async fn all_changes(
    channel: InterceptedService<Channel, As>,
    mut request: pb::ListChangesRequest,
) -> Vec<pb::Change> {
    let mut client = ChangeServiceClient::new(channel);
    let page_size = usize::try_from(request.page_size).unwrap();
    let mut changes = Vec::new();
    loop {
        let page = client.list_changes(request.clone()).await.unwrap();
        let page = page.into_inner();
        assert!(page.changes.len() <= page_size, "more than was asked for");
        changes.extend(page.changes);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return changes;
        }
    }
}

/// Whether nothing may be left out.
fn nothing_may_be_missing() -> bool {
    std::env::var_os("NDP_TEST_ALL").is_some_and(|value| value == "1")
}

/// Says, once a process, that tests were left out; fails the test where none may be.
fn left_out(once: &Once, tests: &str, reason: &str) {
    assert!(
        !nothing_may_be_missing(),
        "{tests} may not be left out under NDP_TEST_ALL=1: {reason}"
    );
    once.call_once(|| {
        // not `eprintln!`: libtest captures that, and shows it for failed tests only
        let line = format!("left out: {tests} ({reason}; tests/run installs it)\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    });
}
