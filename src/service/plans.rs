//! PlanService.

use tonic::{Request, Response, Status};

use super::{
    Services,
    call::{Call, envelope, open, open_checked},
    list::arguments,
    update::Update,
};
use crate::{
    domain::{
        change::Image,
        command::{Command, Decision},
        documents::Document,
        error::{Error, Violations},
        milestones::Milestone,
        names::{
            AssessmentName, BaselineName, MilestoneName, PlanName, PlatformName, ProposalName,
            ReportName,
        },
        plans::{Plan, PlanMove},
        time::Date,
    },
    pb,
    registry::access::{find_plan, find_proposal},
    state::{State, query::token::Binding, visible::Visible},
    wire::{
        assessments, baselines, documents, milestones, plans, proposals, reports,
        requests::{self, View},
        values,
    },
};

type Answer<T> = Result<Response<T>, Status>;

/// The method of one move: its message has a document or has none.
macro_rules! move_plan {
    ($self:ident, $request:ident, $method:literal, $step:ident) => {{
        let (call, message) = open_checked($request)?;
        let envelope = envelope!($method, message)?;
        let name: PlanName = requests::name(&message.name, "name")?;
        let (step, etag) = (PlanMove::$step, message.etag);
        let command = Command::MovePlan {
            name,
            step,
            document: None,
            etag,
        };
        $self
            .write(&call, command, envelope)
            .await?
            .respond(|image| $self.plan_of(image))
    }};
    ($self:ident, $request:ident, $method:literal, $step:ident, document) => {{
        let (call, message) = open_checked($request)?;
        let envelope = envelope!($method, message)?;
        let name: PlanName = requests::name(&message.name, "name")?;
        let document = document(message.document)?;
        let (step, etag) = (PlanMove::$step, message.etag);
        let command = Command::MovePlan {
            name,
            step,
            document,
            etag,
        };
        $self
            .write(&call, command, envelope)
            .await?
            .respond(|image| $self.plan_of(image))
    }};
}

/// The method of one decision on a proposal.
macro_rules! decide_proposal {
    ($self:ident, $request:ident, $method:literal, $decision:ident) => {{
        let (call, message) = open_checked($request)?;
        let envelope = envelope!($method, message)?;
        let name: ProposalName = requests::name(&message.name, "name")?;
        let decision = Decision::$decision;
        let command = Command::DecideProposal {
            name,
            decision,
            etag: message.etag,
        };
        $self
            .write(&call, command, envelope)
            .await?
            .respond(proposal_of)
    }};
}

/// Get of a record below a plan: the caller sees it as `visible` shows it, or it is not found.
macro_rules! get_below {
    ($self:ident, $request:ident, $name:ty, $find:ident, $convert:path) => {{
        let (call, message) = open_checked($request)?;
        let call = call
            .at($self, message.read_revision, message.read_time)
            .await?;
        let name: $name = requests::name(&message.name, "name")?;
        let record = call.state().$find(&name);
        let record = record.and_then(|record| record.visible(&call.caller));
        let record = record.ok_or_else(|| Error::NotFound {
            kind: <$name>::KIND,
            name: name.to_string(),
        })?;
        call.answer($convert(&record))
    }};
}

/// List of the records of one kind below a plan, all plans of a platform, or all plans.
macro_rules! list_below {
    ($self:ident, $request:ident, $method:literal, $name:ty, $records:ident, $convert:path) => {{
        let (call, message) = open_checked($request)?;
        let call = call
            .at($self, message.read_revision, message.read_time)
            .await?;
        let prefix = plan_prefix(&call, &message.parent, <$name>::prefix)?;
        let (records, next_page_token) = $self.list(
            &call,
            call.state().$records(),
            prefix,
            Binding::new($method),
            &arguments!(message),
            |_| true,
            |seen| $convert(seen),
        )?;
        (call, records, next_page_token)
    }};
}

#[tonic::async_trait]
impl pb::plan_service_server::PlanService for Services {
    async fn get_plan(&self, request: Request<pb::GetPlanRequest>) -> Answer<pb::Plan> {
        let (call, message) = open_checked(request)?;
        let (call, today) = self
            .dated(call, message.read_revision, message.read_time)
            .await?;
        let view = requests::plan_view(message.view, View::Full)?;
        let name: PlanName = requests::name(&message.name, "name")?;
        let plan = find_plan(call.state(), &call.caller, &name)?;
        let plan = plan.visible(&call.caller).ok_or_else(|| Error::NotFound {
            kind: PlanName::KIND,
            name: name.to_string(),
        })?;
        call.answer(standing_plan(call.state(), &plan, view, today))
    }

    async fn list_plans(
        &self,
        request: Request<pb::ListPlansRequest>,
    ) -> Answer<pb::ListPlansResponse> {
        let (call, message) = open_checked(request)?;
        let (call, today) = self
            .dated(call, message.read_revision, message.read_time)
            .await?;
        let view = requests::plan_view(message.view, View::Basic)?;
        let prefix = platform_prefix(&call, &message.parent, PlanName::prefix)?;
        let (plans, next_page_token) = self.list(
            &call,
            call.state().plans(),
            prefix,
            Binding::new("ListPlans").with([view as u8]),
            &arguments!(message),
            |_| true,
            |plan| standing_plan(call.state(), plan, view, today),
        )?;
        call.answer(pb::ListPlansResponse {
            plans,
            next_page_token,
        })
    }

    async fn create_plan(&self, request: Request<pb::CreatePlanRequest>) -> Answer<pb::Plan> {
        let (call, message) = open_checked(request)?;
        let envelope = envelope!("CreatePlan", message)?;
        let platform: PlatformName = requests::name(&message.parent, "parent")?;
        let name = requests::optional_new_name(&message.plan_id, "plan_id", |id| {
            PlanName::from_id(&platform, id)
        })?;
        let mut violations = Violations::new();
        let plan = message.plan.unwrap_or_default();
        let fields = Box::new(plans::plan_fields(plan, "plan", &mut violations));
        violations.into_result()?;
        let command = Command::CreatePlan {
            platform,
            name,
            fields,
        };
        self.write(&call, command, envelope)
            .await?
            .respond(|image| self.plan_of(image))
    }

    async fn update_plan(&self, request: Request<pb::UpdatePlanRequest>) -> Answer<pb::Plan> {
        let (call, message) = open(request)?;
        let update = Update::new(
            &message,
            "plan",
            message.plan.clone(),
            message.update_mask.as_ref(),
        )?;
        let envelope = envelope!("UpdatePlan", message)?;
        let plan = message.plan.unwrap_or_default();
        let name: PlanName = requests::name(&plan.name, "plan.name")?;
        let current = |call: &Call| {
            let plan = call.state().plan(&name)?.visible(&call.caller)?;
            Some((plans::plan(&plan, View::Full), plan.meta.revision))
        };
        let command = |values, mask, precondition| {
            let mut violations = Violations::new();
            let fields = Box::new(plans::plan_fields(values, "plan", &mut violations));
            violations.into_result()?;
            Ok(Command::UpdatePlan {
                name: name.clone(),
                fields,
                mask,
                precondition,
            })
        };
        let etag = requests::etag(plan.etag);
        self.update(call, &update, etag, envelope, current, command)
            .await?
            .respond(|image| self.plan_of(image))
    }

    async fn submit_plan(&self, request: Request<pb::SubmitPlanRequest>) -> Answer<pb::Plan> {
        move_plan!(self, request, "SubmitPlan", Submit)
    }

    async fn return_plan(&self, request: Request<pb::ReturnPlanRequest>) -> Answer<pb::Plan> {
        move_plan!(self, request, "ReturnPlan", Return)
    }

    async fn issue_plan(&self, request: Request<pb::IssuePlanRequest>) -> Answer<pb::Plan> {
        move_plan!(self, request, "IssuePlan", Issue, document)
    }

    async fn complete_plan(&self, request: Request<pb::CompletePlanRequest>) -> Answer<pb::Plan> {
        move_plan!(self, request, "CompletePlan", Complete, document)
    }

    async fn withdraw_plan(&self, request: Request<pb::WithdrawPlanRequest>) -> Answer<pb::Plan> {
        move_plan!(self, request, "WithdrawPlan", Withdraw)
    }

    async fn revoke_plan(&self, request: Request<pb::RevokePlanRequest>) -> Answer<pb::Plan> {
        move_plan!(self, request, "RevokePlan", Revoke, document)
    }

    async fn annul_plan(&self, request: Request<pb::AnnulPlanRequest>) -> Answer<pb::Plan> {
        move_plan!(self, request, "AnnulPlan", Annul)
    }

    async fn rebaseline_plan(
        &self,
        request: Request<pb::RebaselinePlanRequest>,
    ) -> Answer<pb::Proposal> {
        let (call, message) = open_checked(request)?;
        let envelope = envelope!("RebaselinePlan", message)?;
        let name: PlanName = requests::name(&message.name, "name")?;
        let mut violations = Violations::new();
        let rebaseline = baselines::rebaseline_fields(
            message.rebaseline.unwrap_or_default(),
            name,
            "rebaseline",
            &mut violations,
        );
        violations.into_result()?;
        let command = Command::RebaselinePlan {
            rebaseline: Box::new(rebaseline),
            etag: message.etag,
        };
        self.write(&call, command, envelope)
            .await?
            .respond(proposal_of)
    }

    // === milestones ===

    async fn get_milestone(
        &self,
        request: Request<pb::GetMilestoneRequest>,
    ) -> Answer<pb::Milestone> {
        let (call, message) = open_checked(request)?;
        let (call, today) = self
            .dated(call, message.read_revision, message.read_time)
            .await?;
        let name: MilestoneName = requests::name(&message.name, "name")?;
        let record = call.state().milestone(&name);
        let record = record.and_then(|record| record.visible(&call.caller));
        let record = record.ok_or_else(|| Error::NotFound {
            kind: MilestoneName::KIND,
            name: name.to_string(),
        })?;
        call.answer(standing_milestone(call.state(), &record, today))
    }

    async fn list_milestones(
        &self,
        request: Request<pb::ListMilestonesRequest>,
    ) -> Answer<pb::ListMilestonesResponse> {
        let (call, message) = open_checked(request)?;
        let (call, today) = self
            .dated(call, message.read_revision, message.read_time)
            .await?;
        let prefix = plan_prefix(&call, &message.parent, MilestoneName::prefix)?;
        let (milestones, next_page_token) = self.list(
            &call,
            call.state().milestones(),
            prefix,
            Binding::new("ListMilestones"),
            &arguments!(message),
            |_| true,
            |milestone| standing_milestone(call.state(), milestone, today),
        )?;
        call.answer(pb::ListMilestonesResponse {
            milestones,
            next_page_token,
        })
    }

    async fn create_milestone(
        &self,
        request: Request<pb::CreateMilestoneRequest>,
    ) -> Answer<pb::Milestone> {
        let (call, message) = open_checked(request)?;
        let envelope = envelope!("CreateMilestone", message)?;
        let plan: PlanName = requests::name(&message.parent, "parent")?;
        let name = requests::optional_new_name(&message.milestone_id, "milestone_id", |id| {
            MilestoneName::from_id(&plan, id)
        })?;
        let mut violations = Violations::new();
        let milestone = message.milestone.unwrap_or_default();
        let fields = milestones::milestone_fields(milestone, "milestone", &mut violations);
        violations.into_result()?;
        let command = Command::CreateMilestone {
            plan,
            name,
            fields: Box::new(fields),
        };
        self.write(&call, command, envelope)
            .await?
            .respond(|image| self.milestone_of(image))
    }

    async fn update_milestone(
        &self,
        request: Request<pb::UpdateMilestoneRequest>,
    ) -> Answer<pb::Milestone> {
        let (call, message) = open(request)?;
        let update = Update::new(
            &message,
            "milestone",
            message.milestone.clone(),
            message.update_mask.as_ref(),
        )?;
        let envelope = envelope!("UpdateMilestone", message)?;
        let milestone = message.milestone.unwrap_or_default();
        let name: MilestoneName = requests::name(&milestone.name, "milestone.name")?;
        let current = |call: &Call| {
            let milestone = call.state().milestone(&name)?.visible(&call.caller)?;
            Some((milestones::milestone(&milestone), milestone.meta.revision))
        };
        let command = |values, mask, precondition| {
            let mut violations = Violations::new();
            let fields = milestones::milestone_fields(values, "milestone", &mut violations);
            violations.into_result()?;
            Ok(Command::UpdateMilestone {
                name: name.clone(),
                fields: Box::new(fields),
                mask,
                precondition,
            })
        };
        let etag = requests::etag(milestone.etag);
        self.update(call, &update, etag, envelope, current, command)
            .await?
            .respond(|image| self.milestone_of(image))
    }

    async fn complete_milestone(
        &self,
        request: Request<pb::CompleteMilestoneRequest>,
    ) -> Answer<pb::Milestone> {
        let (call, message) = open_checked(request)?;
        let envelope = envelope!("CompleteMilestone", message)?;
        let name = requests::name(&message.name, "name")?;
        let mut violations = Violations::new();
        let completion_date =
            values::date(message.completion_date, "completion_date", &mut violations);
        let evidence = documents::evidence_fields(message.evidence, "evidence", &mut violations);
        violations.into_result()?;
        let command = Command::CompleteMilestone {
            name,
            completion_date,
            evidence,
            etag: message.etag,
        };
        self.write(&call, command, envelope)
            .await?
            .respond(|image| self.milestone_of(image))
    }

    async fn drop_milestone(
        &self,
        request: Request<pb::DropMilestoneRequest>,
    ) -> Answer<pb::Milestone> {
        let (call, message) = open_checked(request)?;
        let envelope = envelope!("DropMilestone", message)?;
        let command = Command::DropMilestone {
            name: requests::name(&message.name, "name")?,
            document: document(message.document)?,
            etag: message.etag,
        };
        self.write(&call, command, envelope)
            .await?
            .respond(|image| self.milestone_of(image))
    }

    // === baselines ===

    async fn get_baseline(&self, request: Request<pb::GetBaselineRequest>) -> Answer<pb::Baseline> {
        get_below!(self, request, BaselineName, baseline, baselines::baseline)
    }

    async fn list_baselines(
        &self,
        request: Request<pb::ListBaselinesRequest>,
    ) -> Answer<pb::ListBaselinesResponse> {
        let (call, baselines, next_page_token) = list_below!(
            self,
            request,
            "ListBaselines",
            BaselineName,
            baselines,
            baselines::baseline
        );
        call.answer(pb::ListBaselinesResponse {
            baselines,
            next_page_token,
        })
    }

    // === reports ===

    async fn get_report(&self, request: Request<pb::GetReportRequest>) -> Answer<pb::Report> {
        get_below!(self, request, ReportName, report, reports::report)
    }

    async fn list_reports(
        &self,
        request: Request<pb::ListReportsRequest>,
    ) -> Answer<pb::ListReportsResponse> {
        let (call, reports, next_page_token) = list_below!(
            self,
            request,
            "ListReports",
            ReportName,
            reports,
            reports::report
        );
        call.answer(pb::ListReportsResponse {
            reports,
            next_page_token,
        })
    }

    async fn create_report(&self, request: Request<pb::CreateReportRequest>) -> Answer<pb::Report> {
        let (call, message) = open_checked(request)?;
        let envelope = envelope!("CreateReport", message)?;
        let plan: PlanName = requests::name(&message.parent, "parent")?;
        let name = requests::optional_new_name(&message.report_id, "report_id", |id| {
            ReportName::from_id(&plan, id)
        })?;
        let mut violations = Violations::new();
        let report = message.report.unwrap_or_default();
        let fields = reports::report_fields(report, "report", &mut violations);
        violations.into_result()?;
        let command = Command::CreateReport {
            plan,
            name,
            fields: Box::new(fields),
        };
        let written = self.write(&call, command, envelope).await?;
        written.respond(|image| match image {
            Image::Report(report) => Some(reports::report(&report)),
            _ => None,
        })
    }

    // === assessments ===

    async fn get_assessment(
        &self,
        request: Request<pb::GetAssessmentRequest>,
    ) -> Answer<pb::Assessment> {
        get_below!(
            self,
            request,
            AssessmentName,
            assessment,
            assessments::assessment
        )
    }

    async fn list_assessments(
        &self,
        request: Request<pb::ListAssessmentsRequest>,
    ) -> Answer<pb::ListAssessmentsResponse> {
        let (call, assessments, next_page_token) = list_below!(
            self,
            request,
            "ListAssessments",
            AssessmentName,
            assessments,
            assessments::assessment
        );
        call.answer(pb::ListAssessmentsResponse {
            assessments,
            next_page_token,
        })
    }

    async fn create_assessment(
        &self,
        request: Request<pb::CreateAssessmentRequest>,
    ) -> Answer<pb::Assessment> {
        let (call, message) = open_checked(request)?;
        let envelope = envelope!("CreateAssessment", message)?;
        let plan: PlanName = requests::name(&message.parent, "parent")?;
        let name = requests::optional_new_name(&message.assessment_id, "assessment_id", |id| {
            AssessmentName::from_id(&plan, id)
        })?;
        let mut violations = Violations::new();
        let assessment = message.assessment.unwrap_or_default();
        let fields = assessments::assessment_fields(assessment, "assessment", &mut violations);
        violations.into_result()?;
        let command = Command::CreateAssessment {
            plan,
            name,
            fields: Box::new(fields),
        };
        let written = self.write(&call, command, envelope).await?;
        written.respond(|image| match image {
            Image::Assessment(assessment) => Some(assessments::assessment(&assessment)),
            _ => None,
        })
    }

    // === proposals ===

    async fn get_proposal(&self, request: Request<pb::GetProposalRequest>) -> Answer<pb::Proposal> {
        let (call, message) = open_checked(request)?;
        let call = call
            .at(self, message.read_revision, message.read_time)
            .await?;
        let name = requests::name(&message.name, "name")?;
        let proposal = find_proposal(call.state(), &call.caller, &name)?;
        call.answer(proposals::proposal(proposal))
    }

    async fn list_proposals(
        &self,
        request: Request<pb::ListProposalsRequest>,
    ) -> Answer<pb::ListProposalsResponse> {
        let (call, message) = open_checked(request)?;
        let call = call
            .at(self, message.read_revision, message.read_time)
            .await?;
        let prefix = platform_prefix(&call, &message.parent, ProposalName::prefix)?;
        let (proposals, next_page_token) = self.list(
            &call,
            call.state().proposals(),
            prefix,
            Binding::new("ListProposals"),
            &arguments!(message),
            |_| true,
            |seen| proposals::proposal(seen),
        )?;
        call.answer(pb::ListProposalsResponse {
            proposals,
            next_page_token,
        })
    }

    async fn approve_proposal(
        &self,
        request: Request<pb::ApproveProposalRequest>,
    ) -> Answer<pb::Proposal> {
        decide_proposal!(self, request, "ApproveProposal", Approve)
    }

    async fn reject_proposal(
        &self,
        request: Request<pb::RejectProposalRequest>,
    ) -> Answer<pb::Proposal> {
        decide_proposal!(self, request, "RejectProposal", Reject)
    }
}

/// What the names of one platform's records begin with; empty for all platforms'.
fn platform_prefix(
    call: &Call,
    parent: &str,
    prefix: impl FnOnce(&PlatformName) -> String,
) -> Result<String, Error> {
    let Some(platform) = requests::parent::<PlatformName>(parent, "parent")? else {
        return Ok(String::new());
    };
    if call.state().platform(&platform).is_none() {
        return Err(Error::NotFound {
            kind: PlatformName::KIND,
            name: platform.to_string(),
        });
    }
    Ok(prefix(&platform))
}

/// A plan as the caller sees it, and in the view FULL how it stands on a day by these records.
fn standing_plan(state: &State, plan: &Plan, view: View, on: Date) -> pb::Plan {
    let mut message = plans::plan(plan, view);
    if view == View::Full && !plan.redacted && plan.state.was_issued() {
        let standing = state.dossier(plan).standing_on(on);
        message.standing = Some(plans::standing(&standing, on));
    }
    message
}

/// A milestone as the caller sees it, and how it stands on a day by these records.
fn standing_milestone(state: &State, milestone: &Milestone, on: Date) -> pb::Milestone {
    let mut message = milestones::milestone(milestone);
    let plan = state.plan(&milestone.name.parent());
    let standing = plan.and_then(|plan| state.baselines_below(plan).milestone_on(milestone, on));
    message.standing = Some(milestones::standing(standing.as_ref(), on));
    message
}

impl Services {
    fn today(&self) -> Date {
        self.registry().clock().now().date_in_vietnam()
    }

    /// The answer of a write: the plan as GetPlan has it.
    fn plan_of(&self, image: Image) -> Option<pb::Plan> {
        let Image::Plan(plan) = image else {
            return None;
        };
        let snapshot = self.registry().read();
        let state = &snapshot.state;
        Some(standing_plan(state, &plan, View::Full, self.today()))
    }

    /// The answer of a write: the milestone as GetMilestone has it.
    fn milestone_of(&self, image: Image) -> Option<pb::Milestone> {
        let Image::Milestone(milestone) = image else {
            return None;
        };
        let snapshot = self.registry().read();
        let state = &snapshot.state;
        Some(standing_milestone(state, &milestone, self.today()))
    }
}

/// What the names of the records below one plan, all plans of a platform, or all plans begin with.
fn plan_prefix(
    call: &Call,
    parent: &str,
    prefix: impl FnOnce(&PlanName) -> String,
) -> Result<String, Error> {
    if parent == "platforms/-/plans/-" {
        return Ok(String::new());
    }
    if let Some(platform) = parent.strip_suffix("/plans/-") {
        return platform_prefix(call, platform, PlanName::prefix);
    }
    let plan: PlanName = requests::name(parent, "parent")?;
    find_plan(call.state(), &call.caller, &plan)?;
    Ok(prefix(&plan))
}

fn document(message: Option<pb::Document>) -> Result<Option<Box<Document>>, Error> {
    let Some(message) = message else {
        return Ok(None);
    };
    let mut violations = Violations::new();
    let document = documents::document_fields(message, "document", &mut violations);
    violations.into_result()?;
    Ok(Some(Box::new(document)))
}

fn proposal_of(image: Image) -> Option<pb::Proposal> {
    match image {
        Image::Proposal(proposal) => Some(proposals::proposal(&proposal)),
        _ => None,
    }
}
