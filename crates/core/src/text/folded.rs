//! The form that search and near matches compare.

use unicode_normalization::char::{decompose_canonical, is_combining_mark};

use crate::text::{
    characters::{is_inkless, is_unseen, plain},
    same::close_gap,
};

/// The form that search compares: like a name's key (`name_key`), but without diacritics and with
/// `đ` as `d`. A `y` that may be spelled `i` becomes `i` regardless of the letters after it, so
/// that the start of a word folds in the same way as the whole word.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        if c.is_ascii_lowercase() && c != 'y' && !gap {
            folded.push(c);
        } else if c.is_ascii() {
            take(&mut folded, &mut gap, c);
        } else if !is_unseen(c) {
            // by character, since the order that NFD brings marks into does not matter
            decompose_canonical(c, |c| {
                if is_inkless(c) || !is_combining_mark(c) {
                    take(&mut folded, &mut gap, c);
                }
            });
        }
    }
    folded
}

fn take(folded: &mut String, gap: &mut bool, c: char) {
    match plain(c) {
        ' ' => *gap = true,
        'đ' => put(folded, gap, 'd'),
        c if c.is_ascii() => put(folded, gap, c.to_ascii_lowercase()),
        // by character: the lower case of a whole text depends on neighbours (final sigma)
        c => c.to_lowercase().for_each(|c| {
            if !is_combining_mark(c) {
                put(folded, gap, c);
            }
        }),
    }
}

fn put(folded: &mut String, gap: &mut bool, c: char) {
    if close_gap(folded, gap, c) {
        folded.push(if c == 'y' && is_i(folded) { 'i' } else { c });
    }
}

/// Whether a `y` after this may be an `i`: see `same.rs`.
fn is_i(before: &str) -> bool {
    let mut back = before.chars().rev();
    let begins = match back.next() {
        Some('h' | 'k' | 'l' | 'm' | 's' | 't') => true,
        Some('u') => back.next() == Some('q'),
        _ => false,
    };
    begins && !back.next().is_some_and(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_forgets_marks_case_and_spacing() {
        assert_eq!(fold("Định danh ĐIỆN TỬ"), "dinh danh dien tu");
        assert_eq!(fold("  Nền\ttảng \n số  "), "nen tang so");
        assert_eq!(fold("ƯỚC ưỡn Ỹ"), "uoc uon y");
        assert_eq!(fold("\u{301} \u{a0}\u{200b}\u{3164}\u{2800}"), "");
        assert_eq!(fold("a\u{16fe4}b\u{2800}c"), "a b c");
        assert_eq!(
            fold("ÐẤT ĐAI"),
            "dat dai",
            "eth typed for a d with a stroke"
        );
        assert_eq!(fold("Đất\u{ad}đai – “số”"), "datdai-\"so\"");
    }

    #[test]
    fn a_beginning_is_folded_as_in_the_whole() {
        assert_eq!(fold("Kỹ thuật"), "ki thuat");
        assert_eq!(fold("Kĩ thuật"), "ki thuat");
        assert_eq!(fold("e-KYC, hybrid, quyền"), "e-kic, hibrid, quien");
        assert_eq!(fold("tây máy thủy sky y tế"), "tay may thuy sky y te");
        for text in [
            "e-KYC quyền lý",
            "Thể dục - thể thao",
            "Nền tảng “Sức khỏe”",
        ] {
            for (at, _) in text.char_indices() {
                let (whole, part) = (fold(text), fold(&text[..at]));
                assert!(whole.starts_with(&part), "{part:?} of {whole:?}");
            }
        }
    }
}
