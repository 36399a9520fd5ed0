//! A table of callers split into parts with one lock each, so that callers rarely wait for each
//! other.

use std::{
    hash::{BuildHasher, Hash},
    sync::{Mutex, MutexGuard, PoisonError},
};

use foldhash::fast::RandomState;

/// Number of parts.
pub(super) const PARTS: usize = 16;

/// A table split into parts.
#[derive(Debug, Default)]
pub(super) struct Parts<T> {
    hasher: RandomState,
    parts: [Mutex<T>; PARTS],
}

impl<T> Parts<T> {
    /// Locks the part that holds a caller.
    pub(super) fn of(&self, who: &impl Hash) -> MutexGuard<'_, T> {
        let index = self.hasher.hash_one(who) % PARTS as u64;
        let part = usize::try_from(index)
            .ok()
            .and_then(|at| self.parts.get(at));
        // the index is a remainder modulo the number of parts, so the part exists
        lock(part.unwrap_or(&self.parts[0]))
    }

    /// Locks each part in turn.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.parts.iter().map(lock)
    }
}

/// Ignores poisoning: code under these locks does not panic, so no table is half changed.
fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
