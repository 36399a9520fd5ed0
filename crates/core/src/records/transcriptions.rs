//! Transcriptions: what the steward's side recorded, from a published document, for an agency that
//! has no principals yet; later the agency confirms it.

use crate::{
    caller::Person,
    records::{documents::Document, stored::stored},
    time::Timestamp,
};

stored! {
    /// That a record was transcribed.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Transcription {
        /// The published document that it was read in.
        pub source: Document,
        /// Who transcribed it; none once withheld.
        pub person: Option<Person>,
        /// When the registry recorded it.
        pub record_time: Timestamp,
        /// That the agency confirmed it.
        pub confirmation: Option<Confirmation>,
    }
}

stored! {
    /// That an agency confirmed what was transcribed for it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Confirmation {
        /// Who confirmed it; none once withheld.
        pub person: Option<Person>,
        /// When the registry recorded it.
        pub record_time: Timestamp,
    }
}

impl Transcription {
    /// Withholds who acted.
    pub(crate) fn withhold_people(&mut self) {
        self.person = None;
        if let Some(confirmation) = &mut self.confirmation {
            confirmation.person = None;
        }
    }
}
