//! What goes on beside calls: whether the store can be written, which health tells; and SQLite's
//! write-ahead log, which is not to stay as large as it once was.
//!
//! The writer notes how its writes end. Where none was made for a while, or the last one failed,
//! a write is tried that changes nothing, so that health does not wait for a caller to find out,
//! and does not stay bad where bad health keeps callers away.

use std::{sync::Weak, time::Duration};

use tokio::time::{Instant, sleep};

use super::{Published, history::lock};
use crate::store::{Store, Writable};

/// How often all of it is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How long nothing is written before a write is tried.
const TRY_AFTER: Duration = Duration::from_secs(5);

/// How long writes have to fail, none of them made, before this process is not ready.
const UNWRITABLE_AFTER: Duration = Duration::from_secs(5);

/// How long nothing is written before the write-ahead log is cut off.
const CUT_AFTER: Duration = Duration::from_secs(2);

/// Bytes of the write-ahead log that are told of, and again each time they have doubled.
const WAL_TOLD: u64 = 64 * 1024 * 1024;

/// What this process can do with the store.
#[derive(Debug)]
pub(super) struct Condition {
    readable: bool,
    writable: bool,
    /// When a change was last written.
    written: Instant,
    /// When it was last known that one can be.
    known: Instant,
    /// Since when writes fail.
    failing: Option<Instant>,
}

impl Condition {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            readable: true,
            writable: true,
            written: now,
            known: now,
            failing: None,
        }
    }
}

impl Published {
    /// Says whether the log can be read; true when that is news.
    pub(super) fn set_readable(&self, readable: bool) -> bool {
        self.change(|it| std::mem::replace(&mut it.readable, readable) != readable)
    }

    /// Notes that a change was written.
    pub(super) fn note_written(&self) {
        lock(&self.condition).written = Instant::now();
        self.note_writable();
    }

    /// Notes that a write failed for a reason that may pass.
    pub(super) fn note_write_failed(&self) {
        self.note_failing(Instant::now());
    }

    fn note_failing(&self, since: Instant) {
        lock(&self.condition).failing.get_or_insert(since);
    }

    fn note_writable(&self) {
        let news = self.change(|it| {
            it.known = Instant::now();
            it.failing = None;
            !std::mem::replace(&mut it.writable, true)
        });
        if news {
            tracing::info!("changes can be written again");
        }
    }

    /// Gives up what was waited for in vain.
    fn judge_writes(&self) {
        let news = self.change(|it| {
            let failed = it.failing.is_some_and(|it| it.elapsed() > UNWRITABLE_AFTER);
            failed && std::mem::replace(&mut it.writable, false)
        });
        if news {
            tracing::error!("no change can be written; not ready, reads go on");
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Condition) -> T) -> T {
        let mut condition = lock(&self.condition);
        let changed = change(&mut condition);
        let ready = condition.readable && condition.writable;
        let set = |now: &mut bool| std::mem::replace(now, ready) != ready;
        self.readiness.send_if_modified(set);
        changed
    }

    /// Whether a write is to be tried, and whether something is to be committed by it.
    fn trial(&self) -> Option<bool> {
        let condition = lock(&self.condition);
        match condition.failing {
            Some(_) => Some(true),
            None => (condition.known.elapsed() >= TRY_AFTER).then_some(false),
        }
    }

    fn is_idle(&self) -> bool {
        lock(&self.condition).written.elapsed() >= CUT_AFTER
    }
}

/// Goes on for as long as there is a registry.
pub(super) async fn run(store: Store, published: Weak<Published>) {
    let mut told = 0;
    loop {
        sleep(LOOK_INTERVAL).await;
        let Some(published) = published.upgrade() else {
            return;
        };
        if let Some(commit) = published.trial() {
            let began = Instant::now();
            match store.try_to_write(commit).await {
                Ok(Writable::Yes) => published.note_writable(),
                // whoever is at it finds out
                Ok(Writable::InUse) => {}
                Err(error) => {
                    tracing::debug!(%error, "a write was tried in vain");
                    published.note_failing(began);
                }
            }
        }
        published.judge_writes();
        if let Some(bytes) = store.wal_bytes() {
            if bytes < WAL_TOLD {
                told = 0;
            } else if bytes / 2 >= told {
                told = bytes;
                tracing::warn!(
                    bytes,
                    "the write-ahead log grows: some program reads the database for long"
                );
            }
            if published.is_idle()
                && let Err(error) = store.cut_wal().await
            {
                tracing::debug!(%error, "the write-ahead log was not cut off");
            }
        }
    }
}
