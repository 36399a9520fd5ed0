//! PlanService: plans. What belongs to a plan has a file of its own each.

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
        baselines, documents, plans, proposals,
        requests::{self, View},
    },
};
use ndp_core::{
    error::{Error, Violations},
    names::{PlanName, PlatformName},
    query::Queryable as _,
    records::plans::{Plan, PlanMove},
    rules::{
        baselines::RebaselinePlan,
        plans::{CreatePlan, MovePlan},
        transcriptions::ConfirmTranscription,
    },
    state::State,
    time::Date,
};

updatable!(Plan plans::plan_fields);

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

/// What the names of the records below one plan, all plans of a platform, or all plans begin with.
pub(super) fn plan_prefix(
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
