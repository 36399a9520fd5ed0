//! The shipped calendar of working days: `data/working-days.csv`, embedded in the binary.

use std::sync::{Arc, LazyLock};

use ndp_core::{calendar::Calendar, error::Error};

/// The parsed file, or why it cannot be read.
static SHIPPED: LazyLock<Result<Arc<Calendar>, String>> =
    LazyLock::new(|| Calendar::parse(include_str!("../data/working-days.csv")).map(Arc::new));

/// The calendar, read once.
pub fn shipped() -> Result<Arc<Calendar>, Error> {
    let read = SHIPPED.as_ref().map(Arc::clone);
    read.map_err(|why| Error::Bug(format!("data/working-days.csv: {why}").into()))
}

#[cfg(test)]
mod tests {
    use ndp_core::time::Date;

    use super::*;

    #[test]
    fn the_shipped_calendar_says_what_is_sourced_and_no_more() {
        let calendar = shipped().unwrap();
        let worked = |day: &str| calendar.is_worked(Date::parse(day).unwrap());
        for off in [
            "2026-02-16",
            "2026-02-20",
            "2026-09-02",
            "2027-04-30",
            "2026-03-07",
        ] {
            assert!(!worked(off), "{off}");
        }
        for day in ["2026-02-13", "2026-02-23", "2026-09-03"] {
            assert!(worked(day), "{day}");
        }
        let known: Vec<_> = (2020..2030).filter(|year| calendar.knows(*year)).collect();
        assert_eq!(known, [2026]);
    }
}
