//! Enums in which each value has one word and one number, the same as in the proto. Filters, stored
//! images, messages, the command line and metrics print the same word, so each word is defined only
//! once. What people type is read more leniently, by [`find`].

/// An enum of the API.
pub trait Word: Copy + Eq + Sized + 'static {
    /// Its values, in the order of their numbers.
    const VALUES: &'static [Self];
    /// The words of the values, in the same order.
    const WORDS: &'static [&'static str];
    /// The meaning of the number 0, "not stated"; `None` when a value must be stated.
    const UNSTATED: Option<Self>;

    /// The word of a value.
    fn word(self) -> &'static str;

    /// The number of a value.
    fn number(self) -> i32;

    /// The value with this number.
    fn from_number(number: i32) -> Option<Self> {
        if number == 0 {
            return Self::UNSTATED;
        }
        let mut values = Self::VALUES.iter().copied();
        values.find(|value| value.number() == number)
    }

    /// The words of the values that a client may send.
    fn stated() -> Vec<&'static str> {
        let stated = Self::VALUES.iter().filter(|value| value.number() != 0);
        stated.map(|value| value.word()).collect()
    }

    /// The value that a text names, as [`find`] reads it.
    fn parse(text: &str) -> Option<Self> {
        let place = find(Self::WORDS.iter().copied(), text)?;
        Self::VALUES.get(place).copied()
    }
}

/// The place, among the words of an enum, of the word that a text names: the word itself, else the
/// word in another case, else without the prefix that all the words share. So `full`, `FULL` and
/// `plan_view_full` all name `PLAN_VIEW_FULL`.
pub fn find<'a>(words: impl Iterator<Item = &'a str> + Clone, text: &str) -> Option<usize> {
    let exact = words.clone().position(|word| word == text);
    let other_case = || {
        words
            .clone()
            .position(|word| word.eq_ignore_ascii_case(text))
    };
    let short = || {
        let prefix = prefix(words.clone());
        let rest = |word: &'a str| word.get(prefix..).unwrap_or_default();
        let mut short = words.clone().map(rest);
        short.position(|word| prefix > 0 && word.eq_ignore_ascii_case(text))
    };
    exact.or_else(other_case).or_else(short)
}

/// Length of the prefix that all words share, up to an underscore.
fn prefix<'a>(mut words: impl Iterator<Item = &'a str>) -> usize {
    let first = words.next().unwrap_or_default();
    let shared = words.fold(first, |shared, word| {
        let same = shared.bytes().zip(word.bytes());
        let same = same.take_while(|(one, other)| one == other).count();
        shared.get(..same).unwrap_or_default()
    });
    shared.rfind('_').map_or(0, |at| at + 1)
}

/// Declares an enum with the words and numbers of the proto. The name is followed by the meaning of
/// "not stated", if there is one.
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub enum $name:ident $(= $unstated:ident)? {
            $($(#[$value_meta:meta])* $value:ident = $number:literal $word:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$value_meta])* #[serde(rename = $word)] $value = $number,)+
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl crate::records::edit::Edit for $name {}

        impl crate::records::texts::Texts for $name {
            fn texts(&self, _: &mut crate::records::texts::Reader<'_>) {}
        }

        impl $name {
            /// All values, in the order of their numbers.
            pub const ALL: [Self; [$($number),+].len()] = [$(Self::$value),+];

            /// Its index in [`Self::ALL`].
            pub const fn ordinal(self) -> usize {
                // numbered without the gaps that the proto's numbers may have
                enum Place {
                    $($value,)+
                }
                match self {
                    $(Self::$value => Place::$value as usize,)+
                }
            }

            /// Its word in the proto.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)+
                }
            }
        }

        impl $crate::records::words::Word for $name {
            const VALUES: &'static [Self] = &Self::ALL;
            const WORDS: &'static [&'static str] = &[$($word),+];
            const UNSTATED: Option<Self> = words!(@unstated $($unstated)?);

            fn word(self) -> &'static str {
                self.as_str()
            }

            fn number(self) -> i32 {
                self as i32
            }
        }

        $(impl Default for $name {
            fn default() -> Self {
                Self::$unstated
            }
        })?
    };
    (@unstated) => { None };
    (@unstated $value:ident) => { Some(Self::$value) };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::find;

    const VIEWS: [&str; 3] = ["VIEW_UNSPECIFIED", "VIEW_BASIC", "VIEW_FULL"];

    #[test]
    fn a_word_is_found_in_any_case_with_or_without_its_prefix() {
        for (text, place) in [
            ("VIEW_FULL", Some(2)),
            ("view_full", Some(2)),
            ("FULL", Some(2)),
            ("Full", Some(2)),
            ("unspecified", Some(0)),
            ("FUL", None),
            ("VIEW", None),
            ("VIEW_", None),
            ("_FULL", None),
            ("", None),
        ] {
            assert_eq!(find(VIEWS.into_iter(), text), place, "{text}");
        }
    }

    #[test]
    fn words_without_a_common_prefix_have_no_short_form() {
        let kinds = ["KIND_UNSPECIFIED", "STATE_AUDIT", "OTHER"];
        assert_eq!(find(kinds.into_iter(), "state_audit"), Some(1));
        assert_eq!(find(kinds.into_iter(), "AUDIT"), None);
        assert_eq!(find([].into_iter(), ""), None);
    }

    #[test]
    fn the_exact_word_comes_before_others() {
        assert_eq!(find(["moo", "MOO"].into_iter(), "MOO"), Some(1));
    }
}
