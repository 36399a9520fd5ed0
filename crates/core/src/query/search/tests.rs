//! Search against its definition, one record at a time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::text::{SortKey, compare_names, sort_key};

/// A synthetic record.
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

impl Searchable for &Record {
    fn texts<'a>(&'a self, text: &mut dyn FnMut(TextSource, &'a str)) {
        text(TextSource::Name, &self.name);
        text(TextSource::EnglishName, self.english);
        text(TextSource::Id, &self.id);
        for other in &self.others {
            text(TextSource::Other, other);
        }
    }
}

type Records = BTreeMap<(SortKey, String), Record>;

fn record(
    id: &str,
    name: &str,
    english: &'static str,
    others: &[&'static str],
) -> ((SortKey, String), Record) {
    let record = Record {
        id: id.to_owned(),
        resource_name: format!("records/{id}"),
        name: name.to_owned(),
        english,
        others: others.to_vec(),
    };
    let key = (sort_key(name), record.resource_name.clone());
    (key, record)
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

/// A page of the records, in blocks of a size.
fn searched<'a>(
    records: &'a Records,
    in_block: usize,
    query: &Query,
    after: Option<&Cursor>,
    size: usize,
) -> Page<Hit<&'a Record>> {
    let last = after.map(|cursor| match &*cursor.values {
        [_, Some(Constant::Text(name))] => (sort_key(name), cursor.name.clone()),
        other => panic!("{other:?}"),
    });
    let rows: Vec<_> = records.iter().collect();
    let blocks: Vec<_> = rows
        .chunks(in_block)
        .map(|block| {
            let records: Vec<_> = block.iter().map(|(_, record)| *record).collect();
            let passed = |(key, _): &(&(SortKey, String), _)| last.as_ref() >= Some(key);
            let passed = block.partition_point(passed);
            (Texts::new(&records), records, passed)
        })
        .collect();
    let blocks = blocks.iter().map(|(texts, records, passed)| Block {
        texts,
        records,
        passed: *passed,
    });
    search(blocks, query, after, size, |record| Some(*record))
}

fn found_ids(query: &str) -> Vec<String> {
    let records = records();
    let page = searched(&records, 3, &Query::parse(query).unwrap(), None, 10);
    let ids = page.items.into_iter().map(|hit| hit.row.id.clone());
    ids.collect()
}

/// How a query was found, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Equal,
    Prefix,
    WordStart,
    Inside,
}

/// The best place of a word in a text, looked for at every place.
fn found(text: &str, word: &str) -> Option<Class> {
    let places = text
        .char_indices()
        .filter(|(at, _)| text[*at..].starts_with(word));
    let classes = places.map(|(at, _)| match text[..at].chars().next_back() {
        Some(before) if before.is_alphanumeric() => Class::Inside,
        _ => Class::WordStart,
    });
    classes.min()
}

/// The whole of a search by its definition, one record at a time.
pub(crate) fn defined<R: Searchable + Alphabetical>(records: Vec<R>, query: &Query) -> Vec<R> {
    let best = |record: &R, word: &str| {
        let mut best = None;
        record.texts(&mut |part, text| {
            if let Some(class) = found(&fold(text), word) {
                best = Some(best.map_or((class, part), |best: (_, _)| best.min((class, part))));
            }
        });
        best
    };
    let whole = fold(&query.key);
    let rank = |record: &R| {
        let words = query.words.iter();
        let words = words.map(|word| std::str::from_utf8(word.needle()).unwrap());
        let words: Option<Vec<_>> = words.map(|word| best(record, word)).collect();
        let mut place = words?.into_iter().max()?;
        record.texts(&mut |part, text| {
            let folded = fold(text);
            if part != TextSource::Other && folded.starts_with(&whole) {
                let class = match folded == whole {
                    true => Class::Equal,
                    false => Class::Prefix,
                };
                place = place.min((class, part));
            }
        });
        // each word that has marks, in the name with the same ones
        let key = name_key(record.vietnamese_name());
        let mut marked = query.key.split(|c: char| !c.is_alphanumeric() && c != '-');
        let bare = marked.any(|word| !word.is_ascii() && !key.contains(word.trim_matches('-')));
        Some((bare, place))
    };
    let ranked = records.into_iter().map(|it| (rank(&it), it));
    let mut met: Vec<_> = ranked.filter(|(rank, _)| rank.is_some()).collect();
    met.sort_by(|(a, left), (b, right)| {
        a.cmp(b)
            .then_with(|| compare_names(left.vietnamese_name(), right.vietnamese_name()))
            .then_with(|| left.resource_name().cmp(right.resource_name()))
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
        let page = searched(&records, 3, &Query::parse(query).unwrap(), None, 10);
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
        names in prop::collection::vec("(Đ|đ|d|a|ă|-| ){0,7}", 0..70), size in 1..5_usize,
        in_block in prop::sample::select(vec![1, 2, 7, 64]),
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
        let whole = searched(&records, in_block, &query, None, 100);
        prop_assert_eq!(whole.next, None);
        let rows: Vec<_> = whole.items.iter().map(|hit| hit.row).collect();
        prop_assert_eq!(rows, defined(records.values().collect(), &query));
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = searched(&records, in_block, &query, after.as_ref(), size);
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
            searched(&[record("1", &name, "", &[])].into(), 1, &query, None, 1);
        }
    }
}
