//! Proposing what needs a second person, approving and rejecting it.

use std::sync::Arc;

use super::{Deciding, catalogue::exists, check_etag, check_second_person};
use crate::{
    domain::{
        change::{Effect, Image},
        command::Decision,
        error::Error,
        names::{PlatformName, ProposalName},
        proposals::{Act, Action, Proposal, ProposalState},
    },
    registry::access::find_proposal,
};

impl Deciding<'_> {
    /// Opens a proposal, unless one that it would clash with is pending.
    pub(super) fn propose(
        &mut self,
        platform: &PlatformName,
        action: Action,
        clashes: impl Fn(&Proposal) -> bool,
    ) -> Result<(), Error> {
        let mut proposals = self.state.proposals_of(platform);
        let pending = proposals.find(|it| it.state == ProposalState::Pending && clashes(it));
        if let Some(pending) = pending {
            return Err(Error::refused(
                "PROPOSAL_PENDING",
                platform.as_str(),
                format!("`{}` is pending; approve or reject it first", pending.name),
                format!(
                    "`{}` đang chờ; hãy phê duyệt hoặc từ chối trước",
                    pending.name
                ),
            ));
        }
        let name = self.name_or_random(None, |id| ProposalName::from_id(platform, id))?;
        if self.state.proposal(&name).is_some() {
            return Err(exists(ProposalName::KIND, name.as_str()));
        }
        self.put(Image::Proposal(Arc::new(Proposal {
            name,
            state: ProposalState::Pending,
            action,
            requested: Act {
                person: self.person.clone(),
                record_time: self.now,
                reason: self.reason.to_owned(),
            },
            decided: None,
            meta: self.created(),
        })));
        Ok(())
    }

    pub(super) fn decide_proposal(
        &mut self,
        name: &ProposalName,
        decision: Decision,
        etag: &str,
    ) -> Result<(), Error> {
        let proposal = find_proposal(self.state, self.caller, name)?;
        check_etag(ProposalName::KIND, name.as_str(), &proposal.meta, etag)?;
        if proposal.state != ProposalState::Pending {
            return Err(Error::refused(
                "PROPOSAL_DECIDED",
                name.as_str(),
                "the proposal is already decided",
                "đề xuất này đã được quyết định",
            ));
        }
        let mut decided = proposal.clone();
        decided.meta = self.updated(decided.meta);
        decided.decided = Some(Act {
            person: self.person.clone(),
            record_time: self.now,
            reason: self.reason.to_owned(),
        });
        decided.state = match decision {
            Decision::Reject => ProposalState::Rejected,
            Decision::Approve => {
                let asked = &proposal.requested.person;
                check_second_person(self.caller, Some(asked), &self.person, name.as_str())?;
                ProposalState::Approved
            }
        };
        // The proposal comes first: it is what the method answers.
        self.effects
            .insert(0, Effect::Put(Image::Proposal(Arc::new(decided))));
        match (decision, &proposal.action) {
            (Decision::Approve, Action::Retirement(exit)) => {
                self.carry_out_retirement(&name.parent(), exit)
            }
            (Decision::Approve, Action::Rebaseline(rebaseline)) => {
                self.carry_out_rebaseline(rebaseline, &proposal.requested.reason)
            }
            (Decision::Reject, Action::Retirement(_) | Action::Rebaseline(_)) => Ok(()),
        }
    }
}
