//! Search without diacritics and case: `dinh danh` finds `Định danh`.
//!
//! Every word of the query must be found in the record. Where words of the query have diacritics,
//! records whose Vietnamese name has these words with the same diacritics come before all others:
//! `đà` finds `Đà` first, then `Da`. Records whose name is the query come first, then names that
//! begin with it, then those where every word begins a word, then those where some word is found
//! only inside another; among equals the weightier part wins, then the Vietnamese alphabet, then
//! the resource name. The owner of a record folds its texts once and keeps the result.

use std::{fmt, sync::Arc};

use memchr::memmem::Finder;

use crate::{
    error::Error,
    messages::Rule,
    query::{
        page::{Cursor, Page, cut},
        schema::Constant,
    },
    text::{fold, name_key},
};

/// The part of a record that a text belongs to. Earlier parts weigh more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The name in Vietnamese.
    Name = 0,
    /// The name in English.
    EnglishName = 1,
    /// The id, or a code that identifies the record.
    Id = 2,
    /// Anything else: earlier names, units, labels.
    Other = 3,
}

/// A record that can be searched for.
pub trait Searchable {
    /// Calls back with each text that is searched, the weightiest part of the record first.
    fn texts(&self, text: &mut dyn FnMut(Part, &str));
}

/// A record whose place in the Vietnamese alphabet is known.
pub trait Alphabetical {
    /// The resource name.
    fn resource_name(&self) -> &str;

    /// The Vietnamese name, by which equal ranks are ordered.
    fn vietnamese_name(&self) -> &str;
}

/// The folded texts of a record in one allocation, to save memory. Each text follows a control
/// character that marks its part and that no folded text contains. The key of the Vietnamese
/// name, with diacritics, comes last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchText {
    text: Arc<str>,
    folded_len: usize,
}

const MARKS: [(char, Part); 4] = [
    ('\u{1}', Part::Name),
    ('\u{2}', Part::EnglishName),
    ('\u{3}', Part::Id),
    ('\u{4}', Part::Other),
];

impl SearchText {
    /// Folds the texts of a record.
    pub fn new(record: &impl Searchable) -> Self {
        let mut all = String::new();
        let mut name = String::new();
        record.texts(&mut |part, text| {
            let folded = fold(text);
            let mark = MARKS.iter().find(|(_, marked)| *marked == part);
            if let Some((mark, _)) = mark
                && !folded.is_empty()
            {
                all.push(*mark);
                all.extend(folded.chars().filter(|c| !is_mark(*c)));
            }
            if part == Part::Name && !text.is_ascii() {
                name.push_str(&name_key(text));
            }
        });
        let folded_len = all.len();
        all.push_str(&name);
        Self {
            text: all.into(),
            folded_len,
        }
    }

    /// The folded texts.
    fn folded(&self) -> &str {
        self.text.get(..self.folded_len).unwrap_or_default()
    }

    /// The key of the Vietnamese name.
    fn name(&self) -> &str {
        self.text.get(self.folded_len..).unwrap_or_default()
    }

    /// How well the record matches the query; smaller is better. `None` if a word is not found, or
    /// if the rank is not before `full`. `starts` is a scratch buffer.
    fn rank(&self, query: &Query, full: usize, starts: &mut Vec<Start>) -> Option<Rank> {
        let all = self.folded();
        let whole = (full <= BEST_OF_WORDS.index()).then(|| query.whole(all));
        if whole == Some(None) {
            // most records of a frequent word are skipped here
            return None;
        }
        if query.words.iter().any(|word| word.place(all).is_none()) {
            return None;
        }
        let whole = whole.unwrap_or_else(|| query.whole(all));
        starts.clear();
        starts.extend(word_starts(all));
        let mut place = Place {
            class: Class::Equal,
            part: Part::Name,
        };
        for word in &query.words {
            place = place.max(word.best(all, starts)?);
        }
        let place = whole.map_or(place, |whole| place.min(whole));
        let name = self.name().as_bytes();
        let bare = query.marked.iter().any(|word| word.find(name).is_none());
        let rank = Rank { bare, place };
        (rank.index() < full).then_some(rank)
    }
}

/// Where a word begins in the texts of a record, and in which part.
#[derive(Clone, Copy, Debug)]
struct Start {
    at: usize,
    part: Part,
}

/// Positions where a word can begin: after each character that is not a letter or digit. They
/// follow the order of the texts, so the part with the most weight comes first.
fn word_starts(all: &str) -> impl Iterator<Item = Start> {
    let mut part = None;
    let mut after_word = false;
    all.char_indices().filter_map(move |(at, c)| {
        let begins = !std::mem::replace(&mut after_word, c.is_alphanumeric());
        if is_mark(c) {
            part = part_of(c);
            return None;
        }
        part.filter(|_| begins).map(|part| Start { at, part })
    })
}

/// A word that is looked for.
#[derive(Clone, Debug)]
struct Word {
    text: String,
    finder: Finder<'static>,
}

impl Word {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            finder: Finder::new(text).into_owned(),
        }
    }

    /// Where it stands first.
    fn place(&self, all: &str) -> Option<usize> {
        self.finder.find(all.as_bytes())
    }

    /// Its best place: as the beginning of a word, else where it stands first.
    fn best(&self, all: &str, starts: &[Start]) -> Option<Place> {
        let begins = |start: &&Start| {
            let rest = all.as_bytes().get(start.at..);
            rest.is_some_and(|rest| rest.starts_with(self.text.as_bytes()))
        };
        if let Some(start) = starts.iter().find(begins) {
            return Some(Place {
                class: Class::WordStart,
                part: start.part,
            });
        }
        let at = self.place(all)?;
        // every text begins with a word start, unless it is empty
        let before = starts.partition_point(|start| start.at <= at);
        let part = starts.get(before.checked_sub(1)?)?.part;
        let class = Class::Inside;
        Some(Place { class, part })
    }
}

/// The part that this character marks.
fn part_of(mark: char) -> Option<Part> {
    let known = MARKS.iter().find(|(known, _)| *known == mark);
    known.map(|(_, part)| *part)
}

const fn is_mark(c: char) -> bool {
    matches!(c, '\u{1}'..='\u{4}')
}

/// How a query was found, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Equal = 0,
    Prefix = 1,
    WordStart = 2,
    Inside = 3,
}

/// How a query was found, then where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    class: Class,
    part: Part,
}

/// How well a record meets a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Whether the name lacks some word with the diacritics that the query gives it.
    bare: bool,
    place: Place,
}

const RANKS: usize = 32;

/// The best rank of a record that has no text which begins with the query.
const BEST_OF_WORDS: Rank = Rank {
    bare: false,
    place: Place {
        class: Class::WordStart,
        part: Part::Name,
    },
};

impl Rank {
    const fn number(self) -> i64 {
        let Place { class, part } = self.place;
        self.bare as i64 * 100 + class as i64 * 10 + part as i64
    }

    /// Its place among all ranks, best first.
    const fn index(self) -> usize {
        let Place { class, part } = self.place;
        self.bare as usize * 16 + class as usize * 4 + part as usize
    }
}

/// A checked and folded query.
#[derive(Clone, Debug)]
pub struct Query {
    key: String,
    /// The whole query, unless it has a character that marks a part.
    whole: Option<Finder<'static>>,
    words: Vec<Word>,
    /// Those of its words that have diacritics, as they are in the key of a name.
    marked: Vec<Finder<'static>>,
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
        words.sort_unstable();
        words.dedup();
        let words = words.into_iter().map(Word::new).collect();
        Ok(Self {
            key,
            whole: (!folded.contains(is_mark)).then(|| Finder::new(&folded).into_owned()),
            words,
            marked,
        })
    }

    /// The best place of a text that begins with the query.
    fn whole(&self, all: &str) -> Option<Place> {
        let all = all.as_bytes();
        let whole = self.whole.as_ref()?;
        let length = whole.needle().len();
        let places = whole.find_iter(all).filter_map(|at| {
            // no byte of a longer character is a mark
            let part = part_of(char::from(*all.get(at.checked_sub(1)?)?))?;
            let class = match all.get(at + length) {
                Some(next) if !is_mark(char::from(*next)) => Class::Prefix,
                _ => Class::Equal,
            };
            (part != Part::Other).then_some(Place { class, part })
        });
        places.min()
    }

    /// Number of terms evaluated on a row.
    pub const fn terms(&self) -> usize {
        self.words.len() + self.marked.len()
    }

    /// The same text for all queries that give the same results in the same order. A page token is
    /// bound to it.
    pub fn canonical(&self) -> &str {
        &self.key
    }
}

/// A row that may match a query.
#[derive(Debug)]
pub struct Row<'a, R> {
    /// The folded texts.
    pub text: &'a SearchText,
    /// What is found.
    pub record: R,
    /// Whether it sorts, by the alphabet, at or before the cursor.
    pub passed: bool,
}

/// A page of the records that match the query, best first. The rows must be sorted by the
/// Vietnamese alphabet and then by resource name, so that equal ranks keep this order. `see`
/// returns what the caller sees of a record, if anything. It is called only for records that fit
/// on the page.
pub fn search<'a, R, S: Alphabetical>(
    rows: impl IntoIterator<Item = Row<'a, R>>,
    query: &Query,
    after: Option<&Cursor>,
    size: usize,
    mut see: impl FnMut(R) -> Option<S>,
) -> Page<Hit<S>> {
    let after = after.map_or(i64::MIN, rank_of);
    let mut found: [Vec<Hit<S>>; RANKS] = std::array::from_fn(|_| Vec::new());
    let mut starts = Vec::new();
    // The page is full of better ranks than this: equal ones of later rows come after it.
    let mut full = RANKS;
    for Row {
        text,
        record,
        passed,
    } in rows
    {
        let Some(rank) = text.rank(query, full, &mut starts) else {
            continue;
        };
        let number = rank.number();
        let ahead = number > after || number == after && !passed;
        if let Some(equals) = found.get_mut(rank.index())
            && ahead
            && let Some(row) = see(record)
        {
            equals.push(Hit { rank: number, row });
            full = full_from(&found, size);
        }
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
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::text::{SortKey, compare_names, sort_key};

    /// A made-up record.
    #[derive(Clone, Debug, PartialEq)]
    struct Record {
        id: String,
        resource_name: String,
        name: String,
        english: &'static str,
        others: Vec<&'static str>,
    }

    impl Alphabetical for &Record {
        fn resource_name(&self) -> &str {
            &self.resource_name
        }

        fn vietnamese_name(&self) -> &str {
            &self.name
        }
    }

    impl Searchable for Record {
        fn texts(&self, text: &mut dyn FnMut(Part, &str)) {
            text(Part::Name, &self.name);
            text(Part::EnglishName, self.english);
            text(Part::Id, &self.id);
            for other in &self.others {
                text(Part::Other, other);
            }
        }
    }

    type Records = BTreeMap<(SortKey, String), (SearchText, Record)>;

    fn record(
        id: &str,
        name: &str,
        english: &'static str,
        others: &[&'static str],
    ) -> ((SortKey, String), (SearchText, Record)) {
        let record = Record {
            id: id.to_owned(),
            resource_name: format!("records/{id}"),
            name: name.to_owned(),
            english,
            others: others.to_vec(),
        };
        let key = (sort_key(name), record.resource_name.clone());
        (key, (SearchText::new(&record), record))
    }

    fn records() -> Records {
        [
            record("exact", "Định danh", "Identity", &[]),
            record("prefix", "Định danh điện tử", "Electronic identity", &[]),
            record("words", "Nền tảng danh mục định kỳ", "Catalogue", &[]),
            record("inside", "Xdinh Ydanh", "", &[]),
            record(
                "dat-dai",
                "Dữ liệu đất đai",
                "Land data",
                &["Tổng cục Quản lý đất đai"],
            ),
            record("dan-cu", "Dữ liệu dân cư", "Population data", &[]),
            record("other", "Bảo hiểm", "", &["định danh"]),
            record("e-kyc", "", "Know your customer", &[]),
        ]
        .into()
    }

    fn searched<'a>(
        records: &'a Records,
        query: &Query,
        after: Option<&Cursor>,
        size: usize,
    ) -> Page<Hit<&'a Record>> {
        let last = after.map(|cursor| match &*cursor.values {
            [_, Some(Constant::Text(name))] => (sort_key(name), cursor.name.clone()),
            other => panic!("{other:?}"),
        });
        let rows = records.iter().map(|(key, (text, record))| Row {
            text,
            record,
            passed: last.as_ref().is_some_and(|last| key <= last),
        });
        search(rows, query, after, size, Some)
    }

    fn found_ids(query: &str) -> Vec<String> {
        let records = records();
        let page = searched(&records, &Query::parse(query).unwrap(), None, 10);
        let ids = page.items.into_iter().map(|hit| hit.row.id.clone());
        ids.collect()
    }

    /// The whole of a search by its definition, one record at a time.
    fn defined<'a>(records: &'a Records, query: &Query) -> Vec<&'a Record> {
        // at every place of the text, without an index
        let found = |text: &str, word: &str| {
            let places = text
                .char_indices()
                .filter(|(at, _)| text[*at..].starts_with(word));
            let classes = places.map(|(at, _)| match text[..at].chars().next_back() {
                Some(before) if before.is_alphanumeric() => Class::Inside,
                _ => Class::WordStart,
            });
            classes.min()
        };
        let best = |record: &Record, word: &Word| {
            let mut best = None;
            record.texts(&mut |part, text| {
                if let Some(class) = found(&fold(text), &word.text) {
                    let here = Place { class, part };
                    best = Some(best.map_or(here, |best: Place| best.min(here)));
                }
            });
            best
        };
        let whole = fold(&query.key);
        let rank = |record: &Record| {
            let words: Option<Vec<_>> = query.words.iter().map(|it| best(record, it)).collect();
            let mut place = words?.into_iter().max()?;
            record.texts(&mut |part, text| {
                let folded = fold(text);
                if part != Part::Other && folded.starts_with(&whole) {
                    let class = match folded == whole {
                        true => Class::Equal,
                        false => Class::Prefix,
                    };
                    place = place.min(Place { class, part });
                }
            });
            // each word that has marks, in the name with the same ones
            let key = name_key(&record.name);
            let mut marked = query.key.split(|c: char| !c.is_alphanumeric() && c != '-');
            let bare = marked.any(|word| !word.is_ascii() && !key.contains(word.trim_matches('-')));
            Some(Rank { bare, place })
        };
        let records = records.values().map(|(_, record)| record);
        let mut met: Vec<_> = records
            .filter_map(|record| Some((rank(record)?, record)))
            .collect();
        met.sort_by(|(a, left), (b, right)| {
            a.cmp(b)
                .then_with(|| compare_names(&left.name, &right.name))
                .then_with(|| left.resource_name.cmp(&right.resource_name))
        });
        met.into_iter().map(|(_, record)| record).collect()
    }

    #[test]
    fn ranks_go_from_the_whole_name_to_parts_of_words() {
        let expected = ["exact", "prefix", "words", "other", "inside"];
        assert_eq!(found_ids("dinh danh"), expected);
        assert_eq!(found_ids("ĐỊNH  danh"), expected);
    }

    #[test]
    fn every_word_must_be_found_somewhere() {
        assert_eq!(found_ids("đất quản"), ["dat-dai"]);
        assert_eq!(found_ids("dinh danh, khong"), [""; 0]);
        assert_eq!(
            found_ids("du lieu"),
            ["dan-cu", "dat-dai"],
            "by the Vietnamese alphabet"
        );
        assert_eq!(found_ids("data"), ["dan-cu", "dat-dai"]);
        assert_eq!(found_ids("e-kyc"), ["e-kyc"]);
        assert_eq!(found_ids("(identity)"), ["exact", "prefix"]);
    }

    #[test]
    fn names_with_the_diacritics_of_the_query_come_first() {
        let records: Records = [
            record("1", "Da liễu", "", &[]),
            record("2", "Hệ thống Đà Nẵng", "", &[]),
            record("3", "Đá", "", &["Đà"]),
            record("4", "Hòa Bình", "", &[]),
            record("5", "Hoa Binh", "", &[]),
            record("6", "Kĩ thuật số 2", "", &[]),
            record("7", "Ky", "", &[]),
        ]
        .into();
        for (query, expected) in [
            ("đà", &["2", "3", "1"][..]),
            ("da", &["3", "1", "2"]),
            ("đa", &["3", "1", "2"]),
            ("Da liễu", &["1"]),
            ("hoà binh", &["4", "5"]),
            ("hoa binh", &["5", "4"]),
            ("kỹ", &["6", "7"]),
            ("ki", &["7", "6"]),
            ("k\u{ad}ỹ\u{3164} thuật", &["6"]),
        ] {
            let page = searched(&records, &Query::parse(query).unwrap(), None, 10);
            let ids: Vec<_> = page.items.iter().map(|hit| &*hit.row.id).collect();
            assert_eq!(ids, expected, "{query}");
        }
    }

    #[test]
    fn queries_are_bounded_and_not_blank() {
        for (query, reason) in [("", "QUERY_BLANK"), (" -, \u{301}", "QUERY_BLANK")] {
            match Query::parse(query) {
                Err(Error::Invalid(violations)) => {
                    assert_eq!(
                        violations.iter().next().unwrap().rule.reason().name(),
                        reason
                    );
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(Query::parse(&"đ".repeat(200)).is_ok());
    }

    proptest! {
        #[test]
        fn pages_make_up_the_whole(
            names in prop::collection::vec("(Đ|đ|d|a|ă|-| ){0,7}", 0..30), size in 1..5_usize,
            query in "[đda](-?[da])?( [da]){0,3}"
        ) {
            let others = [&["Đ a", "da"][..], &[]];
            let records: Records = names
                .iter()
                .enumerate()
                .map(|(index, name)| {
                    record(&index.to_string(), name, "a đ", others[index % 2])
                })
                .collect();
            let query = Query::parse(&query).unwrap();
            let whole = searched(&records, &query, None, 100);
            prop_assert_eq!(whole.next, None);
            let rows: Vec<_> = whole.items.iter().map(|hit| hit.row).collect();
            prop_assert_eq!(rows, defined(&records, &query));
            let (mut walked, mut after) = (Vec::new(), None);
            loop {
                let page = searched(&records, &query, after.as_ref(), size);
                walked.extend(page.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            prop_assert_eq!(walked, whole.items);
        }

        #[test]
        fn any_query_is_answered(query in any::<String>(), name in any::<String>()) {
            if let Ok(query) = Query::parse(&query) {
                searched(&[record("1", &name, "", &[])].into(), &query, None, 1);
            }
        }
    }
}
