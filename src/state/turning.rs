//! The turn of a day: what time alone makes of plans in force and their milestones, told as
//! notices. Nothing reads them back; they are for those who watch.

use crate::domain::{
    change::{Aspect, Notice},
    plans::{Plan, PlanState},
    standing::{Dossier, Phase, plan_state_on},
    time::Date,
};

use super::State;

impl State {
    /// What became of the records between two days with nobody doing anything: each milestone of a
    /// plan in force whose status is another, and each plan whose freshness is.
    pub fn notices(&self, from: Date, to: Date) -> Vec<Notice> {
        let mut notices = Vec::new();
        for plan in self.plans().values() {
            // No record is of a day to come, so whoever is not in force now was not meanwhile.
            if matches!(plan.state, PlanState::Issued | PlanState::Completed) {
                notices_of(plan, &self.dossier(plan), from, to, &mut notices);
            }
        }
        notices
    }
}

fn notices_of(plan: &Plan, dossier: &Dossier<'_>, from: Date, to: Date, into: &mut Vec<Notice>) {
    if Phase::of(plan_state_on(plan, from)) != Phase::InForce {
        return;
    }
    for milestone in &dossier.milestones {
        let statuses = [from, to].map(|on| dossier.milestone_on(milestone, on));
        if let [Some(old), Some(new)] = statuses
            && old.status != new.status
        {
            into.push(Notice {
                name: milestone.name.to_string(),
                aspect: Aspect::MilestoneStatus,
                from: old.status.as_str().to_owned(),
                to: new.status.as_str().to_owned(),
            });
        }
    }
    let filings = [from, to].map(|on| dossier.filing_on(on));
    if let [Some(old), Some(new)] = filings
        && old.freshness != new.freshness
    {
        into.push(Notice {
            name: plan.name.to_string(),
            aspect: Aspect::Freshness,
            from: old.freshness.as_str().to_owned(),
            to: new.freshness.as_str().to_owned(),
        });
    }
}
