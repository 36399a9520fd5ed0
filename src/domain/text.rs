//! Vietnamese text: the composed form everything is stored in (NFC), the folded forms that
//! search and "same name" compare, and the order of the Vietnamese alphabet.
//!
//! Folding is for finding, never for storing: `fold` forgets tone and vowel marks, so that
//! `dinh danh` finds `Định danh`. The order comes from the CLDR collation `vi`; keys of it are
//! never stored or sent, since another release of the tables would sort otherwise.

pub mod legible;

use std::{borrow::Cow, cmp::Ordering, sync::LazyLock};

use icu_collator::{Collator, CollatorBorrowed, options::CollatorOptions};
use icu_locale_core::locale;
use unicode_normalization::{
    UnicodeNormalization,
    char::{decompose_canonical, is_combining_mark},
    is_nfc,
};

/// The composed form (NFC); borrowed when the text has it already.
pub fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// The form that search compares: no diacritics, `đ` as `d`, lower case, one space between
/// words, none at the ends.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    let mut take = |c: char| {
        if c.is_whitespace() {
            gap = true;
            return;
        }
        if std::mem::take(&mut gap) && !folded.is_empty() {
            folded.push(' ');
        }
        match c {
            // the letter with a stroke does not decompose; ð and ɖ are what some keyboards
            // type in its place, and look the same in capitals
            'đ' | 'Đ' | 'ð' | 'Ð' | 'ɖ' | 'Ɖ' => folded.push('d'),
            _ if c.is_ascii() => folded.push(c.to_ascii_lowercase()),
            // by character: the lower case of a whole text depends on neighbours (final sigma)
            _ => folded.extend(c.to_lowercase()),
        }
    };
    // Character by character, since the order that NFD brings marks into does not matter.
    for c in text.chars() {
        if c.is_ascii() {
            take(c);
        } else {
            decompose_canonical(c, |c| {
                if !is_combining_mark(c) {
                    take(c);
                }
            });
        }
    }
    folded
}

/// The form that "same name up to case" compares: composed and lower case, marks kept.
pub fn fold_case(text: &str) -> String {
    // composed once more, since a lower case may come out decomposed
    text.nfc().flat_map(char::to_lowercase).nfc().collect()
}

// With the tables compiled in, building cannot fail for `vi`; were it ever to, names sort by
// their folded text, which is wrong in detail but the same everywhere.
static COLLATOR: LazyLock<Option<CollatorBorrowed<'static>>> =
    LazyLock::new(|| Collator::try_new(locale!("vi").into(), CollatorOptions::default()).ok());

/// Compares two names by the Vietnamese alphabet; an empty name comes last. Agrees with
/// [`sort_key`], and is cheaper where each name is compared only a few times.
pub fn compare_names(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (false, false) => match &*COLLATOR {
            Some(collator) => collator.compare(a, b),
            None => fold(a).cmp(&fold(b)),
        },
        (a, b) => a.cmp(&b),
    }
}

/// A name as bytes whose order is that of the Vietnamese alphabet, for keys of ordered maps.
///
/// The key of an empty name is greater than every other, so empty names come last in ascending
/// order. For a descending order use [`SortKey::cmp_descending`], which reverses the names that
/// are there and still leaves the empty ones last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortKey(Box<[u8]>);

impl SortKey {
    /// Whether this is the key of an empty name.
    pub fn is_of_empty(&self) -> bool {
        self.0.first() == Some(&EMPTY)
    }

    /// The descending order, empty names last.
    pub fn cmp_descending(&self, other: &Self) -> Ordering {
        match (self.is_of_empty(), other.is_of_empty()) {
            (false, false) => other.cmp(self),
            (a, b) => a.cmp(&b),
        }
    }
}

// The first byte of a key: a name that is there, or an empty one.
const PRESENT: u8 = 0;
const EMPTY: u8 = 1;

/// The key of a name in the Vietnamese alphabet.
pub fn sort_key(text: &str) -> SortKey {
    if text.is_empty() {
        return SortKey([EMPTY].into());
    }
    let mut key = vec![PRESENT];
    match &*COLLATOR {
        Some(collator) => {
            let Ok(()) = collator.write_sort_key_to(text, &mut key);
        }
        None => key.extend(fold(text).bytes()),
    }
    SortKey(key.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folding_forgets_marks_case_and_spacing() {
        assert_eq!(fold("Định danh ĐIỆN TỬ"), "dinh danh dien tu");
        assert_eq!(fold("  Nền\ttảng \n số  "), "nen tang so");
        assert_eq!(fold("ƯỚC ưỡn Ỹ"), "uoc uon y");
        assert_eq!(fold("\u{301} \u{a0}"), "");
        assert_eq!(
            fold("ÐẤT ĐAI"),
            "dat dai",
            "eth typed for a d with a stroke"
        );
    }

    #[test]
    fn case_folding_keeps_marks() {
        assert_eq!(fold_case("ĐẤT Đai"), "đất đai");
        assert_eq!(fold_case("A\u{302}\u{301}"), "ấ");
        assert_ne!(fold_case("Đất"), fold_case("Dat"));
    }

    #[test]
    fn composed_text_is_borrowed() {
        assert!(matches!(nfc("Định danh"), Cow::Borrowed(_)));
        assert_eq!(nfc("D\u{323}"), "Ḍ");
        assert!(matches!(nfc("D\u{323}"), Cow::Owned(_)));
    }

    #[test]
    fn names_sort_by_the_vietnamese_alphabet() {
        let sorted = [
            "A",
            "À",
            "Ả",
            "Ã",
            "Á",
            "Ạ",
            "Ă",
            "Ắ",
            "Â",
            "Ấ",
            "B",
            "Dân cư",
            "Dữ liệu",
            "Đất đai",
            "Đề án",
            "E",
            "Ê",
            "Ế",
            "G",
            "O",
            "Ô",
            "Ơ",
            "U",
            "Ư",
            "V",
            "Y",
            "",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|a, b| compare_names(a, b));
        assert_eq!(names, sorted);
        names.reverse();
        names.sort_by_key(|name| sort_key(name));
        assert_eq!(names, sorted);
    }

    #[test]
    fn empty_names_are_last_in_both_directions() {
        let mut names = ["", "Ă", "A", "Đ"];
        names.sort_by(|a, b| sort_key(a).cmp_descending(&sort_key(b)));
        assert_eq!(names, ["Đ", "Ă", "A", ""]);
    }

    proptest! {
        #[test]
        fn folding_is_idempotent(text in "\\PC{0,40}|[a-zđĐăâêôơưàáảãạ \t\u{300}-\u{323}]{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once.clone());
            let once = fold_case(&text);
            prop_assert_eq!(fold_case(&once), once.clone());
            let once = nfc(&text).into_owned();
            prop_assert_eq!(nfc(&once), once.clone());
        }

        #[test]
        fn composition_does_not_change_a_folding(text in "\\PC{0,40}") {
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(fold(&decomposed), fold(&text));
            prop_assert_eq!(fold_case(&decomposed), fold_case(&text));
        }

        #[test]
        fn keys_agree_with_comparison(
            a in "\\PC{0,12}|[aăâdđAĐeêế \u{300}-\u{323}]{0,6}",
            b in "\\PC{0,12}|[aăâdđAĐeêế \u{300}-\u{323}]{0,6}"
        ) {
            prop_assert_eq!(sort_key(&a).cmp(&sort_key(&b)), compare_names(&a, &b));
        }
    }
}
