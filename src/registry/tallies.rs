//! Tallies of any date and revision, on request.
//!
//! The writer keeps today's tally up to date, change by change. Any other tally is counted in a
//! turn that the caller waits for. The last few are cached: a second request for the same date and
//! revision costs no more than a plain read.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};

use super::{Registry, Snapshot, history::lock};
use crate::admission::who::Who;
use ndp_core::{
    effort::Effort,
    error::Error,
    monitoring::{reconcile::Ground, tally::Tally},
    names::Revision,
    state::State,
    time::Date,
};

/// Maximum number of cached tallies. Each holds a few hundred bytes per edition, group and agency.
const KEPT_MAX: usize = 16;

/// Maximum number of revisions that are returned for one computed number.
const REVISIONS_MAX: usize = 1_000;

/// Cost of looking up one of these revisions in the log, in units of work.
const LOOKUP_COST: u64 = 2_000;

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    kept: Mutex<VecDeque<(Counted, Arc<Tally>)>>,
}

/// What a tally was counted on: the revision, and the value of `visibility_changes`.
type Counted = (Revision, u64);

impl Tallies {
    /// The tally of a State for a date, unless it would cost too much.
    fn count(&self, state: &State, date: Date, effort: &Effort) -> Arc<Tally> {
        let counted = (state.revision(), state.visibility_changes());
        // another may have counted while this one waited
        if let Some(kept) = self.find(counted, date) {
            return kept;
        }
        let tally = Arc::new(Tally::new(state, date, effort));
        if !effort.is_over() {
            self.keep(counted, &tally);
        }
        tally
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
    pub async fn tally(
        &self,
        who: &Who,
        snapshot: &Arc<Snapshot>,
        date: Date,
    ) -> Result<Arc<Tally>, Error> {
        if let Some(tally) = &snapshot.tally
            && tally.date() == date
        {
            return Ok(Arc::clone(tally));
        }
        let (tallies, snapshot) = (Arc::clone(&self.tallies), Arc::clone(snapshot));
        let count = move |effort: &Effort| tallies.count(&snapshot.state, date, effort);
        self.turns.run(who, count).await
    }

    /// Refuses when looking up the revisions behind these numbers would cost too much.
    pub fn afford_behind<'a>(
        &self,
        grounds: impl Iterator<Item = &'a [Ground]>,
    ) -> Result<(), Error> {
        let lookups = grounds.map(|grounds| {
            let looked_up = |it: &&Ground| matches!(it, Ground::Issue(..));
            grounds.iter().filter(looked_up).take(REVISIONS_MAX).count() as u64
        });
        self.turns.afford(lookups.sum::<u64>() * LOOKUP_COST)
    }

    /// A snapshot of the past to count in, where `now` is the newest.
    pub async fn guarded(
        &self,
        who: &Who,
        past: &Arc<Snapshot>,
        now: &Arc<Snapshot>,
    ) -> Result<Arc<Snapshot>, Error> {
        if past.state.revision() == now.state.revision() {
            return Ok(Arc::clone(past));
        }
        let (then, now) = (Arc::clone(past), Arc::clone(now));
        let guard = move |_: &Effort| then.state.guarded_as(&now.state);
        let state = self.turns.run(who, guard).await?;
        Ok(Arc::new(Snapshot {
            state,
            ..Snapshot::clone(past)
        }))
    }

    /// The revisions behind a computed number, in order; the first thousand of them.
    pub async fn revisions_behind(
        &self,
        who: &Who,
        grounds: &[Ground],
    ) -> Result<Vec<Revision>, Error> {
        let mut revisions = BTreeSet::new();
        for ground in grounds {
            match ground {
                Ground::Record(revision) => {
                    revisions.insert(*revision);
                }
                Ground::Issue(plan, time) => {
                    let found = self.revision_that_wrote(who, plan.as_str(), *time).await?;
                    revisions.extend(found);
                }
            }
            if revisions.len() >= REVISIONS_MAX {
                break;
            }
        }
        Ok(revisions.into_iter().take(REVISIONS_MAX).collect())
    }
}
