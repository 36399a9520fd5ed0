//! The indexes of platforms, and which of them serves a list.

use std::sync::Arc;

use super::{State, alphabet::ByAlphabet, blocks::Order};
use crate::{
    effort::Effort,
    names::{AgencyName, PlatformName},
    query::{
        list::Query,
        order::Direction,
        page::Cursor,
        schema::Constant,
        search::{self, Texts},
    },
    records::{
        plans::Plan,
        platforms::{Governed, Platform},
    },
    text::sort_key,
};

/// Records of one kind: at least those that can be on a page.
pub type Rows<'a, T> = Box<dyn Iterator<Item = &'a Arc<T>> + 'a>;

/// A filter that may select fewer than one in this many platforms is looked up by its values where
/// the order is another than theirs: those that it selects are sorted.
const FEW: usize = 16;

/// Cost of looking for one word in the texts of a block, in units of work.
const BLOCK_COST: usize = 4;
/// Cost of reading the texts of one platform.
const READING_COST: usize = 20;

impl State {
    /// The platforms that can be on a page, from an index if one fits, and whether they are already
    /// in the order of the page.
    pub fn platforms_for<'a>(
        &'a self,
        query: &Query<Platform>,
        effort: &'a Effort,
    ) -> (bool, Rows<'a, Platform>) {
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
            let position = query.after.as_ref().map(display_name_place);
            // no valid cursor lacks a platform name
            let selected = self.platform_values.count_selected(&query.filter, effort);
            let few = selected.is_some_and(|count| count < self.platforms().len() / FEW);
            if let Some(after) = position.map_or(Some(None), |position| position.map(Some))
                && !few
            {
                return (true, Box::new(self.alphabet.after(after)));
            }
        }
        let values = &self.platform_values;
        let rows = values.rows(self.platforms(), "", query, effort);
        (query.by_name(), rows)
    }

    /// The same of the plans whose names begin with `prefix`.
    pub fn plans_for<'a>(
        &'a self,
        prefix: &str,
        query: &Query<Plan>,
        effort: &'a Effort,
    ) -> (bool, Rows<'a, Plan>) {
        let rows = self.plan_values.rows(self.plans(), prefix, query, effort);
        (query.by_name(), rows)
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
        let blocks = self.alphabet.iter(after.and_then(display_name_place));
        blocks.map_while(move |(block, passed)| {
            let unread = match block.is_indexed() {
                true => 0,
                false => READING_COST * block.records().len(),
            };
            effort.spend(units + unread).then(|| search::Block {
                texts: block.index(|platforms| self.texts(platforms)),
                records: block.records(),
                passed,
            })
        })
    }

    /// Indexes all records, so that no search or list has to, while `goes_on`.
    pub fn index(&self, goes_on: impl Fn() -> bool) {
        for (block, _) in self.alphabet.iter(None).take_while(|_| goes_on()) {
            block.index(|platforms| self.texts(platforms));
        }
        self.platform_values.read(&goes_on);
        self.plan_values.read(&goes_on);
    }

    fn texts(&self, platforms: &[Arc<Platform>]) -> Texts {
        let governed = |platform| {
            let agency = Platform::governing_agency(platform);
            let agency = agency.and_then(|name| self.agency(name));
            let agency = agency.map(AsRef::as_ref);
            Governed { platform, agency }
        };
        let governed: Vec<_> = platforms.iter().map(|it| governed(it)).collect();
        Texts::new(&governed)
    }
}

/// The place in the alphabet that a page ended at.
fn display_name_place(cursor: &Cursor) -> Option<<ByAlphabet as Order>::Position> {
    let mut values = cursor.values.iter().flatten();
    let display_name = values.find_map(|value| match value {
        Constant::Text(display_name) => Some(display_name.as_str()),
        _ => None,
    });
    let name = PlatformName::parse(&cursor.name)?;
    Some((sort_key(display_name.unwrap_or_default()), name))
}
