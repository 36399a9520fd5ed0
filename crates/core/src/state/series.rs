//! Series: the values of each indicator by subject and period, so that one value is found among a
//! million. The current value is the one recorded last; those before it stay in the series, so that
//! the order in which records are added or removed does not matter.

use std::{ops::Bound, sync::Arc};

use imbl::OrdMap;

use crate::{
    effort::Effort,
    names::{AgencyName, IndicatorName, ObservationName, Revision},
    query::{list::Query, schema::Constant},
    records::{
        indicators::Span,
        observations::{Basis, Observation, Scope, Subject},
        words::Word as _,
    },
    state::{State, index::Rows},
    time::Date,
};

/// The place of a value in the series of its indicator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    subject: Subject,
    span: Span,
    basis: Basis,
    definition: u8,
    revision: Revision,
}

impl Key {
    fn of(observation: &Observation) -> Option<Self> {
        Some(Self {
            subject: observation.subject()?,
            span: observation.span(),
            basis: observation.basis,
            definition: observation.definition,
            revision: observation.meta.revision,
        })
    }

    /// Before all values of a subject in the periods that end on a day or later.
    const fn first(subject: Subject, end: Date) -> Self {
        Self {
            subject,
            span: Span { end, start: None },
            basis: Basis::Declared,
            definition: 0,
            revision: Revision::ZERO,
        }
    }

    /// After all values of a subject.
    const fn last(subject: Subject) -> Self {
        Self {
            subject,
            span: Span {
                end: Date::MAX,
                start: Some(Date::MAX),
            },
            basis: Basis::Published,
            definition: u8::MAX,
            revision: Revision::MAX,
        }
    }

    /// Whether both are values of the same place, recorded one after the other.
    fn is_alike(&self, other: &Self) -> bool {
        self.span == other.span
            && self.basis == other.basis
            && self.definition == other.definition
            && self.subject == other.subject
    }
}

type Series = OrdMap<Key, Arc<Observation>>;

/// The series of every indicator.
#[derive(Clone, Debug, Default)]
pub(super) struct AllSeries(OrdMap<IndicatorName, Series>);

impl AllSeries {
    pub(super) fn insert(&mut self, observation: Arc<Observation>) {
        if let Some(key) = Key::of(&observation) {
            let series = self.0.entry(observation.indicator()).or_default();
            series.insert(key, observation);
        }
    }

    pub(super) fn remove(&mut self, observation: &Observation) {
        let indicator = observation.indicator();
        if let Some(key) = Key::of(observation)
            && let Some(series) = self.0.get_mut(&indicator)
        {
            series.remove(&key);
            if series.is_empty() {
                self.0.remove(&indicator);
            }
        }
    }
}

/// The current values among values in order.
fn standing<'a>(
    rows: impl Iterator<Item = (&'a Key, &'a Arc<Observation>)>,
) -> impl Iterator<Item = &'a Arc<Observation>> {
    let mut rows = rows.peekable();
    std::iter::from_fn(move || {
        loop {
            let (key, observation) = rows.next()?;
            if !rows.peek().is_some_and(|(next, _)| next.is_alike(key)) {
                return Some(observation);
            }
        }
    })
}

impl State {
    fn series(&self, indicator: &IndicatorName) -> Option<&Series> {
        self.series.0.get(indicator)
    }

    /// Whether the indicator has any value.
    pub fn is_observed(&self, indicator: &IndicatorName) -> bool {
        self.series(indicator).is_some()
    }

    /// Whether a value follows this version of the indicator's definition. Reads all of them.
    pub fn is_defined_by(&self, indicator: &IndicatorName, version: i32) -> bool {
        let series = self.series(indicator);
        let mut values = series.into_iter().flat_map(OrdMap::values);
        values.any(|it| i32::from(it.definition) == version)
    }

    /// The current value for a subject and period, on a basis and by a definition; an entry without
    /// a number retracts the earlier value.
    pub fn standing_value(
        &self,
        indicator: &IndicatorName,
        subject: &Subject,
        span: Span,
        basis: Basis,
        definition: u8,
    ) -> Option<&Arc<Observation>> {
        let key = |revision| Key {
            subject: subject.clone(),
            span,
            basis,
            definition,
            revision,
        };
        let range = key(Revision::ZERO)..=key(Revision::MAX);
        let found = self.series(indicator)?.range(range).next_back();
        found.map(|(_, observation)| observation)
    }

    /// The value that was recorded for such a place by exactly this revision.
    pub fn value_of(
        &self,
        indicator: &IndicatorName,
        subject: &Subject,
        span: Span,
        (basis, definition): (Basis, u8),
        revision: Revision,
    ) -> Option<&Arc<Observation>> {
        let key = Key {
            subject: subject.clone(),
            span,
            basis,
            definition,
            revision,
        };
        self.series(indicator)?.get(&key)
    }

    /// The current value in the place of this one; itself if nothing replaced it.
    pub fn standing_for(&self, observation: &Observation) -> Option<&Arc<Observation>> {
        let subject = observation.subject()?;
        self.standing_value(
            &observation.indicator(),
            &subject,
            observation.span(),
            observation.basis,
            observation.definition,
        )
    }

    /// The current values for a subject in a period, on every basis and by every definition.
    pub fn values_in<'a>(
        &'a self,
        indicator: &IndicatorName,
        subject: &Subject,
        span: Span,
    ) -> impl Iterator<Item = &'a Arc<Observation>> + use<'a> {
        let first = Key {
            span,
            ..Key::first(subject.clone(), span.end)
        };
        let last = Key {
            span,
            ..Key::last(subject.clone())
        };
        let rows = self.series(indicator).map(|it| it.range(first..=last));
        standing(rows.into_iter().flatten()).filter(|it| it.value.is_some())
    }

    /// The values of a subject for periods that end before a day, latest period first; those that
    /// were replaced too.
    pub fn values_before<'a>(
        &'a self,
        indicator: &IndicatorName,
        subject: &Subject,
        end: Date,
    ) -> impl Iterator<Item = &'a Arc<Observation>> + use<'a> {
        let first = Key::first(subject.clone(), Date::MIN);
        let last = Key::first(subject.clone(), end);
        let rows = self.series(indicator).map(|it| it.range(first..last).rev());
        rows.into_iter()
            .flatten()
            .map(|(_, observation)| observation)
    }

    /// The last period that ended by a day and has a current value for a subject.
    pub fn latest_span(
        &self,
        indicator: &IndicatorName,
        subject: &Subject,
        by: Date,
    ) -> Option<Span> {
        let mut values = self.values_before(indicator, subject, by.plus_days(1));
        let stands = |it: &&Arc<Observation>| {
            it.value.is_some()
                && self
                    .standing_for(it)
                    .is_some_and(|standing| Arc::ptr_eq(standing, it))
        };
        values.find(stands).map(|it| it.span())
    }

    /// The subjects that an indicator has values of, in their order.
    pub fn subjects_of<'a>(
        &'a self,
        indicator: &IndicatorName,
    ) -> impl Iterator<Item = &'a Arc<Observation>> + use<'a> {
        let series = self.series(indicator);
        let mut after: Option<Key> = None;
        std::iter::from_fn(move || {
            let start = after.take().map_or(Bound::Unbounded, Bound::Excluded);
            let (key, observation) = series?.range((start, Bound::Unbounded)).next()?;
            after = Some(Key::last(key.subject.clone()));
            Some(observation)
        })
    }

    /// The values that can be on a page, and whether they are in its order. Those of one agency or
    /// scope are looked up.
    pub fn observations_for<'a>(
        &'a self,
        parent: Option<&IndicatorName>,
        query: &Query<Observation>,
        effort: &'a Effort,
    ) -> (bool, Rows<'a, Observation>) {
        let subject = match query.filter.equality("agency") {
            Some(Constant::Text(agency)) => AgencyName::parse(agency).map(Subject::Agency),
            _ => match query.filter.equality("scope") {
                Some(Constant::Text(scope)) => Scope::parse(scope).map(Subject::Scope),
                _ => None,
            },
        };
        let Some(subject) = subject else {
            let prefix = parent.map(ObservationName::prefix);
            let prefix = prefix.unwrap_or_default();
            let rows = query.rows(self.observations(), &prefix);
            return (query.by_name(), Box::new(rows));
        };
        let of = move |series: &'a Series| {
            let first = Key::first(subject.clone(), Date::MIN);
            let last = Key::last(subject.clone());
            series.range(first..=last).map(|(_, it)| it)
        };
        match parent {
            Some(indicator) => {
                let series = self.series(indicator);
                (false, Box::new(series.into_iter().flat_map(of)))
            }
            None => {
                let series = effort.rows(self.series.0.values(), 1);
                (false, Box::new(series.flat_map(of)))
            }
        }
    }
}
