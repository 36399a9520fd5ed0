//! Kinds of characters, by the properties of Unicode as `icu_properties` has them.

use icu_properties::{
    CodePointSetData,
    props::{Dash, DefaultIgnorableCodePoint, QuotationMark},
};

/// The letters of Vietnamese, and the other characters of a keyboard.
pub(super) const fn is_common(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{C0}'..='\u{24F}' | '\u{1EA0}'..='\u{1EF9}')
}

/// Whether the character is invisible and leaves no gap: joiners, soft hyphens, direction marks,
/// selectors, fillers (Unicode property Default_Ignorable_Code_Point).
pub fn is_unseen(c: char) -> bool {
    !is_common(c) && CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Whether the character appears as a gap: white space, and the characters of Unicode 17.0 without
/// ink that have another category. No Unicode property identifies the latter.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_inkless(c)
}

/// Braille without dots, hieroglyphic blanks, the filler of Khitan and the null notehead.
pub(super) const fn is_inkless(c: char) -> bool {
    matches!(
        c,
        '\u{2800}' | '\u{13441}' | '\u{13442}' | '\u{16FE4}' | '\u{1D159}'
    )
}

/// The hyphen for every dash, `"` for every quote and for what is typed as one, `đ` for the
/// letters that are taken for it (eth, d with a tail: the same capital), a space for every blank.
pub(super) fn plain(c: char) -> char {
    match c {
        'ð' | 'Ð' | 'ɖ' | 'Ɖ' | 'Đ' => 'đ',
        '\'' | '`' | '"' => '"',
        _ if is_common(c) => c,
        _ if is_blank(c) => ' ',
        // an accent that stands alone, letters for an apostrophe, primes
        '\u{B4}'
        | '\u{2B9}'..='\u{2BC}'
        | '\u{2C8}'
        | '\u{2CA}'
        | '\u{2CB}'
        | '\u{2032}'..='\u{2036}' => '"',
        // bullets that are typed for a hyphen are not dashes, the minus sign is
        _ if CodePointSetData::new::<Dash>().contains(c) => '-',
        _ if CodePointSetData::new::<QuotationMark>().contains(c) => '"',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_those_of_unicode() {
        for unseen in [
            '\u{AD}',
            '\u{34F}',
            '\u{61C}',
            '\u{115F}',
            '\u{1160}',
            '\u{17B4}',
            '\u{180B}',
            '\u{180E}',
            '\u{200B}',
            '\u{200C}',
            '\u{200D}',
            '\u{200E}',
            '\u{200F}',
            '\u{202A}',
            '\u{2060}',
            '\u{2064}',
            '\u{2065}',
            '\u{206F}',
            '\u{3164}',
            '\u{FE00}',
            '\u{FE0F}',
            '\u{FEFF}',
            '\u{FFA0}',
            '\u{FFF0}',
            '\u{1BCA0}',
            '\u{1D173}',
            '\u{E0001}',
            '\u{E0020}',
            '\u{E0100}',
            '\u{E0FFF}',
        ] {
            assert!(is_unseen(unseen), "{unseen:?}");
        }
        for seen in ['a', 'đ', 'ệ', '-', '\u{301}', '✔', '\u{FFFD}', 'ᄀ', 'ក'] {
            assert!(!is_unseen(seen) && !is_blank(seen), "{seen:?}");
        }
        for blank in [
            ' ',
            '\t',
            '\n',
            '\u{85}',
            '\u{A0}',
            '\u{1680}',
            '\u{2000}',
            '\u{2003}',
            '\u{2007}',
            '\u{2009}',
            '\u{202F}',
            '\u{205F}',
            '\u{2800}',
            '\u{3000}',
            '\u{13441}',
        ] {
            assert_eq!(
                (is_blank(blank), is_unseen(blank)),
                (true, false),
                "{blank:?}"
            );
            assert_eq!(plain(blank), ' ');
        }
        for dash in ['-', '‐', '‑', '‒', '–', '—', '―', '−', '﹣', '－', '⸺'] {
            assert_eq!(plain(dash), '-', "{dash:?}");
        }
        for quote in "\"'`´‘’‚‛“”„‟‹›«»「」＂＇ʼ′″".chars() {
            assert_eq!(plain(quote), '"', "{quote:?}");
        }
        for d in "ÐðĐđƉɖ".chars() {
            assert_eq!(plain(d), 'đ');
        }
    }
}
