//! Counts of a day that are kept up to date change by change. They are the sum of one share for
//! each record: of each record that a change may alter, the old share is subtracted and the new one
//! is added.

use std::fmt::Debug;

use crate::state::State;

/// Counts that are the sum of the shares of records.
pub(super) trait Kept {
    /// The name of a record.
    type Name: Ord + Debug;
    /// What one record adds to the counts.
    type Share: PartialEq + Debug;

    /// What a record adds in a State; `None` if it adds nothing.
    fn share(&self, state: &State, name: &Self::Name) -> Option<Self::Share>;

    /// Adds a share, multiplied by `times`: 1 adds it, -1 subtracts it.
    fn count(&mut self, share: &Self::Share, times: i32);

    /// The shares of the records that a change may alter, taken from the State before it.
    fn shares(&self, state: &State, mut names: Vec<Self::Name>) -> Shares<Self> {
        names.sort_unstable();
        names.dedup();
        let share = |name| {
            let share = self.share(state, &name);
            (name, share)
        };
        Shares(names.into_iter().map(share).collect())
    }

    /// Updates the counts to the State after the change.
    fn advance_shares(&mut self, before: Shares<Self>, after: &State) {
        for (name, old) in before.0 {
            let new = self.share(after, &name);
            if old == new {
                continue;
            }
            if let Some(old) = old {
                self.count(&old, -1);
            }
            if let Some(new) = new {
                self.count(&new, 1);
            }
        }
    }
}

/// Records with what they added before a change.
#[derive(Debug)]
pub(super) struct Shares<K: Kept + ?Sized>(Vec<(K::Name, Option<K::Share>)>);
