//! What one piece of work costs, counted as it goes on: it ends where it costs too much, and where
//! nobody waits for it any more.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Says that nobody waits any more; clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the work that looks at it.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was set.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts the cost of work, in units: about one for each record looked at, and one for each term
/// of a filter that is tried on it.
///
/// Work that is over goes on for no more than a record; what it comes to is not to be used.
#[derive(Debug)]
pub struct Effort {
    spent: Cell<u64>,
    most: u64,
    over: Cell<bool>,
    stop: Stop,
}

impl Effort {
    /// For work that may cost so much, until it is told to stop.
    pub const fn new(most: u64, stop: Stop) -> Self {
        Self {
            spent: Cell::new(0),
            most,
            over: Cell::new(false),
            stop,
        }
    }

    /// For work that has to be done, whatever it costs.
    pub fn unlimited() -> Self {
        Self::new(u64::MAX, Stop::default())
    }

    /// Counts so many units; false where the work is over.
    pub fn spend(&self, units: usize) -> bool {
        let units = u64::try_from(units).unwrap_or(u64::MAX);
        self.spent.set(self.spent.get().saturating_add(units));
        if self.spent.get() > self.most || self.stop.is_set() {
            self.over.set(true);
        }
        !self.over.get()
    }

    /// The same rows, each at so many units; none once the work is over.
    pub fn rows<I: IntoIterator>(&self, rows: I, units: usize) -> impl Iterator<Item = I::Item> {
        rows.into_iter().take_while(move |_| self.spend(units))
    }

    /// Whether it ended before it was done: it cost too much, or was told to stop.
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
        let told = effort.rows(0.., 1).inspect(|row| {
            if *row == 6 {
                stop.set();
            }
        });
        assert_eq!(told.count(), 7);
        assert!(effort.is_over());
    }
}
