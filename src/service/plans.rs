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
        names::{PlanName, PlatformName, ProposalName},
        plans::{Plan, PlanMove},
        time::Date,
    },
    pb,
    registry::access::{find_plan, find_proposal},
    state::{query::token::Binding, visible::Visible},
    wire::{
        documents, plans, proposals,
        requests::{self, View},
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
            .respond(plan_of)
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
            .respond(plan_of)
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
        call.answer(standing_plan(&call, &plan, view, today))
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
            |plan| standing_plan(&call, plan, view, today),
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
        self.write(&call, command, envelope).await?.respond(plan_of)
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
            .respond(plan_of)
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
            proposals::proposal,
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

/// A plan as the caller sees it, and in the view FULL how it stands on a day.
fn standing_plan(call: &Call, plan: &Plan, view: View, on: Date) -> pb::Plan {
    let mut message = plans::plan(plan, view);
    if view == View::Full && !plan.redacted && plan.state.was_issued() {
        // By the records as they are: what the caller does not see of this plan does not count.
        let standing = call.state().plan(&plan.name).map(|plan| {
            let dossier = call.state().dossier(plan);
            plans::standing(&dossier.standing_on(on), on)
        });
        message.standing = standing;
    }
    message
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

fn plan_of(image: Image) -> Option<pb::Plan> {
    match image {
        Image::Plan(plan) => Some(plans::plan(&plan, View::Full)),
        _ => None,
    }
}

fn proposal_of(image: Image) -> Option<pb::Proposal> {
    match image {
        Image::Proposal(proposal) => Some(proposals::proposal(&proposal)),
        _ => None,
    }
}
