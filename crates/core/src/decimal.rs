//! Exact decimals: what a value is stored as, and what is computed from several of them. No binary
//! fractions anywhere, so that 0.1 is 0.1. A decimal keeps the digits that it was written with:
//! `91.0` says more than `91`, though both are the same number.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    parsed::parsed,
    records::{edit::Edit, texts::no_texts},
};

/// Most digits after the point.
pub const PLACES_MAX: u32 = 6;

/// Digits after the point: an enum, so that an absent decimal takes no more room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Places {
    P0,
    P1,
    P2,
    P3,
    P4,
    P5,
    P6,
}

impl Places {
    const ALL: [Self; 7] = [
        Self::P0,
        Self::P1,
        Self::P2,
        Self::P3,
        Self::P4,
        Self::P5,
        Self::P6,
    ];
}

/// A decimal of at most 18 digits, as a record stores it: integers below 10^18, and numbers below
/// 10^12 with up to six digits after the point.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    units: i64,
    places: Places,
}

/// A text that is not a decimal of the form above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotADecimal;

impl fmt::Display for NotADecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a decimal of at most 18 digits, with at most 6 after the point")
    }
}

impl std::error::Error for NotADecimal {}

impl FromStr for Decimal {
    type Err = NotADecimal;

    fn from_str(text: &str) -> Result<Self, NotADecimal> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(NotADecimal),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let leading = whole.len() > 1 && whole.starts_with('0');
        let most = if fraction.is_empty() { 18 } else { 12 };
        if whole.is_empty() || leading || !plain(whole) || !plain(fraction) || whole.len() > most {
            return Err(NotADecimal);
        }
        let places = Places::ALL.get(fraction.len()).ok_or(NotADecimal)?;
        let units: i64 = format!("{whole}{fraction}")
            .parse()
            .map_err(|_| NotADecimal)?;
        let units = if text.starts_with('-') { -units } else { units };
        Ok(Self {
            units,
            places: *places,
        })
    }
}

impl Decimal {
    /// The same number, to compute with.
    pub fn exact(self) -> Exact {
        Exact {
            units: self.units.into(),
            places: self.places(),
        }
    }

    /// Digits after the point.
    pub const fn places(self) -> u32 {
        self.places as u32
    }

    /// How the two numbers compare, however they are written.
    pub fn compare(self, other: Self) -> Ordering {
        self.exact().compare(other.exact())
    }

    /// Whether it is above zero.
    pub const fn is_positive(self) -> bool {
        self.units > 0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.exact().fmt(f)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.exact().fmt(f)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, str::parse)
    }
}

impl Edit for Decimal {}
no_texts! { Decimal }

/// A decimal that was computed: of more digits than a record may have.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Exact {
    units: i128,
    places: u32,
}

const fn power(places: u32) -> i128 {
    10_i128.pow(places)
}

/// Rounds `numerator / denominator` to a whole number, halves away from zero. The denominator is
/// above zero.
fn rounded(numerator: i128, denominator: i128) -> Option<i128> {
    let (quotient, rest) = (numerator / denominator, numerator % denominator);
    let up = rest.checked_abs()?.checked_mul(2)? >= denominator;
    Some(quotient + if up { numerator.signum() } else { 0 })
}

impl Exact {
    /// A whole number.
    pub const fn whole(units: i64) -> Self {
        Self {
            units: units as i128,
            places: 0,
        }
    }

    /// The units of the number with at least this many digits after the point.
    fn at(self, places: u32) -> Option<i128> {
        self.units
            .checked_mul(power(places.checked_sub(self.places)?))
    }

    fn both(self, other: Self) -> Option<(i128, i128, u32)> {
        let places = self.places.max(other.places);
        Some((self.at(places)?, other.at(places)?, places))
    }

    /// The sum; `None` where it would have too many digits.
    pub fn plus(self, other: Self) -> Option<Self> {
        let (one, two, places) = self.both(other)?;
        let units = one.checked_add(two)?;
        Some(Self { units, places })
    }

    /// The difference; `None` where it would have too many digits.
    pub fn minus(self, other: Self) -> Option<Self> {
        let (one, two, places) = self.both(other)?;
        let units = one.checked_sub(two)?;
        Some(Self { units, places })
    }

    /// `self × factor / other`, rounded to this number of digits after the point, halves away from
    /// zero;
    /// `None` where `other` is not above zero or the digits do not suffice.
    pub fn over(self, other: Self, factor: i128, places: u32) -> Option<Self> {
        let (one, two, _) = self.both(other)?;
        if two <= 0 {
            return None;
        }
        let scaled = one.checked_mul(factor)?.checked_mul(power(places))?;
        let units = rounded(scaled, two)?;
        Some(Self { units, places })
    }

    /// Whether `self × factor / other` is within half of the last digit of `value`.
    pub fn is_stated_by(self, other: Self, factor: i128, value: Self) -> Option<bool> {
        let (one, two, _) = self.both(other)?;
        if two <= 0 {
            return None;
        }
        let scaled = one.checked_mul(factor)?.checked_mul(power(value.places))?;
        let off = scaled.checked_sub(value.units.checked_mul(two)?)?;
        Some(off.checked_abs()?.checked_mul(2)? <= two)
    }

    /// The same number with at most this many digits after the point, halves away from zero.
    pub fn rounded(self, places: u32) -> Option<Self> {
        if places >= self.places {
            return Some(self);
        }
        let units = rounded(self.units, power(self.places - places))?;
        Some(Self { units, places })
    }

    /// How the two numbers compare, however they are written.
    pub fn compare(self, other: Self) -> Ordering {
        match self.both(other) {
            Some((one, two, _)) => one.cmp(&two),
            // so large that the digits after the point do not matter
            None => self.units.cmp(&other.units),
        }
    }

    /// The number without its sign.
    pub fn absolute(self) -> Option<Self> {
        let units = self.units.checked_abs()?;
        Some(Self { units, ..self })
    }

    /// Whether it is zero.
    pub const fn is_zero(self) -> bool {
        self.units == 0
    }

    /// Digits after the point.
    pub const fn places(self) -> u32 {
        self.places
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let units = self.units.unsigned_abs();
        let unit = power(self.places).unsigned_abs();
        write!(f, "{sign}{}", units / unit)?;
        if self.places > 0 {
            let width = self.places as usize;
            write!(f, ".{:0width$}", units % unit)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_decimal_keeps_its_digits() {
        for text in [
            "0",
            "91",
            "91.0",
            "-0.5",
            "39.46",
            "1700000000000",
            "999999999999999999",
            "999999999999.999999",
        ] {
            assert_eq!(decimal(text).to_string(), text);
        }
        for text in [
            "",
            "-",
            ".5",
            "5.",
            "05",
            "+5",
            "1e3",
            "1,5",
            "1.2345678",
            " 1",
            "٧",
            "1000000000000000000",
            "1000000000000.5",
            "--1",
        ] {
            assert_eq!(Decimal::from_str(text), Err(NotADecimal), "{text}");
        }
        assert_eq!(size_of::<Option<Decimal>>(), 16);
    }

    #[test]
    fn numbers_compare_by_value() {
        assert_eq!(decimal("91.0").compare(decimal("91")), Ordering::Equal);
        assert_eq!(decimal("9.5").compare(decimal("10")), Ordering::Less);
        assert_ne!(decimal("91.0"), decimal("91"), "what was written differs");
    }

    #[test]
    fn ratios_are_rounded_half_away_from_zero() {
        let ratio = |one: &str, two: &str, places| {
            let ratio = decimal(one).exact().over(decimal(two).exact(), 100, places);
            ratio.map(|it| it.to_string())
        };
        assert_eq!(ratio("1", "3", 2).as_deref(), Some("33.33"));
        assert_eq!(ratio("2", "3", 2).as_deref(), Some("66.67"));
        assert_eq!(ratio("1", "8", 1).as_deref(), Some("12.5"));
        assert_eq!(ratio("1", "8", 0).as_deref(), Some("13"));
        assert_eq!(ratio("-1", "8", 0).as_deref(), Some("-13"));
        assert_eq!(ratio("1", "0", 2), None);
    }

    #[test]
    fn a_value_states_a_ratio_within_half_of_its_last_digit() {
        let states = |one: &str, two: &str, value: &str| {
            let (one, two) = (decimal(one).exact(), decimal(two).exact());
            one.is_stated_by(two, 100, decimal(value).exact())
        };
        assert_eq!(states("1", "3", "33.33"), Some(true));
        assert_eq!(states("1", "3", "33.3"), Some(true));
        assert_eq!(states("1", "3", "33.34"), Some(false));
        assert_eq!(states("1", "8", "13"), Some(true));
        assert_eq!(
            states("1", "8", "12"),
            Some(true),
            "a half may go either way"
        );
        assert_eq!(states("1", "0", "12"), None);
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(units in -999_999_999_999_999_999_i64..=999_999_999_999_999_999,
            places in 0..=6_usize) {
            let places = Places::ALL[places];
            let decimal = Decimal { units, places };
            match decimal.to_string().parse::<Decimal>() {
                Ok(read) => prop_assert_eq!(read, decimal),
                Err(NotADecimal) => prop_assert!(places != Places::P0),
            }
        }

        #[test]
        fn sums_are_those_of_whole_numbers(parts in prop::collection::vec(
            (-1_000_000_000_i64..1_000_000_000, 0..=6_usize), 0..20,
        )) {
            let slow: i128 = parts.iter()
                .map(|(units, places)| i128::from(*units) * 10_i128.pow(6 - *places as u32))
                .sum();
            let sum = parts.iter().try_fold(Exact::whole(0), |sum, (units, places)| {
                sum.plus(Decimal { units: *units, places: Places::ALL[*places] }.exact())
            });
            let slow = Exact { units: slow, places: 6 };
            prop_assert_eq!(sum.unwrap().compare(slow), Ordering::Equal);
        }
    }
}
