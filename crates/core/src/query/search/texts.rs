//! The texts of a block of records, indexed for search: each word once, with the records that have
//! it. A search reads the words of a block instead of the texts of its records, and knows the
//! places of a word in all of them at once.

use std::collections::BTreeMap;

use memchr::{memchr_iter, memmem::Finder};

use super::{FIRST_OF_WORDS, PARTS, PLACES, Searchable, TextSource, is_mark};
use crate::state::blocks::{Members, RECORDS_MAX, members};
use crate::text::{fold, name_key};

/// What ends a word or text. No folded text has it.
const END: char = '\u{1}';

/// The indexed texts of a block of records.
#[derive(Debug)]
pub struct Texts {
    records: usize,
    /// The words of each part.
    parts: [Words; PARTS],
    /// The words with diacritics of the Vietnamese names.
    marked: Words,
    /// The whole texts that a query may be the beginning of: the names in both languages. An id is
    /// one word.
    names: [Names; 2],
}

impl Texts {
    /// Indexes the texts of records; those after the most that a block has are not found.
    pub fn new<R: Searchable>(records: &[R]) -> Self {
        let records = records.get(..RECORDS_MAX).unwrap_or(records);
        // many records have a text in common, as the name of their agency
        let mut texts: BTreeMap<(TextSource, &str), Members> = BTreeMap::new();
        for (index, record) in records.iter().enumerate() {
            record.texts(&mut |part, text| *texts.entry((part, text)).or_default() |= 1 << index);
        }
        let mut parts: [BTreeMap<String, Members>; PARTS] = Default::default();
        let mut marked = BTreeMap::new();
        let mut names = [(); 2].map(|()| vec![String::new(); records.len()]);
        for ((part, text), with) in texts {
            let mut folded = fold(text);
            folded.retain(|c| !is_mark(c));
            if let Some(words) = parts.get_mut(part as usize) {
                add(words, folded.split(' '), with);
            }
            if part == TextSource::Name && !text.is_ascii() {
                let key = name_key(text);
                let words = key.split(' ').filter(|word| !word.is_ascii());
                add(&mut marked, words, with);
            }
            if let Some(names) = names.get_mut(part as usize) {
                for member in members(with) {
                    if let Some(name) = names.get_mut(member) {
                        name.clone_from(&folded);
                    }
                }
            }
        }
        Self {
            records: records.len(),
            parts: parts.map(|words| Words::new(&words)),
            marked: Words::new(&marked),
            names: names.map(|names| Names::new(&names)),
        }
    }

    /// All records of the block.
    pub(super) const fn all(&self) -> Members {
        match self.records {
            RECORDS_MAX => Members::MAX,
            records => (1 << records) - 1,
        }
    }

    /// The records that have this word, for each place from [`FIRST_OF_WORDS`] on. Those not
    /// `wanted` may be left out, and so may a place worse than another of the same record.
    pub(super) fn find(
        &self,
        word: &Finder<'_>,
        wanted: Members,
    ) -> [Members; PLACES - FIRST_OF_WORDS] {
        let mut found = [0; PLACES - FIRST_OF_WORDS];
        let (starts, insides) = found.split_at_mut(PARTS);
        let places = starts.iter_mut().zip(insides);
        let mut wanted = wanted;
        for (words, (start, inside)) in self.parts.iter().zip(places) {
            (*start, *inside) = words.find(word, wanted);
            wanted &= !*start;
            if wanted == 0 {
                break;
            }
        }
        found
    }

    /// The records whose Vietnamese name has this word with its diacritics.
    pub(super) fn find_marked(&self, word: &Finder<'_>) -> Members {
        let (starts, insides) = self.marked.find(word, Members::MAX);
        starts | insides
    }

    /// The records that have a text which begins with `whole`, for each place before
    /// [`FIRST_OF_WORDS`].
    pub(super) fn begins_with(&self, whole: &str) -> [Members; FIRST_OF_WORDS] {
        let mut found = [0; FIRST_OF_WORDS];
        let (equals, longer) = found.split_at_mut(PARTS);
        let [name, english_name] = &self.names;
        let [_, _, ids, _] = &self.parts;
        let texts = [
            name.begins_with(whole),
            english_name.begins_with(whole),
            ids.begins_with(whole),
        ];
        for ((equal, longer), text) in equals.iter_mut().zip(longer).zip(texts) {
            (*equal, *longer) = text;
        }
        found
    }
}

fn add<'a>(
    words: &mut BTreeMap<String, Members>,
    more: impl Iterator<Item = &'a str>,
    with: Members,
) {
    for word in more.filter(|word| !word.is_empty()) {
        match words.get_mut(word) {
            Some(members) => *members |= with,
            None => {
                words.insert(word.to_owned(), with);
            }
        }
    }
}

/// The different words of some texts, in order, with the records that have them.
#[derive(Debug)]
struct Words {
    /// The words, each with an [`END`] after it.
    text: Box<str>,
    /// Where each begins.
    starts: Box<[u32]>,
    /// Which records have it.
    members: Box<[Members]>,
}

impl Words {
    fn new(words: &BTreeMap<String, Members>) -> Self {
        let mut text = String::new();
        let mut starts = Vec::with_capacity(words.len());
        for word in words.keys() {
            // a block's texts are far below 4 GiB
            starts.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
            text.push_str(word);
            text.push(END);
        }
        Self {
            text: text.into(),
            starts: starts.into(),
            members: words.values().copied().collect(),
        }
    }

    fn start(&self, index: usize) -> usize {
        let start = self.starts.get(index).map(|start| *start as usize);
        start.unwrap_or(self.text.len())
    }

    /// The records in which `word` begins a word, and those in which it is inside one. Those
    /// not `wanted` may be left out.
    fn find(&self, word: &Finder<'_>, wanted: Members) -> (Members, Members) {
        let (mut starts, mut insides) = (0, 0);
        let (mut index, mut from) = (0, 0);
        let text = self.text.as_bytes();
        while let Some(at) = text.get(from..).and_then(|rest| word.find(rest)) {
            let at = from + at;
            let later = self.starts.get(index + 1..).unwrap_or_default();
            index += later.partition_point(|start| *start as usize <= at);
            let members = self.members.get(index).copied().unwrap_or_default();
            // a word begins after any character but a letter or digit, as in `e-kyc`
            let before = self.text.get(self.start(index)..at).unwrap_or_default();
            if before.ends_with(char::is_alphanumeric) {
                insides |= members;
                from = at + 1;
            } else {
                starts |= members;
                if wanted & !starts == 0 {
                    break;
                }
                from = self.start(index + 1);
            }
        }
        (starts, insides)
    }

    /// The records that have the word `beginning`, and those with a longer one that begins so.
    fn begins_with(&self, beginning: &str) -> (Members, Members) {
        let word = |index| {
            let text = self.text.get(self.start(index)..self.start(index + 1));
            text.unwrap_or_default().trim_end_matches(END)
        };
        let (mut low, mut high) = (0, self.starts.len());
        while low < high {
            let middle = low.midpoint(high);
            match word(middle) < beginning {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        let (mut equal, mut longer) = (0, 0);
        for (index, members) in self.members.iter().enumerate().skip(low) {
            match word(index).strip_prefix(beginning) {
                Some("") => equal |= members,
                Some(_) => longer |= members,
                None => break,
            }
        }
        (equal, longer)
    }
}

/// One text of each record. Neighbours in the alphabet begin alike, so that each text is kept
/// without what it shares with the one before.
#[derive(Debug)]
struct Names {
    /// The rests, each with an [`END`] after it.
    rests: Box<str>,
    /// How many bytes each shares with the text before.
    shared: Box<[u8]>,
    /// The first bytes of the texts: bit n for each byte that is n modulo 64.
    firsts: u64,
}

fn first_bit(text: &str) -> u64 {
    text.bytes().next().map_or(0, |first| 1 << (first % 64))
}

impl Names {
    fn new(names: &[String]) -> Self {
        let (mut rests, mut shared, mut firsts) = (String::new(), Vec::new(), 0);
        let mut last = "";
        for name in names {
            let alike = name.char_indices().zip(last.chars());
            let alike = alike.take_while(|((_, one), other)| one == other);
            let ends = alike.map(|((at, c), _)| at + c.len_utf8());
            let end = ends.map_while(|end| u8::try_from(end).ok()).last();
            let end = end.unwrap_or_default();
            rests.push_str(name.get(usize::from(end)..).unwrap_or_default());
            rests.push(END);
            shared.push(end);
            firsts |= first_bit(name);
            last = name;
        }
        Self {
            rests: rests.into(),
            shared: shared.into(),
            firsts,
        }
    }

    /// The records whose text is `beginning`, and those whose text is longer and begins so.
    fn begins_with(&self, beginning: &str) -> (Members, Members) {
        let (mut equal, mut longer) = (0, 0);
        if self.firsts & first_bit(beginning) == 0 {
            return (equal, longer);
        }
        let (beginning, rests) = (beginning.as_bytes(), self.rests.as_bytes());
        let ends = memchr_iter(END as u8, rests);
        let (mut from, mut member) = (0, 1);
        // how many bytes of the beginning the text before has
        let mut alike = 0;
        for (shared, end) in self.shared.iter().zip(ends) {
            let shared = usize::from(*shared);
            let rest = rests.get(from..end).unwrap_or_default();
            if alike >= shared {
                let wanted = beginning.get(shared..).unwrap_or_default();
                let same = rest.iter().zip(wanted).take_while(|(a, b)| a == b);
                alike = shared + same.count();
            }
            if alike == beginning.len() {
                match shared + rest.len() == alike {
                    true => equal |= member,
                    false => longer |= member,
                }
            }
            member <<= 1;
            from = end + 1;
        }
        (equal, longer)
    }
}
