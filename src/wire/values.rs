//! Conversion of the simple values in messages: text, dates, times, enums and resource names.
//!
//! `read_…` takes what a client sent, after its field rules were checked, and adds a violation for
//! what those rules cannot say: a partial date, a year that the registry does not keep. `write_…`
//! is the other direction. Text in messages is converted to its stored form only here. Digits of a
//! time beyond microseconds are cut, as when RFC 3339 is read.

use std::{
    borrow::{Borrow, Cow},
    time::Duration,
};

use super::{
    validate::{FieldPath, MAX_VIOLATIONS},
    words::WireWord,
};
use crate::pb;
use ndp_core::{
    error::Violations,
    messages::Rule,
    names::ResourceName,
    text::legible::kept,
    time::{Date, TimeError, Timestamp},
};

/// Adds one violation, up to the maximum number that a response reports.
pub(super) fn refuse(path: &FieldPath<'_>, violations: &mut Violations, rule: Rule) {
    if violations.iter().len() < MAX_VIOLATIONS {
        violations.add(path.to_string(), rule);
    }
}

/// Reads a repeated field. Each item that cannot be read adds a violation and is skipped.
pub(super) fn read_list<M, T>(
    messages: Vec<M>,
    path: &FieldPath<'_>,
    violations: &mut Violations,
    read: impl Fn(M, &FieldPath<'_>, &mut Violations) -> Option<T>,
) -> Vec<T> {
    let messages = messages.into_iter().enumerate();
    messages
        .filter_map(|(index, message)| read(message, &path.item(index), violations))
        .collect()
}

// === text ===

/// The stored form of a text. The text is not copied if it is already in this form.
pub fn read_text(text: String) -> String {
    match kept(&text) {
        Cow::Borrowed(kept) if kept.len() == text.len() => text,
        Cow::Borrowed(kept) => kept.to_owned(),
        Cow::Owned(kept) => kept,
    }
}

// === resource names ===

/// Reads a required resource name.
pub(super) fn read_name<N: ResourceName>(
    name: &str,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<N> {
    let read = N::parse(name);
    if read.is_none() {
        let form = N::FORM.to_owned();
        let rule = match name {
            "" => Rule::Missing,
            _ => Rule::NameForm { form },
        };
        refuse(path, violations, rule);
    }
    read
}

/// Reads a resource name that may be empty.
pub(super) fn read_optional_name<N: ResourceName>(
    name: &str,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<N> {
    if name.is_empty() {
        None
    } else {
        read_name(name, path, violations)
    }
}

/// Reads a list of resource names.
pub(super) fn read_names<N: ResourceName>(
    names: Vec<String>,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Vec<N> {
    read_list(names, path, violations, |name, path, violations| {
        read_name(&name, path, violations)
    })
}

/// Writes an optional name; empty for none.
pub(super) fn write_optional_name<N: Borrow<str>>(name: Option<&N>) -> String {
    name.map(|name| name.borrow().to_owned())
        .unwrap_or_default()
}

pub(super) fn write_names<N: Borrow<str>>(names: &[N]) -> Vec<String> {
    names.iter().map(|name| name.borrow().to_owned()).collect()
}

// === enums ===

/// Reads an enum; `None` for UNSPECIFIED if the domain has no such value. The contract refuses
/// other numbers, and that one where it must be stated within a record.
pub(super) fn read_enum<E: WireWord>(number: i32) -> Option<E> {
    E::from_number(number)
}

/// Reads a list of enum values, all of which the contract has the caller state.
pub(super) fn read_enums<E: WireWord>(numbers: &[i32]) -> Vec<E> {
    numbers.iter().copied().filter_map(read_enum).collect()
}

pub(super) fn write_enum<E: WireWord>(value: E) -> i32 {
    value.number()
}

/// Writes an optional enum; UNSPECIFIED for none.
pub(super) fn write_optional_enum<E: WireWord>(value: Option<E>) -> i32 {
    value.map(write_enum).unwrap_or_default()
}

pub(super) fn write_enums<E: WireWord>(values: &[E]) -> Vec<i32> {
    values.iter().copied().map(write_enum).collect()
}

// === dates and times ===

fn refuse_time(error: TimeError, path: &FieldPath<'_>, violations: &mut Violations) {
    refuse(path, violations, Rule::Time { error });
}

/// Reads a full date. A partial date (a year, a month) is refused: google.type.Date allows it, but
/// the registry compares days, and a partial date is a `Period`.
pub(super) fn read_date(
    message: Option<pb::Date>,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<Date> {
    let pb::Date { year, month, day } = message?;
    if year == 0 || month == 0 || day == 0 {
        refuse(path, violations, Rule::PartialDate);
        return None;
    }
    Date::new(year, month, day)
        .map_err(|error| refuse_time(error, path, violations))
        .ok()
}

/// Reads the day in the request's field `field`.
pub fn date(message: Option<pb::Date>, field: &str, violations: &mut Violations) -> Option<Date> {
    read_date(message, &FieldPath::ROOT.field(field), violations)
}

/// Writes an optional date.
pub fn write_date(date: Option<Date>) -> Option<pb::Date> {
    date.map(|date| pb::Date {
        year: date.year(),
        month: date.month(),
        day: date.day(),
    })
}

/// Reads a time.
pub(super) fn read_timestamp(
    message: Option<prost_types::Timestamp>,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<Timestamp> {
    let prost_types::Timestamp { seconds, nanos } = message?;
    let micros = seconds.checked_mul(1_000_000);
    micros
        .and_then(|micros| micros.checked_add(i64::from(nanos / 1_000)))
        .ok_or(TimeError::TimestampRange)
        .and_then(Timestamp::from_micros)
        .map_err(|error| refuse_time(error, path, violations))
        .ok()
}

/// Reads a span of time, which is not negative.
pub(super) fn read_duration(
    message: Option<prost_types::Duration>,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<Duration> {
    let read = Duration::try_from(message?).ok();
    if read.is_none() {
        refuse(path, violations, Rule::Negative);
    }
    read
}

pub(super) fn write_timestamp(time: Timestamp) -> prost_types::Timestamp {
    let micros = time.as_micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        // below a million, so the conversion cannot fail
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::arbitrary;
    use ndp_core::names::{PlanName, PlatformName};

    fn read<T>(read: impl FnOnce(&FieldPath<'_>, &mut Violations) -> T) -> (T, Vec<String>) {
        let mut violations = Violations::new();
        let value = read(&FieldPath::ROOT.field("at"), &mut violations);
        let told = violations
            .iter()
            .map(|violation| format!("{} {}", violation.field, violation.rule.reason()));
        (value, told.collect())
    }

    #[test]
    fn a_date_is_a_full_day_of_the_years_that_are_kept() {
        for (year, month, day, reason) in [
            (0, 0, 0, "PARTIAL_DATE"),
            (2026, 0, 0, "PARTIAL_DATE"),
            (2026, 6, 0, "PARTIAL_DATE"),
            (0, 6, 24, "PARTIAL_DATE"),
            (1899, 12, 31, "OUT_OF_RANGE"),
        ] {
            let message = pb::Date { year, month, day };
            let (date, told) = read(|path, out| read_date(Some(message), path, out));
            assert_eq!((date, told), (None, vec![format!("at {reason}")]));
        }
        let (date, told) = read(|path, out| read_date(None, path, out));
        assert_eq!((date, told), (None, vec![]));
    }

    #[test]
    fn a_time_is_within_the_years_of_protobuf() {
        for (seconds, nanos) in [
            (i64::MAX, 0),
            (i64::MIN, 0),
            (-62_135_596_801, 0),
            (253_402_300_800, 0),
        ] {
            let message = prost_types::Timestamp { seconds, nanos };
            let (time, told) = read(|path, out| read_timestamp(Some(message), path, out));
            assert_eq!(time, None);
            assert_eq!(told, ["at OUT_OF_RANGE"]);
        }
        let message = prost_types::Timestamp {
            seconds: -1,
            nanos: 999_999_999,
        };
        let (time, told) = read(|path, out| read_timestamp(Some(message), path, out));
        assert_eq!(time.map(Timestamp::as_micros), Some(-1));
        assert!(told.is_empty());
    }

    #[test]
    fn names_of_another_form_are_refused() {
        let (name, told) = read(|path, out| read_name::<PlatformName>("agencies/a", path, out));
        assert_eq!((name, told), (None, vec!["at PATTERN".to_owned()]));
        let (name, told) = read(|path, out| read_name::<PlatformName>("", path, out));
        assert_eq!((name, told), (None, vec!["at REQUIRED".to_owned()]));
        let (name, told) = read(|path, out| read_optional_name::<PlanName>("", path, out));
        assert_eq!((name, told), (None, vec![]));
    }

    #[test]
    fn text_is_composed() {
        assert_eq!(
            read_text(" Nê\u{300}n\r\nta\u{309}ng".to_owned()),
            "Nền\ntảng"
        );
    }

    proptest! {
        #[test]
        fn dates_and_times_survive_the_wire(
            date in arbitrary::date(), time in arbitrary::timestamp(),
        ) {
            let (read_back, told) = read(|path, out| read_date(write_date(Some(date)), path, out));
            prop_assert_eq!((read_back, told), (Some(date), vec![]));
            let (read_back, told) =
                read(|path, out| read_timestamp(Some(write_timestamp(time)), path, out));
            prop_assert_eq!((read_back, told), (Some(time), vec![]));
        }

        #[test]
        fn any_number_is_answered(year: i32, month: i32, day: i32, seconds: i64, nanos: i32) {
            let message = pb::Date { year, month, day };
            let (date, told) = read(|path, out| read_date(Some(message), path, out));
            prop_assert_eq!(date.is_some(), told.is_empty());
            let message = prost_types::Timestamp { seconds, nanos };
            let (time, told) = read(|path, out| read_timestamp(Some(message), path, out));
            prop_assert_eq!(time.is_some(), told.is_empty());
        }
    }
}
