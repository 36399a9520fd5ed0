//! Data quality of the values of indicators: one record a series of an agency, by its last value.
//! What officials have published is not the agency's own and is not scored.

use super::{Checks, Criterion, Quality, Rule};
use crate::{
    effort::Effort,
    monitoring::{
        attention::observations::{CUTOFF_DAYS, last_own, missing_since},
        tally::CountScope,
    },
    records::indicators::PeriodType,
    state::State,
    time::Date,
};

/// The cost of scoring one series, in units of work.
const SERIES_COST: usize = 8;

impl State {
    /// Scores the series of a scope's agency, or of all agencies; a group of an edition has none.
    pub(super) fn add_observations(
        &self,
        quality: &mut Quality,
        count_scope: &CountScope,
        on: Date,
        effort: &Effort,
    ) {
        if count_scope.group.is_some() {
            return;
        }
        for indicator in effort.rows(self.indicators().values(), 1) {
            let series = self.subjects_of(&indicator.name);
            for subject in effort
                .rows(series, SERIES_COST)
                .filter_map(|it| it.subject())
            {
                let Some(agency) = subject.agency() else {
                    continue;
                };
                if count_scope.agency.as_ref().is_some_and(|it| it != agency) {
                    continue;
                }
                let Some(last) = last_own(self, indicator, &subject, on) else {
                    continue;
                };
                let mut rules = Checks::default();
                if let Some(agrees) = self.observed(last).and_then(|it| it.agrees) {
                    rules.check(Criterion::Correct, Rule::Recomputed, agrees);
                }
                if indicator.fields.period_type != PeriodType::Unspecified {
                    let missing = missing_since(self, indicator, &subject, on);
                    let observed = missing.is_none_or(|since| since > on);
                    rules.check(Criterion::Complete, Rule::Observed, observed);
                    let recorded = last.meta.create_time.date_in_vietnam();
                    let in_time = recorded <= last.end.plus_days(CUTOFF_DAYS);
                    rules.check(Criterion::Live, Rule::ObservedInTime, in_time);
                }
                let title = &indicator.fields.display_name;
                quality.add(rules.of(last.name.as_str(), title, Some(agency)));
            }
        }
    }
}
