//! PlanService: proposals, and the decisions on them.

use tonic::Request;

use super::{
    RpcResult, Services, list::Lists as _, plans::platform_prefix, read::get, write::open_write,
};
use crate::{
    pb,
    wire::{proposals, requests},
};
use ndp_core::{
    names::ProposalName,
    rules::proposals::{CancelProposal, DecideProposal, Decision},
    state::State,
};

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
