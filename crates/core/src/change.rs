//! Changes: what an accepted command does, and what the log holds.

use std::borrow::Cow;

use crate::{
    caller::Person,
    names::{AgencyName, ApiKeyName, Revision},
    records::principals::KeyHash,
    time::Timestamp,
};

pub use crate::records::Image;

/// The field of a resource that a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// The standing of a milestone, task or recommendation.
    StandingState,
    /// Whether the reports on a plan or deployment are up to date.
    Freshness,
    /// Whether a stage of a deployment is late.
    Late,
    /// Whether a deployment keeps an earlier system after its last day.
    DuplicateSystem,
}

impl Aspect {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::StandingState,
        Self::Freshness,
        Self::Late,
        Self::DuplicateSystem,
    ];

    /// The path of the field in the proto.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StandingState => "standing.state",
            Self::Freshness => "standing.freshness",
            Self::Late => "standing.late",
            Self::DuplicateSystem => "standing.duplicate_system",
        }
    }
}

/// A computed value that changed because a day passed, without any change to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Resource name.
    pub name: String,
    /// The field that changed.
    pub aspect: Aspect,
    /// The value on the day before, as the proto names it.
    pub from: String,
    /// The value now.
    pub to: String,
}

/// One resource touched by a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The resource now has this content.
    Put(Image),
    /// The resource is removed. No command does this yet: records are retired, not removed.
    Remove {
        /// Resource name.
        name: String,
    },
    /// A computed value of the resource changed at the start of a day. The State ignores notices,
    /// and no answer depends on them.
    Notice(Notice),
}

impl Effect {
    /// Name of the resource.
    pub fn name(&self) -> &str {
        match self {
            Self::Put(image) => image.name(),
            Self::Remove { name } => name,
            Self::Notice(notice) => &notice.name,
        }
    }
}

/// A UUID that the caller generates (AIP-155), with a digest of the request that carried it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId {
    /// The id, unique per principal.
    pub id: uuid::Uuid,
    /// SHA-256 over method and re-encoded request message.
    pub digest: [u8; 32],
}

/// One accepted command: one revision, one row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place in the log.
    pub revision: Revision,
    /// When it was recorded, never before the change before it.
    pub record_time: Timestamp,
    /// Who acted.
    pub person: Person,
    /// The agency acted for.
    pub agency: Option<AgencyName>,
    /// The method called, as `UpdatePlan`.
    pub method: Cow<'static, str>,
    /// The caller's request id.
    pub request_id: Option<RequestId>,
    /// The reason given.
    pub reason: String,
    /// The resources it changed. The first is the resource that the method returns.
    pub effects: Vec<Effect>,
    /// Hashes of the keys made by it: kept in a table of their own, never in the log.
    pub key_hashes: Vec<(ApiKeyName, KeyHash)>,
}

/// As of when a read is to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The newest revision.
    Now,
    /// A revision.
    Revision(Revision),
    /// What was recorded by a time.
    Time(Timestamp),
}
