//! The newest changes, kept in memory for all who follow the log.
//!
//! One ring serves every reader: it is part of the snapshot, so a reader walks it without a lock
//! and delays nobody. A reader that fell behind its oldest change pulls from the log instead.

use std::sync::Arc;

use imbl::Vector;

use crate::{
    domain::{
        change::{Change, Image},
        names::Revision,
    },
    state::State,
};

/// Most effects that the ring holds, images before and after: some tens of megabytes at the most
/// for records of the usual size.
const EFFECTS_MAX: usize = 8192;

/// A change, with each resource as it was before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The change.
    pub change: Change,
    /// One for each effect; `None` where there was no resource.
    pub before: Vec<Option<Image>>,
}

/// The ring: changes without a gap, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    changes: Vector<Arc<Logged>>,
    effects: usize,
}

impl Recent {
    /// Adds a change that `state` does not hold yet, and lets the oldest go.
    pub(super) fn push(&mut self, state: &State, change: &Change) {
        let effects = change.effects.iter();
        let before = effects.map(|effect| state.image(effect.name()));
        let logged = Logged {
            change: change.clone(),
            before: before.collect(),
        };
        self.effects += logged.change.effects.len();
        self.changes.push_back(Arc::new(logged));
        while self.effects > EFFECTS_MAX && self.changes.len() > 1 {
            if let Some(oldest) = self.changes.pop_front() {
                self.effects -= oldest.change.effects.len();
            }
        }
    }

    /// The changes after a revision, at most `limit`; `None` where the oldest of them is gone.
    pub fn after(&self, revision: Revision, limit: usize) -> Option<Vec<Arc<Logged>>> {
        let oldest = self.changes.front()?.change.revision;
        let skip = revision.next().get().checked_sub(oldest.get())?;
        let skip = usize::try_from(skip).ok()?;
        if skip >= self.changes.len() {
            return Some(Vec::new());
        }
        Some(
            self.changes
                .skip(skip)
                .iter()
                .take(limit)
                .cloned()
                .collect(),
        )
    }
}
