//! A table of callers in parts with a lock each, so that callers seldom wait for each other.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::who::Who;

/// The number of parts.
pub(super) const PARTS: usize = 16;

/// The parts of a table.
#[derive(Debug, Default)]
pub(super) struct Parts<T> {
    hasher: RandomState,
    parts: [Mutex<T>; PARTS],
}

impl<T> Parts<T> {
    /// The part that a caller belongs to.
    pub(super) fn of(&self, who: &Who) -> MutexGuard<'_, T> {
        let index = self.hasher.hash_one(who) % PARTS as u64;
        let part = usize::try_from(index)
            .ok()
            .and_then(|at| self.parts.get(at));
        // the index is a remainder of the number of parts, so there is such a part
        lock(part.unwrap_or(&self.parts[0]))
    }

    /// All parts, one after the other.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.parts.iter().map(lock)
    }
}

/// A panic leaves no table half changed: nothing panics under these locks.
fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
