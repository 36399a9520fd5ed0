//! The log and the State of the past, for those who ask.
//!
//! A past State is today's with every resource that was touched since put back as it was then: it
//! shares all else with today's, and costs what was touched, at the most one cold start. One is
//! made at a time, so that asking for the distant past starves nobody; the last few are kept, so
//! that walking pages at one revision makes it once.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Semaphore, time::timeout};

use super::{
    Registry, Snapshot,
    recent::{Logged, Recent},
};
use crate::{
    domain::{
        change::{At, Image},
        error::Error,
        names::Revision,
        time::Timestamp,
    },
    store::Store,
};

/// Past States that are kept.
const KEPT_MAX: usize = 8;

/// Readers of the log at one time: fewer than the store's connections for reading, so that the
/// follower always finds one.
const LOG_READERS_MAX: usize = 2;

/// How long a caller waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);

/// What reads of the past share.
#[derive(Debug)]
pub(super) struct History {
    store: Store,
    past: Semaphore,
    log: Semaphore,
    kept: Mutex<VecDeque<Arc<Snapshot>>>,
}

impl History {
    pub(super) const fn new(store: Store) -> Self {
        Self {
            store,
            past: Semaphore::const_new(1),
            log: Semaphore::const_new(LOG_READERS_MAX),
            kept: Mutex::new(VecDeque::new()),
        }
    }

    fn find(&self, revision: Revision) -> Option<Arc<Snapshot>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .find(|snapshot| snapshot.state.revision() == revision)
            .cloned()
    }

    fn keep(&self, snapshot: &Arc<Snapshot>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(snapshot));
    }
}

impl Registry {
    /// Everything as the registry knew it at some point.
    pub async fn read_at(&self, at: At) -> Result<Arc<Snapshot>, Error> {
        let current = self.read();
        let newest = current.state.revision();
        let revision = match at {
            At::Now => return Ok(current),
            At::Revision(revision) if revision > newest => {
                return Err(out_of_range(
                    "read_revision",
                    format!("the newest revision is {newest}"),
                    format!("phiên bản mới nhất là {newest}"),
                ));
            }
            At::Revision(revision) => revision,
            At::Time(time) => self.revision_at(time).await?.min(newest),
        };
        if revision == newest {
            return Ok(current);
        }
        if let Some(kept) = self.history.find(revision) {
            return Ok(kept);
        }
        let _turn = turn(&self.history.past, "reads of the past").await?;
        if let Some(kept) = self.history.find(revision) {
            return Ok(kept);
        }
        let past = self.history.store.touched_after(revision).await?;
        let record_time = self.history.store.record_time(revision).await?;
        // Thousands of records may have to be put back: not on a thread that answers calls.
        let made = tokio::task::spawn_blocking(move || {
            let past = past.into_iter().map(|past| (past.resource, past.image));
            Snapshot {
                log_id: current.log_id,
                state: current.state.reverted(revision, record_time, past),
                key_hashes: current.key_hashes.clone(),
                recent: Recent::default(),
                tally: None,
            }
        });
        let made = made
            .await
            .map_err(|error| Error::Bug(format!("a past State: {error}").into()))?;
        let made = Arc::new(made);
        self.history.keep(&made);
        Ok(made)
    }

    async fn revision_at(&self, time: Timestamp) -> Result<Revision, Error> {
        let now = self.clock().now();
        if time > now {
            return Err(out_of_range(
                "read_time",
                format!("it is {now} now, and nobody knows yet what will be known then"),
                format!("bây giờ là {now}, chưa ai biết dữ liệu của thời điểm sau đó"),
            ));
        }
        let revision = self.history.store.revision_at(time).await?;
        if revision > Revision::ZERO {
            return Ok(revision);
        }
        let first = self
            .history
            .store
            .record_time(Revision::ZERO.next())
            .await?;
        let first = first.map_or_else(|| "-".to_owned(), |first| first.to_string());
        Err(out_of_range(
            "read_time",
            format!("nothing was recorded before {first}"),
            format!("chưa có gì được ghi nhận trước {first}"),
        ))
    }

    /// The changes after a revision, in order, at most `limit`: from memory where it still has
    /// them, else from the log.
    pub async fn changes_after(
        &self,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Arc<Logged>>, Error> {
        let snapshot = self.read();
        if after >= snapshot.state.revision() {
            return Ok(Vec::new());
        }
        if let Some(recent) = snapshot.recent.after(after, limit) {
            return Ok(recent);
        }
        let _turn = turn(&self.history.log, "readers of the log").await?;
        let mut changes = self.history.store.changes_after(after, limit).await?;
        // What this process has not followed yet, it does not show.
        changes.retain(|change| change.revision <= snapshot.state.revision());
        let touched: Vec<(&str, Revision)> = changes
            .iter()
            .flat_map(|change| {
                change
                    .effects
                    .iter()
                    .map(|effect| (effect.name(), change.revision))
            })
            .collect();
        let mut before = self
            .history
            .store
            .images_before(&touched)
            .await?
            .into_iter();
        drop(touched);
        let logged = changes.into_iter().map(|change| {
            let before: Vec<Option<Image>> = before.by_ref().take(change.effects.len()).collect();
            Arc::new(Logged { change, before })
        });
        Ok(logged.collect())
    }

    /// The first change to a resource among those recorded at a time or after it.
    pub async fn revision_that_wrote(
        &self,
        resource: &str,
        time: Timestamp,
    ) -> Result<Option<Revision>, Error> {
        let _turn = turn(&self.history.log, "readers of the log").await?;
        let store = &self.history.store;
        let before = Timestamp::from_micros(time.as_micros() - 1).unwrap_or(Timestamp::MIN);
        let before = store.revision_at(before).await?;
        let found = store.revisions_of(resource, before, 1).await?;
        Ok(found.first().copied())
    }

    /// The next revisions after one that touched a resource.
    pub async fn revisions_of(
        &self,
        resource: &str,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Revision>, Error> {
        let _turn = turn(&self.history.log, "readers of the log").await?;
        self.history
            .store
            .revisions_of(resource, after, limit)
            .await
    }
}

pub(super) async fn turn<'a>(
    turns: &'a Semaphore,
    what: &'static str,
) -> Result<tokio::sync::SemaphorePermit<'a>, Error> {
    let limit = turns.available_permits() as u64;
    match timeout(TURN_TIMEOUT, turns.acquire()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) => Err(Error::Unavailable {
            reason: "SHUTTING_DOWN",
        }),
        Err(_) => Err(Error::Exhausted {
            what,
            limit: limit.max(1),
        }),
    }
}

const fn out_of_range(field: &'static str, english: String, vietnamese: String) -> Error {
    Error::OutOfRange {
        field,
        english,
        vietnamese,
    }
}
