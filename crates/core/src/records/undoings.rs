//! Undoings: who took back something that was recorded in error, when and why. The record stays,
//! and nothing counts what was taken back.

use std::borrow::Cow;

use crate::{caller::Person, records::stored::stored, time::Timestamp};

stored! {
    /// That something recorded in error was taken back.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Undoing {
        /// Who took it back; none once withheld.
        pub person: Option<Person>,
        /// When the registry recorded it.
        pub record_time: Timestamp,
        /// The reason given.
        pub reason: String,
    }
}

/// Withholds, from those who do not see all of a plan, who took something back.
pub(crate) fn withhold_person<'a, T: Clone>(
    mut shown: Cow<'a, T>,
    place: impl Fn(&mut T) -> &mut Option<Box<Undoing>>,
    undoing: Option<&Undoing>,
) -> Cow<'a, T> {
    if undoing.is_some_and(|it| it.person.is_some())
        && let Some(undoing) = place(shown.to_mut())
    {
        undoing.person = None;
    }
    shown
}
