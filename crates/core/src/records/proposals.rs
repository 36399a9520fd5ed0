//! Proposals (đề xuất): what needs a second person.

use serde::{Deserialize, Serialize};

use crate::{
    caller::Person,
    names::ProposalName,
    records::{baselines::Rebaseline, meta::Meta, platforms::Exit, stored::stored, words::words},
    time::Timestamp,
};

words! {
    /// The states of a proposal.
    pub enum ProposalState {
        /// Waiting for a second person.
        Pending = 1 "PENDING",
        /// Approved, and carried out in the same change.
        Approved = 2 "APPROVED",
        /// Rejected.
        Rejected = 3 "REJECTED",
    }
}

/// What is proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    /// The platform leaves the catalogue with this exit record.
    Retirement(Box<Exit>),
    /// A plan promises something else from now on.
    Rebaseline(Box<Rebaseline>),
}

stored! {
    /// Who did something, and when.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Act {
        /// Who.
        pub person: Person,
        /// When the registry recorded it.
        pub record_time: Timestamp,
        /// The reason given.
        pub reason: String,
    }
}

stored! {
    /// One proposal.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Proposal {
        /// Resource name; the platform it is about is its parent.
        pub name: ProposalName,
        /// The state it is in.
        pub state: ProposalState,
        /// What is proposed.
        pub action: Action,
        /// Who asked for it.
        pub requested: Act,
        /// Who decided it.
        pub decided: Option<Act>,
        /// Book-keeping.
        pub meta: Meta,
    }
}
