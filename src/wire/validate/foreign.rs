//! Rules for messages of other packages, which carry no options: google.type and google.protobuf.
//! `build.rs` has the same list, and fails if a request contains another such message.

use super::{FieldPath, Items, Number, Text, Validate, out_of_range, violation};
use crate::{
    pb::google::r#type::{Date, Money},
    wire::mask::{MAX_PATH_CHARS, MAX_PATHS},
};
use ndp_core::error::Violations;
use ndp_core::{
    messages::Rule,
    time::{Date as Day, TimeError},
};

/// The largest fraction of a second or of a currency unit, in billionths.
const MAX_NANOS: i32 = 999_999_999;
/// 0001-01-01T00:00:00Z, the first second of google.protobuf.Timestamp.
const MIN_TIMESTAMP: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z, the last.
const MAX_TIMESTAMP: i64 = 253_402_300_799;
/// Ten thousand years, the longest google.protobuf.Duration.
const MAX_DURATION: i64 = 315_576_000_000;

static NANOS: Number<i32> = Number {
    min: Some(0),
    max: Some(MAX_NANOS),
    ..Number::ANY
};
static SIGNED_NANOS: Number<i32> = Number {
    min: Some(-MAX_NANOS),
    max: Some(MAX_NANOS),
    ..Number::ANY
};

/// A day that exists, in the years that the registry keeps. google.type.Date has part of one too,
/// with a zero for what is omitted: the registry compares days, and the rest is a `Period`.
impl Validate for Date {
    fn validate(&self, path: &FieldPath<'_>, out: &mut Violations) {
        static YEAR: Number<i32> = Number {
            min: Some(0),
            max: Some(9999),
            ..Number::ANY
        };
        static MONTH: Number<i32> = Number {
            min: Some(0),
            max: Some(12),
            ..Number::ANY
        };
        YEAR.check(&self.year, &path.field("year"), out);
        MONTH.check(&self.month, &path.field("month"), out);
        let last = last_day(self.year, self.month);
        if !(0..=last).contains(&self.day) {
            return out_of_range(Some(0), Some(last), self.day, &path.field("day"), out);
        }
        let Self { year, month, day } = *self;
        if year == 0 || month == 0 || day == 0 {
            violation(path, out, || Rule::PartialDate);
        } else if let Err(error @ TimeError::DateRange) = Day::new(year, month, day) {
            violation(path, out, || Rule::Time { error });
        }
    }
}

/// The last day of a month. If the year or month is omitted, the last day of the longest month
/// that is possible.
fn last_day(year: i32, month: i32) -> i32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Validate for Money {
    fn validate(&self, path: &FieldPath<'_>, out: &mut Violations) {
        let code = &self.currency_code;
        if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            violation(&path.field("currency_code"), out, || {
                Rule::CurrencyMalformed
            });
        }
        SIGNED_NANOS.check(&self.nanos, &path.field("nanos"), out);
        same_sign(self.units, self.nanos, &path.field("nanos"), out);
    }
}

impl Validate for prost_types::Timestamp {
    fn validate(&self, path: &FieldPath<'_>, out: &mut Violations) {
        static SECONDS: Number<i64> = Number {
            min: Some(MIN_TIMESTAMP),
            max: Some(MAX_TIMESTAMP),
            ..Number::ANY
        };
        SECONDS.check(&self.seconds, &path.field("seconds"), out);
        NANOS.check(&self.nanos, &path.field("nanos"), out);
    }
}

impl Validate for prost_types::Duration {
    fn validate(&self, path: &FieldPath<'_>, out: &mut Violations) {
        static SECONDS: Number<i64> = Number {
            min: Some(-MAX_DURATION),
            max: Some(MAX_DURATION),
            ..Number::ANY
        };
        SECONDS.check(&self.seconds, &path.field("seconds"), out);
        SIGNED_NANOS.check(&self.nanos, &path.field("nanos"), out);
        same_sign(self.seconds, self.nanos, &path.field("nanos"), out);
    }
}

/// Checks the limits only. `mask::resolve` checks whether a path exists.
impl Validate for prost_types::FieldMask {
    fn validate(&self, path: &FieldPath<'_>, out: &mut Violations) {
        static PATHS: Items = Items {
            min: 0,
            max: Some(MAX_PATHS as u64),
        };
        static PATH: Text = Text {
            max_len: Some(MAX_PATH_CHARS),
            ..Text::ANY
        };
        let paths = path.field("paths");
        if PATHS.check(self.paths.len(), &paths, out) {
            for (index, value) in self.paths.iter().enumerate() {
                PATH.check(value, &paths.item(index), out);
            }
        }
    }
}

impl Validate for () {
    fn validate(&self, _path: &FieldPath<'_>, _out: &mut Violations) {}
}

fn same_sign(whole: i64, nanos: i32, path: &FieldPath<'_>, out: &mut Violations) {
    if (whole > 0 && nanos < 0) || (whole < 0 && nanos > 0) {
        violation(path, out, || Rule::SignsDiffer);
    }
}
