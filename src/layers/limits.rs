//! Calls that are being answered, and how many there may be.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Calls that are being answered.
#[derive(Clone, Debug)]
pub struct InFlight(Arc<Places>);

#[derive(Debug)]
struct Places {
    taken: AtomicUsize,
    max: usize,
}

/// The place of one call.
#[derive(Debug)]
pub(super) struct Place<'a>(&'a Places);

impl InFlight {
    /// None yet; at most so many.
    pub fn new(max: usize) -> Self {
        let taken = AtomicUsize::new(0);
        Self(Arc::new(Places { taken, max }))
    }

    /// Lets one more in while there is room; it leaves when what this answers is dropped.
    pub(super) fn enter(&self) -> Option<Place<'_>> {
        let Places { taken, max } = &*self.0;
        let entered = taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            (taken < *max).then_some(taken + 1)
        });
        entered.is_ok().then(|| Place(&self.0))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// How many there may be.
    pub fn max(&self) -> u64 {
        self.0.max as u64
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}
