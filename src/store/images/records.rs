//! Format 1: the stored form of each record, field by field.
//!
//! Once released, nothing here changes but by a field under `unless_blank`; anything else is a
//! new format with a decoder and fixtures of its own, beside this one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::mirror::{Blank, Mirror, Unreadable, image, words};
use crate::domain::{
    agencies, assessments, baselines, caller, documents, editions, figures, milestones, plans,
    platforms, principals, proposals, record, reports,
    time::{self, Date, Timestamp},
};

// === shared parts ===

image! {
    struct MetaImage of record::Meta {
        always { create_time: Timestamp, update_time: Timestamp, revision: i64, }
        unless_blank {}
    }
    struct PublicWriteImage of record::PublicWrite {
        always { time: Timestamp, revision: i64, }
        unless_blank {}
    }
    struct PersonImage of caller::Person {
        always { principal: String, }
        unless_blank { actor: Option<String>, }
    }
    struct PeriodImage of time::Period {
        always {}
        unless_blank { start: Option<Date>, end: Option<Date>, as_written: String, }
    }
    struct RelationImage of documents::Relation {
        always { kind: RelationKindWord, }
        unless_blank { symbol: String, issuer: String, issue_date: Option<Date>, }
    }
    struct DocumentImage of documents::Document {
        always { kind: DocumentKindWord, }
        unless_blank {
            symbol: String,
            title: String,
            issuer: String,
            signatory: String,
            signatory_office: String,
            issue_date: Option<Date>,
            effective_date: Option<Date>,
            uri: String,
            sha256: String,
            size_bytes: i64,
            relations: Vec<RelationImage>,
        }
    }
    struct FileImage of documents::File {
        always {}
        unless_blank { uri: String, sha256: String, size_bytes: i64, }
    }
    struct EvidenceImage of documents::Evidence {
        always {}
        unless_blank {
            file: Option<FileImage>,
            document: Option<Box<DocumentImage>>,
            note: String,
        }
    }
    struct SourceImage of documents::Source {
        always {}
        unless_blank { uri: String, note: String, }
    }
}

words! {
    enum DocumentKindWord of documents::DocumentKind {
        Unspecified = "UNSPECIFIED",
        Decision = "DECISION",
        Plan = "PLAN",
        Resolution = "RESOLUTION",
        Directive = "DIRECTIVE",
        Decree = "DECREE",
        Circular = "CIRCULAR",
        OfficialLetter = "OFFICIAL_LETTER",
        Report = "REPORT",
        Notice = "NOTICE",
        Conclusion = "CONCLUSION",
        Law = "LAW",
        Other = "OTHER",
    }
    enum RelationKindWord of documents::RelationKind {
        Amends = "AMENDS",
        Replaces = "REPLACES",
        Repeals = "REPEALS",
    }
}

// === agencies ===

image! {
    struct AgencyImage of agencies::Agency {
        always { name: String, fields: AgencyFieldsImage, meta: MetaImage, }
        unless_blank {}
    }
    struct AgencyFieldsImage of agencies::AgencyFields {
        always { kind: AgencyKindWord, }
        unless_blank {
            display_name: String,
            display_name_en: String,
            identification_code: String,
            identification_code_confirmed: bool,
            identification_code_note: String,
            parent_agency: Option<String>,
            successions: Vec<SuccessionImage>,
        }
    }
    struct SuccessionImage of agencies::Succession {
        always { successor: String, }
        unless_blank {
            start_date: Option<Date>,
            document: Option<DocumentImage>,
            scope: String,
        }
    }
}

words! {
    enum AgencyKindWord of agencies::AgencyKind {
        Unspecified = "UNSPECIFIED",
        Ministry = "MINISTRY",
        MinisterialAgency = "MINISTERIAL_AGENCY",
        GovernmentAgency = "GOVERNMENT_AGENCY",
        PartyBody = "PARTY_BODY",
        NationalAssemblyBody = "NATIONAL_ASSEMBLY_BODY",
        PresidencyBody = "PRESIDENCY_BODY",
        JudicialBody = "JUDICIAL_BODY",
        StateAudit = "STATE_AUDIT",
        FatherlandFront = "FATHERLAND_FRONT",
        ProvincialPeoplesCommittee = "PROVINCIAL_PEOPLES_COMMITTEE",
        Other = "OTHER",
    }
}

// === editions ===

image! {
    struct EditionImage of editions::Edition {
        always { name: String, fields: EditionFieldsImage, meta: MetaImage, }
        unless_blank { opening: bool, }
    }
    struct EditionFieldsImage of editions::EditionFields {
        always { decision: DocumentImage, }
        unless_blank {
            display_name: String,
            declared_platform_count: i32,
            groups: Vec<GroupImage>,
            previous_edition: Option<String>,
            in_force_start_date: Option<Date>,
            in_force_end_date: Option<Date>,
            repealed_by: Option<String>,
            note: String,
            sources: Vec<SourceImage>,
        }
    }
    struct GroupImage of editions::Group {
        always { code: String, }
        unless_blank { title: String, declared_platform_count: i32, }
    }
}

// === platforms ===

image! {
    struct PlatformImage of platforms::Platform {
        always { name: String, fields: PlatformFieldsImage, meta: MetaImage, }
        unless_blank {
            stage_records: Vec<StageRecordImage>,
            exit: Option<Box<ExitImage>>,
            public_write: Option<PublicWriteImage>,
        }
    }
    struct StageRecordImage of platforms::StageRecord {
        always { stage: StageWord, record_time: Timestamp, }
        unless_blank {}
    }
    struct PlatformFieldsImage of platforms::PlatformFields {
        always { classification: ClassificationWord, record_status: RecordStatusWord, }
        unless_blank {
            display_name: String,
            display_name_en: String,
            governance: Vec<GovernanceImage>,
            operating_unit: String,
            coordinating_agencies: Vec<String>,
            deployment_levels: Vec<DeploymentLevelWord>,
            listings: Vec<ListingImage>,
            operation_stages: Vec<OperationStageImage>,
            security: Option<SecurityImage>,
            data_sharing_channels: Vec<DataSharingChannelWord>,
            links: Vec<LinkImage>,
            sources: Vec<SourceImage>,
            labels: BTreeMap<String, String>,
        }
    }
    struct ListingImage of platforms::Listing {
        always { edition: String, membership: MembershipWord, }
        unless_blank {
            list_number: String,
            group: String,
            display_name: String,
            sources: Vec<SourceImage>,
        }
    }
    struct OperationStageImage of platforms::OperationStage {
        always { stage: StageWord, }
        unless_blank {
            planned: Option<PeriodImage>,
            reached: Option<PeriodImage>,
            document: Option<Box<DocumentImage>>,
            sources: Vec<SourceImage>,
        }
    }
    struct SecurityImage of platforms::Security {
        always { level: i32, }
        unless_blank { approval: Option<Box<DocumentImage>>, }
    }
    struct LinkImage of platforms::Link {
        always { uri: String, }
        unless_blank { title: String, }
    }
    struct GovernanceImage of platforms::Governance {
        always {}
        unless_blank {
            agency: Option<String>,
            start_date: Option<Date>,
            document: Option<Box<DocumentImage>>,
            sources: Vec<SourceImage>,
        }
    }
    struct ExitImage of platforms::Exit {
        always { outcome: ExitOutcomeWord, }
        unless_blank {
            reason: String,
            decision: Option<DocumentImage>,
            successor: Option<String>,
            exit_date: Option<Date>,
        }
    }
}

words! {
    enum ClassificationWord of platforms::Classification {
        Unspecified = "UNSPECIFIED",
        National = "NATIONAL",
        Sector = "SECTOR",
        Field = "FIELD",
        Region = "REGION",
    }
    enum DeploymentLevelWord of platforms::DeploymentLevel {
        Central = "CENTRAL",
        Province = "PROVINCE",
        Commune = "COMMUNE",
    }
    enum DataSharingChannelWord of platforms::DataSharingChannel {
        Ndop = "NDOP",
        Ndxp = "NDXP",
        Lgsp = "LGSP",
        Api = "API",
    }
    enum RecordStatusWord of platforms::RecordStatus {
        Unspecified = "UNSPECIFIED",
        Verified = "VERIFIED",
        FromPress = "FROM_PRESS",
        ThirdPartyCopy = "THIRD_PARTY_COPY",
        TranslatedNameOnly = "TRANSLATED_NAME_ONLY",
        PendingAnnex = "PENDING_ANNEX",
    }
    enum MembershipWord of platforms::Membership {
        Unspecified = "UNSPECIFIED",
        Stated = "STATED",
        Reported = "REPORTED",
        Inferred = "INFERRED",
    }
    enum StageWord of platforms::Stage {
        Development = "DEVELOPMENT",
        Pilot = "PILOT",
        Operation = "OPERATION",
    }
    enum ExitOutcomeWord of platforms::ExitOutcome {
        Replaced = "REPLACED",
        Integrated = "INTEGRATED",
        Discontinued = "DISCONTINUED",
        Delisted = "DELISTED",
        Duplicate = "DUPLICATE",
    }
}

// === plans ===

image! {
    struct PlanImage of plans::Plan {
        always {
            name: String,
            agency: String,
            state: PlanStateWord,
            fields: PlanFieldsImage,
            meta: MetaImage,
        }
        unless_blank {
            issuing_document: Option<Box<DocumentImage>>,
            state_history: Vec<StateEntryImage>,
            superseded_by: Option<String>,
            // never true in a stored image: `encode` refuses it
            redacted: bool,
            public_write: Option<PublicWriteImage>,
        }
    }
    struct PlanFieldsImage of plans::PlanFields {
        always {}
        unless_blank {
            visibilities: Vec<VisibilityEntryImage>,
            display_name: String,
            objectives: String,
            scope: String,
            accountable_head: Option<HeadImage>,
            lead_unit: String,
            coordinating_agencies: Vec<String>,
            budget: Option<BudgetImage>,
            planned_start: Option<PeriodImage>,
            planned_end: Option<PeriodImage>,
            reporting_cycles: Vec<CycleEntryImage>,
        }
    }
    struct VisibilityEntryImage of plans::VisibilityEntry {
        always { visibility: VisibilityWord, }
        unless_blank { start_date: Option<Date>, document: Option<Box<DocumentImage>>, }
    }
    struct CycleEntryImage of plans::CycleEntry {
        always { cycle: ReportingCycleImage, }
        unless_blank { start_date: Option<Date>, document: Option<Box<DocumentImage>>, }
    }
    struct StateEntryImage of plans::StateEntry {
        always { state: PlanStateWord, effective_date: Date, record_time: Timestamp, }
        unless_blank {
            agency: Option<String>,
            person: Option<PersonImage>,
            document: Option<Box<DocumentImage>>,
            reason: String,
        }
    }
    struct HeadImage of plans::Head {
        always {}
        unless_blank { office: String, person_name: String, }
    }
    struct MoneyImage of plans::Money {
        always { currency_code: String, units: i64, }
        unless_blank { nanos: i32, }
    }
    struct BudgetImage of plans::Budget {
        always {}
        unless_blank { amount: Option<MoneyImage>, price_year: i32, source: String, }
    }
    struct ReportingCycleImage of plans::ReportingCycle {
        always { interval: IntervalWord, }
        unless_blank { cutoff_day: i32, filing_days: i32, }
    }
}

words! {
    enum PlanStateWord of plans::PlanState {
        Draft = "DRAFT",
        Submitted = "SUBMITTED",
        Returned = "RETURNED",
        Withdrawn = "WITHDRAWN",
        Issued = "ISSUED",
        Completed = "COMPLETED",
        Superseded = "SUPERSEDED",
        Revoked = "REVOKED",
        Annulled = "ANNULLED",
    }
    enum VisibilityWord of plans::Visibility {
        Public = "PUBLIC",
        Restricted = "RESTRICTED",
    }
    enum IntervalWord of plans::Interval {
        Monthly = "MONTHLY",
        Quarterly = "QUARTERLY",
        HalfYearly = "HALF_YEARLY",
        Yearly = "YEARLY",
    }
}

// === below a plan ===

image! {
    struct AudienceImage of plans::Audience {
        always { agency: String, }
        unless_blank { public_since: Option<Timestamp>, }
    }
    struct MilestoneImage of milestones::Milestone {
        always {
            name: String,
            audience: AudienceImage,
            fields: MilestoneFieldsImage,
            meta: MetaImage,
        }
        unless_blank {
            completion: Option<Box<CompletionImage>>,
            dropping: Option<Box<DroppingImage>>,
        }
    }
    struct MilestoneFieldsImage of milestones::MilestoneFields {
        always {}
        unless_blank {
            display_name: String,
            assigning_document: Option<Box<DocumentImage>>,
            required_result: String,
            due: Option<PeriodImage>,
            weight: i32,
            accountable_unit: String,
        }
    }
    struct CompletionImage of milestones::Completion {
        always { completion_date: Date, record_time: Timestamp, }
        unless_blank { evidence: Vec<EvidenceImage>, }
    }
    struct DroppingImage of milestones::Dropping {
        always { drop_date: Date, record_time: Timestamp, }
        unless_blank { reason: String, document: Option<Box<DocumentImage>>, }
    }
    struct BaselineImage of baselines::Baseline {
        always {
            name: String,
            audience: AudienceImage,
            number: i32,
            effective_date: Date,
            approval: ApprovalImage,
            meta: MetaImage,
        }
        unless_blank {
            milestones: Vec<BaselineMilestoneImage>,
            budget: Option<BudgetImage>,
            planned_start: Option<PeriodImage>,
            planned_end: Option<PeriodImage>,
            document: Option<Box<DocumentImage>>,
            reason: String,
        }
    }
    struct BaselineMilestoneImage of baselines::BaselineMilestone {
        always { milestone: String, weight: i32, }
        unless_blank { display_name: String, required_result: String, due: Option<PeriodImage>, }
    }
    struct ApprovalImage of baselines::Approval {
        always { record_time: Timestamp, }
        // always there in a stored image: only what is shown is redacted
        unless_blank { person: Option<PersonImage>, }
    }
    struct ReportImage of reports::Report {
        always {
            name: String,
            audience: AudienceImage,
            fields: ReportFieldsImage,
            meta: MetaImage,
        }
        unless_blank { corrected_by: Option<String>, }
    }
    struct ReportFieldsImage of reports::ReportFields {
        always { percent: i32, }
        unless_blank {
            period_end_date: Option<Date>,
            rating: Option<RatingWord>,
            results: String,
            difficulties: String,
            recommendations: String,
            evidence: Vec<EvidenceImage>,
            corrects: Option<String>,
        }
    }
    struct AssessmentImage of assessments::Assessment {
        always {
            name: String,
            audience: AudienceImage,
            fields: AssessmentFieldsImage,
            meta: MetaImage,
        }
        unless_blank {}
    }
    struct AssessmentFieldsImage of assessments::AssessmentFields {
        always {}
        unless_blank {
            assessment_date: Option<Date>,
            rating: Option<RatingWord>,
            rubric_version: String,
            findings: String,
            evidence: Vec<EvidenceImage>,
        }
    }
}

words! {
    enum RatingWord of reports::Rating {
        OnTrack = "ON_TRACK",
        AtRisk = "AT_RISK",
        OffTrack = "OFF_TRACK",
    }
}

// === proposals ===

image! {
    struct ProposalImage of proposals::Proposal {
        always {
            name: String,
            state: ProposalStateWord,
            action: ActionImage,
            requested: ActImage,
            meta: MetaImage,
        }
        unless_blank { agency: Option<String>, decided: Option<ActImage>, }
    }
    struct ActImage of proposals::Act {
        always { person: PersonImage, record_time: Timestamp, }
        unless_blank { reason: String, }
    }
}

words! {
    enum ProposalStateWord of proposals::ProposalState {
        Pending = "PENDING",
        Approved = "APPROVED",
        Rejected = "REJECTED",
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ActionImage {
    #[serde(rename = "RETIREMENT")]
    Retirement(Box<ExitImage>),
    #[serde(rename = "REBASELINE")]
    Rebaseline(Box<RebaselineImage>),
}

image! {
    struct RebaselineImage of baselines::Rebaseline {
        always { plan: String, document: DocumentImage, }
        unless_blank {
            milestone_changes: Vec<MilestoneChangeImage>,
            budget: Option<BudgetImage>,
            planned_start: Option<PeriodImage>,
            planned_end: Option<PeriodImage>,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum MilestoneChangeImage {
    #[serde(rename = "ADD")]
    Add {
        milestone: String,
        fields: MilestoneFieldsImage,
    },
    #[serde(rename = "UPDATE")]
    Update {
        milestone: String,
        fields: MilestoneFieldsImage,
    },
    #[serde(rename = "DROP")]
    Drop { milestone: String },
}

impl Mirror<baselines::MilestoneChange> for MilestoneChangeImage {
    fn of(domain: &baselines::MilestoneChange) -> Self {
        let milestone = Mirror::of(domain.milestone());
        match domain {
            baselines::MilestoneChange::Add { fields, .. } => Self::Add {
                milestone,
                fields: Mirror::of(fields),
            },
            baselines::MilestoneChange::Update { fields, .. } => Self::Update {
                milestone,
                fields: Mirror::of(fields),
            },
            baselines::MilestoneChange::Drop { .. } => Self::Drop { milestone },
        }
    }

    fn into_domain(self) -> Result<baselines::MilestoneChange, Unreadable> {
        Ok(match self {
            Self::Add { milestone, fields } => baselines::MilestoneChange::Add {
                milestone: milestone.into_domain()?,
                fields: fields.into_domain()?,
            },
            Self::Update { milestone, fields } => baselines::MilestoneChange::Update {
                milestone: milestone.into_domain()?,
                fields: fields.into_domain()?,
            },
            Self::Drop { milestone } => baselines::MilestoneChange::Drop {
                milestone: milestone.into_domain()?,
            },
        })
    }
}

impl Mirror<proposals::Action> for ActionImage {
    fn of(domain: &proposals::Action) -> Self {
        match domain {
            proposals::Action::Retirement(exit) => Self::Retirement(Mirror::of(exit)),
            proposals::Action::Rebaseline(it) => Self::Rebaseline(Mirror::of(it)),
        }
    }

    fn into_domain(self) -> Result<proposals::Action, Unreadable> {
        Ok(match self {
            Self::Retirement(exit) => proposals::Action::Retirement(exit.into_domain()?),
            Self::Rebaseline(it) => proposals::Action::Rebaseline(it.into_domain()?),
        })
    }
}

// === figures ===

image! {
    struct FigureImage of figures::Figure {
        always {
            name: String,
            figure_date: Date,
            subject: SubjectWord,
            value: i64,
            meta: MetaImage,
        }
        unless_blank {
            edition: Option<String>,
            total: Option<i64>,
            breakdown: Vec<PartImage>,
            statement: String,
            sources: Vec<SourceImage>,
        }
    }
    struct PartImage of figures::Part {
        always { category: String, value: i64, }
        unless_blank {}
    }
}

words! {
    enum SubjectWord of figures::Subject {
        PlatformsListed = "PLATFORMS_LISTED",
        PlansIssued = "PLANS_ISSUED",
        PlatformsOperating = "PLATFORMS_OPERATING",
        Tasks = "TASKS",
    }
}

// === principals ===

image! {
    struct PrincipalImage of principals::Principal {
        always { name: String, fields: PrincipalFieldsImage, meta: MetaImage, }
        unless_blank { disabled: bool, }
    }
    struct PrincipalFieldsImage of principals::PrincipalFields {
        always { kind: PrincipalKindWord, }
        unless_blank { display_name: String, agency: Option<String>, roles: Vec<RoleWord>, }
    }
    struct ApiKeyImage of principals::ApiKey {
        always { name: String, fields: ApiKeyFieldsImage, meta: MetaImage, }
        unless_blank { agency: Option<String>, revoke_time: Option<Timestamp>, }
    }
    struct ApiKeyFieldsImage of principals::ApiKeyFields {
        always {}
        unless_blank { display_name: String, expire_time: Option<Timestamp>, }
    }
}

words! {
    enum RoleWord of principals::Role {
        AgencyEditor = "AGENCY_EDITOR",
        AgencyApprover = "AGENCY_APPROVER",
        AgencyAdmin = "AGENCY_ADMIN",
        Steward = "STEWARD",
        Auditor = "AUDITOR",
        Admin = "ADMIN",
    }
    enum PrincipalKindWord of principals::PrincipalKind {
        Unspecified = "UNSPECIFIED",
        Person = "PERSON",
        System = "SYSTEM",
    }
}
