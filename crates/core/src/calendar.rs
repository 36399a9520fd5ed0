//! The calendar of working days: which days are off or worked by a sourced notice, and the day on
//! which a term ends. The calendar is a value that the caller gives; nothing here reads a file.
//!
//! Days are swapped by a notice of each year, so a year can be known only by rows of its own. In
//! other years Monday to Friday are worked, but for the holidays that fall on one date each year.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::Date;

/// The columns of the file.
const HEADER: &str = "date,kind,repeats,document,note";

/// Whether a day is worked, as a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    Off,
    Worked,
}

/// Which days are worked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    days: BTreeMap<Date, Day>,
    /// Month and day of what is off each year, with the first year.
    yearly: BTreeMap<(i32, i32), i32>,
    years: BTreeSet<i32>,
}

/// The end of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The last day of the term.
    pub date: Date,
    /// Whether the calendar knew each year that was counted.
    pub known: bool,
}

impl Calendar {
    /// Reads the rows of the file. The error names the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut calendar = Self::default();
        let mut lines = text.lines().enumerate();
        match lines.next() {
            Some((_, HEADER)) => {}
            _ => return Err(format!("the first line must be `{HEADER}`")),
        }
        for (index, line) in lines {
            let row = calendar.read(line);
            row.map_err(|what| format!("line {}: {what}", index + 1))?;
        }
        Ok(calendar)
    }

    fn read(&mut self, line: &str) -> Result<(), String> {
        // the note comes last, and alone may have commas
        let mut columns = line.splitn(5, ',');
        let mut column = || columns.next().unwrap_or_default().trim();
        let (date, kind, repeats, document, _) = (column(), column(), column(), column(), column());
        let date = Date::parse(date).map_err(|_| format!("`{date}` is not a day"))?;
        let day = match kind {
            "OFF" => Day::Off,
            "WORKED" => Day::Worked,
            other => return Err(format!("`{other}` is neither OFF nor WORKED")),
        };
        if document.is_empty() {
            return Err("the document or source is missing".to_owned());
        }
        let repeated = match (repeats, day) {
            ("YEARLY", Day::Off) => {
                let place = (date.month(), date.day());
                self.yearly.insert(place, date.year()).is_some()
            }
            ("", day) => {
                self.years.insert(date.year());
                self.days.insert(date, day).is_some()
            }
            _ => return Err(format!("`{repeats}` must be YEARLY with OFF, or empty")),
        };
        if repeated {
            return Err(format!("{date} is there twice"));
        }
        Ok(())
    }

    /// Whether the calendar has rows of this year itself.
    pub fn knows(&self, year: i32) -> bool {
        self.years.contains(&year)
    }

    /// Whether a day is worked.
    pub fn is_worked(&self, date: Date) -> bool {
        match self.days.get(&date) {
            Some(day) => *day == Day::Worked,
            None => {
                let since = self.yearly.get(&(date.month(), date.day()));
                let holiday = since.is_some_and(|first| *first <= date.year());
                !holiday && date.is_weekday()
            }
        }
    }

    /// The last day of a term of working days that begins after `start`; `start` for a term of no
    /// days. A term that would end after [`Date::MAX`] ends then.
    pub fn after_working_days(&self, start: Date, days: i32) -> End {
        let (mut date, mut left) = (start, days);
        while left > 0 && date < Date::MAX {
            date = date.plus_days(1);
            left -= i32::from(self.is_worked(date));
        }
        End {
            date,
            known: (start.year()..=date.year()).all(|year| self.knows(year)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_map, prelude::*};

    use super::*;

    fn day(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    fn calendar(rows: &str) -> Calendar {
        Calendar::parse(&format!("{HEADER}\n{rows}")).unwrap()
    }

    fn any_day() -> impl Strategy<Value = Date> {
        (0..1500).prop_map(|offset| day("2025-01-01").plus_days(offset))
    }

    fn any_calendar() -> impl Strategy<Value = Calendar> {
        btree_map(any_day(), any::<bool>(), 0..60).prop_map(|days| {
            let rows = days.iter().map(|(date, worked)| {
                let kind = if *worked { "WORKED" } else { "OFF" };
                format!("{date},{kind},,synthetic,\n")
            });
            let holiday = "2021-09-02,OFF,YEARLY,synthetic,\n".to_owned();
            calendar(&rows.chain([holiday]).collect::<String>())
        })
    }

    proptest! {
        #[test]
        fn a_term_is_its_working_days(
            calendar in any_calendar(), start in any_day(), days in 1..60,
        ) {
            let end = calendar.after_working_days(start, days);
            prop_assert!(calendar.is_worked(end.date), "never on a day off");
            let counted = (1..).map(|offset| start.plus_days(offset));
            let counted = counted.take_while(|date| *date <= end.date);
            let worked = counted.filter(|date| calendar.is_worked(*date)).count();
            prop_assert_eq!(worked, days as usize);
        }

        #[test]
        fn a_longer_or_later_term_never_ends_earlier(
            calendar in any_calendar(), start in any_day(), days in 0..60, more in 0..9,
        ) {
            let end = |start, days| calendar.after_working_days(start, days).date;
            prop_assert!(end(start, days + 1) > end(start, days));
            prop_assert!(end(start.plus_days(more), days) >= end(start, days));
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,40}|[0-9,A-Z-]{0,60}") {
            let _ = Calendar::parse(&format!("{HEADER}\n{text}"));
        }
    }

    #[test]
    fn a_year_is_known_by_rows_of_its_own() {
        let calendar = calendar(
            "2021-01-01,OFF,YEARLY,synthetic,\n2026-02-16,OFF,,synthetic,a, b\n\
             2026-02-28,WORKED,,synthetic,\n",
        );
        assert!(calendar.knows(2026) && !calendar.knows(2025));
        assert!(!calendar.is_worked(day("2026-02-16")));
        assert!(calendar.is_worked(day("2026-02-28")), "a Saturday, swapped");
        assert!(!calendar.is_worked(day("2027-01-01")), "each year");
        assert!(
            calendar.is_worked(day("2020-01-01")),
            "but not before the law"
        );
        let end = |start, days| calendar.after_working_days(day(start), days);
        let ended = end("2026-02-13", 1);
        assert_eq!((ended.date, ended.known), (day("2026-02-17"), true));
        let ended = end("2026-12-31", 1);
        assert_eq!((ended.date, ended.known), (day("2027-01-04"), false));
        assert_eq!(end("2026-02-14", 0).date, day("2026-02-14"));
        let last = calendar.after_working_days(Date::MAX.plus_days(-3), 1000);
        assert_eq!(last.date, Date::MAX);
    }

    #[test]
    fn a_row_that_cannot_be_read_is_named() {
        for (rows, message) in [
            (
                "2026-02-30,OFF,,synthetic,",
                "line 2: `2026-02-30` is not a day",
            ),
            (
                "2026-02-16,HALF,,synthetic,",
                "line 2: `HALF` is neither OFF nor WORKED",
            ),
            (
                "2026-02-16,OFF,,,",
                "line 2: the document or source is missing",
            ),
            (
                "2026-02-16,WORKED,YEARLY,synthetic,",
                "line 2: `YEARLY` must be YEARLY with OFF, or empty",
            ),
            (
                "2026-02-16,OFF,,synthetic,\n2026-02-16,OFF,,synthetic,",
                "line 3: 2026-02-16 is there twice",
            ),
        ] {
            let text = format!("{HEADER}\n{rows}");
            assert_eq!(Calendar::parse(&text).unwrap_err(), message);
        }
        assert!(Calendar::parse("").unwrap_err().contains("first line"));
    }
}
