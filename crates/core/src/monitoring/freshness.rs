//! Freshness: whether a plan in force is reported on as often as its reporting cycle asks, on any
//! date. Periods are those of [`ReportingCycle`]; this file finds which of them lack a
//! report, and since when that is late. Filing counts on the day it happened: a report handed in
//! late does not make the days before it current.

use crate::{
    records::{plans::ReportingCycle, words::words},
    time::Date,
};

words! {
    /// How far the reports of a plan keep up with its cycle on a date.
    pub enum Freshness {
        /// Every period that is over has its report.
        Current = 1 "CURRENT",
        /// A period is over, and the day by which its report has to be filed is not.
        Due = 2 "DUE",
        /// That day has passed, and one period lacks its report.
        Overdue = 3 "OVERDUE",
        /// That day has passed, and two periods or more lack theirs.
        Stale = 4 "STALE",
    }
}

impl Freshness {
    /// Whether a report is late.
    pub(crate) const fn is_late(self) -> bool {
        matches!(self, Self::Overdue | Self::Stale)
    }
}

/// The reports that a plan owes on a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filing {
    /// How far the reports keep up.
    pub freshness: Freshness,
    /// The last day of the first period without a report. It may be in the future.
    pub owed_period_end: Date,
    /// The last day on which that report is in time.
    pub due_date: Date,
    /// Periods that are over and lack a report.
    pub missed_periods: i32,
}

/// The reports that a plan owes on a date on which it is in force. `issued` is the day from which
/// it was in force, and `reported` is the end of the latest period reported on by the date. The
/// first period owed is the one that contains the day of issue. A gap before the latest report is
/// no longer owed.
///
/// `None` if the next period ends after the year 2200.
pub fn filing(
    cycle: ReportingCycle,
    issued: Date,
    reported: Option<Date>,
    on: Date,
) -> Option<Filing> {
    let from = reported.map_or(issued, |reported| reported.plus_days(1).max(issued));
    let owed = cycle.period_end(from)?;
    let ended = cycle.last_period_end(on);
    let missed_periods = match ended {
        Some(ended) if ended >= owed => {
            let months = (ended.year() - owed.year()) * 12 + ended.month() - owed.month();
            months / cycle.interval.months() + 1
        }
        _ => 0,
    };
    let due_date = cycle.filing_due(owed);
    let freshness = match missed_periods {
        0 => Freshness::Current,
        _ if on <= due_date => Freshness::Due,
        1 => Freshness::Overdue,
        _ => Freshness::Stale,
    };
    Some(Filing {
        freshness,
        owed_period_end: owed,
        due_date,
        missed_periods,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::records::plans::Interval;

    fn date(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    fn cycles() -> impl Strategy<Value = ReportingCycle> {
        let intervals = [
            Interval::Monthly,
            Interval::Quarterly,
            Interval::HalfYearly,
            Interval::Yearly,
        ];
        (prop::sample::select(intervals.to_vec()), 0..=28, 0..=90).prop_map(
            |(interval, cutoff_day, filing_days)| ReportingCycle {
                interval,
                cutoff_day,
                filing_days,
            },
        )
    }

    fn dates() -> impl Strategy<Value = Date> {
        (0..2_000).prop_map(|days| date("2023-01-01").plus_days(days))
    }

    /// The same, day by day: walks every day and remembers which periods closed without a report.
    fn by_walking(
        cycle: ReportingCycle,
        issued: Date,
        reported: Option<Date>,
        on: Date,
    ) -> (Freshness, i32) {
        let mut missed = Vec::new();
        let mut day = reported.map_or(issued, |it| it.plus_days(1).max(issued));
        while day < on {
            if cycle.ends_on(day) {
                missed.push(day);
            }
            day = day.plus_days(1);
        }
        let freshness = match missed.first() {
            None => Freshness::Current,
            Some(first) if on <= cycle.filing_due(*first) => Freshness::Due,
            Some(_) if missed.len() == 1 => Freshness::Overdue,
            Some(_) => Freshness::Stale,
        };
        (freshness, i32::try_from(missed.len()).unwrap())
    }

    #[test]
    fn a_month_counts_from_the_15th_to_the_14th() {
        let cycle = ReportingCycle {
            filing_days: 5,
            ..ReportingCycle::default()
        };
        let at = |on: &str, reported: Option<&str>| {
            filing(cycle, date("2025-09-20"), reported.map(date), date(on))
                .unwrap()
                .freshness
        };
        assert_eq!(at("2025-10-14", None), Freshness::Current, "the last day");
        assert_eq!(at("2025-10-15", None), Freshness::Due);
        assert_eq!(at("2025-10-19", None), Freshness::Due);
        assert_eq!(at("2025-10-20", None), Freshness::Overdue);
        assert_eq!(at("2025-11-15", None), Freshness::Stale);
        assert_eq!(at("2025-11-15", Some("2025-10-14")), Freshness::Due);
        assert_eq!(at("2025-11-14", Some("2025-10-14")), Freshness::Current);
    }

    proptest! {
        #[test]
        fn what_is_owed_is_what_a_walk_over_the_days_finds(
            cycle in cycles(), issued in dates(), on in dates(),
            reported in prop::option::of(dates())
        ) {
            let found = filing(cycle, issued, reported, on).unwrap();
            let walked = by_walking(cycle, issued, reported, on);
            prop_assert_eq!((found.freshness, found.missed_periods), walked);
            prop_assert!(cycle.ends_on(found.owed_period_end));
        }

        #[test]
        fn periods_tile_the_calendar(cycle in cycles(), on in dates()) {
            let end = cycle.period_end(on).unwrap();
            let start = cycle.period_start(end);
            prop_assert!(start <= on && on <= end);
            prop_assert_eq!(cycle.period_end(start), Some(end));
            prop_assert_eq!(cycle.last_period_end(on), Some(start.plus_days(-1)));
            prop_assert_eq!(cycle.period_start(cycle.period_end(end.plus_days(1)).unwrap()),
                end.plus_days(1));
        }

        #[test]
        fn freshness_only_worsens_while_nothing_is_filed(
            cycle in cycles(), issued in dates(), on in dates()
        ) {
            let [today, tomorrow] = [on, on.plus_days(1)]
                .map(|on| filing(cycle, issued, None, on).unwrap());
            prop_assert!(today.freshness <= tomorrow.freshness);
            prop_assert!(today.missed_periods <= tomorrow.missed_periods);
        }
    }
}
