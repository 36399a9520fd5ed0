//! Background work: checks whether the store is writable, which the health service reports, and
//! truncates SQLite's write-ahead log so that it does not keep its peak size.
//!
//! The writer records the outcome of its writes. When there was no write for a while, or the last
//! one failed, this task tries a write that changes nothing. So health reports a failure before a
//! caller meets it, and recovers even when callers stay away because health is bad.

use ndp_core::messages::Unavailable;
use std::{sync::Weak, time::Duration};

use tokio::time::{Instant, sleep};

use super::{Published, history::lock};
use crate::store::{Store, Writable};

/// Interval between two checks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How long the store was not known to be writable before a write is tested.
const TRY_AFTER: Duration = Duration::from_secs(5);

/// How long writes must keep failing, without one success, before this process is not ready.
const UNWRITABLE_AFTER: Duration = Duration::from_secs(5);

/// How long there is no write before the write-ahead log is truncated.
const CUT_AFTER: Duration = Duration::from_secs(2);

/// Size of the write-ahead log, in bytes, from which a warning is logged; it is repeated each time
/// the size has doubled.
const WAL_WARNED: u64 = 64 * 1024 * 1024;

/// What this process can do with the store.
#[derive(Debug)]
pub(super) struct Condition {
    readable: bool,
    writable: bool,
    /// Why the clock is refused, and nothing recorded.
    clock: Option<Unavailable>,
    /// When a change was last written.
    written: Instant,
    /// When a write was last known to be possible.
    known: Instant,
    /// When writes began to fail.
    failing: Option<Instant>,
}

impl Condition {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            readable: true,
            writable: true,
            clock: None,
            written: now,
            known: now,
            failing: None,
        }
    }
}

impl Published {
    /// Records whether the log can be read. Returns true when that has changed.
    pub(super) fn set_readable(&self, readable: bool) -> bool {
        self.change(|it| std::mem::replace(&mut it.readable, readable) != readable)
    }

    /// Records whether the clock is refused, and why. Returns true when that has changed.
    pub(super) fn set_clock(&self, refused: Option<Unavailable>) -> bool {
        self.change(|it| std::mem::replace(&mut it.clock, refused) != refused)
    }

    /// Whether the clock is refused.
    pub(super) fn is_clock_refused(&self) -> bool {
        lock(&self.condition).clock.is_some()
    }

    /// Records that a change was written.
    pub(super) fn note_written(&self) {
        lock(&self.condition).written = Instant::now();
        self.note_writable();
    }

    /// Records that a write failed for a reason that may pass.
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

    /// Marks the store as not writable when writes have failed for longer than the limit.
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
        let ready = condition.readable && condition.writable && condition.clock.is_none();
        let set = |now: &mut bool| std::mem::replace(now, ready) != ready;
        self.readiness.send_if_modified(set);
        changed
    }

    /// Whether to test a write now. The value states whether the test must commit.
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

/// Runs as long as the registry exists.
pub(super) async fn run(store: Store, published: Weak<Published>) {
    let mut warned = 0;
    loop {
        sleep(LOOK_INTERVAL).await;
        let Some(published) = published.upgrade() else {
            return;
        };
        if let Some(commit) = published.trial() {
            let began = Instant::now();
            match store.try_to_write(commit).await {
                Ok(Writable::Yes) => published.note_writable(),
                // another writer holds the database and learns the outcome itself
                Ok(Writable::InUse) => {}
                Err(error) => {
                    tracing::debug!(%error, "a write was tried in vain");
                    published.note_failing(began);
                }
            }
        }
        published.judge_writes();
        if let Some(bytes) = store.wal_bytes() {
            if bytes < WAL_WARNED {
                warned = 0;
            } else if bytes / 2 >= warned {
                warned = bytes;
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
