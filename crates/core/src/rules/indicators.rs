//! Indicators, and the closing of their periods.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    messages::{Condition, Rule},
    names::IndicatorName,
    records::{
        documents::check_named,
        indicators::{Accumulation, CLOSINGS_MAX, Closing, Indicator, IndicatorFields, Span},
        texts::{Reader, Texts},
    },
    rules::{Asking, Command, Deciding, Update, deciding::check_etag, update::editable},
    state::State,
    time::{Date, Period, check_period},
};

/// CreateIndicator.
#[derive(Clone, Debug)]
pub struct CreateIndicator {
    /// Name it is to have.
    pub name: IndicatorName,
    /// What to write.
    pub fields: IndicatorFields,
}

impl Texts for CreateIndicator {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self { name, fields } = self;
        reader.field("indicator_id", name.id());
        reader.field("indicator", fields);
    }
}

impl Command for CreateIndicator {
    type Output = Indicator;
    type Found<'a> = ();

    fn method(&self) -> &'static str {
        "CreateIndicator"
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        asking.steward()
    }

    fn decide(&self, (): (), deciding: &mut Deciding<'_>) -> Result<Arc<Indicator>, Error> {
        let Self { name, fields } = self;
        deciding.check_free::<Indicator>(name)?;
        check_fields(deciding, fields).into_result()?;
        Ok(Arc::new(Indicator {
            name: name.clone(),
            fields: fields.clone(),
            closings: Vec::new(),
            meta: deciding.created(),
        }))
    }
}

editable!(Indicator IndicatorFields "indicator");

pub type UpdateIndicator = Update<Indicator>;

impl Command for UpdateIndicator {
    type Output = Indicator;
    type Found<'a> = &'a Indicator;

    fn method(&self) -> &'static str {
        "UpdateIndicator"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Indicator, Error> {
        asking.steward()?;
        asking.find(&self.name)
    }

    fn decide<'a>(
        &self,
        indicator: &'a Indicator,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Indicator>, Error> {
        let new = self.edit(indicator, deciding)?;
        let mut violations = check_fields(deciding, &new.fields);
        check_kept(deciding.state, indicator, &new.fields, &mut violations);
        violations.into_result()?;
        Ok(Arc::new(new))
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        self.texts_of_record(state, reader);
    }
}

fn check_fields(deciding: &Deciding<'_>, fields: &IndicatorFields) -> Violations {
    let mut violations = Violations::new();
    fields.check(&mut violations);
    for (i, definition) in fields.definitions.iter().enumerate() {
        let path = format!("indicator.definitions[{i}]");
        check_named(definition.document.as_deref(), &path, &mut violations);
    }
    for (i, target) in fields.targets.iter().enumerate() {
        let path = format!("indicator.targets[{i}]");
        check_named(target.document.as_deref(), &path, &mut violations);
        let agency = target.agency.as_ref();
        deciding.check_agency(agency, &format!("{path}.agency"), &mut violations);
    }
    violations
}

/// Refuses a change of what recorded values depend on: the unit, how a value is computed, and each
/// definition that a value follows.
fn check_kept(state: &State, old: &Indicator, new: &IndicatorFields, violations: &mut Violations) {
    if !state.is_observed(&old.name) {
        return;
    }
    let was = &old.fields;
    for (field, kept) in [
        ("unit", was.unit == new.unit),
        ("kind", was.kind == new.kind),
        ("accumulation", was.accumulation == new.accumulation),
    ] {
        if !kept {
            violations.add(format!("indicator.{field}"), Rule::IndicatorObserved);
        }
    }
    for (i, definition) in was.definitions.iter().enumerate() {
        let version = definition.version;
        if new.definitions.get(i) != Some(definition) && state.is_defined_by(&old.name, version) {
            violations.add(
                format!("indicator.definitions[{i}]"),
                Rule::DefinitionObserved { version },
            );
        }
    }
}

/// ClosePeriod.
#[derive(Clone, Debug)]
pub struct ClosePeriod {
    /// The indicator.
    pub name: IndicatorName,
    /// The etag that was read.
    pub etag: String,
    pub period: Option<Period>,
}

impl Texts for ClosePeriod {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.field("period", &self.period);
    }
}

impl Command for ClosePeriod {
    type Output = Indicator;
    type Found<'a> = &'a Indicator;

    fn method(&self) -> &'static str {
        "ClosePeriod"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Indicator, Error> {
        asking.steward()?;
        asking.find(&self.name)
    }

    fn decide<'a>(
        &self,
        indicator: &'a Indicator,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Indicator>, Error> {
        check_etag(indicator, &self.etag)?;
        let mut violations = Violations::new();
        let today = deciding.today();
        let span = check_span(
            &indicator.fields,
            self.period.as_ref(),
            true,
            today,
            "period",
            &mut violations,
        );
        violations.into_result()?;
        let Some(span) = span else {
            return Err(Error::invalid("period.end", Rule::ValuePeriodEndMissing));
        };
        let subject = indicator.name.as_str();
        if indicator.closing(span).is_some() {
            let end = span.end;
            return Err(Error::refused(subject, Condition::PeriodIsClosed { end }));
        }
        if indicator.closings.len() >= CLOSINGS_MAX {
            let most = CLOSINGS_MAX;
            return Err(Error::refused(subject, Condition::ClosingsFull { most }));
        }
        let mut closed = indicator.clone();
        closed.closings.push(Closing {
            start: span.start,
            end: span.end,
            record_time: deciding.now,
            revision: deciding.revision,
        });
        closed.meta = deciding.updated(indicator.meta);
        Ok(Arc::new(closed))
    }
}

/// The time of a period, with a violation for each rule of the indicator that it breaks. A period
/// of the indicator's type where `typed` is set.
pub(super) fn check_span(
    indicator: &IndicatorFields,
    period: Option<&Period>,
    typed: bool,
    today: Date,
    path: &str,
    violations: &mut Violations,
) -> Option<Span> {
    let start = period.and_then(|it| it.start);
    let end = period.and_then(|it| it.end);
    check_period(period, path, violations);
    let Some(end) = end else {
        violations.add(format!("{path}.end"), Rule::ValuePeriodEndMissing);
        return None;
    };
    if end > today {
        violations.add(format!("{path}.end"), Rule::InFuture { today });
    }
    let as_of = indicator.accumulation == Accumulation::AsOf;
    match (start, as_of) {
        (Some(_), true) => violations.add(format!("{path}.start"), Rule::StartOfAsOf),
        (None, false) => violations.add(format!("{path}.start"), Rule::ValuePeriodStartMissing),
        (Some(_), false) | (None, true) => {}
    }
    if typed && let Some(around) = indicator.period_type.around(end) {
        let begins = match indicator.accumulation {
            Accumulation::InPeriod => start == around.start,
            _ => true,
        };
        if end != around.end || !begins {
            violations.add(
                format!("{path}.end"),
                Rule::PeriodNotOfType {
                    kind: indicator.period_type.as_str(),
                    start: around.start.unwrap_or(end),
                    end: around.end,
                },
            );
        }
    }
    Some(Span { end, start })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        caller::Caller,
        change::Image,
        names::Revision,
        records::{indicators::Definition, meta::Meta},
        rules::{Ids, Request, decide},
        time::Timestamp,
    };

    struct NoIds;

    impl Ids for NoIds {
        fn id(&mut self, _: usize) -> String {
            String::new()
        }
    }

    #[test]
    fn an_indicator_has_so_many_closed_periods() {
        let now = Timestamp::parse("2026-10-01T02:00:00Z").unwrap();
        let meta = Meta::created(now, Revision::new(1).unwrap());
        let name = IndicatorName::from_id("thu").unwrap();
        let first = Date::parse("2020-01-01").unwrap();
        let closing = |days: usize| Closing {
            start: None,
            end: first.plus_days(i32::try_from(days).unwrap()),
            record_time: now,
            revision: meta.revision,
        };
        let close = |held: usize| {
            let indicator = Indicator {
                name: name.clone(),
                fields: IndicatorFields {
                    accumulation: Accumulation::AsOf,
                    definitions: vec![Definition::default()],
                    ..IndicatorFields::default()
                },
                closings: (0..held).map(closing).collect(),
                meta,
            };
            let images = [Image::Indicator(Arc::new(indicator))];
            let state = State::load(meta.revision, Some(now), images);
            let command = ClosePeriod {
                name: name.clone(),
                etag: meta.etag(),
                period: Some(Period {
                    end: Some(first.plus_days(-1)),
                    ..Period::default()
                }),
            };
            let request = Request {
                command: Box::new(command),
                request_id: None,
                reason: String::new(),
            };
            let caller = Caller::System { actor: None };
            match decide(&state, &caller, &request, now, &mut NoIds) {
                Ok(_) => None,
                Err(Error::Refused(refusal)) => Some(refusal.condition.reason().name()),
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!(close(CLOSINGS_MAX - 1), None);
        assert_eq!(close(CLOSINGS_MAX), Some("INDICATOR_IS_FULL"));
    }
}
