//! Recommendations whose answer is late. They do not belong to a platform, so they are listed for
//! every edition.

use super::{Item, Kind};
use crate::{
    effort::Effort,
    monitoring::{recommendations::RecommendationStanding, tally::Clearance},
    state::State,
    time::Date,
};

/// The items of a date that callers with this clearance may see.
pub(super) fn items<'a>(
    state: &'a State,
    clearance: &'a Clearance,
    on: Date,
    effort: &'a Effort,
) -> impl Iterator<Item = Item> {
    let records = effort.rows(state.recommendations().values(), 1);
    records.filter_map(move |record| {
        let standing = record.standing_on(on)?;
        if standing.standing != RecommendationStanding::Overdue || !record.is_seen_on(on, clearance)
        {
            return None;
        }
        let since = standing.term?.answer_due_date.plus_days(1);
        let (name, title) = (record.name.as_str(), &record.fields.display_name);
        let kind = Kind::UnansweredRecommendation;
        Some(Item {
            agency: standing.agency.cloned(),
            ..Item::new(kind, name, title, since, on)
        })
    })
}
