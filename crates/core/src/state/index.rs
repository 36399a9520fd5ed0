//! The indexes of platforms, and which of them serves a list.

use std::{ops::Bound, sync::Arc};

use super::{DisplayNameKey, Listed, State};
use crate::{
    names::{AgencyName, PlatformName},
    query::{list::Query, order::Direction, page::Cursor, schema::Constant, search},
    records::platforms::Platform,
    text::sort_key,
};

/// Rows of platforms.
pub type PlatformRows<'a> = Box<dyn Iterator<Item = &'a Arc<Platform>> + Send + 'a>;

impl State {
    /// The platforms that can be on a page, from an index if one fits, and whether they are already
    /// in the order of the page.
    pub fn platforms_for<'a>(&'a self, query: &Query<Platform>) -> (bool, PlatformRows<'a>) {
        if let Some(Constant::Text(agency)) = query.filter.equality("governing_agency") {
            let agency = AgencyName::parse(agency);
            let of_agency = agency.and_then(|agency| self.platforms_by_agency.get(&agency));
            return match of_agency {
                Some(platforms) => {
                    let rows = query.rows(platforms, "");
                    (query.by_name(), Box::new(rows))
                }
                None => (true, Box::new(std::iter::empty())),
            };
        }
        if query.order.one_field() == Some(("display_name", Direction::Ascending)) {
            let place = query.after.as_ref().map(display_name_place);
            // no valid cursor lacks a platform name
            if let Some(after) = place.map_or(Some(None), |place| place.map(Some)) {
                return (true, Box::new(self.platforms_by_display_name(after)));
            }
        }
        let all = query.rows(self.platforms(), "");
        (query.by_name(), Box::new(all))
    }

    /// All platforms in Vietnamese alphabetical order and then by name, those without a display
    /// name last. Starts at the first platform, or after the given place.
    fn platforms_by_display_name(
        &self,
        after: Option<DisplayNameKey>,
    ) -> impl Iterator<Item = &Arc<Platform>> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self
            .platforms_by_display_name
            .range((start, Bound::Unbounded));
        range.map(|(_, listed)| &listed.platform)
    }

    /// All platforms with their search texts, in the same order; `after` is where the page before
    /// ended.
    pub fn searched_platforms<'a>(
        &'a self,
        after: Option<&Cursor>,
    ) -> impl Iterator<Item = search::Row<'a, &'a Arc<Platform>>> + use<'a> {
        let last_passed = after.and_then(display_name_place);
        let mut passed = last_passed.is_some();
        self.platforms_by_display_name
            .iter()
            .map(move |(key, Listed { platform, text })| {
                passed = passed && last_passed.as_ref().is_some_and(|last| key <= last);
                search::Row {
                    text,
                    record: platform,
                    passed,
                }
            })
    }
}

/// The place in the alphabet that a page ended at.
fn display_name_place(cursor: &Cursor) -> Option<DisplayNameKey> {
    let mut values = cursor.values.iter().flatten();
    let display_name = values.find_map(|value| match value {
        Constant::Text(display_name) => Some(display_name.as_str()),
        _ => None,
    });
    let name = PlatformName::parse(&cursor.name)?;
    Some((sort_key(display_name.unwrap_or_default()), name))
}
