//! The platforms by the Vietnamese alphabet, with the texts that a search reads. A sort key is kept
//! for a block only, since the key of a name takes more memory than the name.

use std::cmp::Ordering;

use super::blocks::{Blocks, Order};
use crate::{
    names::PlatformName,
    query::search::Texts,
    records::platforms::Platform,
    text::{SortKey, compare_names, sort_key},
};

/// The platforms by the alphabet.
pub(super) type Alphabet = Blocks<ByAlphabet>;

/// The order of the Vietnamese alphabet. Empty display names come last.
#[derive(Debug)]
pub(super) struct ByAlphabet;

impl Order for ByAlphabet {
    type Record = Platform;
    type Position = (SortKey, PlatformName);
    type Index = Texts;

    fn position(platform: &Platform) -> Self::Position {
        let key = sort_key(&platform.fields.display_name);
        (key, platform.name.clone())
    }

    fn compare(one: &Platform, other: &Platform) -> Ordering {
        compare_names(&one.fields.display_name, &other.fields.display_name)
            .then_with(|| one.name.cmp(&other.name))
    }

    fn is_indexed_as(one: &Platform, other: &Platform) -> bool {
        one.is_searched_as(other)
    }
}

#[cfg(test)]
mod tests;
