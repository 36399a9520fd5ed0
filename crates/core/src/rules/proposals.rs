//! Proposing what needs a second person, approving, rejecting and cancelling it.

use std::sync::Arc;

use crate::{
    error::Error,
    messages::Condition,
    names::{PlatformName, ProposalName},
    records::{
        plans::Plan,
        principals::Role,
        proposals::{Act, Action, FieldChange, Proposal, ProposalState},
        texts::{Reader, Texts},
    },
    rules::{
        Asking, Command, Deciding, baselines, deciding::check_etag, differences::differences,
        platforms,
    },
};
/// What to decide on a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Carry it out.
    Approve,
    /// Do not.
    Reject,
}

/// ApproveProposal, RejectProposal.
#[derive(Clone, Debug)]
pub struct DecideProposal {
    /// Resource name of the proposal.
    pub name: ProposalName,
    /// Approve, or reject.
    pub decision: Decision,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for DecideProposal {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for DecideProposal {
    type Output = Proposal;
    type Found<'a> = &'a Proposal;

    fn method(&self) -> &'static str {
        match self.decision {
            Decision::Approve => "ApproveProposal",
            Decision::Reject => "RejectProposal",
        }
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Proposal, Error> {
        let proposal: &Proposal = asking.find(&self.name)?;
        match &proposal.action {
            Action::Retirement(_) | Action::Reinstatement(_) => asking.steward()?,
            Action::Rebaseline(rebaseline) => {
                let plan: &Plan = asking.find(&rebaseline.plan)?;
                if !asking.caller.has(Role::Steward) {
                    asking.on_plan(Role::AgencyApprover, plan)?;
                }
            }
        }
        Ok(proposal)
    }

    fn decide<'a>(
        &self,
        proposal: &'a Proposal,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Proposal>, Error> {
        let Self {
            name,
            decision,
            etag,
        } = self;
        check_etag(proposal, etag)?;
        check_pending(proposal)?;
        let state = match decision {
            Decision::Reject => ProposalState::Rejected,
            Decision::Approve => {
                deciding.check_second_person(Some(&proposal.requested.person), name.as_str())?;
                let Proposal {
                    action, requested, ..
                } = proposal;
                // the person who approves has read these changes only
                if deciding.carry_out(&name.parent(), action, &requested.reason)?
                    != proposal.changes
                {
                    return Err(Error::refused(name.as_str(), Condition::ProposalOutdated));
                }
                ProposalState::Approved
            }
        };
        Ok(deciding.decided(proposal, state))
    }
}

/// CancelProposal.
#[derive(Clone, Debug)]
pub struct CancelProposal {
    /// Resource name of the proposal.
    pub name: ProposalName,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for CancelProposal {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for CancelProposal {
    type Output = Proposal;
    type Found<'a> = &'a Proposal;

    fn method(&self) -> &'static str {
        "CancelProposal"
    }

    /// The person who asked for it; for a plan, also an administrator of its agency, since that
    /// person may have left.
    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Proposal, Error> {
        let proposal: &Proposal = asking.find(&self.name)?;
        let asked = &proposal.requested.person;
        let person = asking.caller.person();
        if person.is_some_and(|person| person.is_same_as(asked)) {
            return Ok(proposal);
        }
        let Action::Rebaseline(rebaseline) = &proposal.action else {
            return Err(asking.denied(
                "the person who made the proposal",
                "người đã lập đề xuất này",
            ));
        };
        let plan: &Plan = asking.find(&rebaseline.plan)?;
        let (role, agency) = (Role::AgencyAdmin, &plan.agency);
        if asking.caller.has_in(role, agency) {
            return Ok(proposal);
        }
        Err(asking.denied(
            format!("the person who made the proposal, or the role `{role}` of `{agency}`"),
            format!("người đã lập đề xuất này, hoặc vai trò `{role}` của `{agency}`"),
        ))
    }

    fn decide<'a>(
        &self,
        proposal: &'a Proposal,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Proposal>, Error> {
        check_etag(proposal, &self.etag)?;
        check_pending(proposal)?;
        Ok(deciding.decided(proposal, ProposalState::Cancelled))
    }
}

fn check_pending(proposal: &Proposal) -> Result<(), Error> {
    if proposal.state == ProposalState::Pending {
        return Ok(());
    }
    Err(Error::refused(
        proposal.name.as_str(),
        Condition::ProposalDecided,
    ))
}

impl Deciding<'_> {
    /// Opens a proposal, unless one that it would clash with is pending.
    pub(super) fn propose(
        &mut self,
        platform: &PlatformName,
        action: Action,
        clashes: impl Fn(&Proposal) -> bool,
    ) -> Result<Arc<Proposal>, Error> {
        let written = self.effects.len();
        let changes = self.carry_out(platform, &action, &self.reason())?;
        self.effects.truncate(written);
        let mut proposals = self.state.proposals_of(platform);
        let pending = proposals.find(|it| it.state == ProposalState::Pending && clashes(it));
        if let Some(pending) = pending {
            return Err(Error::refused(
                platform.as_str(),
                Condition::ProposalPending {
                    proposal: pending.name.to_string(),
                },
            ));
        }
        let name = self.free_name::<Proposal>(None, |id| ProposalName::from_id(platform, id))?;
        Ok(Arc::new(Proposal {
            name,
            state: ProposalState::Pending,
            action,
            changes,
            requested: self.act(),
            decided: None,
            meta: self.created(),
        }))
    }

    /// Does what is proposed, and returns what that changes.
    fn carry_out(
        &mut self,
        platform: &PlatformName,
        action: &Action,
        reason: &str,
    ) -> Result<Vec<FieldChange>, Error> {
        let written = self.effects.len();
        match action {
            Action::Retirement(exit) => platforms::retire(self, platform, exit)?,
            Action::Reinstatement(back) => platforms::reinstate(self, platform, back, reason)?,
            Action::Rebaseline(rebaseline) => baselines::carry_out(self, rebaseline, reason)?,
        }
        differences(self.state, self.effects.get(written..).unwrap_or_default())
    }

    /// The proposal, decided by the caller.
    fn decided(&self, proposal: &Proposal, state: ProposalState) -> Arc<Proposal> {
        Arc::new(Proposal {
            state,
            decided: Some(self.act()),
            meta: self.updated(proposal.meta),
            ..proposal.clone()
        })
    }

    fn act(&self) -> Act {
        Act {
            person: self.person.clone(),
            record_time: self.now,
            reason: self.reason(),
        }
    }
}
