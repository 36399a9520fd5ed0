//! Conversion of the simple values in messages: text, decimals, dates, times, enums and resource
//! names.
//!
//! `read_…` takes what a client sent, after its field rules were checked, so that only two can
//! still be refused: a name within a record, of which the contract has no pattern, and a decimal.
//! They are refused in the words of the contract. `write_…` is the other direction. Text in
//! messages is converted to its stored form only here. Digits of a time beyond microseconds are
//! cut, as when RFC 3339 is read.

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
    decimal::{Decimal, Exact},
    error::Violations,
    messages::Rule,
    names::ResourceName,
    text::legible::kept,
    time::{Date, Timestamp},
};

/// An id in the form of a name.
pub(super) const ID: &str = "{id}";

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

// === decimals ===

/// Reads a decimal, which the contract has in its form; none for an empty one.
pub(super) fn read_decimal(
    text: &str,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<Decimal> {
    if text.is_empty() {
        return None;
    }
    let read = text.parse().ok();
    if read.is_none() {
        refuse(path, violations, Rule::DecimalForm);
    }
    read
}

pub(super) fn write_decimal(value: Option<Decimal>) -> String {
    value.map_or_else(String::new, |it| it.to_string())
}

pub(super) fn write_exact(value: Option<Exact>) -> String {
    value.map_or_else(String::new, |it| it.to_string())
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
        refuse(path, violations, name_form(N::FORM));
    }
    read
}

/// What the contract's pattern of a name says, from the form `platforms/{platform}`.
pub(super) fn name_form(form: &str) -> Rule {
    let segments = form.split('/');
    let segments = segments.map(|it| if it.starts_with('{') { ID } else { it });
    let form = segments.collect::<Vec<_>>().join("/");
    Rule::NameForm { form }
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
pub fn read_names<N: ResourceName>(
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

/// Reads a list of enum values, all of which the contract requires.
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

/// Reads a day. The contract refuses part of one, and years that the registry does not keep.
pub fn read_date(message: Option<pb::Date>) -> Option<Date> {
    let pb::Date { year, month, day } = message?;
    Date::new(year, month, day).ok()
}

/// Writes an optional date.
pub fn write_date(date: Option<Date>) -> Option<pb::Date> {
    date.map(|date| pb::Date {
        year: date.year(),
        month: date.month(),
        day: date.day(),
    })
}

/// Reads a time, which the contract has in the years that protobuf keeps.
pub(super) fn read_timestamp(message: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    let prost_types::Timestamp { seconds, nanos } = message?;
    let micros = seconds.checked_mul(1_000_000)?;
    let micros = micros.checked_add(i64::from(nanos / 1_000))?;
    Timestamp::from_micros(micros).ok()
}

/// Reads a duration. A negative one becomes zero, which the domain refuses as well.
pub fn read_duration(message: Option<prost_types::Duration>) -> Option<Duration> {
    message.map(|span| Duration::try_from(span).unwrap_or_default())
}

/// Writes a time.
pub fn write_timestamp(time: Timestamp) -> prost_types::Timestamp {
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
    use crate::wire::{arbitrary, validate::Validate as _};
    use ndp_core::names::{PlanName, PlatformName};

    fn read<T>(read: impl FnOnce(&FieldPath<'_>, &mut Violations) -> T) -> (T, Vec<String>) {
        let mut violations = Violations::new();
        let value = read(&FieldPath::ROOT.field("at"), &mut violations);
        let reported = violations
            .iter()
            .map(|violation| format!("{} {}", violation.field, violation.rule.reason()));
        (value, reported.collect())
    }

    #[test]
    fn names_of_another_form_are_refused() {
        let (name, reported) = read(|path, out| read_name::<PlatformName>("agencies/a", path, out));
        assert_eq!((name, reported), (None, vec!["at PATTERN".to_owned()]));
        let (name, reported) = read(|path, out| read_name::<PlatformName>("", path, out));
        assert_eq!((name, reported), (None, vec!["at PATTERN".to_owned()]));
        let (name, reported) = read(|path, out| read_optional_name::<PlanName>("", path, out));
        assert_eq!((name, reported), (None, vec![]));
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
            prop_assert_eq!(read_date(write_date(Some(date))), Some(date));
            prop_assert_eq!(read_timestamp(Some(write_timestamp(time))), Some(time));
        }

        /// The contract says all there is to say: what it accepts is read.
        #[test]
        fn whatever_the_contract_accepts_is_read(
            year in -1..2300i32, month in -1..14i32, day in -1..33i32,
            seconds: i64, nanos in -1..=1_000_000_000i32,
        ) {
            let date = pb::Date { year, month, day };
            prop_assert_eq!(date.check().is_ok(), read_date(Some(date)).is_some());
            for seconds in [seconds, seconds >> 26] {
                let time = prost_types::Timestamp { seconds, nanos };
                let read = read_timestamp(Some(time));
                prop_assert!(time.check().is_err() || read.is_some(), "{time:?}");
            }
        }
    }
}
