//! Changes: what an accepted command does, and what the log holds.

use std::borrow::Cow;

use super::{
    caller::Person,
    names::{AgencyName, ApiKeyName, Revision},
    principals::KeyHash,
    time::Timestamp,
};

pub use super::kinds::Image;

/// What of a resource a notice is about, by its field in the proto.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// How a milestone stands.
    MilestoneStatus,
    /// Whether a plan is reported on.
    Freshness,
}

impl Aspect {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::MilestoneStatus, Self::Freshness];

    /// The path of the field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MilestoneStatus => "standing.status",
            Self::Freshness => "standing.freshness",
        }
    }
}

/// That time alone made something otherwise: nobody did anything, and no record changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Resource name.
    pub name: String,
    /// What of it.
    pub aspect: Aspect,
    /// The value on the day before, as the proto names it.
    pub from: String,
    /// The value now.
    pub to: String,
}

/// One resource touched by a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is now this.
    Put(Image),
    /// It is gone. No command does this yet: records are retired, not removed.
    Remove {
        /// Resource name.
        name: String,
    },
    /// The turn of a day told on it. The State ignores it: no answer depends on notices.
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

/// A UUID of the caller's making (AIP-155), with a digest of the request it came with.
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
    /// What it touched; the first is the resource that the method answers.
    pub effects: Vec<Effect>,
    /// Hash of a key made by it: kept in a table of its own, never in the log.
    pub key_hash: Option<(ApiKeyName, KeyHash)>,
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
