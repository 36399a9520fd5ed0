//! Tallies of any date and revision, for those who ask.
//!
//! Today's is kept up to date by the writer, change by change. Any other is counted once, one at
//! a time, and the last few are kept: the second question about the same past costs no more than
//! a plain read.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};

use tokio::sync::Semaphore;

use super::{
    Registry, Snapshot,
    history::{lock, turn},
};
use crate::{
    domain::{error::Error, names::Revision, time::Date},
    state::{State, reconcile::Ground, tally::Tally},
};

/// Tallies that are kept: each holds a few hundred bytes for each edition, group and agency.
const KEPT_MAX: usize = 16;

/// Platforms above which counting is not done on a thread that answers calls.
const AT_ONCE_MAX: usize = 500;

/// Revisions that are told of one computed number.
const REVISIONS_MAX: usize = 1_000;

/// What was counted, and whose turn it is to count.
#[derive(Debug)]
pub(super) struct Tallies {
    counting: Arc<Semaphore>,
    kept: Mutex<VecDeque<(Counted, Arc<Tally>)>>,
}

/// What was counted: a revision, and who saw what at the time.
type Counted = (Revision, u64);

impl Tallies {
    pub(super) fn new() -> Self {
        Self {
            counting: Arc::new(Semaphore::new(1)),
            kept: Mutex::new(VecDeque::new()),
        }
    }

    fn find(&self, counted: Counted, date: Date) -> Option<Arc<Tally>> {
        let kept = lock(&self.kept);
        kept.iter()
            .find(|(of, tally)| *of == counted && tally.date() == date)
            .map(|(_, tally)| Arc::clone(tally))
    }

    fn keep(&self, counted: Counted, tally: &Arc<Tally>) {
        let mut kept = lock(&self.kept);
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((counted, Arc::clone(tally)));
    }
}

impl Registry {
    /// The tally of a snapshot for a date.
    pub async fn tally(&self, snapshot: &Arc<Snapshot>, date: Date) -> Result<Arc<Tally>, Error> {
        if let Some(tally) = &snapshot.tally
            && tally.date() == date
        {
            return Ok(Arc::clone(tally));
        }
        let counted = (snapshot.state.revision(), snapshot.state.sight_turns());
        if let Some(kept) = self.tallies.find(counted, date) {
            return Ok(kept);
        }
        let _turn = turn(&self.tallies.counting, 1).await?;
        if let Some(kept) = self.tallies.find(counted, date) {
            return Ok(kept);
        }
        let tally = compute(snapshot, move |state| Tally::new(state, date)).await?;
        let tally = Arc::new(tally);
        self.tallies.keep(counted, &tally);
        Ok(tally)
    }

    /// A snapshot of the past to count in, where `now` is the newest.
    pub async fn guarded(
        &self,
        past: &Arc<Snapshot>,
        now: &Arc<Snapshot>,
    ) -> Result<Arc<Snapshot>, Error> {
        if past.state.revision() == now.state.revision() {
            return Ok(Arc::clone(past));
        }
        let now = Arc::clone(now);
        let state = compute(past, move |state| state.guarded_as(&now.state)).await?;
        Ok(Arc::new(Snapshot {
            state,
            ..Snapshot::clone(past)
        }))
    }

    /// The revisions behind a computed number, in order; the first thousand of them.
    pub async fn revisions_behind(&self, grounds: &[Ground]) -> Result<Vec<Revision>, Error> {
        let mut revisions = BTreeSet::new();
        for ground in grounds {
            match ground {
                Ground::Record(revision) => {
                    revisions.insert(*revision);
                }
                Ground::Issue(plan, time) => {
                    let found = self.revision_that_wrote(plan.as_str(), *time).await?;
                    revisions.extend(found);
                }
            }
            if revisions.len() >= REVISIONS_MAX {
                break;
            }
        }
        Ok(revisions.into_iter().take(REVISIONS_MAX).collect())
    }

    /// Computes something from all records of a snapshot, one at a time with all that takes long.
    pub async fn compute_in_turn<T: Send + 'static>(
        &self,
        snapshot: &Arc<Snapshot>,
        work: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let _turn = turn(&self.tallies.counting, 1).await?;
        compute(snapshot, work).await
    }
}

/// Computes something from all records of a snapshot: elsewhere, where they are many.
pub(super) async fn compute<T: Send + 'static>(
    snapshot: &Arc<Snapshot>,
    work: impl FnOnce(&State) -> T + Send + 'static,
) -> Result<T, Error> {
    if snapshot.state.platforms().len() <= AT_ONCE_MAX {
        return Ok(work(&snapshot.state));
    }
    let snapshot = Arc::clone(snapshot);
    tokio::task::spawn_blocking(move || work(&snapshot.state))
        .await
        .map_err(|error| Error::Bug(format!("computing from all records: {error}").into()))
}
