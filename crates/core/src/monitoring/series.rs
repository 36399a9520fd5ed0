//! Numbers on many dates, without a full count for each date. What a record adds changes on few
//! days: it is computed after each of these days, and the differences are summed up over the dates.

use crate::{effort::Effort, time::Date};

/// Numbers that add up.
pub(super) trait Sum: Clone + Default {
    /// Adds other numbers, multiplied by `times`: 1 adds them, -1 subtracts them.
    fn add(&mut self, other: &Self, times: i32);
}

impl Sum for i32 {
    fn add(&mut self, other: &Self, times: i32) {
        *self += other * times;
    }
}

/// The sums over records on dates in order.
#[derive(Debug)]
pub(super) struct Series<'a, T> {
    dates: &'a [Date],
    effort: &'a Effort,
    /// The difference of each date from the date before.
    changes: Vec<T>,
}

impl<'a, T: Sum> Series<'a, T> {
    pub(super) fn new(dates: &'a [Date], effort: &'a Effort) -> Self {
        Self {
            dates,
            effort,
            changes: vec![T::default(); dates.len()],
        }
    }

    /// Adds a record: its `value` on each date, which is computed only where `indexes_of_change` says that it
    /// may differ from the date before. `cost` is that of one value, in units of work.
    pub(super) fn add(
        &mut self,
        indexes_of_change: Vec<usize>,
        cost: usize,
        value: impl Fn(Date) -> T,
    ) {
        let mut before = T::default();
        for index in self.effort.rows(indexes_of_change, cost) {
            let (Some(date), Some(change)) = (self.dates.get(index), self.changes.get_mut(index))
            else {
                continue;
            };
            let now = value(*date);
            change.add(&now, 1);
            change.add(&before, -1);
            before = now;
        }
    }

    /// The sums of all that was added.
    pub(super) fn sums(self) -> Vec<T> {
        let mut sum = T::default();
        let mut sums = self.changes;
        for change in &mut sums {
            sum.add(change, 1);
            change.clone_from(&sum);
        }
        sums
    }
}

/// The indexes of the first date, and of each date on which what changes on these days may differ
/// from the date before.
pub(super) fn indexes_of_change(
    days: impl IntoIterator<Item = Date>,
    dates: &[Date],
) -> Vec<usize> {
    let mut indexes_of_change: Vec<usize> = days
        .into_iter()
        .map(|day| dates.partition_point(|date| *date < day))
        .filter(|index| *index < dates.len())
        .collect();
    indexes_of_change.push(0);
    indexes_of_change.sort_unstable();
    indexes_of_change.dedup();
    indexes_of_change
}
