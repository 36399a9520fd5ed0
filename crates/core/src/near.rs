//! The name that a caller probably meant, for the "did you mean" of a refusal.

use std::collections::BTreeSet;

/// Longest text that is compared: no name is longer, and the comparison is quadratic.
const TYPED_CHARS_MAX: usize = 64;

/// Fewest letters of a name that is recognized at the end of a longer one, as `ISSUED` in
/// `PLAN_STATE_ISSUED`.
const ENDING_CHARS_MIN: usize = 4;

/// The known name closest to what was typed: the same name in another spelling (`displayName`,
/// `DISPLAY-NAME`), the same with more or less in front (`symbol` of `document.symbol`), or one
/// that differs in a few letters.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let chars = typed.chars().count();
    if chars > TYPED_CHARS_MAX {
        return None;
    }
    let typed = snake_case(typed);
    let most = chars / 3;
    let far = |name: &str| {
        let name = snake_case(name);
        let distance = if name == typed {
            0
        } else if ends_in(&name, &typed, '.') || ends_in(&typed, &name, '.') {
            1
        } else {
            strsim::osa_distance(&name, &typed).saturating_add(1)
        };
        if distance <= most.saturating_add(1) {
            Some(distance)
        } else {
            ends_in(&typed, &name, '_').then_some(usize::MAX)
        }
    };
    known
        .into_iter()
        .filter_map(|name| far(name).map(|far| (far, name)))
        .min_by_key(|(far, _)| *far)
        .map(|(_, name)| name)
}

/// Most characters of two names that are compared by [`name_distance`].
pub const NAME_CHARS_MAX: usize = 300;

/// How far two names of records are from each other, where they may be the same with a mistake in
/// one: alike without their marks, or with one letter in eight otherwise. The names are as
/// [`crate::text::name_key`] gives them.
pub fn name_distance(one: &str, other: &str) -> Option<usize> {
    let [one, other] = [one, other].map(crate::text::fold);
    let [a, b] = [&one, &other].map(|it| it.chars().count());
    let most = a.max(b) / 8;
    if one == other {
        return Some(0);
    }
    if a.max(b) > NAME_CHARS_MAX || a.abs_diff(b) > most {
        return None;
    }
    Some(strsim::osa_distance(&one, &other)).filter(|distance| *distance <= most)
}

/// Whether one name is the other with more words after it.
pub fn extends_name(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(crate::text::fold);
    let (short, long) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    let rest = long.strip_prefix(&short).filter(|_| !short.is_empty());
    rest.is_some_and(|rest| rest.starts_with(' '))
}

/// Words that say what kind of thing has a name, and those between other words. Decisions change
/// them freely: one calls `Hệ thống từ điển dữ liệu dùng chung quốc gia` what a later one calls
/// `Nền tảng số từ điển dữ liệu dùng chung`.
const GENERIC: [&[&str]; 17] = [
    &["co", "so", "du", "lieu"],
    &["csdl"],
    &["nen", "tang"],
    &["he", "thong"],
    &["thong", "tin"],
    &["quoc", "gia"],
    &["phuc", "vu"],
    &["ung", "dung"],
    &["cong"],
    &["so"],
    &["cua"],
    &["ve"],
    &["va"],
    &["cac"],
    &["cho"],
    &["trong"],
    &["theo"],
];

/// Fewest words that two names have in common where they may be of one record.
const SHARED_WORDS_MIN: usize = 2;

/// The words of a name without those that names of many records have.
pub fn telling_words(name: &str) -> BTreeSet<String> {
    let folded = crate::text::fold(name);
    let words = folded.split(|it: char| !it.is_alphanumeric());
    let words: Vec<_> = words.filter(|it| !it.is_empty()).collect();
    let mut telling = BTreeSet::new();
    let mut rest = words.as_slice();
    while let Some((first, after)) = rest.split_first() {
        let generic = GENERIC.iter().find_map(|it| rest.strip_prefix(*it));
        rest = generic.unwrap_or_else(|| {
            telling.insert((*first).to_owned());
            after
        });
    }
    telling
}

/// Whether two names may be of one record, because their telling words are the same, or three in
/// four of them.
pub fn shares_words(one: &BTreeSet<String>, other: &BTreeSet<String>) -> bool {
    let shared = one.intersection(other).count();
    let is_same = shared > 0 && one == other;
    is_same || shared >= SHARED_WORDS_MIN && 8 * shared >= 3 * (one.len() + other.len())
}

/// Whether the text ends in `ending`, after the separator.
fn ends_in(text: &str, ending: &str, separator: char) -> bool {
    let before = text.strip_suffix(ending);
    ending.chars().count() >= ENDING_CHARS_MIN
        && before.is_some_and(|before| before.ends_with(separator))
}

/// The name as protobuf writes field names: `leadUnit`, `lead-unit` and `LEAD_UNIT` are
/// `lead_unit`.
pub fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut after_small = false;
    for c in name.chars() {
        if c.is_uppercase() && after_small {
            snake.push('_');
        }
        after_small = c.is_lowercase() || c.is_ascii_digit();
        match c {
            '-' | ' ' => snake.push('_'),
            _ => snake.extend(c.to_lowercase()),
        }
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_name_is_found() {
        let fields = [
            "name",
            "display_name",
            "display_name_en",
            "document.symbol",
            "state",
            "start_date",
            "governing_agency",
        ];
        for (typed, meant) in [
            ("displayName", Some("display_name")),
            ("DISPLAY_NAME", Some("display_name")),
            ("display-name", Some("display_name")),
            ("displayNameEn", Some("display_name_en")),
            ("dispaly_name", Some("display_name")),
            ("symbol", Some("document.symbol")),
            ("document.symbols", Some("document.symbol")),
            ("platform.state", Some("state")),
            ("plan.displayName", Some("display_name")),
            ("stat", Some("state")),
            ("sate", Some("state")),
            ("status", Some("state")),
            ("governingAgency", Some("governing_agency")),
            ("x", None),
            ("ab", None),
            ("budget", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, fields), meant, "{typed}");
        }
        assert_eq!(nearest(&"name".repeat(100), fields), None);
    }

    #[test]
    fn names_share_what_is_not_said_of_many() {
        let near =
            |one: &str, other: &str| shares_words(&telling_words(one), &telling_words(other));
        let known = "Hệ thống từ điển dữ liệu dùng chung quốc gia";
        assert!(near(known, "Nền tảng số từ điển dữ liệu dùng chung"));
        assert!(near(known, "TỪ ĐIỂN DỮ LIỆU DÙNG CHUNG"));
        assert!(!near(known, "Cổng dữ liệu quốc gia"));
        assert!(!near(
            "Nền tảng quốc gia về chăn nuôi và thú y",
            "Nền tảng quốc gia về trồng trọt và bảo vệ thực vật"
        ));
        assert!(near("Nền tảng VNeID", "Hệ thống VNeID"));
        // what is left of these is nothing, or one word of several
        assert!(!near("Nền tảng số quốc gia", "Hệ thống thông tin quốc gia"));
        assert!(!near("Nền tảng VNeID", "Cổng thanh toán VNeID"));
    }

    #[test]
    fn values_of_an_enum_are_found() {
        let values = ["DRAFT", "SUBMITTED", "ISSUED", "WITHDRAWN"];
        for (typed, meant) in [
            ("issued", Some("ISSUED")),
            ("STATE_ISSUED", Some("ISSUED")),
            ("Plan.State.ISSUED", Some("ISSUED")),
            ("SUBMITED", Some("SUBMITTED")),
            ("DONE", None),
        ] {
            assert_eq!(nearest(typed, values), meant, "{typed}");
        }
    }
}
