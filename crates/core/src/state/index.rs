//! The indexes of platforms, and which of them serves a list.

use std::sync::Arc;

use super::{State, alphabet::Place};
use crate::{
    effort::Effort,
    names::{AgencyName, PlatformName},
    query::{list::Query, order::Direction, page::Cursor, schema::Constant, search},
    records::{agencies::Agency, platforms::Platform},
    text::sort_key,
};

/// Rows of platforms.
pub type PlatformRows<'a> = Box<dyn Iterator<Item = &'a Arc<Platform>> + Send + 'a>;

/// Cost of looking for one word in the texts of a block, in units of work.
const BLOCK_COST: usize = 4;
/// Cost of reading the texts of one platform.
const READING_COST: usize = 20;

impl State {
    /// The platforms that can be on a page, from an index if one fits, and whether they are already
    /// in the order of the page.
    pub fn platforms_for<'a>(&'a self, query: &Query<Platform>) -> (bool, PlatformRows<'a>) {
        if let Some(Constant::Text(agency)) = query.filter.equality("governing_agency") {
            let agency = AgencyName::parse(agency);
            let of_agency = agency.and_then(|agency| self.platforms_by_agency.get(&agency));
            return match of_agency {
                Some(platforms) => {
                    let rows = query.rows(platforms, String::new());
                    (query.by_name(), Box::new(rows))
                }
                None => (true, Box::new(std::iter::empty())),
            };
        }
        if query.order.one_field() == Some(("display_name", Direction::Ascending)) {
            let place = query.after.as_ref().map(display_name_place);
            // no valid cursor lacks a platform name
            if let Some(after) = place.map_or(Some(None), |place| place.map(Some)) {
                return (true, Box::new(self.alphabet.after(after)));
            }
        }
        let all = query.rows(self.platforms(), String::new());
        (query.by_name(), Box::new(all))
    }

    /// All platforms by the alphabet, for a search; `after` is where the page before ended. Ends
    /// early when the work must end.
    pub fn searched_platforms<'a>(
        &'a self,
        query: &search::Query,
        after: Option<&Cursor>,
        effort: &'a Effort,
    ) -> impl Iterator<Item = search::Block<'a, Arc<Platform>>> + use<'a> {
        let units = BLOCK_COST * (1 + query.terms());
        let blocks = self.alphabet.blocks(after.and_then(display_name_place));
        blocks.map_while(move |(block, passed)| {
            let unread = match block.is_read() {
                true => 0,
                false => READING_COST * block.platforms().len(),
            };
            effort.spend(units + unread).then(|| search::Block {
                texts: block.texts(|platform| self.governing(platform)),
                records: block.platforms(),
                passed,
            })
        })
    }

    /// Reads the texts of all platforms, so that no search has to, while `goes_on`.
    pub fn read_texts(&self, goes_on: impl Fn() -> bool) {
        for (block, _) in self.alphabet.blocks(None).take_while(|_| goes_on()) {
            block.texts(|platform| self.governing(platform));
        }
    }

    fn governing(&self, platform: &Platform) -> Option<&Agency> {
        let agency = self.agency(platform.governing_agency()?);
        agency.map(AsRef::as_ref)
    }
}

/// The place in the alphabet that a page ended at.
fn display_name_place(cursor: &Cursor) -> Option<Place> {
    let mut values = cursor.values.iter().flatten();
    let display_name = values.find_map(|value| match value {
        Constant::Text(display_name) => Some(display_name.as_str()),
        _ => None,
    });
    let name = PlatformName::parse(&cursor.name)?;
    Some((sort_key(display_name.unwrap_or_default()), Some(name)))
}
