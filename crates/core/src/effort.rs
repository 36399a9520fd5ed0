//! The cost of one piece of work, counted while it runs. The work ends early if it costs too much
//! or if its caller no longer waits for the result.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Bytes of an answer that cost as much as reading one record.
pub const COST_BYTES: usize = 1024;

/// A flag that stops running work when its caller no longer waits. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Stops the work that checks this flag.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was set.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts the cost of work in units: about one unit for each record read, and one for each filter
/// term evaluated on it.
///
/// Work that exceeds its limit stops within one record. Its result must not be used.
#[derive(Debug)]
pub struct Effort {
    spent: Cell<u64>,
    most: u64,
    over: Cell<bool>,
    stop: Stop,
}

impl Effort {
    /// Creates a counter for work that may cost up to `most` units and ends when `stop` is set.
    pub const fn new(most: u64, stop: Stop) -> Self {
        Self {
            spent: Cell::new(0),
            most,
            over: Cell::new(false),
            stop,
        }
    }

    /// Creates a counter without a limit, for work that must always complete.
    pub fn unlimited() -> Self {
        Self::new(u64::MAX, Stop::default())
    }

    /// Adds `units` to the cost. Returns false if the work must end.
    pub fn spend(&self, units: usize) -> bool {
        let units = u64::try_from(units).unwrap_or(u64::MAX);
        self.spent.set(self.spent.get().saturating_add(units));
        if self.spent.get() > self.most || self.stop.is_set() {
            self.over.set(true);
        }
        !self.over.get()
    }

    /// Iterates over the rows and charges `units` for each. Ends early when the work must end.
    pub fn rows<I: IntoIterator>(&self, rows: I, units: usize) -> impl Iterator<Item = I::Item> {
        rows.into_iter().take_while(move |_| self.spend(units))
    }

    /// Whether the work ended early, because it cost too much or was stopped.
    pub const fn is_over(&self) -> bool {
        self.over.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_where_they_cost_too_much() {
        let effort = Effort::new(10, Stop::default());
        assert_eq!(effort.rows(0..5, 2).count(), 5);
        assert!(!effort.is_over());
        assert_eq!(effort.rows(0..5, 2).count(), 0);
        assert!(effort.is_over());
        assert!(!effort.spend(0), "it does not go on");
    }

    #[test]
    fn rows_end_where_nobody_waits() {
        let stop = Stop::default();
        let effort = Effort::new(u64::MAX, stop.clone());
        let seen = effort.rows(0.., 1).inspect(|row| {
            if *row == 6 {
                stop.set();
            }
        });
        assert_eq!(seen.count(), 7);
        assert!(effort.is_over());
    }
}
