//! Search without diacritics and case: `dinh danh` finds `Định danh`.
//!
//! Every word of the query must be found in the record. Records whose name is the query come
//! first, then names that begin with it, then those where every word begins a word, then those
//! where some word is found only inside another; among equals the weightier part wins, then the
//! Vietnamese alphabet, then the resource name. The folded texts of a record are made once, by
//! whoever keeps the record.

use std::{cmp::Ordering, fmt};

use super::{
    page::{Cursor, First, Page, cut},
    schema::Constant,
};
use crate::domain::{
    error::Error,
    text::{compare_names, fold},
};

/// Longest query, in characters.
pub const MAX_CHARS: usize = 200;

/// Which part of a record a text is; the earlier, the weightier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The name in Vietnamese.
    Name = 0,
    /// The name in English.
    EnglishName = 1,
    /// The id, or a code that stands for the record.
    Id = 2,
    /// Anything else: earlier names, units, labels.
    Other = 3,
}

/// A record that can be searched for.
pub trait Searchable {
    /// The resource name.
    fn resource_name(&self) -> String;

    /// The Vietnamese name, by which equal ranks are ordered.
    fn vietnamese_name(&self) -> &str;

    /// Calls back with each text that is searched, and what part of the record it is.
    fn texts(&self, text: &mut dyn FnMut(Part, &str));
}

/// The folded texts of a record, in two pieces of memory: there is one for each record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchText {
    /// The folded texts, the Vietnamese name and the resource name, one after the other.
    all: Box<str>,
    /// What each text is of, and where it ends in `all`.
    ends: Box<[(Part, usize)]>,
    vietnamese_name_end: usize,
}

impl SearchText {
    /// Folds the texts of a record.
    pub fn new(record: &impl Searchable) -> Self {
        let mut all = String::new();
        let mut ends = Vec::new();
        record.texts(&mut |part, text| {
            let folded = fold(text);
            if !folded.is_empty() {
                all.push_str(&folded);
                ends.push((part, all.len()));
            }
        });
        all.push_str(record.vietnamese_name());
        let vietnamese_name_end = all.len();
        all.push_str(&record.resource_name());
        Self {
            all: all.into(),
            ends: ends.into(),
            vietnamese_name_end,
        }
    }

    fn texts(&self) -> impl Iterator<Item = (Part, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        let spans = starts.zip(&*self.ends);
        spans.map(|(start, (part, end))| (*part, self.all.get(start..*end).unwrap_or_default()))
    }

    fn vietnamese_name(&self) -> &str {
        let start = self.ends.last().map_or(0, |(_, end)| *end);
        let name = self.all.get(start..self.vietnamese_name_end);
        name.unwrap_or_default()
    }

    fn resource_name(&self) -> &str {
        self.all.get(self.vietnamese_name_end..).unwrap_or_default()
    }

    /// How well the query is met, the smaller the better; nothing when some word is not found.
    fn rank(&self, query: &Query) -> Option<Rank> {
        let mut rank = Rank {
            class: Class::Equal,
            part: Part::Name,
        };
        for word in &query.words {
            let best = self
                .texts()
                .filter_map(|(part, text)| {
                    Some(Rank {
                        class: found(text, word)?,
                        part,
                    })
                })
                .min()?;
            rank = rank.max(best);
        }
        let whole = self.texts().filter_map(|(part, text)| {
            let rest = text.strip_prefix(&query.folded)?;
            let class = if rest.is_empty() {
                Class::Equal
            } else {
                Class::Prefix
            };
            (part != Part::Other).then_some(Rank { class, part })
        });
        Some(whole.fold(rank, Rank::min))
    }
}

/// How a query was found, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Equal = 0,
    Prefix = 1,
    WordStart = 2,
    Inside = 3,
}

/// How well a record meets a query: how it was found, then where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    class: Class,
    part: Part,
}

impl Rank {
    const fn number(self) -> i64 {
        self.class as i64 * 10 + self.part as i64
    }
}

/// Whether the word begins a word of the text, or is found inside one.
fn found(text: &str, word: &str) -> Option<Class> {
    let mut class = None;
    for (at, _) in text.match_indices(word) {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        if before.is_none_or(|c| !c.is_alphanumeric()) {
            return Some(Class::WordStart);
        }
        class = Some(Class::Inside);
    }
    class
}

/// A checked and folded query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    folded: String,
    words: Vec<String>,
}

impl Query {
    /// Checks and folds the text of a query.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.chars().count() > MAX_CHARS {
            return Err(Error::invalid(
                "query",
                "QUERY_TOO_LONG",
                format!("longer than {MAX_CHARS} characters; a few words are enough"),
                format!("dài quá {MAX_CHARS} ký tự; chỉ cần vài từ"),
            ));
        }
        // what stands around a word, a comma say, is not searched for
        let folded = fold(text);
        let mut words: Vec<_> = folded
            .split(' ')
            .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        if words.is_empty() {
            return Err(Error::invalid(
                "query",
                "QUERY_BLANK",
                "no word to search for; write at least one letter or digit",
                "không có từ để tìm; hãy nhập ít nhất một chữ cái hoặc chữ số",
            ));
        }
        words.sort_unstable();
        words.dedup();
        Ok(Self { folded, words })
    }

    /// One text for all queries that find the same; a page token is bound to it.
    pub fn canonical(&self) -> &str {
        &self.folded
    }
}

/// A page of the records that meet the query, best first. The caller leaves out the rows that
/// its caller may not see, and those a filter refuses.
pub fn search<'a, R>(
    rows: impl IntoIterator<Item = (&'a SearchText, R)>,
    query: &Query,
    after: Option<&Cursor>,
    size: usize,
) -> Page<R> {
    let mut first = First::new(size.saturating_add(1), |a: &Hit<'a, R>, b: &Hit<'a, R>| {
        compare(a.place(), b.place())
    });
    let after = after.map(place_of);
    for (text, row) in rows {
        let Some(rank) = text.rank(query) else {
            continue;
        };
        let hit = Hit {
            rank: rank.number(),
            text,
            row,
        };
        if after.is_none_or(|after| compare(hit.place(), after).is_gt()) && first.wants(&hit) {
            first.push(hit);
        }
    }
    let page = cut(first.into_sorted(), size, Hit::cursor);
    Page {
        items: page.items.into_iter().map(|hit| hit.row).collect(),
        next: page.next,
    }
}

/// A record that was found, with what decides its place.
struct Hit<'a, R> {
    rank: i64,
    text: &'a SearchText,
    row: R,
}

type Place<'a> = (i64, &'a str, &'a str);

impl<R> Hit<'_, R> {
    fn place(&self) -> Place<'_> {
        (
            self.rank,
            self.text.vietnamese_name(),
            self.text.resource_name(),
        )
    }

    fn cursor(&self) -> Cursor {
        let (rank, vietnamese_name, resource_name) = self.place();
        Cursor {
            values: vec![
                Some(Constant::Integer(rank)),
                Some(Constant::Text(vietnamese_name.to_owned())),
            ],
            name: resource_name.to_owned(),
        }
    }
}

impl<R> fmt::Debug for Hit<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hit").field(&self.place()).finish()
    }
}

fn place_of(cursor: &Cursor) -> Place<'_> {
    match cursor.values.as_slice() {
        [Some(Constant::Integer(rank)), Some(Constant::Text(name))] => (*rank, name, &cursor.name),
        // no search gave out this cursor; the walk starts again
        _ => (i64::MIN, "", &cursor.name),
    }
}

fn compare(a: Place<'_>, b: Place<'_>) -> Ordering {
    a.0.cmp(&b.0)
        .then_with(|| compare_names(a.1, b.1))
        .then_with(|| a.2.cmp(b.2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A made-up record.
    #[derive(Clone, Debug)]
    struct Record {
        id: String,
        name: String,
        english: &'static str,
        others: Vec<&'static str>,
    }

    impl Searchable for Record {
        fn resource_name(&self) -> String {
            format!("records/{}", self.id)
        }

        fn vietnamese_name(&self) -> &str {
            &self.name
        }

        fn texts(&self, text: &mut dyn FnMut(Part, &str)) {
            text(Part::Name, &self.name);
            text(Part::EnglishName, self.english);
            text(Part::Id, &self.id);
            for other in &self.others {
                text(Part::Other, other);
            }
        }
    }

    fn record(
        id: &str,
        name: &str,
        english: &'static str,
        others: &[&'static str],
    ) -> (SearchText, String) {
        let (name, others) = (name.to_owned(), others.to_vec());
        let record = Record {
            id: id.to_owned(),
            name,
            english,
            others,
        };
        (SearchText::new(&record), record.id)
    }

    fn records() -> Vec<(SearchText, String)> {
        vec![
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
    }

    fn found_ids(query: &str) -> Vec<String> {
        let records = records();
        let rows = records.iter().map(|(text, id)| (text, id.clone()));
        search(rows, &Query::parse(query).unwrap(), None, 10).items
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
    fn queries_are_bounded_and_not_blank() {
        for (query, reason) in [
            ("", "QUERY_BLANK"),
            (" -, \u{301}", "QUERY_BLANK"),
            (&*"đ".repeat(201), "QUERY_TOO_LONG"),
        ] {
            match Query::parse(query) {
                Err(Error::Invalid(violations)) => {
                    assert_eq!(violations.iter().next().unwrap().reason, reason);
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(Query::parse(&"đ".repeat(200)).is_ok());
    }

    proptest! {
        #[test]
        fn pages_make_up_the_whole(
            names in prop::collection::vec("(Đ|đ|d|a|ă| ){0,5}", 0..30), size in 1..5_usize,
            query in "[đda]( [da])?"
        ) {
            let records: Vec<_> = names
                .iter()
                .enumerate()
                .map(|(index, name)| record(&index.to_string(), name, "", &[]))
                .collect();
            let query = Query::parse(&query).unwrap();
            let rows = || records.iter().map(|(text, id)| (text, id.clone()));
            let whole = search(rows(), &query, None, 100);
            prop_assert_eq!(whole.next, None);
            let (mut walked, mut after) = (Vec::new(), None);
            loop {
                let page = search(rows(), &query, after.as_ref(), size);
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
                let (text, id) = record("1", &name, "", &[]);
                search([(&text, id)], &query, None, 1);
            }
        }
    }
}
