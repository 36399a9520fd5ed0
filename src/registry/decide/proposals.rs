//! Approving and rejecting what needs a second person.

use std::sync::Arc;

use super::{Deciding, check_etag, check_second_person};
use crate::{
    domain::{
        change::{Effect, Image},
        command::Decision,
        error::Error,
        names::ProposalName,
        proposals::{Act, Action, ProposalState},
    },
    registry::access::find_proposal,
};

impl Deciding<'_> {
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
                "the proposal has been decided already",
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
            (Decision::Reject, Action::Retirement(_)) => Ok(()),
        }
    }
}
