//! PlanService: plans, milestones, baselines, reports, assessments and proposals.

use tonic::Request;

use super::{
    RpcResult, Services,
    list::{Lists as _, Seen, fitted, page},
    read::{find, get},
    update::updatable,
    write::{open_update, open_write},
};
use crate::{
    call::Call,
    pb,
    wire::{
        assessments, baselines, documents, milestones, plans, proposals,
        report_page::{self, Subject},
        reports,
        requests::{self, View},
        values,
    },
};
use ndp_core::{
    error::{Error, Violations},
    names::{
        AssessmentName, BaselineName, MilestoneName, PlanName, PlatformName, ProposalName,
        ReportName,
    },
    query::Queryable as _,
    records::{
        milestones::Milestone,
        plans::{Plan, PlanMove},
    },
    rules::{
        assessments::{CreateAssessment, WithdrawAssessment},
        baselines::RebaselinePlan,
        milestones::{CompleteMilestone, CreateMilestone, DropMilestone, ReopenMilestone},
        plans::{CreatePlan, MovePlan},
        proposals::{CancelProposal, DecideProposal, Decision},
        reports::{CreateReport, WithdrawReport},
        transcriptions::ConfirmTranscription,
    },
    state::{State, visible::Visible as _},
    time::Date,
};

updatable!(Plan plans::plan_fields);
updatable!(
    Milestone | message,
    _,
    _ | milestones::milestone_fields(message)
);

/// The method of one move: its message has a document or has none.
macro_rules! move_plan {
    ($self:ident, $request:ident, $step:ident $(, $document:ident)?) => {{
        let (call, envelope, message) = open_write($request)?;
        let command = MovePlan {
            name: requests::name(&message.name, "name")?,
            step: PlanMove::$step,
            document: None$(.or(documents::read_boxed_document(message.$document)))?,
            etag: message.etag,
        };
        let written = $self.write(call, envelope, command).await?;
        written.answer(|plan, state| standing_plan(state, plan, View::Full, $self.today()))
    }};
}

/// The method of one decision on a proposal.
macro_rules! decide_proposal {
    ($self:ident, $request:ident, $decision:ident) => {{
        let (call, envelope, message) = open_write($request)?;
        let command = DecideProposal {
            name: requests::name(&message.name, "name")?,
            decision: Decision::$decision,
            etag: message.etag,
        };
        $self
            .write(call, envelope, command)
            .await?
            .answer(|it, _| proposals::proposal(it))
    }};
}

impl Services {
    pub(super) async fn get_plan(
        &self,
        request: Request<pb::GetPlanRequest>,
    ) -> RpcResult<pb::Plan> {
        let (call, today, message) = self.open_dated(request).await?;
        let view = requests::plan_view(message.view, View::Full);
        let plan = get(&call, &message.name, State::plan)?;
        call.answer(standing_plan(call.state(), &plan, view, today))
    }

    pub(super) async fn list_plans(
        &self,
        request: Request<pb::ListPlansRequest>,
    ) -> RpcResult<pb::ListPlansResponse> {
        let (call, today, message) = self.open_dated(request).await?;
        let view = requests::plan_view(message.view, View::Basic);
        let prefix = platform_prefix(&call, &message.parent, PlanName::prefix)?;
        let binding = call.binding("ListPlans").with("view", [view as u8]);
        let binding = binding.with("parent", &prefix);
        let query = self.query::<Plan>(binding, &message.arguments())?;
        let binding = query.binding.clone();
        let listing = self.work(&call, move |call, effort| {
            let state = call.state();
            let (in_order, rows) = state.plans_for(&prefix, &query, effort);
            let page = page(&query, call, effort, in_order, rows, |_| true);
            let convert = |plan: &Seen<'_, _>| standing_plan(state, plan, view, today);
            let place = |plan: &Seen<'_, _>| query.order.cursor(plan);
            Ok(fitted(page, effort, Plan::ANSWER_COST, convert, place))
        });
        let (plans, next_page_token) = self.sealed(&binding, listing.await?);
        call.answer(pb::ListPlansResponse {
            plans,
            next_page_token,
        })
    }

    pub(super) async fn create_plan(
        &self,
        request: Request<pb::CreatePlanRequest>,
    ) -> RpcResult<pb::Plan> {
        let (call, envelope, message) = open_write(request)?;
        let platform: PlatformName = requests::name(&message.parent, "parent")?;
        let name = requests::optional_new_name(&message.plan_id, "plan_id", |id| {
            PlanName::from_id(&platform, id)
        })?;
        let mut violations = Violations::new();
        let plan = message.plan.unwrap_or_default();
        let fields = plans::plan_fields(plan, "plan", &mut violations);
        let source = message.transcription_source.map(documents::read_document);
        violations.into_result()?;
        let command = CreatePlan {
            platform,
            name,
            fields,
            source,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|plan, state| standing_plan(state, plan, View::Full, self.today()))
    }

    pub(super) async fn update_plan(
        &self,
        request: Request<pb::UpdatePlanRequest>,
    ) -> RpcResult<pb::Plan> {
        let (call, envelope, command) = open_update(request)?;
        self.write(call, envelope, command)
            .await?
            .answer(|plan, state| standing_plan(state, plan, View::Full, self.today()))
    }

    pub(super) async fn submit_plan(
        &self,
        request: Request<pb::SubmitPlanRequest>,
    ) -> RpcResult<pb::Plan> {
        move_plan!(self, request, Submit)
    }

    pub(super) async fn return_plan(
        &self,
        request: Request<pb::ReturnPlanRequest>,
    ) -> RpcResult<pb::Plan> {
        move_plan!(self, request, Return)
    }

    pub(super) async fn issue_plan(
        &self,
        request: Request<pb::IssuePlanRequest>,
    ) -> RpcResult<pb::Plan> {
        move_plan!(self, request, Issue, document)
    }

    pub(super) async fn complete_plan(
        &self,
        request: Request<pb::CompletePlanRequest>,
    ) -> RpcResult<pb::Plan> {
        move_plan!(self, request, Complete, document)
    }

    pub(super) async fn withdraw_plan(
        &self,
        request: Request<pb::WithdrawPlanRequest>,
    ) -> RpcResult<pb::Plan> {
        move_plan!(self, request, Withdraw)
    }

    pub(super) async fn revoke_plan(
        &self,
        request: Request<pb::RevokePlanRequest>,
    ) -> RpcResult<pb::Plan> {
        move_plan!(self, request, Revoke, document)
    }

    pub(super) async fn reopen_plan(
        &self,
        request: Request<pb::ReopenPlanRequest>,
    ) -> RpcResult<pb::Plan> {
        move_plan!(self, request, Reopen, document)
    }

    pub(super) async fn annul_plan(
        &self,
        request: Request<pb::AnnulPlanRequest>,
    ) -> RpcResult<pb::Plan> {
        move_plan!(self, request, Annul)
    }

    pub(super) async fn confirm_transcription(
        &self,
        request: Request<pb::ConfirmTranscriptionRequest>,
    ) -> RpcResult<pb::Plan> {
        let (call, envelope, message) = open_write(request)?;
        let command = ConfirmTranscription {
            name: requests::name(&message.name, "name")?,
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|plan, state| standing_plan(state, plan, View::Full, self.today()))
    }

    pub(super) async fn rebaseline_plan(
        &self,
        request: Request<pb::RebaselinePlanRequest>,
    ) -> RpcResult<pb::RebaselinePlanResponse> {
        let (call, envelope, message) = open_write(request)?;
        let name: PlanName = requests::name(&message.name, "name")?;
        let mut violations = Violations::new();
        let rebaseline = baselines::rebaseline_fields(
            message.rebaseline.unwrap_or_default(),
            name,
            "rebaseline",
            &mut violations,
        );
        violations.into_result()?;
        let command = RebaselinePlan {
            rebaseline,
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| pb::RebaselinePlanResponse {
                proposal: Some(proposals::proposal(it)),
            })
    }

    // === milestones ===

    pub(super) async fn get_milestone(
        &self,
        request: Request<pb::GetMilestoneRequest>,
    ) -> RpcResult<pb::Milestone> {
        let (call, today, message) = self.open_dated(request).await?;
        let milestone = get(&call, &message.name, State::milestone)?;
        call.answer(standing_milestone(call.state(), &milestone, today))
    }

    pub(super) async fn list_milestones(
        &self,
        request: Request<pb::ListMilestonesRequest>,
    ) -> RpcResult<pb::ListMilestonesResponse> {
        let (call, today, message) = self.open_dated(request).await?;
        let prefix = plan_prefix(&call, &message.parent, MilestoneName::prefix)?;
        let (milestones, next_page_token) = self
            .list_below(
                &call,
                State::milestones,
                prefix,
                call.binding("ListMilestones"),
                &message.arguments(),
                move |state, milestone| standing_milestone(state, milestone, today),
            )
            .await?;
        call.answer(pb::ListMilestonesResponse {
            milestones,
            next_page_token,
        })
    }

    pub(super) async fn create_milestone(
        &self,
        request: Request<pb::CreateMilestoneRequest>,
    ) -> RpcResult<pb::Milestone> {
        let (call, envelope, message) = open_write(request)?;
        let plan: PlanName = requests::name(&message.parent, "parent")?;
        let name = requests::optional_new_name(&message.milestone_id, "milestone_id", |id| {
            MilestoneName::from_id(&plan, id)
        })?;
        let fields = milestones::milestone_fields(message.milestone.unwrap_or_default());
        let command = CreateMilestone { plan, name, fields };
        self.write(call, envelope, command)
            .await?
            .answer(|milestone, state| standing_milestone(state, milestone, self.today()))
    }

    pub(super) async fn update_milestone(
        &self,
        request: Request<pb::UpdateMilestoneRequest>,
    ) -> RpcResult<pb::Milestone> {
        let (call, envelope, command) = open_update(request)?;
        self.write(call, envelope, command)
            .await?
            .answer(|milestone, state| standing_milestone(state, milestone, self.today()))
    }

    pub(super) async fn complete_milestone(
        &self,
        request: Request<pb::CompleteMilestoneRequest>,
    ) -> RpcResult<pb::Milestone> {
        let (call, envelope, message) = open_write(request)?;
        let name = requests::name(&message.name, "name")?;
        let command = CompleteMilestone {
            name,
            completion_date: values::read_date(message.completion_date),
            evidence: documents::read_evidence(message.evidence),
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|milestone, state| standing_milestone(state, milestone, self.today()))
    }

    pub(super) async fn drop_milestone(
        &self,
        request: Request<pb::DropMilestoneRequest>,
    ) -> RpcResult<pb::Milestone> {
        let (call, envelope, message) = open_write(request)?;
        let command = DropMilestone {
            name: requests::name(&message.name, "name")?,
            document: documents::read_boxed_document(message.document),
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|milestone, state| standing_milestone(state, milestone, self.today()))
    }

    pub(super) async fn reopen_milestone(
        &self,
        request: Request<pb::ReopenMilestoneRequest>,
    ) -> RpcResult<pb::Milestone> {
        let (call, envelope, message) = open_write(request)?;
        let command = ReopenMilestone {
            name: requests::name(&message.name, "name")?,
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|milestone, state| standing_milestone(state, milestone, self.today()))
    }

    // === baselines ===

    pub(super) async fn get_baseline(
        &self,
        request: Request<pb::GetBaselineRequest>,
    ) -> RpcResult<pb::Baseline> {
        let (call, message) = self.open_read(request).await?;
        let baseline = get(&call, &message.name, State::baseline)?;
        let agency = baseline.agency(call.state());
        call.answer(baselines::baseline(&baseline, agency.as_ref()))
    }

    pub(super) async fn list_baselines(
        &self,
        request: Request<pb::ListBaselinesRequest>,
    ) -> RpcResult<pb::ListBaselinesResponse> {
        let (call, message) = self.open_read(request).await?;
        let prefix = plan_prefix(&call, &message.parent, BaselineName::prefix)?;
        let (baselines, next_page_token) = self
            .list_below(
                &call,
                State::baselines,
                prefix,
                call.binding("ListBaselines"),
                &message.arguments(),
                |_, seen| baselines::baseline(seen, seen.agency.as_ref()),
            )
            .await?;
        call.answer(pb::ListBaselinesResponse {
            baselines,
            next_page_token,
        })
    }

    // === reports ===

    pub(super) async fn get_report(
        &self,
        request: Request<pb::GetReportRequest>,
    ) -> RpcResult<pb::Report> {
        let (call, message) = self.open_read(request).await?;
        let report = get(&call, &message.name, State::report)?;
        let agency = report.agency(call.state());
        call.answer(reports::report(&report, agency.as_ref()))
    }

    pub(super) async fn render_report(
        &self,
        request: Request<pb::RenderReportRequest>,
    ) -> RpcResult<pb::RenderReportResponse> {
        let (call, today, message) = self.open_dated(request).await?;
        let report = get(&call, &message.name, State::report)?;
        let plan = get(&call, report.name.parent().as_str(), State::plan)?;
        let subject = Subject {
            report: &report,
            plan: &plan,
            state: call.state(),
            today,
        };
        call.answer(report_page::render(&subject)?)
    }

    pub(super) async fn list_reports(
        &self,
        request: Request<pb::ListReportsRequest>,
    ) -> RpcResult<pb::ListReportsResponse> {
        let (call, message) = self.open_read(request).await?;
        let prefix = plan_prefix(&call, &message.parent, ReportName::prefix)?;
        let (reports, next_page_token) = self
            .list_below(
                &call,
                State::reports,
                prefix,
                call.binding("ListReports"),
                &message.arguments(),
                |_, seen| reports::report(seen, seen.agency.as_ref()),
            )
            .await?;
        call.answer(pb::ListReportsResponse {
            reports,
            next_page_token,
        })
    }

    pub(super) async fn create_report(
        &self,
        request: Request<pb::CreateReportRequest>,
    ) -> RpcResult<pb::Report> {
        let (call, envelope, message) = open_write(request)?;
        let plan: PlanName = requests::name(&message.parent, "parent")?;
        let name = requests::optional_new_name(&message.report_id, "report_id", |id| {
            ReportName::from_id(&plan, id)
        })?;
        let mut violations = Violations::new();
        let report = message.report.unwrap_or_default();
        let fields = reports::report_fields(report, "report", &mut violations);
        violations.into_result()?;
        let command = CreateReport { plan, name, fields };
        self.write(call, envelope, command)
            .await?
            .answer(|report, state| reports::report(report, report.agency(state).as_ref()))
    }

    pub(super) async fn withdraw_report(
        &self,
        request: Request<pb::WithdrawReportRequest>,
    ) -> RpcResult<pb::Report> {
        let (call, envelope, message) = open_write(request)?;
        let command = WithdrawReport {
            name: requests::name(&message.name, "name")?,
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|report, state| reports::report(report, report.agency(state).as_ref()))
    }

    // === assessments ===

    pub(super) async fn get_assessment(
        &self,
        request: Request<pb::GetAssessmentRequest>,
    ) -> RpcResult<pb::Assessment> {
        let (call, message) = self.open_read(request).await?;
        let assessment = get(&call, &message.name, State::assessment)?;
        let agency = assessment.agency(call.state());
        call.answer(assessments::assessment(&assessment, agency.as_ref()))
    }

    pub(super) async fn list_assessments(
        &self,
        request: Request<pb::ListAssessmentsRequest>,
    ) -> RpcResult<pb::ListAssessmentsResponse> {
        let (call, message) = self.open_read(request).await?;
        let prefix = plan_prefix(&call, &message.parent, AssessmentName::prefix)?;
        let (assessments, next_page_token) = self
            .list_below(
                &call,
                State::assessments,
                prefix,
                call.binding("ListAssessments"),
                &message.arguments(),
                |_, seen| assessments::assessment(seen, seen.agency.as_ref()),
            )
            .await?;
        call.answer(pb::ListAssessmentsResponse {
            assessments,
            next_page_token,
        })
    }

    pub(super) async fn create_assessment(
        &self,
        request: Request<pb::CreateAssessmentRequest>,
    ) -> RpcResult<pb::Assessment> {
        let (call, envelope, message) = open_write(request)?;
        let plan: PlanName = requests::name(&message.parent, "parent")?;
        let name = requests::optional_new_name(&message.assessment_id, "assessment_id", |id| {
            AssessmentName::from_id(&plan, id)
        })?;
        let fields = assessments::assessment_fields(message.assessment.unwrap_or_default());
        let command = CreateAssessment { plan, name, fields };
        let written = self.write(call, envelope, command).await?;
        written.answer(|assessment, state| {
            assessments::assessment(assessment, assessment.agency(state).as_ref())
        })
    }

    pub(super) async fn withdraw_assessment(
        &self,
        request: Request<pb::WithdrawAssessmentRequest>,
    ) -> RpcResult<pb::Assessment> {
        let (call, envelope, message) = open_write(request)?;
        let command = WithdrawAssessment {
            name: requests::name(&message.name, "name")?,
            etag: message.etag,
        };
        let written = self.write(call, envelope, command).await?;
        written.answer(|assessment, state| {
            assessments::assessment(assessment, assessment.agency(state).as_ref())
        })
    }

    // === proposals ===

    pub(super) async fn get_proposal(
        &self,
        request: Request<pb::GetProposalRequest>,
    ) -> RpcResult<pb::Proposal> {
        let (call, message) = self.open_read(request).await?;
        let proposal = get(&call, &message.name, State::proposal)?;
        call.answer(proposals::proposal(&proposal))
    }

    pub(super) async fn list_proposals(
        &self,
        request: Request<pb::ListProposalsRequest>,
    ) -> RpcResult<pb::ListProposalsResponse> {
        let (call, message) = self.open_read(request).await?;
        let prefix = platform_prefix(&call, &message.parent, ProposalName::prefix)?;
        let (proposals, next_page_token) = self
            .list(
                &call,
                State::proposals,
                prefix,
                call.binding("ListProposals"),
                &message.arguments(),
                |_, seen| proposals::proposal(seen),
            )
            .await?;
        call.answer(pb::ListProposalsResponse {
            proposals,
            next_page_token,
        })
    }

    pub(super) async fn approve_proposal(
        &self,
        request: Request<pb::ApproveProposalRequest>,
    ) -> RpcResult<pb::Proposal> {
        decide_proposal!(self, request, Approve)
    }

    pub(super) async fn reject_proposal(
        &self,
        request: Request<pb::RejectProposalRequest>,
    ) -> RpcResult<pb::Proposal> {
        decide_proposal!(self, request, Reject)
    }

    pub(super) async fn cancel_proposal(
        &self,
        request: Request<pb::CancelProposalRequest>,
    ) -> RpcResult<pb::Proposal> {
        let (call, envelope, message) = open_write(request)?;
        let command = CancelProposal {
            name: requests::name(&message.name, "name")?,
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| proposals::proposal(it))
    }
}

/// What the names of one platform's records begin with; empty for all platforms'.
pub(super) fn platform_prefix(
    call: &Call,
    parent: &str,
    prefix: impl FnOnce(&PlatformName) -> String,
) -> Result<String, Error> {
    let Some(platform) = requests::parent::<PlatformName>(parent, "parent")? else {
        return Ok(String::new());
    };
    call.state().known_platform(&platform)?;
    Ok(prefix(&platform))
}

/// A plan as the caller sees it, and in the view FULL its standing on a day by these records.
fn standing_plan(state: &State, plan: &Plan, view: View, on: Date) -> pb::Plan {
    let mut message = plans::plan(plan, view);
    message.etag = state.plan_etag(plan);
    if view == View::Full && !plan.redacted && plan.state.was_issued() {
        let standing = state.plan_records(plan).standing_on(on);
        message.standing = Some(plans::standing(&standing, on));
    }
    message
}

/// A milestone as the caller sees it, and its standing on a day by these records.
fn standing_milestone(state: &State, milestone: &Milestone, on: Date) -> pb::Milestone {
    let agency = milestone.agency(state);
    let mut message = milestones::milestone(milestone, agency.as_ref());
    let plan = state.plan(&milestone.name.parent());
    let standing = plan.and_then(|plan| state.baselines_below(plan).milestone_on(milestone, on));
    message.standing = Some(milestones::standing(standing.as_ref(), on));
    message
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
    find(call, &plan, State::plan)?;
    Ok(prefix(&plan))
}
