//! Timelines: the counts of a place on many dates, without a full count for each date.
//!
//! A platform's contribution to the counts changes on few days: when a plan enters a state, a
//! milestone falls due or a reporting period ends. It is computed after each of these days, and
//! the differences are summed up over the dates.

use crate::{
    effort::Effort,
    monitoring::{
        standing::Dossier,
        tally::{Counts, Place, Sight, contribution_by, is_in},
    },
    records::platforms::Platform,
    state::{State, dossier::turning_days},
    time::Date,
};

impl State {
    /// The counts of a place on dates in order, equal to [`State::counts_by_scan`] on each date.
    pub fn timeline(
        &self,
        place: &Place,
        sight: &Sight,
        dates: &[Date],
        effort: &Effort,
    ) -> Vec<Counts> {
        let mut changes = vec![Counts::default(); dates.len()];
        let (Some(first), Some(last)) = (dates.first(), dates.last()) else {
            return changes;
        };
        for platform in effort.rows(self.platforms().values(), 1) {
            let mut before = Counts::default();
            let plans = self.plans_of(&platform.name);
            let dossiers: Vec<_> = plans.map(|plan| self.dossier(plan)).collect();
            let turns = self.turns(platform, &dossiers, *first, *last, dates);
            for index in effort.rows(turns, 1 + dossiers.len()) {
                let (Some(date), Some(change)) = (dates.get(index), changes.get_mut(index)) else {
                    continue;
                };
                let counts = if is_in(self, platform, place, *date) {
                    let plans = dossiers.iter().map(|dossier| (dossier.plan, dossier));
                    let covered = self.covering_plan_on(&platform.name, *date).is_some();
                    contribution_by(platform, covered, plans, |it| it, *date).seen(sight)
                } else {
                    Counts::default()
                };
                change.merge(&counts, 1);
                change.merge(&before, -1);
                before = counts;
            }
        }
        let mut sum = Counts::default();
        for change in &mut changes {
            sum.merge(change, 1);
            change.clone_from(&sum);
        }
        changes
    }

    /// The first date, and each date on which a platform's counts may differ from the date before.
    pub(super) fn turns(
        &self,
        platform: &Platform,
        dossiers: &[Dossier<'_>],
        first: Date,
        last: Date,
        dates: &[Date],
    ) -> Vec<usize> {
        let mut days: Vec<Date> = turning_days(platform).collect();
        let listings = platform.fields.listings.iter();
        let editions = listings.filter_map(|listing| self.edition(&listing.edition));
        days.extend(editions.filter_map(|edition| edition.first_day()));
        days.push(platform.meta.create_time.date_in_vietnam());
        for plan in self.plans_covering(&platform.name) {
            days.extend(plan.state_history.iter().map(|entry| entry.effective_date));
            days.extend(plan.coverage_days());
        }
        for dossier in dossiers {
            days.extend(dossier.turning_days(first, last));
        }
        let mut turns: Vec<usize> = days
            .into_iter()
            .map(|day| dates.partition_point(|date| *date < day))
            .filter(|index| *index < dates.len())
            .collect();
        turns.push(0);
        turns.sort_unstable();
        turns.dedup();
        turns
    }
}
