//! The words of the pages in both languages, and dates, numbers and names as each writes them. What
//! values and figures are called stands in the glossary; here are the words of pages alone.

use http::{HeaderMap, header::ACCEPT_LANGUAGE};
use url::form_urlencoded::parse;

use super::address::LANG;
use crate::{
    pb,
    wire::{
        glossary::{figure_label, label},
        status::language,
    },
};
use ndp_core::{
    text::grouped,
    time::{Date, Timestamp},
};

/// The language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lang {
    Vi,
    En,
}

/// A text in both languages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Both(&'static str, &'static str);

pub(super) const fn both(vietnamese: &'static str, english: &'static str) -> Both {
    Both(vietnamese, english)
}

impl Lang {
    /// What the address names, else what the browser asks for, else Vietnamese.
    pub(super) fn of(query: &str, headers: &HeaderMap) -> Self {
        let mut named = parse(query.as_bytes()).filter(|(name, _)| name == LANG);
        match named.next().as_ref().map(|(_, value)| &**value) {
            Some("en") => Self::En,
            Some("vi") => Self::Vi,
            _ if !headers.contains_key(ACCEPT_LANGUAGE) => Self::Vi,
            _ if language::prefers_vietnamese(headers) => Self::Vi,
            _ => Self::En,
        }
    }

    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }

    pub(super) const fn of_text(self, text: Both) -> &'static str {
        match self {
            Self::Vi => text.0,
            Self::En => text.1,
        }
    }

    /// The one of two texts that is in this language.
    pub(super) const fn t(self, vietnamese: &'static str, english: &'static str) -> &'static str {
        self.of_text(both(vietnamese, english))
    }

    /// The text of this language, else of the other, else `id`.
    pub(super) fn either<'a>(self, vietnamese: &'a str, english: &'a str, id: &'a str) -> &'a str {
        let (first, second) = match self {
            Self::Vi => (vietnamese, english),
            Self::En => (english, vietnamese),
        };
        [first, second]
            .into_iter()
            .find(|it| !it.is_empty())
            .unwrap_or(id)
    }

    /// What the glossary calls a value of an enum.
    pub(super) fn value(self, enum_type: &str, value: &'static str) -> &'static str {
        let found = label(enum_type, value);
        found.map_or(value, |it| {
            self.either(&it.display_name, &it.display_name_en, value)
        })
    }

    /// What the glossary calls a figure.
    pub(super) fn figure(self, message: &str, field: &'static str) -> &'static str {
        let found = figure_label(message, field);
        found.map_or(field, |it| {
            self.either(&it.display_name, &it.display_name_en, field)
        })
    }

    pub(super) fn day(self, date: Date) -> String {
        let (year, month, day) = (date.year(), date.month(), date.day());
        match self {
            Self::Vi => format!("{day:02}/{month:02}/{year}"),
            Self::En => {
                let name = usize::try_from(month - 1)
                    .ok()
                    .and_then(|it| MONTHS.get(it));
                format!("{day} {} {year}", name.unwrap_or(&""))
            }
        }
    }

    /// A day of a message; a dash where there is none.
    pub(super) fn date(self, date: Option<pb::Date>) -> String {
        read(date).map_or_else(|| NONE.to_owned(), |it| self.day(it))
    }

    pub(super) fn month(self, date: Date) -> String {
        format!("{:02}/{}", date.month(), date.year())
    }

    /// A time to the minute, as clocks in Vietnam show it.
    pub(super) fn time(self, time: Option<&prost_types::Timestamp>) -> String {
        let Some(time) = time else {
            return NONE.to_owned();
        };
        let seconds = time.seconds.saturating_add(VIETNAM_SECONDS);
        let minutes = seconds.div_euclid(60).rem_euclid(24 * 60);
        let micros = time.seconds.saturating_mul(1_000_000);
        let date = Timestamp::from_micros(micros).map(Timestamp::date_in_vietnam);
        let day = date.map_or_else(|_| String::new(), |it| self.day(it));
        format!("{:02}:{:02} {day}", minutes / 60, minutes % 60)
    }

    /// A period as it was written, else its days.
    pub(super) fn period(self, period: Option<&pb::Period>) -> String {
        let Some(period) = period else {
            return NONE.to_owned();
        };
        match (read(period.start), read(period.end)) {
            (Some(start), Some(end)) if start == end => self.day(end),
            _ if self == Self::Vi && !period.as_written.is_empty() => period.as_written.clone(),
            (Some(start), Some(end)) => format!("{} – {}", self.day(start), self.day(end)),
            (_, Some(end)) => self.day(end),
            (Some(start), None) => self.day(start),
            (None, None) if period.as_written.is_empty() => NONE.to_owned(),
            (None, None) => period.as_written.clone(),
        }
    }

    /// A number with its thousands apart.
    pub(super) fn number(self, number: i64) -> String {
        let digits = number.unsigned_abs().to_string();
        let sign = if number < 0 { "−" } else { "" };
        format!("{sign}{}", self.grouped(&digits))
    }

    /// A decimal as the API writes it, as `-1234.5`.
    pub(super) fn decimal(self, text: &str) -> String {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("−", digits),
            None => ("", text),
        };
        let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
        let point = match self {
            Self::Vi => ",",
            Self::En => ".",
        };
        match rest {
            "" => format!("{sign}{}", self.grouped(whole)),
            rest => format!("{sign}{}{point}{rest}", self.grouped(whole)),
        }
    }

    fn grouped(self, digits: &str) -> String {
        let mark = match self {
            Self::Vi => '.',
            Self::En => ',',
        };
        grouped(digits, mark)
    }

    /// How many there are of something.
    pub(super) fn count(self, count: usize) -> String {
        self.number(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// A number with its sign.
    pub(super) fn signed(self, number: i64) -> String {
        match number {
            0 => "0".to_owned(),
            1.. => format!("+{}", self.number(number)),
            _ => self.number(number),
        }
    }
}

/// The text where nothing is known.
pub(super) const NONE: &str = "–";

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Vietnam is seven hours ahead of UTC all year.
const VIETNAM_SECONDS: i64 = 7 * 3600;

pub(super) fn read(date: Option<pb::Date>) -> Option<Date> {
    crate::wire::values::read_date(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_writes_numbers_and_dates_its_way() {
        let date = Date::parse("2026-09-05").unwrap();
        assert_eq!(Lang::Vi.day(date), "05/09/2026");
        assert_eq!(Lang::En.day(date), "5 Sep 2026");
        assert_eq!(Lang::Vi.number(-1_234_567), "−1.234.567");
        assert_eq!(Lang::En.number(1000), "1,000");
        assert_eq!(Lang::Vi.decimal("1234.50"), "1.234,50");
        assert_eq!(Lang::En.decimal("-0.5"), "−0.5");
        assert_eq!(Lang::Vi.signed(3), "+3");
        let time = prost_types::Timestamp {
            seconds: 1_793_478_600,
            nanos: 0,
        };
        assert_eq!(Lang::Vi.time(Some(&time)), "03:30 01/11/2026");
    }

    #[test]
    fn a_browser_is_answered_in_its_language_and_anyone_else_in_vietnamese() {
        let mut headers = HeaderMap::new();
        assert_eq!(Lang::of("", &headers), Lang::Vi);
        headers.insert(ACCEPT_LANGUAGE, "en-US,en;q=0.9".parse().unwrap());
        assert_eq!(Lang::of("", &headers), Lang::En);
        assert_eq!(Lang::of("lang=vi", &headers), Lang::Vi);
        headers.insert(ACCEPT_LANGUAGE, "vi-VN,vi;q=0.9,en;q=0.8".parse().unwrap());
        assert_eq!(Lang::of("lang=xx", &headers), Lang::Vi);
    }
}
