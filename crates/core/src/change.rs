//! Changes: what an accepted command does, and what the log holds.

use std::borrow::Cow;

use crate::{
    caller::Person,
    leaf::Digest,
    names::{AgencyName, ApiKeyName, Revision},
    records::{documents::Document, principals::KeyHash},
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
    /// Texts of the resource were redacted in earlier changes. The State ignores it: the resource
    /// as it is now is a put of the same change.
    Redaction(Redaction),
}

/// Where texts of one resource were redacted by law: the changes that wrote it. Their digests stay
/// as they are, so the log has here what the rows are verified by from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// Resource name.
    pub name: String,
    /// The document that orders it.
    pub document: Document,
    /// The changes, oldest first.
    pub changes: Vec<RedactedChange>,
}

/// A change whose header and images have other contents since texts of them were redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedactedChange {
    pub revision: Revision,
    /// The digest of its header as it is now.
    pub header: Digest,
    /// Its images of the resource that had a text to redact.
    pub images: Vec<RedactedImage>,
}

/// An image of which texts were redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedactedImage {
    /// The place of its effect in the change.
    pub ordinal: i64,
    /// The digest of that effect as it is now.
    pub digest: Digest,
}

impl Effect {
    /// Name of the resource.
    pub fn name(&self) -> &str {
        match self {
            Self::Put(image) => image.name(),
            Self::Remove { name } => name,
            Self::Notice(notice) => &notice.name,
            Self::Redaction(redaction) => &redaction.name,
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
    /// The newest change that redacted texts of this one: of its header or of its images. Not a
    /// part of what was decided.
    pub redaction: Option<Revision>,
}

impl Change {
    /// Whether it redacts texts of earlier changes.
    pub fn redacts(&self) -> bool {
        let mut effects = self.effects.iter();
        effects.any(|effect| matches!(effect, Effect::Redaction(_)))
    }
}

/// As of when a read is to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The newest revision.
    Now,
    Revision(Revision),
    /// What was recorded by a time.
    Time(Timestamp),
}
