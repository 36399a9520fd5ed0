//! Which characters a text may have, and in which form it is stored: the same for every field,
//! header, file and command. `proto/ndp/registry/v1/text.proto` documents this for clients.

use std::borrow::Cow;

use unicode_properties::{
    GeneralCategory as Category, GeneralCategoryGroup, UnicodeGeneralCategory,
};

pub use crate::messages::Fault;
use crate::text::{
    characters::{is_common, is_inkless, is_unseen},
    nfc,
};

/// How many lines a text may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// A name, a title, a symbol: neither line breaks nor tabs.
    One,
    /// Prose, with both.
    Many,
}

/// The first fault of a text as it was sent.
pub fn fault(text: &str, lines: Lines) -> Option<Fault> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    let mut begun = false;
    for (index, character) in text.chars().enumerate() {
        let position = index + 1;
        match character {
            _ if is_common(character) => {}
            '\n' | '\r' | '\t' if lines == Lines::One => return Some(Fault::Break { position }),
            '\n' | '\r' | '\t' => {}
            _ if is_refused(character) => {
                return Some(Fault::Hidden {
                    position,
                    character,
                });
            }
            _ if is_dropped(character) || is_inkless(character) => continue,
            _ if !begun && is_mark(character) => {
                return Some(Fault::Mark {
                    position,
                    character,
                });
            }
            _ => {}
        }
        begun |= !character.is_whitespace();
    }
    None
}

/// The form in which a text is stored: line endings as line feeds, dropped characters removed,
/// characters without ink as spaces, NFC, no white space at either end.
pub fn kept(text: &str) -> Cow<'_, str> {
    if text.chars().all(|it| is_common(it) || it == '\n') {
        return Cow::Borrowed(text.trim());
    }
    let clean = match text.contains(|it| it == '\r' || is_inkless(it) || is_dropped(it)) {
        false => Cow::Borrowed(text),
        true => {
            let lines = text.replace("\r\n", "\n").replace('\r', "\n");
            Cow::Owned(lines.replace(is_dropped, "").replace(is_inkless, " "))
        }
    };
    match clean {
        Cow::Borrowed(text) => match nfc(text) {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(trimmed(text)),
        },
        Cow::Owned(text) => Cow::Owned(trimmed(nfc(&text).into_owned())),
    }
}

fn trimmed(text: String) -> String {
    match text.trim() {
        kept if kept.len() == text.len() => text,
        kept => kept.to_owned(),
    }
}

/// Controls, format characters (joiners, soft hyphens, direction marks, byte order marks), private
/// use characters, unassigned characters, and the line and paragraph separators.
fn is_refused(character: char) -> bool {
    if is_common(character) {
        return false;
    }
    matches!(
        character.general_category_group(),
        GeneralCategoryGroup::Other
    ) || matches!(
        character.general_category(),
        Category::LineSeparator | Category::ParagraphSeparator
    )
}

fn is_mark(character: char) -> bool {
    !is_common(character) && character.general_category_group() == GeneralCategoryGroup::Mark
}

/// Invisible letters and marks: fillers and variation selectors. Other invisible characters are
/// refused.
fn is_dropped(character: char) -> bool {
    is_unseen(character) && character.general_category_group() != GeneralCategoryGroup::Other
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_be_seen_is_refused() {
        for hidden in [
            '\0',
            '\u{8}',
            '\u{B}',
            '\u{C}',
            '\u{1B}',
            '\u{7F}',
            '\u{85}',
            '\u{9F}',
            '\u{AD}',
            '\u{61C}',
            '\u{180E}',
            '\u{200B}',
            '\u{200C}',
            '\u{200D}',
            '\u{200E}',
            '\u{2028}',
            '\u{2029}',
            '\u{202E}',
            '\u{2060}',
            '\u{2067}',
            '\u{FEFF}',
            '\u{FFF9}',
            '\u{FFFE}',
            '\u{FDD0}',
            '\u{378}',
            '\u{E000}',
            '\u{E0001}',
            '\u{E0041}',
            '\u{F0000}',
            '\u{10FFFF}',
        ] {
            let text = format!("đ{hidden}x");
            for lines in [Lines::One, Lines::Many] {
                assert_eq!(
                    fault(&text, lines),
                    Some(Fault::Hidden {
                        position: 2,
                        character: hidden
                    }),
                    "{hidden:?}"
                );
            }
        }
        for seen in [
            "Nền tảng số",
            "a\u{301}\u{323}",
            "\u{FFFD}",
            "😀",
            "ខ្មែរ",
            "a\u{A0}b",
            "…–№",
        ] {
            assert_eq!(fault(seen, Lines::One), None, "{seen:?}");
        }
    }

    #[test]
    fn lines_are_for_prose() {
        for break_ in ["\n", "\r", "\r\n", "\t"] {
            let text = format!("a{break_}b");
            assert_eq!(fault(&text, Lines::One), Some(Fault::Break { position: 2 }));
            assert_eq!(fault(&text, Lines::Many), None);
        }
    }

    #[test]
    fn a_text_begins_with_no_mark() {
        let mark = Some(Fault::Mark {
            position: 2,
            character: '\u{301}',
        });
        assert_eq!(fault(" \u{301}a", Lines::One), mark);
        assert_eq!(fault("\u{FE0F}\u{301}a", Lines::One), mark);
        assert_eq!(fault("a \u{301}", Lines::One), None);
    }

    #[test]
    fn what_is_kept_has_one_form() {
        for (sent, expected) in [
            ("a\r\nb\rc\n\rd", "a\nb\nc\n\nd"),
            ("  Nê\u{300}n ta\u{309}ng\u{A0}\n", "Nền tảng"),
            ("✔\u{FE0F} xong\u{3164}", "✔ xong"),
            ("\u{2800}a\u{2800}b\u{13441}", "a b"),
            ("\u{3164}\u{2800}\u{34F} \u{115F}", ""),
            (" \t\r\n", ""),
            ("a \t b", "a \t b"),
        ] {
            assert_eq!(kept(sent), expected, "{sent:?}");
        }
        assert!(matches!(kept("  Định danh "), Cow::Borrowed("Định danh")));
    }

    #[test]
    fn what_is_dropped_is_what_the_contract_lists() {
        let all = '\0'..=char::MAX;
        let dropped: String = all.filter(|it| is_dropped(*it)).collect();
        let listed = [
            '\u{34F}'..='\u{34F}',
            '\u{115F}'..='\u{1160}',
            '\u{17B4}'..='\u{17B5}',
            '\u{180B}'..='\u{180D}',
            '\u{180F}'..='\u{180F}',
            '\u{3164}'..='\u{3164}',
            '\u{FE00}'..='\u{FE0F}',
            '\u{FFA0}'..='\u{FFA0}',
            '\u{E0100}'..='\u{E01EF}',
        ];
        assert_eq!(dropped, listed.into_iter().flatten().collect::<String>());
    }

    const FORMS: &str = "(\\PC|[\r\n\t \u{301}\u{323}\u{FE0F}\u{3164}\u{2800}\u{16FE4}]){0,40}";

    proptest! {
        #[test]
        fn what_is_kept_is_kept_again(text in FORMS) {
            let once = kept(&text).into_owned();
            prop_assert_eq!(kept(&once), once.as_str());
            prop_assert!(!once.contains('\r'));
            for lines in [Lines::One, Lines::Many] {
                if fault(&text, lines).is_none() {
                    prop_assert_eq!(fault(&once, lines), None);
                }
            }
        }
    }
}
