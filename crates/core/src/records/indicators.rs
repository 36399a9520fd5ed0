//! Indicators (chỉ tiêu): what is measured, by which definition, towards which target. A change of
//! the formula is a new version of the definition, which shows whether two values are comparable.

use std::borrow::Cow;

use crate::{
    caller::Caller,
    decimal::{Decimal, Exact},
    error::Violations,
    messages::Rule,
    names::{AgencyName, IndicatorName, Revision},
    query::{
        fields::{created, named, updated, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        dated::{self, dated},
        documents::{Document, Source},
        meta::{Meta, record_fields},
        observations::{Scope, Subject},
        stored::stored,
        texts::{no_texts, texts},
        words::words,
    },
    state::visible::{Parents, Visible},
    time::{Date, Timestamp},
};

/// Most closed periods of one indicator.
pub(crate) const CLOSINGS_MAX: usize = 1_000;

words! {
    /// The unit of a value.
    pub enum Unit = Unspecified {
        /// Not stated; refused when an indicator is written.
        Unspecified = 0 "UNIT_UNSPECIFIED",
        /// Phần trăm.
        Percent = 1 "PERCENT",
        /// Số lượng.
        Count = 2 "COUNT",
        /// Đồng.
        Vnd = 3 "VND",
        /// Ngày.
        Days = 4 "DAYS",
        /// Điểm.
        Points = 5 "POINTS",
        /// Thứ hạng.
        Rank = 6 "RANK",
    }
}

words! {
    /// How a value is computed.
    pub enum IndicatorKind = Unspecified {
        /// Not stated; refused when an indicator is written.
        Unspecified = 0 "KIND_UNSPECIFIED",
        /// A numerator over a denominator.
        Ratio = 1 "RATIO",
        /// A count or an amount, which adds up.
        Total = 2 "TOTAL",
        /// A score or rank, which does not.
        Score = 3 "SCORE",
    }
}

words! {
    /// Which values are better.
    pub enum Preference = Unspecified {
        /// Not stated; refused when an indicator is written.
        Unspecified = 0 "DIRECTION_UNSPECIFIED",
        /// Cao hơn là tốt hơn.
        Higher = 1 "HIGHER",
        /// Thấp hơn là tốt hơn.
        Lower = 2 "LOWER",
        /// Neither: no ranks.
        Neutral = 3 "NEUTRAL",
    }
}

words! {
    /// Which time a value covers.
    pub enum Accumulation = Unspecified {
        /// Not stated; refused when an indicator is written.
        Unspecified = 0 "ACCUMULATION_UNSPECIFIED",
        /// What happened in the period.
        InPeriod = 1 "IN_PERIOD",
        /// What happened since a fixed first day.
        SinceDate = 2 "SINCE_DATE",
        /// The situation on the last day.
        AsOf = 3 "AS_OF",
    }
}

words! {
    /// How often a value is due.
    pub enum PeriodType = Unspecified {
        /// Not at fixed times.
        Unspecified = 0 "PERIOD_TYPE_UNSPECIFIED",
        /// Hằng tháng.
        Month = 1 "MONTH",
        /// Hằng quý.
        Quarter = 2 "QUARTER",
        /// Sáu tháng.
        HalfYear = 3 "HALF_YEAR",
        /// Hằng năm.
        Year = 4 "YEAR",
    }
}

impl PeriodType {
    /// Months of a period; `None` if its length is not fixed.
    pub const fn months(self) -> Option<i32> {
        match self {
            Self::Unspecified => None,
            Self::Month => Some(1),
            Self::Quarter => Some(3),
            Self::HalfYear => Some(6),
            Self::Year => Some(12),
        }
    }

    /// The calendar period that holds a day.
    pub fn around(self, day: Date) -> Option<Span> {
        let months = self.months()?;
        let first = (day.month() - 1) / months * months + 1;
        let start = Date::new(day.year(), first, 1).ok()?;
        let end = start.plus_months(months).plus_days(-1);
        Some(Span {
            start: Some(start),
            end,
        })
    }

    /// The last period that was over before a day.
    pub fn before(self, day: Date) -> Option<Span> {
        self.around(self.around(day)?.start?.plus_days(-1))
    }
}

/// The time that a value covers: its last day, and its first day unless it is as of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Last day.
    pub end: Date,
    /// First day.
    pub start: Option<Date>,
}

impl Span {
    /// The time of the same length that ends the day before this one begins: the same number of
    /// months if it is whole months, else the same number of days. `None` if the first day is not
    /// known.
    pub fn before(self) -> Option<Self> {
        let start = self.start?;
        let end = start.plus_days(-1);
        let next = self.end.plus_days(1);
        let earlier = if start.day() == 1 && next.day() == 1 {
            let months = (next.year() - start.year()) * 12 + next.month() - start.month();
            start.plus_months(-months)
        } else {
            let days = i32::try_from(start.days_until(next)).ok()?;
            start.plus_days(-days)
        };
        Some(Self {
            end,
            start: Some(earlier),
        })
    }
}

stored! {
    /// One version of what an indicator means (định nghĩa), in words.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Definition {
        /// Its number, starting at 1.
        pub version: i32,
        /// It applies to periods that end on this day or later; absent for the first version.
        pub start_date: Option<Date>,
        /// The document that sets it.
        pub document: Option<Box<Document>>,
        /// What is counted above the line, or counted at all, in Vietnamese.
        pub numerator: String,
        /// The same in English.
        pub numerator_en: String,
        /// What is counted below the line, in Vietnamese.
        pub denominator: String,
        /// The same in English.
        pub denominator_en: String,
        /// The system that the values come from.
        pub source_system: String,
        /// How values are verified.
        pub verification: String,
        /// How accurate they are.
        pub accuracy: String,
        /// The limits of the values.
        pub limits: String,
        /// What is done about these limits.
        pub compensation: String,
        /// Where the definition was read.
        pub sources: Vec<Source>,
    }
}

dated!(Definition);

stored! {
    /// A value to reach by a day (mục tiêu).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Target {
        /// The agency that is to reach it.
        pub agency: Option<AgencyName>,
        /// Or the scope that is.
        pub scope: Option<Scope>,
        /// The day by which to reach it.
        pub target_date: Date,
        pub value: Decimal,
        /// The document that sets it.
        pub document: Option<Box<Document>>,
        /// Where it was read.
        pub sources: Vec<Source>,
    }
}

stored! {
    /// The closing of a period (chốt số liệu).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Closing {
        /// First day of the period, unless values are as of its last.
        pub start: Option<Date>,
        /// Last day of the period.
        pub end: Date,
        /// When the registry recorded it.
        pub record_time: Timestamp,
        /// The revision that closed it, at which its values can always be read.
        pub revision: Revision,
    }
}

record_fields! {
    /// The fields of an indicator that the steward writes.
    pub struct IndicatorFields {
        /// Name in Vietnamese.
        pub display_name: String,
        /// Name in English.
        pub display_name_en: String,
        /// Its purpose.
        pub description: String,
        /// The unit of a value.
        pub unit: Unit,
        /// How a value is computed.
        pub kind: IndicatorKind,
        /// Which values are better.
        pub direction: Preference,
        /// Which time a value covers.
        pub accumulation: Accumulation,
        /// How often a value is due.
        pub period_type: PeriodType,
        /// Most digits after the point.
        pub decimals: i32,
        /// The versions of its definition.
        pub definitions: Vec<Definition>,
        pub targets: Vec<Target>,
    }
}

stored! {
    /// What is measured by agency or scope and period (chỉ tiêu): definition and targets.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Indicator {
        /// Resource name.
        pub name: IndicatorName,
        /// The fields that the steward writes.
        pub fields: IndicatorFields,
        /// The periods that were closed, in that order.
        pub closings: Vec<Closing>,
        /// Book-keeping.
        pub meta: Meta,
    }
}

texts! {
    Definition {
        texts:
            document numerator numerator_en denominator denominator_en source_system verification
            accuracy limits compensation sources;
        uris: ;
        none: version start_date;
    }
    Target { texts: document sources; uris: ; none: agency scope target_date value; }
}
no_texts! { Closing }

impl Target {
    /// Who is to reach it.
    pub fn subject(&self) -> Option<Subject> {
        Subject::of(self.agency.as_ref(), self.scope)
    }
}

impl IndicatorFields {
    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, violations: &mut Violations) {
        if self.display_name.trim().is_empty() {
            violations.add("indicator.display_name", Rule::IndicatorNameMissing);
        }
        let mut last: Option<Date> = None;
        for (i, definition) in self.definitions.iter().enumerate() {
            let path = format!("indicator.definitions[{i}]");
            let number = i32::try_from(i + 1).unwrap_or(i32::MAX);
            if definition.version != number {
                let path = format!("{path}.version");
                violations.add(path, Rule::VersionNotInOrder { number });
            }
            match (definition.start_date, last) {
                (None, _) if i > 0 => {
                    violations.add(format!("{path}.start_date"), Rule::StartMissing);
                }
                (Some(start), Some(last)) if start <= last => {
                    violations.add(format!("{path}.start_date"), Rule::StartNotInOrder { last });
                }
                _ => {}
            }
            last = definition.start_date.or(last);
        }
        for (i, target) in self.targets.iter().enumerate() {
            let path = format!("indicator.targets[{i}]");
            let (agency, scope) = (target.agency.as_ref(), target.scope);
            check_subject(agency, scope, &path, violations);
            if target.document.is_none() && target.sources.is_empty() {
                violations.add(format!("{path}.sources"), Rule::TargetGroundsMissing);
            }
            let same = |it: &Target| {
                it.subject() == target.subject() && it.target_date == target.target_date
            };
            if let Some(first) = self.targets.iter().take(i).position(same) {
                let first = format!("indicator.targets[{first}]");
                violations.add(path, Rule::SameAs { first });
            }
        }
    }

    /// The definition for the periods that end on a day: the last one that began by then.
    pub fn definition_on(&self, end: Date) -> Option<&Definition> {
        dated::on(&self.definitions, end)
    }

    /// The definition of this version.
    pub fn definition(&self, version: i32) -> Option<&Definition> {
        self.definitions.iter().find(|it| it.version == version)
    }

    /// What a ratio is multiplied by: 100 for per cent.
    pub const fn factor(&self) -> i128 {
        match self.unit {
            Unit::Percent => 100,
            _ => 1,
        }
    }

    /// A numerator over a denominator, with as many digits after the point as values have; `None`
    /// where the denominator is not above zero.
    pub fn ratio(&self, numerator: Exact, denominator: Exact) -> Option<Exact> {
        numerator.over(denominator, self.factor(), self.places())
    }

    /// Most digits after the point.
    pub fn places(&self) -> u32 {
        u32::try_from(self.decimals).unwrap_or_default()
    }
}

/// Adds a violation unless exactly one of an agency and a scope is named.
pub(crate) fn check_subject(
    agency: Option<&AgencyName>,
    scope: Option<Scope>,
    path: &str,
    violations: &mut Violations,
) {
    match (agency, scope) {
        (None, None) => violations.add(format!("{path}.agency"), Rule::SubjectMissing),
        (Some(_), Some(_)) => violations.add(format!("{path}.scope"), Rule::SubjectTwice),
        (Some(_), None) | (None, Some(_)) => {}
    }
}

impl Indicator {
    /// The closing of a period, if it was closed.
    pub fn closing(&self, span: Span) -> Option<&Closing> {
        let mut closings = self.closings.iter();
        closings.find(|it| it.end == span.end && it.start == span.start)
    }

    /// The target of a subject at the end of a period: the next one, else the last one.
    pub fn target_for(&self, subject: &Subject, end: Date) -> Option<&Target> {
        let of = || {
            let targets = self.fields.targets.iter();
            targets.filter(|it| it.subject().as_ref() == Some(subject))
        };
        let next = of().filter(|it| it.target_date >= end);
        let next = next.min_by_key(|it| it.target_date);
        next.or_else(|| of().max_by_key(|it| it.target_date))
    }
}

impl Visible for Indicator {
    /// Everyone sees indicators.
    fn visible(&self, _: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }
}

impl Queryable for Indicator {
    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, IndicatorName),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("display_name_en", Type::Text, |r: &Self| {
            Values::one(&*r.fields.display_name_en)
        }),
        Field::new("unit", words::<Unit>(), |r: &Self| {
            Values::one(r.fields.unit.as_str())
        })
        .orderable(),
        Field::new("kind", words::<IndicatorKind>(), |r: &Self| {
            Values::one(r.fields.kind.as_str())
        })
        .orderable(),
        Field::new("direction", words::<Preference>(), |r: &Self| {
            Values::one(r.fields.direction.as_str())
        }),
        Field::new("accumulation", words::<Accumulation>(), |r: &Self| {
            Values::one(r.fields.accumulation.as_str())
        }),
        Field::new("period_type", words::<PeriodType>(), |r: &Self| {
            Values::one(r.fields.period_type.as_str())
        })
        .orderable(),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: &str, end: &str) -> Span {
        Span {
            end: Date::parse(end).unwrap(),
            start: Date::parse(start).ok(),
        }
    }

    #[test]
    fn the_period_before_is_as_long() {
        for (of, before) in [
            (("2025-04-01", "2025-04-30"), ("2025-03-01", "2025-03-31")),
            (("2025-01-01", "2025-03-31"), ("2024-10-01", "2024-12-31")),
            (("2025-01-01", "2025-12-31"), ("2024-01-01", "2024-12-31")),
            (("2025-07-01", "2025-08-28"), ("2025-05-03", "2025-06-30")),
        ] {
            let (one, other) = (span(of.0, of.1), span(before.0, before.1));
            assert_eq!(one.before(), Some(other), "{of:?}");
        }
        assert_eq!(span("", "2025-04-30").before(), None);
    }

    #[test]
    fn calendar_periods_hold_their_days() {
        let day = |text| Date::parse(text).unwrap();
        for (kind, on, (start, end)) in [
            (
                PeriodType::Month,
                "2024-02-10",
                ("2024-02-01", "2024-02-29"),
            ),
            (
                PeriodType::Quarter,
                "2025-12-31",
                ("2025-10-01", "2025-12-31"),
            ),
            (
                PeriodType::HalfYear,
                "2025-06-30",
                ("2025-01-01", "2025-06-30"),
            ),
            (PeriodType::Year, "2025-06-30", ("2025-01-01", "2025-12-31")),
        ] {
            assert_eq!(kind.around(day(on)), Some(span(start, end)), "{kind} {on}");
        }
        assert_eq!(PeriodType::Unspecified.around(day("2025-06-30")), None);
        assert_eq!(
            PeriodType::Month.before(day("2025-06-30")),
            Some(span("2025-05-01", "2025-05-31"))
        );
        assert_eq!(
            PeriodType::Month.before(day("2025-07-01")),
            Some(span("2025-06-01", "2025-06-30"))
        );
    }
}
