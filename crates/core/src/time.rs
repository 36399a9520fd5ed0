//! Time and dates: UTC microseconds for what the registry records, dates without time for what
//! documents say, and the period a document gives as a day, month, quarter, year or range.
//!
//! This file reads no clock: callers pass the time through [`Clock`]. Vietnam has had one offset,
//! UTC+7, since 1975, so the date in Vietnam needs no time zone table.

pub use crate::messages::TimeError;
use crate::{
    error::Violations,
    messages::Rule,
    parsed::parsed,
    records::{edit::parts, stored::stored},
};

use std::{fmt, str::FromStr, time::Duration};

use jiff::{civil, tz::Offset};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

// === Timestamp ===

/// A moment: microseconds since 1970-01-01T00:00:00Z, in the years 1 to 9999 as in protobuf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(-62_135_596_800_000_000);
    /// 9999-12-31T23:59:59.999999Z less the 26 hours at the end that jiff keeps for offsets.
    pub const MAX: Self = Self(253_402_207_200_000_000 - 1);

    /// From microseconds since the epoch.
    pub fn from_micros(micros: i64) -> Result<Self, TimeError> {
        if (Self::MIN.0..=Self::MAX.0).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(TimeError::TimestampRange)
        }
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The moment this much later; none after [`Self::MAX`].
    pub fn plus(self, duration: std::time::Duration) -> Option<Self> {
        let micros = i64::try_from(duration.as_micros()).ok()?;
        Self::from_micros(self.0.checked_add(micros)?).ok()
    }

    /// Reads RFC 3339 text; digits beyond microseconds are cut.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        // jiff reads more than RFC 3339 (no seconds, a time zone in brackets): hold it to the form
        let bytes = text.as_bytes();
        let at = |index, allowed: &[u8]| bytes.get(index).is_some_and(|b| allowed.contains(b));
        let in_form = at(4, b"-")
            && at(7, b"-")
            && at(10, b"Tt ")
            && at(13, b":")
            && at(16, b":")
            && !text.contains('[');
        if !in_form {
            return Err(TimeError::TimestampSyntax);
        }
        let moment = jiff::Timestamp::from_str(text).map_err(|_| TimeError::TimestampSyntax)?;
        let micros = moment.as_nanosecond().div_euclid(1_000);
        Self::from_micros(i64::try_from(micros).map_err(|_| TimeError::TimestampRange)?)
    }

    /// The calendar date in Vietnam at this moment, clamped to [`Date::MIN`] and [`Date::MAX`].
    pub fn date_in_vietnam(self) -> Date {
        Date(self.civil(Offset::constant(7)).date()).clamp(Date::MIN, Date::MAX)
    }

    fn civil(self, offset: Offset) -> civil::DateTime {
        // within MIN..=MAX the conversion cannot fail
        offset.to_datetime(jiff::Timestamp::from_microsecond(self.0).unwrap_or_default())
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with six digits after the seconds, so that texts sort as moments do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.civil(Offset::UTC);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            self.0.rem_euclid(1_000_000)
        )
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        Self::parse(text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, Self::parse)
    }
}

/// The source of the time. Tests pass a clock that stands still.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Time passed on a clock that cannot be set, since any fixed moment. `None` for a clock that
    /// is set on purpose: its jumps are meant.
    fn monotonic(&self) -> Option<Duration> {
        None
    }

    /// The time to record a change at, given the time of the database, if it has a clock of its
    /// own. A clock that is set on purpose ignores that one.
    fn recording(&self, _database: Option<Timestamp>) -> Timestamp {
        self.now()
    }
}

// === Date ===

/// A calendar date without time, in the years 1900 to 2200.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(civil::Date);

impl Date {
    /// 1900-01-01.
    pub const MIN: Self = Self(civil::Date::constant(1900, 1, 1));
    /// 2200-12-31.
    pub const MAX: Self = Self(civil::Date::constant(2200, 12, 31));

    /// From year, month (1 to 12) and day of the month.
    pub fn new(year: i32, month: i32, day: i32) -> Result<Self, TimeError> {
        let year = i16::try_from(year).map_err(|_| TimeError::DateRange)?;
        let month = i8::try_from(month).map_err(|_| TimeError::DateSyntax)?;
        let day = i8::try_from(day).map_err(|_| TimeError::DateSyntax)?;
        let date = civil::Date::new(year, month, day).map_err(|_| TimeError::DateSyntax)?;
        Self::within(date)
    }

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let shaped = text.len() == 10
            && text.bytes().enumerate().all(|(index, b)| match index {
                4 | 7 => b == b'-',
                _ => b.is_ascii_digit(),
            });
        if !shaped {
            return Err(TimeError::DateSyntax);
        }
        Self::within(civil::Date::from_str(text).map_err(|_| TimeError::DateSyntax)?)
    }

    pub fn year(self) -> i32 {
        self.0.year().into()
    }

    /// The month, 1 to 12.
    pub fn month(self) -> i32 {
        self.0.month().into()
    }

    /// The day of the month, from 1.
    pub fn day(self) -> i32 {
        self.0.day().into()
    }

    /// Whether it is a Monday, Tuesday, Wednesday, Thursday or Friday.
    pub(crate) fn is_weekday(self) -> bool {
        use civil::Weekday::{Saturday, Sunday};
        !matches!(self.0.weekday(), Saturday | Sunday)
    }

    /// Days from this date to another; negative when the other is earlier.
    pub fn days_until(self, other: Self) -> i64 {
        self.0.duration_until(other.0).as_hours() / 24
    }

    /// Adds `days` to the date (a negative number subtracts), clamped to [`Self::MIN`] and
    /// [`Self::MAX`].
    pub fn plus_days(self, days: i32) -> Self {
        Self(
            self.0
                .saturating_add(jiff::SignedDuration::from_hours(i64::from(days) * 24)),
        )
        .clamp(Self::MIN, Self::MAX)
    }

    /// The same day `months` months later, or the last day of that month if it is shorter.
    /// Clamped to [`Self::MIN`] and [`Self::MAX`].
    pub fn plus_months(self, months: i32) -> Self {
        match jiff::Span::new().try_months(months) {
            Ok(span) => Self(self.0.saturating_add(span)).clamp(Self::MIN, Self::MAX),
            Err(_) if months < 0 => Self::MIN,
            Err(_) => Self::MAX,
        }
    }

    fn within(date: civil::Date) -> Result<Self, TimeError> {
        let date = Self(date);
        if (Self::MIN..=Self::MAX).contains(&date) {
            Ok(date)
        } else {
            Err(TimeError::DateRange)
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Date {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        Self::parse(text)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, Self::parse)
    }
}

// === Period ===

stored! {
    /// A date as a document has it: a day, a month, a quarter, a year or a range, with the words it
    /// was written in. An open end has no last day, so nothing due in it is ever late.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Period {
        /// First day, if the document gives one.
        pub start: Option<Date>,
        /// Last day, if the document gives one; what is due in the period is late after it.
        pub end: Option<Date>,
        /// The words of the document, as `quý III năm 2025`.
        pub as_written: String,
    }
}

/// Adds a violation if the period ends before it starts.
pub(crate) fn check_period(period: Option<&Period>, path: &str, violations: &mut Violations) {
    if let Some(Err(error)) = period.map(Period::in_order) {
        violations.add(format!("{path}.end"), Rule::Time { error });
    }
}

parts! { Period { start: Option<Date>, end: Option<Date>, as_written: String } }

impl Period {
    /// One day.
    pub fn day(day: Date, as_written: impl Into<String>) -> Self {
        Self {
            start: Some(day),
            end: Some(day),
            as_written: as_written.into(),
        }
    }

    /// A calendar month, 1 to 12.
    pub fn month(year: i32, month: i32, as_written: impl Into<String>) -> Result<Self, TimeError> {
        if !(1..=12).contains(&month) {
            return Err(TimeError::NoSuchPart);
        }
        Self::months(year, month, month, as_written)
    }

    /// A quarter of a year, 1 to 4.
    pub fn quarter(
        year: i32,
        quarter: i32,
        as_written: impl Into<String>,
    ) -> Result<Self, TimeError> {
        if !(1..=4).contains(&quarter) {
            return Err(TimeError::NoSuchPart);
        }
        Self::months(year, quarter * 3 - 2, quarter * 3, as_written)
    }

    /// A calendar year.
    pub fn year(year: i32, as_written: impl Into<String>) -> Result<Self, TimeError> {
        Self::months(year, 1, 12, as_written)
    }

    /// From a first to a last day, either of them open.
    pub fn range(
        start: Option<Date>,
        end: Option<Date>,
        as_written: impl Into<String>,
    ) -> Result<Self, TimeError> {
        let period = Self {
            start,
            end,
            as_written: as_written.into(),
        };
        period.in_order().map(|()| period)
    }

    /// Whether the period starts no later than it ends.
    fn in_order(&self) -> Result<(), TimeError> {
        match (self.start, self.end) {
            (Some(start), Some(end)) if end < start => Err(TimeError::EndBeforeStart),
            _ => Ok(()),
        }
    }

    /// Whether the last day has passed on the given date.
    pub fn is_over(&self, on: Date) -> bool {
        self.end.is_some_and(|end| on > end)
    }

    /// Whether the date lies in the period.
    pub fn contains(&self, date: Date) -> bool {
        self.start.is_none_or(|start| start <= date) && !self.is_over(date)
    }

    fn months(
        year: i32,
        first: i32,
        last: i32,
        as_written: impl Into<String>,
    ) -> Result<Self, TimeError> {
        let start = Date::new(year, first, 1)?;
        let end = Date(Date::new(year, last, 1)?.0.last_of_month());
        Ok(Self {
            start: Some(start),
            end: Some(end),
            as_written: as_written.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    #[test]
    fn timestamps_print_as_utc_with_six_digits() {
        let at = Timestamp::parse("2025-09-23T08:00:00.1234567+07:00").unwrap();
        assert_eq!(at.to_string(), "2025-09-23T01:00:00.123456Z");
        assert_eq!(
            Timestamp::from_micros(-1).unwrap().to_string(),
            "1969-12-31T23:59:59.999999Z"
        );
        assert_eq!(
            Timestamp::from_micros(0).unwrap().to_string(),
            "1970-01-01T00:00:00.000000Z"
        );
        assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00.000000Z");
        assert_eq!(
            Timestamp::parse(&Timestamp::MAX.to_string()),
            Ok(Timestamp::MAX)
        );
    }

    #[test]
    fn timestamps_are_held_to_rfc_3339() {
        for text in [
            "",
            "2025-09-23",
            "2025-09-23T08:00:00",
            "2025-09-23T08:00Z",
            "20250923T080000Z",
            "2025-09-23T08:00:00+07:00[Asia/Ho_Chi_Minh]",
            "2025-02-30T08:00:00Z",
        ] {
            assert_eq!(
                Timestamp::parse(text),
                Err(TimeError::TimestampSyntax),
                "{text}"
            );
        }
        assert_eq!(
            Timestamp::from_micros(i64::MAX),
            Err(TimeError::TimestampRange)
        );
    }

    #[test]
    fn the_day_starts_at_seventeen_utc() {
        let day = |text| {
            Timestamp::parse(text)
                .unwrap()
                .date_in_vietnam()
                .to_string()
        };
        assert_eq!(day("2025-09-22T16:59:59.999999Z"), "2025-09-22");
        assert_eq!(day("2025-09-22T17:00:00Z"), "2025-09-23");
        assert_eq!(Timestamp::MIN.date_in_vietnam(), Date::MIN);
        assert_eq!(Timestamp::MAX.date_in_vietnam(), Date::MAX);
    }

    #[test]
    fn dates_are_days_that_exist() {
        assert_eq!(date("2024-02-29").plus_days(1), date("2024-03-01"));
        assert_eq!(date("2025-09-23").days_until(date("2025-10-31")), 38);
        assert_eq!(date("2025-09-23").days_until(date("2025-09-22")), -1);
        assert_eq!(Date::MAX.plus_days(i32::MAX), Date::MAX);
        for text in [
            "2025-02-29",
            "2025-9-23",
            "23/09/2025",
            "2025-09-23T",
            "20250923",
        ] {
            assert_eq!(Date::parse(text), Err(TimeError::DateSyntax), "{text}");
        }
        assert_eq!(Date::parse("1899-12-31"), Err(TimeError::DateRange));
        assert_eq!(Date::new(40_000, 1, 1), Err(TimeError::DateRange));
        assert_eq!(Date::new(2025, 300, 1), Err(TimeError::DateSyntax));
    }

    #[test]
    fn periods_end_on_their_last_day() {
        let ends = |period: Period| (period.start.unwrap(), period.end.unwrap());
        assert_eq!(
            ends(Period::quarter(2025, 3, "quý III năm 2025").unwrap()),
            (date("2025-07-01"), date("2025-09-30"))
        );
        assert_eq!(
            ends(Period::month(2024, 2, "tháng 02/2024").unwrap()),
            (date("2024-02-01"), date("2024-02-29"))
        );
        assert_eq!(
            ends(Period::year(2025, "năm 2025").unwrap()),
            (date("2025-01-01"), date("2025-12-31"))
        );
        let day = Period::day(date("2025-09-23"), "23/9/2025");
        assert!(day.contains(date("2025-09-23")));
        assert!(!day.is_over(date("2025-09-23")));
        assert!(day.is_over(date("2025-09-24")));
        assert!(!Period::default().is_over(Date::MAX));
        assert_eq!(Period::quarter(2025, 5, ""), Err(TimeError::NoSuchPart));
        assert_eq!(
            Period::range(Some(date("2025-02-02")), Some(date("2025-02-01")), ""),
            Err(TimeError::EndBeforeStart)
        );
    }

    proptest! {
        #[test]
        fn timestamps_survive_print_and_parse(
            micros in Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros()
        ) {
            let at = Timestamp::from_micros(micros).unwrap();
            prop_assert_eq!(Timestamp::parse(&at.to_string()), Ok(at));
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,40}|[0-9TZ:.+ -]{0,40}") {
            let _ = Timestamp::parse(&text);
            if let Ok(date) = Date::parse(&text) {
                prop_assert_eq!(date.to_string(), text);
            }
        }
    }
}
