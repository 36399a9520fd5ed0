//! Each enum of the domain has the words and numbers of the enum of the proto.

use ndp_core::records::words::Word;

/// A domain enum that is used in messages, with the numbers of the proto.
pub(super) trait WireWord: Word {}

/// Names the enums of one file that are used in messages. Tests that their words and numbers are
/// those of the proto.
macro_rules! wire_words {
    ($($domain:ident = $wire:path;)+) => {
        $(impl crate::wire::words::WireWord for $domain {})+

        #[cfg(test)]
        mod wire_words {
            use super::*;

            #[test]
            fn words_and_numbers_are_those_of_the_proto() {
                use ndp_core::records::words::Word;
                $({
                    type Wire = $wire;
                    let ordinals = $domain::ALL.map($domain::ordinal);
                    assert!(ordinals.into_iter().eq(0..ordinals.len()));
                    for number in -1..64 {
                        let ours = $domain::ALL.into_iter().find(|it| Word::number(*it) == number);
                        let theirs = Wire::try_from(number).ok();
                        let ours = ours.map(Word::word);
                        let theirs = theirs.map(|it| it.as_str_name());
                        let is_unstated = number == 0 && ours.is_none();
                        assert!(is_unstated || ours == theirs, "{ours:?} {theirs:?}");
                    }
                })+
            }
        }
    };
}
pub(super) use wire_words;
