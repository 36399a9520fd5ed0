//! Timelines: the counts of a place on many dates. A platform's contribution to the counts changes
//! on few days: when a plan enters a state, a milestone falls due or a reporting period ends.

use crate::{
    effort::Effort,
    monitoring::{
        series::{Series, turns},
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
        let mut series = Series::new(dates, effort);
        let (Some(first), Some(last)) = (dates.first(), dates.last()) else {
            return series.sums();
        };
        for platform in effort.rows(self.platforms().values(), 1) {
            let plans = self.plans_of(&platform.name);
            let dossiers: Vec<_> = plans.map(|plan| self.dossier(plan)).collect();
            let turns = self.turns(platform, &dossiers, *first, *last, dates);
            series.add(turns, 1 + dossiers.len(), |date| {
                if !is_in(self, platform, place, date) {
                    return Counts::default();
                }
                let plans = dossiers.iter().map(|dossier| (dossier.plan, dossier));
                let covered = self.covering_plan_on(&platform.name, date).is_some();
                contribution_by(platform, covered, plans, |it| it, date).seen(sight)
            });
        }
        series.sums()
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
        turns(days, dates)
    }
}
