//! Commands: what a caller asks to be changed, parsed and well formed.

use super::{
    agencies::{Agency, AgencyFields},
    assessments::AssessmentFields,
    baselines::Rebaseline,
    change::RequestId,
    documents::{Document, Evidence},
    editions::{Edition, EditionFields},
    figures::Figure,
    milestones::MilestoneFields,
    names::{
        AgencyName, ApiKeyName, AssessmentName, EditionName, MilestoneName, PlanName, PlatformName,
        PrincipalName, ProposalName, ReportName, Revision,
    },
    plans::{PlanFields, PlanMove},
    platforms::{Exit, Platform, PlatformFields},
    principals::{ApiKeyFields, KeyHash, PrincipalFields},
    reports::ReportFields,
    time::Date,
};

/// Which fields an update writes, by their names in the proto.
pub type Mask = Vec<&'static str>;

/// What an update of one record needs beside its new values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// The etag that the caller read; any when absent.
    pub etag: Option<String>,
    /// The revision that nested field paths were merged into: the record must still be of it.
    pub merged_at: Option<Revision>,
}

/// What a caller asks to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// CreateAgency.
    CreateAgency {
        /// Name it is to have.
        name: AgencyName,
        /// What to write.
        fields: AgencyFields,
    },
    /// UpdateAgency.
    UpdateAgency {
        /// Which.
        name: AgencyName,
        /// New values.
        fields: AgencyFields,
        /// Fields to write.
        mask: Mask,
        /// What must hold first.
        precondition: Precondition,
    },
    /// CreateEdition.
    CreateEdition {
        /// Name it is to have.
        name: EditionName,
        /// What to write.
        fields: EditionFields,
    },
    /// UpdateEdition.
    UpdateEdition {
        /// Which.
        name: EditionName,
        /// New values.
        fields: EditionFields,
        /// Fields to write.
        mask: Mask,
        /// What must hold first.
        precondition: Precondition,
    },
    /// CreatePlatform.
    CreatePlatform {
        /// Name it is to have; the next free number when absent.
        name: Option<PlatformName>,
        /// What to write.
        fields: Box<PlatformFields>,
    },
    /// UpdatePlatform.
    UpdatePlatform {
        /// Which.
        name: PlatformName,
        /// New values.
        fields: Box<PlatformFields>,
        /// Fields to write.
        mask: Mask,
        /// What must hold first.
        precondition: Precondition,
    },
    /// RetirePlatform.
    RetirePlatform {
        /// Which.
        name: PlatformName,
        /// The exit record it is to get.
        exit: Exit,
        /// The etag that was read.
        etag: String,
    },
    /// CreatePlan.
    CreatePlan {
        /// The platform.
        platform: PlatformName,
        /// Name it is to have; a random id when absent.
        name: Option<PlanName>,
        /// What to write.
        fields: Box<PlanFields>,
    },
    /// UpdatePlan.
    UpdatePlan {
        /// Which.
        name: PlanName,
        /// New values.
        fields: Box<PlanFields>,
        /// Fields to write.
        mask: Mask,
        /// What must hold first.
        precondition: Precondition,
    },
    /// SubmitPlan, ReturnPlan, IssuePlan, CompletePlan, WithdrawPlan, RevokePlan, AnnulPlan.
    MovePlan {
        /// Which.
        name: PlanName,
        /// What to do.
        step: PlanMove,
        /// The document that does it, where one is given.
        document: Option<Box<Document>>,
        /// The etag that was read.
        etag: String,
    },
    /// RebaselinePlan.
    RebaselinePlan {
        /// What it would change, and of which plan.
        rebaseline: Box<Rebaseline>,
        /// The etag of the plan that was read.
        etag: String,
    },
    /// CreateMilestone.
    CreateMilestone {
        /// The plan.
        plan: PlanName,
        /// Name it is to have; a random id when absent.
        name: Option<MilestoneName>,
        /// What to write.
        fields: Box<MilestoneFields>,
    },
    /// UpdateMilestone.
    UpdateMilestone {
        /// Which.
        name: MilestoneName,
        /// New values.
        fields: Box<MilestoneFields>,
        /// Fields to write.
        mask: Mask,
        /// What must hold first.
        precondition: Precondition,
    },
    /// CompleteMilestone.
    CompleteMilestone {
        /// Which.
        name: MilestoneName,
        /// The day on which it was complete; today when absent.
        completion_date: Option<Date>,
        /// What shows it.
        evidence: Vec<Evidence>,
        /// The etag that was read.
        etag: String,
    },
    /// DropMilestone.
    DropMilestone {
        /// Which.
        name: MilestoneName,
        /// The document that decided it, where one is given.
        document: Option<Box<Document>>,
        /// The etag that was read.
        etag: String,
    },
    /// CreateReport.
    CreateReport {
        /// The plan.
        plan: PlanName,
        /// Name it is to have; a random id when absent.
        name: Option<ReportName>,
        /// What to write.
        fields: Box<ReportFields>,
    },
    /// CreateAssessment.
    CreateAssessment {
        /// The plan.
        plan: PlanName,
        /// Name it is to have; a random id when absent.
        name: Option<AssessmentName>,
        /// What to write.
        fields: Box<AssessmentFields>,
    },
    /// CreateFigure.
    CreateFigure {
        /// The figure; its book-keeping is set when it is written.
        figure: Box<Figure>,
    },
    /// ApproveProposal, RejectProposal.
    DecideProposal {
        /// Which.
        name: ProposalName,
        /// Approve, or reject.
        decision: Decision,
        /// The etag that was read.
        etag: String,
    },
    /// CreatePrincipal.
    CreatePrincipal {
        /// Name it is to have; a random id when absent.
        name: Option<PrincipalName>,
        /// What to write.
        fields: PrincipalFields,
    },
    /// UpdatePrincipal.
    UpdatePrincipal {
        /// Which.
        name: PrincipalName,
        /// New values.
        fields: PrincipalFields,
        /// Fields to write.
        mask: Mask,
        /// What must hold first.
        precondition: Precondition,
    },
    /// DisablePrincipal.
    DisablePrincipal {
        /// Which.
        name: PrincipalName,
        /// The etag that was read.
        etag: String,
    },
    /// CreateApiKey. The secret was made by the caller of `decide`; only its hash comes along.
    CreateApiKey {
        /// Name it is to have.
        name: ApiKeyName,
        /// What to write.
        fields: ApiKeyFields,
        /// Hash of its secret.
        hash: KeyHash,
    },
    /// RevokeApiKey.
    RevokeApiKey {
        /// Which.
        name: ApiKeyName,
    },
    /// The first change of a log: the catalogue it opens with, as one change by the system.
    Seed(Box<Seed>),
}

/// What to decide on a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Carry it out.
    Approve,
    /// Do not.
    Reject,
}

/// The records of a new registry; their book-keeping is set when they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seed {
    /// Agencies.
    pub agencies: Vec<Agency>,
    /// Editions, the opening one marked.
    pub editions: Vec<Edition>,
    /// Platforms.
    pub platforms: Vec<Platform>,
    /// Published figures.
    pub figures: Vec<Figure>,
}

/// A command with what came around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to change.
    pub command: Command,
    /// The caller's request id, for safe retries.
    pub request_id: Option<RequestId>,
    /// The reason given.
    pub reason: String,
}

impl Command {
    /// The method's name, as the log keeps it.
    pub const fn method_name(&self) -> &'static str {
        match self {
            Self::CreateAgency { .. } => "CreateAgency",
            Self::UpdateAgency { .. } => "UpdateAgency",
            Self::CreateEdition { .. } => "CreateEdition",
            Self::UpdateEdition { .. } => "UpdateEdition",
            Self::CreatePlatform { .. } => "CreatePlatform",
            Self::UpdatePlatform { .. } => "UpdatePlatform",
            Self::RetirePlatform { .. } => "RetirePlatform",
            Self::CreatePlan { .. } => "CreatePlan",
            Self::UpdatePlan { .. } => "UpdatePlan",
            Self::MovePlan { step, .. } => step.method(),
            Self::RebaselinePlan { .. } => "RebaselinePlan",
            Self::CreateMilestone { .. } => "CreateMilestone",
            Self::UpdateMilestone { .. } => "UpdateMilestone",
            Self::CompleteMilestone { .. } => "CompleteMilestone",
            Self::DropMilestone { .. } => "DropMilestone",
            Self::CreateReport { .. } => "CreateReport",
            Self::CreateAssessment { .. } => "CreateAssessment",
            Self::CreateFigure { .. } => "CreateFigure",
            Self::DecideProposal {
                decision: Decision::Approve,
                ..
            } => "ApproveProposal",
            Self::DecideProposal {
                decision: Decision::Reject,
                ..
            } => "RejectProposal",
            Self::CreatePrincipal { .. } => "CreatePrincipal",
            Self::UpdatePrincipal { .. } => "UpdatePrincipal",
            Self::DisablePrincipal { .. } => "DisablePrincipal",
            Self::CreateApiKey { .. } => "CreateApiKey",
            Self::RevokeApiKey { .. } => "RevokeApiKey",
            Self::Seed(_) => "Seed",
        }
    }
}
