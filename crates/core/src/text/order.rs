//! The order of names: the collation `vi` of CLDR, numbers in names as numbers, and `Ð` (eth) as
//! the `Đ` that it is typed for. A key is never stored or sent, because another release of the
//! collation tables may sort differently.

use std::{borrow::Cow, cmp::Ordering, sync::LazyLock};

use icu_collator::{
    Collator, CollatorBorrowed, CollatorPreferences, options::CollatorOptions,
    preferences::CollationNumericOrdering,
};
use icu_locale_core::locale;

use crate::text::fold;

// With the tables compiled in, building cannot fail for `vi`; were it ever to, names sort by
// their folded text, which is wrong in detail but the same everywhere.
static COLLATOR: LazyLock<Option<CollatorBorrowed<'static>>> = LazyLock::new(|| {
    let mut preferences = CollatorPreferences::from(locale!("vi"));
    preferences.numeric_ordering = Some(CollationNumericOrdering::True);
    Collator::try_new(preferences, CollatorOptions::default()).ok()
});

/// Compares two names by the Vietnamese alphabet; an empty name comes last. Agrees with
/// [`sort_key`], and is cheaper where each name is compared only a few times.
pub fn compare_names(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (false, false) => match &*COLLATOR {
            Some(collator) => collator.compare(&without_eth(a), &without_eth(b)),
            None => fold(a).cmp(&fold(b)),
        },
        (a, b) => a.cmp(&b),
    }
}

/// The text with `đ` in place of the letters that look like it.
fn without_eth(text: &str) -> Cow<'_, str> {
    if !text.contains(['ð', 'Ð', 'ɖ', 'Ɖ']) {
        return Cow::Borrowed(text);
    }
    let letter = |c| match c {
        'ð' | 'ɖ' => 'đ',
        'Ð' | 'Ɖ' => 'Đ',
        c => c,
    };
    Cow::Owned(text.chars().map(letter).collect())
}

/// A name as bytes whose order is that of the Vietnamese alphabet, for keys of ordered maps.
///
/// The key of an empty name is greater than every other, so empty names come last in ascending
/// order.
///
/// The default key belongs to no name and is less than every other.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortKey(Box<[u8]>);

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
            let Ok(()) = collator.write_sort_key_to(&without_eth(text), &mut key);
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

    const NAMES: &str = "\\PC{0,12}|[aăâdđÐAĐeêế0-9. \u{300}-\u{323}]{0,6}";

    #[test]
    fn numbers_in_names_sort_as_numbers() {
        let sorted = [
            "Đề án 6",
            "Đề án 06",
            "Đề án 9",
            "Đề án 10",
            "Đề án 100",
            "Đề án 10000000000000000000000",
            "Nền tảng 2.9",
            "Nền tảng 2.10",
            "Quận 1",
            "Quận 2",
            "Quận 12",
        ];
        let mut names = sorted;
        names.sort_by(|a, b| compare_names(b, a));
        names.sort_by(|a, b| compare_names(a, b).then_with(|| a.len().cmp(&b.len())));
        assert_eq!(names, sorted);
        names.sort_by_key(|name| sort_key(name));
        assert_eq!(names, sorted, "the sort is stable");
        assert!(compare_names("Đề án 6", "Đề án 06").is_eq());
    }

    #[test]
    fn eth_sorts_as_the_letter_it_is_typed_for() {
        assert!(compare_names("Da", "Ðà").is_lt() && compare_names("Ðà", "E").is_lt());
        assert!(compare_names("Ðất", "Đất").is_eq());
        assert_eq!(sort_key("Ðất"), sort_key("Đất"));
    }

    proptest! {
        #[test]
        fn keys_agree_with_comparison(
            a in NAMES, b in NAMES, c in NAMES
        ) {
            prop_assert_eq!(sort_key(&a).cmp(&sort_key(&b)), compare_names(&a, &b));
            prop_assert_eq!(compare_names(&b, &a), compare_names(&a, &b).reverse());
            if compare_names(&a, &b).is_le() && compare_names(&b, &c).is_le() {
                prop_assert!(compare_names(&a, &c).is_le());
            }
        }

        #[test]
        fn numbers_compare_by_value(
            a in any::<u64>(), b in any::<u64>(), rest in "( [a-z]{0,3})?",
        ) {
            let [a_name, b_name] = [a, b].map(|number| format!("Đề án {number}{rest}"));
            prop_assert_eq!(compare_names(&a_name, &b_name), a.cmp(&b));
        }
    }
}
