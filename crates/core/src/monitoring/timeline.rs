//! Timelines: the counts of a scope on many dates. A platform's contribution to the counts changes
//! on few days: when a plan enters a state, a milestone falls due or a reporting period ends.

use crate::{
    effort::Effort,
    monitoring::{
        series::{Series, indexes_of_change},
        standing::PlanRecords,
        tally::{Clearance, CountScope, Counts, contribution_by, is_in},
    },
    records::platforms::Platform,
    state::{State, on_date::days_of_change},
    time::Date,
};

impl State {
    /// The counts of a scope on dates in order, equal to [`State::counts_by_scan`] on each date.
    pub fn timeline(
        &self,
        count_scope: &CountScope,
        clearance: &Clearance,
        dates: &[Date],
        effort: &Effort,
    ) -> Vec<Counts> {
        let mut series = Series::new(dates, effort);
        let (Some(first), Some(last)) = (dates.first(), dates.last()) else {
            return series.sums();
        };
        for platform in effort.rows(self.platforms().values(), 1) {
            let plans = self.plans_of(&platform.name);
            let all_records: Vec<_> = plans.map(|plan| self.plan_records(plan)).collect();
            let indexes_of_change =
                self.indexes_of_change(platform, &all_records, *first, *last, dates);
            series.add(indexes_of_change, 1 + all_records.len(), |date| {
                if !is_in(self, platform, count_scope, date) {
                    return Counts::default();
                }
                let plans = all_records
                    .iter()
                    .map(|plan_records| (plan_records.plan, plan_records));
                let covered = self.covering_plan_on(&platform.name, date).is_some();
                contribution_by(platform, covered, plans, |it| it, date).seen(clearance)
            });
        }
        series.sums()
    }

    /// The first date, and each date on which a platform's counts may differ from the date before.
    pub(super) fn indexes_of_change(
        &self,
        platform: &Platform,
        all_records: &[PlanRecords<'_>],
        first: Date,
        last: Date,
        dates: &[Date],
    ) -> Vec<usize> {
        let mut days: Vec<Date> = days_of_change(platform).collect();
        let listings = platform.fields.listings.iter();
        let editions = listings.filter_map(|listing| self.edition(&listing.edition));
        days.extend(editions.filter_map(|edition| edition.first_day()));
        days.push(platform.meta.create_time.date_in_vietnam());
        for plan in self.plans_covering(&platform.name) {
            days.extend(plan.state_history.iter().map(|entry| entry.effective_date));
            days.extend(plan.coverage_days());
        }
        for plan_records in all_records {
            days.extend(plan_records.days_of_change(first, last));
        }
        indexes_of_change(days, dates)
    }
}
