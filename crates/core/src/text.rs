//! Vietnamese text: which characters it may have and what is kept of them ([`legible`]), and three
//! forms made of it, none of which is stored or sent.
//!
//! - [`name_key`] answers whether two texts are the same name: marks count, spelling does not.
//! - [`fold`] is for finding: marks do not count either, so that `dinh danh` finds `Định danh`.
//! - [`sort_key`] orders by the Vietnamese alphabet, numbers as numbers.
//!
//! What has the same name key is folded to the same text.

mod characters;
mod folded;
pub mod legible;
mod order;
mod same;

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

pub use self::{
    characters::{is_blank, is_unseen},
    folded::fold,
    order::{SortKey, compare_names, sort_key},
    same::{name_key, same_name},
};

/// The composed form (NFC); borrowed when the text has it already.
pub(crate) fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// The digits of a number in groups of three, with a mark between them.
pub fn grouped(digits: &str, mark: char) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn composed_text_is_borrowed() {
        assert!(matches!(nfc("Định danh"), Cow::Borrowed(_)));
        assert_eq!(nfc("D\u{323}"), "Ḍ");
        assert!(matches!(nfc("D\u{323}"), Cow::Owned(_)));
    }

    /// Any text, and such as is near the rules: syllables, marks, blanks, dashes, quotes, digits.
    pub(super) const TEXTS: &str = "\\PC{0,30}\
        |([kKlmsthq]?h?[uùúoòóaàáeèéyỳýỹiíĩ]{0,3}[n]?|[-–—‑\"'“’]| |\u{a0}|\u{ad}|\u{2800}\
        |\u{16fe4}){0,9}\
        |[a-zđĐðÐăâêôơưàáảãạQquUyY0-9 \t\u{200b}\u{34f}\u{3164}\u{300}-\u{323}]{0,30}";

    proptest! {
        #[test]
        fn each_form_is_its_own_form(text in TEXTS) {
            for form in [fold, name_key, |text: &str| nfc(text).into_owned()] {
                let once = form(&text);
                prop_assert_eq!(form(&once), once.clone());
            }
        }

        #[test]
        fn composition_changes_no_form(text in TEXTS) {
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(fold(&decomposed), fold(&text));
            prop_assert_eq!(name_key(&decomposed), name_key(&text));
        }

        #[test]
        fn the_same_name_is_folded_to_the_same_text(text in TEXTS) {
            prop_assert_eq!(fold(&name_key(&text)), fold(&text));
        }

        #[test]
        fn what_is_kept_is_the_same_name(text in TEXTS) {
            prop_assert!(same_name(&legible::kept(&text), &text));
        }
    }
}
