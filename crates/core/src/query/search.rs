//! Search without diacritics and case: `dinh danh` finds `Định danh`.
//!
//! Every word of the query must be found in the record. Where words of the query have diacritics,
//! records whose Vietnamese name has these words with the same diacritics come before all others:
//! `đà` finds `Đà` first, then `Da`. Records whose name is the query come first, then names that
//! begin with it, then those where every word begins a word, then those where some word is found
//! only inside another; among equals the weightier part wins, then the Vietnamese alphabet, then
//! the resource name. The records are searched in blocks, whose texts are indexed ([`Texts`]): the
//! ranks of all records of a block are found at once, and a record is looked at only for a page.

mod texts;

use std::{cmp::Reverse, fmt};

use memchr::memmem::Finder;

pub use self::texts::Texts;
use crate::{
    error::Error,
    messages::Rule,
    query::{
        page::{Cursor, Page, cut},
        schema::Constant,
    },
    state::blocks::{Members, members},
    text::{fold, name_key},
};

/// The part of a record that a text belongs to. Earlier parts weigh more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextSource {
    /// The name in Vietnamese.
    Name = 0,
    /// The name in English.
    EnglishName = 1,
    /// The id, or a code that identifies the record.
    Id = 2,
    /// Anything else: earlier names, units, labels.
    Other = 3,
}

const PARTS: usize = 4;

/// A record that can be searched for.
pub trait Searchable {
    /// Calls back with each text that is searched. Only the part [`TextSource::Other`] may have several.
    fn texts<'a>(&'a self, text: &mut dyn FnMut(TextSource, &'a str));
}

/// A record whose place in the Vietnamese alphabet is known.
pub trait Alphabetical {
    fn resource_name(&self) -> &str;

    /// The Vietnamese name, by which equal ranks are ordered.
    fn vietnamese_name(&self) -> &str;
}

/// How many places there are. A place is how the query was found and then the part, best first: the
/// text is the query, or begins with it; every word of the query begins a word, or is in one.
const PLACES: usize = 4 * PARTS;

/// The first place that words are found at; those before it are of the whole query.
const FIRST_OF_WORDS: usize = 2 * PARTS;

/// How many ranks there are. A rank is a place, and whether the name lacks some word with the
/// diacritics that the query gives it; such records come after all others.
const RANKS: usize = 2 * PLACES;

/// The number of a rank in the cursors of pages.
fn rank_number(rank: usize) -> i64 {
    let (bare, place) = (rank / PLACES, rank % PLACES);
    let number = bare * 100 + place / PARTS * 10 + place % PARTS;
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The records of a block that have each rank.
type Ranked = [Members; RANKS];

/// A checked and folded query.
#[derive(Clone, Debug)]
pub struct Query {
    key: String,
    /// The whole query, unless it has a character that marks a part.
    whole: Option<String>,
    /// Its words, the longest first: most records lack it.
    words: Vec<Finder<'static>>,
    /// Those of its words that have diacritics, as they are in the key of a name.
    marked: Vec<Finder<'static>>,
}

const fn is_mark(c: char) -> bool {
    matches!(c, '\u{1}'..='\u{4}')
}

impl Query {
    /// Checks and folds the text of a query.
    pub fn parse(text: &str) -> Result<Self, Error> {
        // characters around a word, such as a comma, are not searched for
        fn words(text: &str) -> impl Iterator<Item = &str> {
            text.split(|c| c == ' ' || is_mark(c))
                .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
                .filter(|word| !word.is_empty())
        }
        let key = name_key(text);
        let marked = words(&key).filter(|word| !word.is_ascii());
        let marked = marked.map(|word| Finder::new(word).into_owned()).collect();
        let folded = fold(text);
        let mut words: Vec<_> = words(&folded).collect();
        if words.is_empty() {
            return Err(Error::invalid("query", Rule::QueryBlank));
        }
        words.sort_unstable_by_key(|word| (Reverse(word.len()), *word));
        words.dedup();
        let words = words.into_iter();
        let words = words.map(|word| Finder::new(word).into_owned()).collect();
        Ok(Self {
            key,
            words,
            marked,
            whole: (!folded.contains(is_mark)).then_some(folded),
        })
    }

    /// Number of terms evaluated on a block.
    pub const fn terms(&self) -> usize {
        self.words.len() + self.marked.len()
    }

    /// The same text for all queries that give the same results in the same order. A page token is
    /// bound to it.
    pub fn canonical(&self) -> &str {
        &self.key
    }

    /// The ranks before `full` of the records of a block.
    fn rank(&self, texts: &Texts, full: usize) -> Option<Ranked> {
        let whole = match &self.whole {
            Some(whole) => texts.begins_with(whole),
            None => [0; FIRST_OF_WORDS],
        };
        let mut all = texts.all();
        if full <= FIRST_OF_WORDS {
            // most blocks of a frequent word are skipped here
            all = whole.into_iter().fold(0, |any, found| any | found);
        }
        // for each place, the records in which every word is found there or at a better one
        let mut reached = [all; PLACES - FIRST_OF_WORDS];
        for word in &self.words {
            if all == 0 {
                return None;
            }
            let mut so_far = 0;
            for (reached, found) in reached.iter_mut().zip(texts.find(word, all)) {
                so_far |= found;
                *reached &= so_far;
            }
            all &= so_far;
        }
        let mut bare = 0;
        for word in &self.marked {
            bare |= all & !texts.find_marked(word);
        }
        let mut ranked = [0; RANKS];
        let (full_marks, without) = ranked.split_at_mut(PLACES);
        let places = full_marks.iter_mut().zip(without);
        let mut left = all;
        for ((marked, without), found) in places.zip(whole.into_iter().chain(reached)) {
            let here = found & left;
            left &= !here;
            (*marked, *without) = (here & !bare, here & bare);
        }
        (all != 0).then_some(ranked)
    }
}

/// A block of records that is searched.
#[derive(Debug)]
pub struct Block<'a, R> {
    /// The indexed texts of its records.
    pub texts: &'a Texts,
    /// The records, in order, as many as in its index.
    pub records: &'a [R],
    /// How many of them sort, by the alphabet, at or before the cursor.
    pub passed: usize,
}

/// A page of the records that match the query, best first. The blocks and the records in them must
/// be sorted by the Vietnamese alphabet and then by resource name, so that equal ranks keep this
/// order. `see` returns what the caller sees of a record, if anything. It is called only for
/// records that fit on the page.
pub fn search<'a, R: 'a, S: Alphabetical>(
    blocks: impl IntoIterator<Item = Block<'a, R>>,
    query: &Query,
    after: Option<&Cursor>,
    size: usize,
    mut see: impl FnMut(&'a R) -> Option<S>,
) -> Page<Hit<S>> {
    let after = after.map_or(i64::MIN, rank_of);
    let mut found: [Vec<Hit<S>>; RANKS] = std::array::from_fn(|_| Vec::new());
    // The page is full of better ranks than this: equal ones of later records come after it.
    let mut full = RANKS;
    for block in blocks {
        let Some(ranked) = query.rank(block.texts, full) else {
            continue;
        };
        for (rank, (equals, ranked)) in found.iter_mut().zip(ranked).enumerate().take(full) {
            let number = rank_number(rank);
            for index in members(ranked) {
                let ahead = number > after || number == after && index >= block.passed;
                if equals.len() <= size
                    && ahead
                    && let Some(row) = block.records.get(index).and_then(&mut see)
                {
                    equals.push(Hit { rank: number, row });
                }
            }
        }
        full = full_from(&found, size);
    }
    let hits = found.into_iter().flatten().take(size.saturating_add(1));
    cut(hits.collect(), size, Hit::cursor)
}

/// The rank with which the better ones and it fill a page.
fn full_from<T>(found: &[Vec<T>; RANKS], size: usize) -> usize {
    let mut count = 0;
    let full = found.iter().position(|equals| {
        count += equals.len();
        count > size
    });
    full.unwrap_or(RANKS)
}

/// A record that was found, with what decides its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Hit<R> {
    rank: i64,
    /// What the caller sees of it.
    pub row: R,
}

impl<R: Alphabetical> Hit<R> {
    /// Where a page that follows it begins.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            values: vec![
                Some(Constant::Integer(self.rank)),
                Some(Constant::Text(self.row.vietnamese_name().to_owned())),
            ],
            name: self.row.resource_name().to_owned(),
        }
    }
}

impl<R> fmt::Debug for Hit<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hit")
            .field("rank", &self.rank)
            .finish_non_exhaustive()
    }
}

/// The rank of a cursor; no search gave out one without, and then the walk starts again.
fn rank_of(cursor: &Cursor) -> i64 {
    match cursor.values.first() {
        Some(Some(Constant::Integer(rank))) => *rank,
        _ => i64::MIN,
    }
}

#[cfg(test)]
pub(crate) mod tests;
