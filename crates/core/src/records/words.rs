//! Enums in which each value has one word and one number, the same as in the proto. Filters, stored
//! images, messages and metrics use the same word, so each word is defined only once.

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

        impl crate::records::edit::Edit for $name {}

        impl crate::records::texts::Texts for $name {
            fn texts(&self, _: &mut crate::records::texts::Reader<'_>) {}
        }

        impl $name {
            /// All values, in the order of their numbers.
            pub const ALL: [Self; [$($number),+].len()] = [$(Self::$value),+];

            /// Its index in [`Self::ALL`]. The numbers have no gaps, as a test asserts.
            pub const fn place(self) -> usize {
                let [first, ..] = Self::ALL;
                self as usize - first as usize
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
