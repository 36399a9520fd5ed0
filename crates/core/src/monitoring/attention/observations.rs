//! Indicators that need attention: missing values, missed targets, a basis that changed, and
//! aggregates that contradict their parts. Only the last periods of each series are read.

use super::{Item, Items, Kind};
use crate::{
    effort::Effort,
    monitoring::observed::Flag,
    records::{
        indicators::{Indicator, Preference, Span},
        observations::{Basis, Observation, Scope, Subject},
    },
    state::State,
    time::Date,
};

/// Days after the end of a period in which a value still counts as in time.
pub(crate) const CUTOFF_DAYS: i32 = 14;

/// The cost of reading one series, in units of work.
const SERIES_COST: usize = 8;

impl Items {
    pub(super) fn of_indicators(&mut self, state: &State, effort: &Effort) {
        for indicator in effort.rows(state.indicators().values(), 1) {
            let targets = indicator.fields.targets.iter();
            let mut subjects: Vec<_> = targets.filter_map(|it| it.subject()).collect();
            let observed = state.subjects_of(&indicator.name);
            subjects.extend(observed.filter_map(|it| it.subject()));
            subjects.sort();
            subjects.dedup();
            for subject in effort.rows(&subjects, SERIES_COST) {
                self.of_series(state, indicator, subject);
            }
        }
    }

    fn of_series(&mut self, state: &State, indicator: &Indicator, subject: &Subject) {
        let on = self.on;
        if let Some(due) = subject
            .agency()
            .and_then(|_| missing_since(state, indicator, subject, on))
        {
            self.of_indicator(Kind::MissingObservation, indicator, subject, due);
        }
        if let Some(since) = off_target_since(state, indicator, subject, on) {
            self.of_indicator(Kind::OffTarget, indicator, subject, since);
        }
        let (Some(last), before) = state.last_two_spans(&indicator.name, subject, on) else {
            return;
        };
        if let Some(before) = before
            && let Some(since) = basis_changed_since(state, indicator, subject, last, before)
        {
            self.of_indicator(Kind::BasisChanged, indicator, subject, since);
        }
        if *subject == Subject::Scope(Scope::Country) {
            let values: Vec<_> = state.values_in(&indicator.name, subject, last).collect();
            for value in values {
                self.of_aggregate(state, indicator, value);
            }
        }
    }

    fn of_aggregate(&mut self, state: &State, indicator: &Indicator, value: &Observation) {
        let flags = state.observed(value).map(|it| it.flags).unwrap_or_default();
        let impossible = |flag: &Flag| *flag != Flag::Disagrees;
        if flags.iter().any(impossible) {
            let since = value.meta.create_time.date_in_vietnam();
            let (name, title) = (value.name.as_str(), &indicator.fields.display_name);
            let kind = Kind::ImplausibleAggregate;
            self.list.push(Item::new(kind, name, title, since, self.on));
        }
    }

    fn of_indicator(&mut self, kind: Kind, indicator: &Indicator, subject: &Subject, since: Date) {
        let (name, title) = (indicator.name.as_str(), &indicator.fields.display_name);
        let mut item = Item::new(kind, name, title, since, self.on);
        // An indicator may have one item for each subject.
        let of = match subject {
            Subject::Agency(agency) => agency.as_str(),
            Subject::Scope(scope) => scope.as_str(),
        };
        item.key = format!("{} {of}", item.key);
        item.agency = subject.agency().cloned();
        self.list.push(item);
    }
}

/// The day since which an agency owes a value: the first after the cut-off of the period after its
/// last one.
pub(crate) fn missing_since(
    state: &State,
    indicator: &Indicator,
    subject: &Subject,
    on: Date,
) -> Option<Date> {
    let yesterday = on.plus_days(-1);
    let owed = owed_by(state, indicator, subject, on, yesterday)?;
    Some(owed.due.plus_days(1))
}

/// A value that an agency has to give.
#[derive(Clone, Copy, Debug)]
pub(in crate::monitoring) struct OwedValue {
    /// The last day of its period.
    pub(in crate::monitoring) period_end: Date,
    /// The last day on which it is in time.
    pub(in crate::monitoring) due: Date,
}

/// The value of the period after the last one, as known on a date, if it is due by a day.
pub(in crate::monitoring) fn owed_by(
    state: &State,
    indicator: &Indicator,
    subject: &Subject,
    on: Date,
    by: Date,
) -> Option<OwedValue> {
    let kind = indicator.fields.period_type;
    let newest = kind.before(by.plus_days(1 - CUTOFF_DAYS))?;
    let last = last_own(state, indicator, subject, on).map(|it| it.end);
    if last.is_some_and(|last| last >= newest.end) {
        return None;
    }
    let owed = match last {
        Some(last) => kind.around(last.plus_days(1))?,
        None => newest,
    };
    Some(OwedValue {
        period_end: owed.end,
        due: owed.end.plus_days(CUTOFF_DAYS),
    })
}

/// The current value of the last period for which an agency, or a system, has given a value.
pub(crate) fn last_own<'a>(
    state: &'a State,
    indicator: &Indicator,
    subject: &Subject,
    on: Date,
) -> Option<&'a Observation> {
    let values = state.values_before(&indicator.name, subject, on.plus_days(1));
    let own = values.filter(|it| it.basis != Basis::Published);
    let mut standing = own.filter_map(|it| state.standing_for(it));
    standing.find(|it| it.value.is_some()).map(|it| &**it)
}

/// The day of a target that a subject has missed: the value of the period that contains the day,
/// or of a later one, does not reach it.
fn off_target_since(
    state: &State,
    indicator: &Indicator,
    subject: &Subject,
    on: Date,
) -> Option<Date> {
    let targets = indicator.fields.targets.iter();
    let passed = targets
        .filter(|it| it.subject().as_ref() == Some(subject) && it.target_date <= on)
        .max_by_key(|it| it.target_date)?;
    let last = state.latest_span(&indicator.name, subject, on)?;
    let value = state.preferred_value(&indicator.name, subject, last)?;
    let (value, aim) = (value.value?, passed.value);
    let short = match indicator.fields.direction {
        Preference::Higher => value.compare(aim).is_lt(),
        Preference::Lower => value.compare(aim).is_gt(),
        Preference::Neutral | Preference::Unspecified => false,
    };
    (short && last.end >= passed.target_date).then_some(passed.target_date)
}

/// The day on which a value was recorded on a basis, or by a definition, that no value of the
/// previous period has.
fn basis_changed_since(
    state: &State,
    indicator: &Indicator,
    subject: &Subject,
    last: Span,
    before: Span,
) -> Option<Date> {
    let of = |span| state.values_in(&indicator.name, subject, span);
    let same = |one: &Observation, other: &Observation| {
        one.basis == other.basis && one.definition == other.definition
    };
    let kept = of(last).any(|now| of(before).any(|then| same(now, then)));
    let recorded = of(last).map(|it| it.meta.create_time).min()?;
    (!kept).then(|| recorded.date_in_vietnam())
}
