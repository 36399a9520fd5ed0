//! What is computed of one value: whether it agrees with its parts, how it changed, how far it is
//! from its target, and whether an aggregate is consistent with its parts. It flags and never
//! corrects: a published value stays as it was published.

use std::sync::Arc;

use crate::{
    decimal::{Decimal, Exact},
    names::IndicatorName,
    records::{
        indicators::{Accumulation, Indicator, IndicatorKind, Span, Target},
        observations::{Basis, Observation, Scope, Subject},
        words::words,
    },
    state::State,
    time::Date,
};

/// Points by which the implied share of the ministries may differ from that of the previous period.
pub const WEIGHT_POINTS_MAX: i64 = 10;

words! {
    /// Whether a value can still change without a correction.
    pub enum Finality {
        /// Its period is open.
        Provisional = 1 "PROVISIONAL",
        /// Its period was closed after it was recorded.
        Closed = 2 "CLOSED",
        /// It was recorded after its period was closed.
        Late = 3 "AFTER_CLOSING",
    }
}

words! {
    /// Why a value is suspect.
    pub enum Flag {
        /// The numerator over the denominator gives a different value.
        Disagrees = 1 "DISAGREES_WITH_PARTS",
        /// A value of the whole country lies outside the span of its parts.
        OutsideParts = 2 "OUTSIDE_PARTS",
        /// The share of the ministries that it implies is far from that of the period before.
        WeightMoved = 3 "IMPLIED_WEIGHT_MOVED",
        /// Its exact parts do not add up to it.
        PartsDiffer = 4 "PARTS_DIFFER_FROM_SUM",
    }
}

/// What is computed of one value.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The numerator over the denominator, with as many digits as the indicator has.
    pub recomputed: Option<Exact>,
    /// Whether the value agrees with that, within half of its last digit.
    pub agrees: Option<bool>,
    /// The value of the period before, on the same basis and by the same definition.
    pub previous: Option<&'a Arc<Observation>>,
    /// The difference from it.
    pub change: Option<Exact>,
    /// The next target; after the last day of all targets, the last one.
    pub target: Option<&'a Target>,
    /// The value less the target.
    pub gap: Option<Exact>,
    /// Whether it can still change without a correction.
    pub finality: Finality,
    /// The current value, if another one has replaced it.
    pub replaced_by: Option<&'a Arc<Observation>>,
    /// The share of the ministries in the denominator that the three published rates imply, in per
    /// cent.
    pub weight: Option<Exact>,
    /// Why it is suspect.
    pub flags: Vec<Flag>,
}

impl State {
    /// What is computed of a value; `None` if its indicator does not exist.
    pub fn observed(&self, observation: &Observation) -> Option<Facts<'_>> {
        let name = observation.indicator();
        let indicator = self.indicator(&name)?;
        let subject = observation.subject()?;
        let standing = self.standing_for(observation);
        let revision = observation.meta.revision;
        let replaced_by = standing.filter(|it| it.meta.revision > revision);
        let (recomputed, agrees) = recomputed(indicator, observation);
        let previous = self.value_before(indicator, &subject, observation);
        let minus =
            |one: Option<Decimal>, other: Option<Decimal>| one?.exact().minus(other?.exact());
        let target = indicator.target_for(&subject, observation.end);
        let mut flags = Vec::new();
        if agrees == Some(false) {
            flags.push(Flag::Disagrees);
        }
        let weight = self.check_aggregate(indicator, observation, &mut flags);
        Some(Facts {
            recomputed,
            agrees,
            change: minus(observation.value, previous.and_then(|it| it.value)),
            previous,
            gap: minus(observation.value, target.map(|it| it.value)),
            target,
            finality: match indicator.closing(observation.span()) {
                None => Finality::Provisional,
                Some(closing) if revision < closing.revision => Finality::Closed,
                Some(_) => Finality::Late,
            },
            replaced_by,
            weight,
            flags,
        })
    }

    /// The current value of the period before that of `observation`, on the same basis and by the
    /// same definition.
    fn value_before(
        &self,
        indicator: &Indicator,
        subject: &Subject,
        observation: &Observation,
    ) -> Option<&Arc<Observation>> {
        let (basis, definition) = (observation.basis, observation.definition);
        let span = self.span_before(indicator, subject, observation.span(), basis, definition)?;
        let found = self.standing_value(&indicator.name, subject, span, basis, definition)?;
        found.value.is_some().then_some(found)
    }

    /// The period to compare one with: as long and just before, or, for values as of a day or since
    /// a day, the last one that has a value.
    fn span_before(
        &self,
        indicator: &Indicator,
        subject: &Subject,
        span: Span,
        basis: Basis,
        definition: u8,
    ) -> Option<Span> {
        if indicator.fields.accumulation == Accumulation::InPeriod {
            return span.before();
        }
        let mut before = self.values_before(&indicator.name, subject, span.end);
        let same = |it: &&Arc<Observation>| {
            it.basis == basis && it.definition == definition && it.start == span.start
        };
        before.find(same).map(|it| it.span())
    }

    /// Checks a value of the whole country beside those of ministries and localities, of the same
    /// period, basis and definition. Returns the share of the ministries that three rates imply.
    fn check_aggregate(
        &self,
        indicator: &Indicator,
        whole: &Observation,
        flags: &mut Vec<Flag>,
    ) -> Option<Exact> {
        if whole.scope != Some(Scope::Country) || !whole.qualifier.is_number() {
            return None;
        }
        let value = whole.value?.exact();
        let part = |scope| self.part(&indicator.name, whole, scope);
        let (ministries, localities) = (part(Scope::Ministries), part(Scope::Localities));
        match indicator.fields.kind {
            IndicatorKind::Total => {
                let known = [ministries, localities];
                let exceeds = |part: &&Observation| {
                    let part = part.value.map(Decimal::exact);
                    part.is_some_and(|part| part.compare(value).is_gt())
                };
                if known.iter().flatten().any(exceeds) {
                    flags.push(Flag::OutsideParts);
                }
                if let (Some(one), Some(other)) = (ministries, localities)
                    && [one, other, whole].iter().all(|it| is_exact(it))
                    && let (Some(one), Some(other)) = (one.value, other.value)
                    && let Some(sum) = one.exact().plus(other.exact())
                    && sum.compare(value).is_ne()
                {
                    flags.push(Flag::PartsDiffer);
                }
                None
            }
            IndicatorKind::Ratio => {
                let weight = implied_weight(value, ministries?, localities?)?;
                let (least, most) = (Exact::whole(0), Exact::whole(100));
                if weight.compare(least).is_lt() || weight.compare(most).is_gt() {
                    flags.push(Flag::OutsideParts);
                }
                let earlier = self.weight_before(indicator, whole);
                if let Some(off) = earlier.and_then(|it| weight.minus(it)?.absolute())
                    && off.compare(Exact::whole(WEIGHT_POINTS_MAX)).is_gt()
                {
                    flags.push(Flag::WeightMoved);
                }
                Some(weight)
            }
            IndicatorKind::Score | IndicatorKind::Unspecified => None,
        }
    }

    /// The share that the last earlier period with all three rates implies.
    fn weight_before(&self, indicator: &Indicator, whole: &Observation) -> Option<Exact> {
        let country = Subject::Scope(Scope::Country);
        let start = whole.start.unwrap_or(whole.end);
        let earlier = self.values_before(&indicator.name, &country, start);
        let earlier = earlier
            .filter(|it| it.basis == whole.basis && it.definition == whole.definition)
            .filter(|it| it.qualifier.is_number())
            .take(EARLIER_MAX);
        let mut weights = earlier.filter_map(|it| {
            let part = |scope| self.part(&indicator.name, it, scope);
            let (ministries, localities) = (part(Scope::Ministries)?, part(Scope::Localities)?);
            implied_weight(it.value?.exact(), ministries, localities)
        });
        weights.next()
    }

    /// The value of a part beside that of the whole, if it is a number.
    fn part(
        &self,
        indicator: &IndicatorName,
        whole: &Observation,
        scope: Scope,
    ) -> Option<&Observation> {
        let (span, basis) = (whole.span(), whole.basis);
        let subject = Subject::Scope(scope);
        let part = self.standing_value(indicator, &subject, span, basis, whole.definition)?;
        (part.value.is_some() && part.qualifier.is_number()).then_some(part)
    }

    /// The value that counts for a subject in a period that has several: by the basis first, then
    /// by the newest definition.
    pub fn preferred_value(
        &self,
        indicator: &IndicatorName,
        subject: &Subject,
        span: Span,
    ) -> Option<&Arc<Observation>> {
        let rank = |it: &&Arc<Observation>| {
            let basis = Basis::PREFERRED.iter().position(|basis| *basis == it.basis);
            (basis, std::cmp::Reverse(it.definition))
        };
        self.values_in(indicator, subject, span).min_by_key(rank)
    }

    /// The last two periods, by a day, that a subject has a value of.
    pub fn last_two_spans(
        &self,
        indicator: &IndicatorName,
        subject: &Subject,
        by: Date,
    ) -> (Option<Span>, Option<Span>) {
        let last = self.latest_span(indicator, subject, by);
        let before = last.and_then(|last| {
            let before = last.start.unwrap_or(last.end).min(last.end).plus_days(-1);
            self.latest_span(indicator, subject, before)
        });
        (last, before)
    }
}

/// Most earlier values that are read to find a share to compare with.
const EARLIER_MAX: usize = 24;

fn is_exact(observation: &Observation) -> bool {
    observation.qualifier == crate::records::observations::Qualifier::Exact
}

/// The numerator over the denominator, and whether the value agrees with it.
fn recomputed(indicator: &Indicator, it: &Observation) -> (Option<Exact>, Option<bool>) {
    let (Some(above), Some(below)) = (it.numerator, it.denominator) else {
        return (None, None);
    };
    let (above, below) = (above.exact(), below.exact());
    let factor = indicator.fields.factor();
    let recomputed = above.over(below, factor, indicator.fields.places());
    let value = it.value.filter(|_| it.qualifier.is_number());
    let agrees = value.and_then(|value| above.is_stated_by(below, factor, value.exact()));
    (recomputed, agrees)
}

/// The share of the ministries in the denominator, in per cent with one digit after the point, that
/// makes their rate and that of the localities the rate of the whole; `None` where the two rates
/// are too close to compute it.
fn implied_weight(
    whole: Exact,
    ministries: &Observation,
    localities: &Observation,
) -> Option<Exact> {
    let (ministries, localities) = (ministries.value?.exact(), localities.value?.exact());
    let above = whole.minus(localities)?;
    let below = ministries.minus(localities)?;
    // the denominator is above zero
    let (above, below) = if below.compare(Exact::whole(0)).is_lt() {
        (Exact::whole(0).minus(above)?, below.absolute()?)
    } else {
        (above, below)
    };
    if below.is_zero() {
        return None;
    }
    above.over(below, 100, 1)
}
