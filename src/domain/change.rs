//! Changes: what an accepted command does, and what the log holds.

use std::{borrow::Cow, sync::Arc};

use super::{
    agencies::Agency,
    assessments::Assessment,
    baselines::Baseline,
    caller::Person,
    editions::Edition,
    error::Error,
    figures::Figure,
    milestones::Milestone,
    names::{
        AgencyName, ApiKeyName, AssessmentName, BaselineName, EditionName, FigureName,
        MilestoneName, PlanName, PlatformName, PrincipalName, ProposalName, ReportName, Revision,
    },
    plans::Plan,
    platforms::Platform,
    principals::{ApiKey, KeyHash, Principal},
    proposals::Proposal,
    record::Meta,
    reports::Report,
    time::Timestamp,
};

/// The whole of one resource after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// An agency.
    Agency(Arc<Agency>),
    /// An edition.
    Edition(Arc<Edition>),
    /// A platform.
    Platform(Arc<Platform>),
    /// A plan.
    Plan(Arc<Plan>),
    /// A milestone.
    Milestone(Arc<Milestone>),
    /// A baseline.
    Baseline(Arc<Baseline>),
    /// A report.
    Report(Arc<Report>),
    /// An assessment.
    Assessment(Arc<Assessment>),
    /// A proposal.
    Proposal(Arc<Proposal>),
    /// A figure.
    Figure(Arc<Figure>),
    /// A principal.
    Principal(Arc<Principal>),
    /// An API key.
    ApiKey(Arc<ApiKey>),
}

impl Image {
    /// Resource name.
    pub fn name(&self) -> &str {
        match self {
            Self::Agency(agency) => agency.name.as_str(),
            Self::Edition(edition) => edition.name.as_str(),
            Self::Platform(platform) => platform.name.as_str(),
            Self::Plan(plan) => plan.name.as_str(),
            Self::Milestone(milestone) => milestone.name.as_str(),
            Self::Baseline(baseline) => baseline.name.as_str(),
            Self::Report(report) => report.name.as_str(),
            Self::Assessment(assessment) => assessment.name.as_str(),
            Self::Proposal(proposal) => proposal.name.as_str(),
            Self::Figure(figure) => figure.name.as_str(),
            Self::Principal(principal) => principal.name.as_str(),
            Self::ApiKey(key) => key.name.as_str(),
        }
    }

    /// Its book-keeping.
    pub fn meta(&self) -> &Meta {
        match self {
            Self::Agency(agency) => &agency.meta,
            Self::Edition(edition) => &edition.meta,
            Self::Platform(platform) => &platform.meta,
            Self::Plan(plan) => &plan.meta,
            Self::Milestone(milestone) => &milestone.meta,
            Self::Baseline(baseline) => &baseline.meta,
            Self::Report(report) => &report.meta,
            Self::Assessment(assessment) => &assessment.meta,
            Self::Proposal(proposal) => &proposal.meta,
            Self::Figure(figure) => &figure.meta,
            Self::Principal(principal) => &principal.meta,
            Self::ApiKey(key) => &key.meta,
        }
    }

    /// What a caller hears who may not know of it.
    pub fn not_found(&self) -> Error {
        let kind = match self {
            Self::Agency(_) => AgencyName::KIND,
            Self::Edition(_) => EditionName::KIND,
            Self::Platform(_) => PlatformName::KIND,
            Self::Plan(_) => PlanName::KIND,
            Self::Milestone(_) => MilestoneName::KIND,
            Self::Baseline(_) => BaselineName::KIND,
            Self::Report(_) => ReportName::KIND,
            Self::Assessment(_) => AssessmentName::KIND,
            Self::Proposal(_) => ProposalName::KIND,
            Self::Figure(_) => FigureName::KIND,
            Self::Principal(_) => PrincipalName::KIND,
            Self::ApiKey(_) => ApiKeyName::KIND,
        };
        let name = self.name().to_owned();
        Error::NotFound { kind, name }
    }
}

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
