//! PlanService: milestones.

use tonic::Request;

use super::{
    RpcResult, Services,
    list::Lists as _,
    plans::plan_prefix,
    read::get,
    update::updatable,
    write::{open_update, open_write},
};
use crate::{
    pb,
    wire::{documents, milestones, requests, values},
};
use ndp_core::{
    error::Violations,
    names::{MilestoneName, PlanName},
    records::milestones::Milestone,
    rules::milestones::{CompleteMilestone, CreateMilestone, DropMilestone, ReopenMilestone},
    state::{State, visible::Visible as _},
    time::Date,
};

updatable!(
    Milestone | message,
    _,
    _ | milestones::milestone_fields(message)
);

impl Services {
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
