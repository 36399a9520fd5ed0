//! Proposals (đề xuất): what needs a second person.

use serde::{Deserialize, Serialize};

use std::borrow::Cow;

use crate::{
    caller::Caller,
    caller::Person,
    names::{PrincipalName, ProposalName},
    query::{
        fields::{created, named, resource, updated, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        Kind,
        baselines::Rebaseline,
        meta::Meta,
        platforms::{Exit, Reinstatement},
        stored::stored,
        words::{Word as _, words},
    },
    state::visible::{Parents, Visible},
    time::Timestamp,
};

words! {
    /// The states of a proposal.
    pub enum ProposalState {
        /// Waiting for a second person.
        Pending = 1 "PENDING",
        /// Approved, and carried out in the same change.
        Approved = 2 "APPROVED",
        Rejected = 3 "REJECTED",
        /// Cancelled by the person who asked for it.
        Cancelled = 4 "CANCELLED",
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
    /// A platform that left the catalogue is in it again.
    Reinstatement(Box<Reinstatement>),
}

stored! {
    /// Who did something, and when.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Act {
        /// The person who did it.
        pub person: Person,
        /// When the registry recorded it.
        pub record_time: Timestamp,
        /// The reason given.
        pub reason: String,
    }
}

stored! {
    /// A value of a record that differs once a proposal is carried out.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct FieldChange {
        /// The record.
        pub resource: String,
        /// Path of the field in the record.
        pub path: String,
        /// The value when it was proposed; empty where there was none.
        pub before: String,
        /// The value from then on; empty if none.
        pub after: String,
    }
}

stored! {
    /// A change that waits for a second person to approve it (đề xuất).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Proposal {
        /// Resource name; the platform it is about is its parent.
        pub name: ProposalName,
        /// The state it is in.
        pub state: ProposalState,
        /// What is proposed.
        pub action: Action,
        /// The changes that it would make, as shown to the person who decides.
        pub changes: Vec<FieldChange>,
        /// Who asked for it.
        pub requested: Act,
        /// Who decided it.
        pub decided: Option<Act>,
        /// Book-keeping.
        pub meta: Meta,
    }
}

impl Visible for Proposal {
    const GUARD: Option<Kind> = Some(Kind::Platform);

    fn visible(&self, caller: &Caller, at: &dyn Parents) -> Option<Cow<'_, Self>> {
        self.audience(at)
            .sees_all(caller)
            .then_some(Cow::Borrowed(self))
    }
}

impl Queryable for Proposal {
    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, ProposalName),
        Field::new("state", words::<ProposalState>(), |r: &Self| {
            Values::one(r.state.word())
        }),
        Field::new(
            "requested.principal",
            resource::<PrincipalName>(),
            |r: &Self| Values::one(r.requested.person.principal.as_str()),
        ),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}
