//! Whether two texts are the same name, however it is spelled.
//!
//! Marks count: `Bản đồ`, `Bàn đồ` and `Bán đồ` are three names. These do not:
//! - case; characters without a shape; the kind and number of blanks, and any beside a dash;
//! - the kind of a dash or quote; `Ð` (eth) in the place of `Đ`;
//! - on which vowel of its syllable the tone is written: `hòa`, `hoà`;
//! - `y` for `i` where both spell one word: a syllable of `h`, `k`, `l`, `m`, `s` or `t` and this
//!   vowel alone (`Kỹ`, `Kĩ`), and after `qu` (`quý`, `quí`).

use unicode_normalization::{
    UnicodeNormalization,
    char::{compose, decompose_canonical, is_combining_mark},
};

use crate::text::characters::{is_unseen, plain};

/// Whether both are the same name.
pub fn same_name(a: &str, b: &str) -> bool {
    a == b || name_key(a) == name_key(b)
}

/// The form that all spellings of a name share.
pub fn name_key(text: &str) -> String {
    let seen = text.chars().filter(|c| !is_unseen(*c));
    // composed once more, since a lower case may come out decomposed
    let chars = seen.nfc().map(plain).flat_map(char::to_lowercase).nfc();
    let mut key = String::with_capacity(text.len());
    let mut word = String::new();
    let mut gap = false;
    for c in chars {
        if c.is_alphanumeric() || is_combining_mark(c) {
            if word.is_empty() {
                close_gap(&mut key, &mut gap, c);
            }
            word.push(c);
            continue;
        }
        put_word(&mut key, &mut word);
        if c == ' ' {
            gap = true;
        } else if close_gap(&mut key, &mut gap, c) {
            key.push(c);
        }
    }
    put_word(&mut key, &mut word);
    key
}

/// Writes a pending space before a character, except at the beginning and beside a dash. Returns
/// whether to write the character: a second dash or quote in a row is skipped.
pub(super) fn close_gap(text: &mut String, gap: &mut bool, next: char) -> bool {
    let gap = std::mem::take(gap);
    let Some(last) = text.chars().next_back() else {
        return true;
    };
    if gap && last != '-' && next != '-' {
        text.push(' ');
        return true;
    }
    last != next || !matches!(next, '-' | '"')
}

fn put_word(key: &mut String, word: &mut String) {
    match Syllable::parse(word) {
        Some(syllable) => syllable.write(key),
        None => key.push_str(word),
    }
    word.clear();
}

/// Most letters of a syllable: `nghiêng`.
const LETTERS_MAX: usize = 8;

/// A syllable of Vietnamese with two vowels or more, or one that may be spelled otherwise.
struct Syllable {
    /// Without their tone.
    letters: [char; LETTERS_MAX],
    length: usize,
    tone: Option<char>,
    /// The position of its last vowel, where its key has the tone.
    last_vowel: usize,
}

impl Syllable {
    /// Consonants, vowels side by side of which one at most has a tone, consonants.
    fn parse(word: &str) -> Option<Self> {
        let mut it = Self {
            letters: ['\0'; LETTERS_MAX],
            length: 0,
            tone: None,
            last_vowel: 0,
        };
        let mut vowels: Option<(usize, usize)> = None;
        for c in word.chars() {
            let (letter, tone) = parted(c)?;
            *it.letters.get_mut(it.length)? = letter;
            if is_vowel(letter) {
                let first = vowels.map_or(it.length, |(first, _)| first);
                if vowels.is_some_and(|(_, last)| last + 1 != it.length) {
                    return None;
                }
                vowels = Some((first, it.length));
            } else if tone.is_some() || !is_consonant(letter) {
                return None;
            }
            if tone.is_some() && it.tone.is_some() {
                return None;
            }
            it.tone = it.tone.or(tone);
            it.length += 1;
        }
        let (first, last) = vowels?;
        it.last_vowel = last;
        let (before, rest) = it.letters.split_at_mut(first);
        match (before, rest) {
            (['h' | 'k' | 'l' | 'm' | 's' | 't'], [y @ 'y', ..]) if it.length == 2 => *y = 'i',
            (['q'], ['u', y @ 'y', ..]) => *y = 'i',
            _ => {}
        }
        Some(it)
    }

    fn write(&self, key: &mut String) {
        for (index, letter) in self.letters.iter().take(self.length).enumerate() {
            let tone = self.tone.filter(|_| index == self.last_vowel);
            match tone.map(|tone| compose(*letter, tone).ok_or(tone)) {
                None => key.push(*letter),
                Some(Ok(toned)) => key.push(toned),
                Some(Err(tone)) => key.extend([*letter, tone]),
            }
        }
    }
}

/// A letter without its tone, and the tone.
fn parted(c: char) -> Option<(char, Option<char>)> {
    if c.is_ascii() {
        return Some((c, None));
    }
    let (mut letter, mut tone, mut other) = (None, None, false);
    decompose_canonical(c, |part| match (part, letter) {
        ('\u{300}' | '\u{301}' | '\u{303}' | '\u{309}' | '\u{323}', Some(_)) if tone.is_none() => {
            tone = Some(part);
        }
        (_, None) => letter = Some(part),
        (_, Some(base)) => match compose(base, part) {
            Some(both) => letter = Some(both),
            None => other = true,
        },
    });
    letter.filter(|_| !other).map(|letter| (letter, tone))
}

const fn is_vowel(letter: char) -> bool {
    matches!(
        letter,
        'a' | 'ă' | 'â' | 'e' | 'ê' | 'i' | 'o' | 'ô' | 'ơ' | 'u' | 'ư' | 'y'
    )
}

const fn is_consonant(letter: char) -> bool {
    matches!(letter, 'b'..='z' | 'đ') && !matches!(letter, 'f' | 'j' | 'w' | 'z')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_name_are_the_same() {
        for names in [
            &[
                "Hoà Bình",
                "Hòa Bình",
                "HOÀ BÌNH",
                "Ho\u{61}\u{300} Bình",
                "hòa  bình ",
            ][..],
            &[
                "Sức khoẻ",
                "Sức khỏe",
                "sức\u{a0}khỏe",
                "Sức\u{2003}khỏe",
                "Sức\u{2800}khỏe",
            ],
            &["Thuỷ lợi", "Thủy lợi"],
            &["của", "cuả"],
            &["Kĩ thuật", "Kỹ thuật", "KỸ THUẬT"],
            &["Quý", "Quí", "Qúy"],
            &["quyền", "quiền"],
            &["Mĩ thuật", "Mỹ thuật"],
            &["Công ty", "Công ti"],
            &[
                "Đất đai",
                "Ðất đai",
                "ĐẤT ĐAI",
                "ÐẤT ÐAI",
                "Đất\u{ad} đai",
                "\u{200b}Đất đai",
            ],
            &[
                "Thể dục - thể thao",
                "Thể dục – thể thao",
                "Thể dục—thể thao",
                "Thể dục ‑ thể thao",
            ],
            &[
                "Nền tảng “Sức khỏe”",
                "Nền tảng \"Sức khỏe\"",
                "Nền tảng «Sức khoẻ»",
                "Nền tảng ''Sức khỏe''",
            ],
            &["", " ", "\u{3164}", "\u{2800}", "\u{200b}\u{34f}"],
        ] {
            for (a, b) in names.iter().flat_map(|a| names.iter().map(move |b| (a, b))) {
                assert!(
                    same_name(a, b),
                    "{a:?} {b:?}: {:?} {:?}",
                    name_key(a),
                    name_key(b)
                );
            }
        }
    }

    #[test]
    fn names_that_differ_are_not_the_same() {
        for names in [
            &["Bản đồ", "Bàn đồ", "Bán đồ", "Ban đồ", "Ban do", "Bản do"][..],
            &["Đất", "Dất", "Đạt"],
            &["mai", "may"],
            &["Y tế", "I tế"],
            &["thi", "thy"],
            &["thúi", "thúy"],
            &["ky1", "ki1"],
            &["sky", "ski"],
            &["a b", "ab"],
            &["Sức khỏe", "“Sức khỏe”"],
            &["e-KYC", "eKYC"],
            &["résumé", "resumé", "resume"],
            &["số 1", "số 01", "số 10"],
        ] {
            for (i, a) in names.iter().enumerate() {
                for b in &names[..i] {
                    assert!(!same_name(a, b), "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn keys_are_in_small_letters_with_the_tone_on_the_last_vowel() {
        assert_eq!(name_key("  Người\u{a0}Hòa-Kỹ "), "ngươì hoà-kĩ");
        assert_eq!(name_key("A\u{302}\u{301}"), "ấ");
        assert_eq!(name_key("a\u{34f}\u{301}"), "á");
    }

    /// Syllables made of sample onsets, vowels, codas and tones, as separate parts.
    fn syllables() -> impl Strategy<Value = (String, Vec<char>, String, char)> {
        let onset = prop::sample::select(vec!["", "b", "đ", "h", "kh", "ng", "ngh", "t", "tr"]);
        let vowels = prop::sample::select(vec!["a", "oa", "oe", "uy", "uê", "ươ", "iê", "oai"]);
        let coda = prop::sample::select(vec!["", "n", "ng", "ch"]);
        let tone =
            prop::sample::select(vec!['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}']);
        (onset, vowels, coda, tone).prop_map(|(onset, vowels, coda, tone)| {
            (onset.into(), vowels.chars().collect(), coda.into(), tone)
        })
    }

    proptest! {
        #[test]
        fn a_tone_is_of_its_syllable((onset, vowels, coda, tone) in syllables()) {
            let written = |at: usize| {
                let mut all = onset.clone();
                for (index, vowel) in vowels.iter().enumerate() {
                    all.push(*vowel);
                    all.extend((index == at).then_some(tone));
                }
                all + &coda
            };
            for at in 0..vowels.len() {
                prop_assert_eq!(name_key(&written(at)), name_key(&written(0)));
            }
            let bare = written(vowels.len());
            prop_assert_ne!(name_key(&bare), name_key(&written(0)));
        }

        #[test]
        fn the_same_is_an_equivalence(
            a in super::super::tests::TEXTS, b in super::super::tests::TEXTS
        ) {
            prop_assert!(same_name(&a, &a));
            prop_assert_eq!(same_name(&a, &b), same_name(&b, &a));
            // the relation is transitive
            let respelled = a.to_uppercase();
            if same_name(&a, &respelled) {
                prop_assert_eq!(same_name(&a, &b), same_name(&respelled, &b));
            }
        }
    }
}
