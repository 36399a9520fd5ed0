//! The start of a day: notices of changes in plans in force, their milestones and tasks that only
//! the date causes. The notices are for clients that watch; the server never reads them back.

use crate::{
    change::{Aspect, Notice},
    monitoring::standing::{Dossier, Phase, StandingState, plan_state_on},
    records::plans::{Plan, PlanState},
    state::State,
    time::Date,
};

impl State {
    /// The changes between two days that only the date causes: each milestone of a plan in force
    /// whose state differs, each such plan whose freshness differs, and each task whose state
    /// differs.
    pub fn notices(&self, from: Date, to: Date) -> Vec<Notice> {
        let mut notices = Vec::new();
        for plan in self.plans().values() {
            // Effective dates are never in the future, so a plan that is not in force now was not
            // in force between the two days either.
            if matches!(plan.state, PlanState::Issued | PlanState::Completed) {
                notices_of(plan, &self.dossier(plan), from, to, &mut notices);
            }
        }
        for task in self.tasks().values() {
            let standings = [from, to].map(|on| self.task_standing(task, on));
            if let [Some(old), Some(new)] = standings
                && old.state != new.state
            {
                notices.push(standing_notice(task.name.as_str(), old.state, new.state));
            }
        }
        notices
    }
}

fn standing_notice(name: &str, from: StandingState, to: StandingState) -> Notice {
    Notice {
        name: name.to_owned(),
        aspect: Aspect::StandingState,
        from: from.as_str().to_owned(),
        to: to.as_str().to_owned(),
    }
}

fn notices_of(plan: &Plan, dossier: &Dossier<'_>, from: Date, to: Date, into: &mut Vec<Notice>) {
    if Phase::of(plan_state_on(plan, from)) != Phase::InForce {
        return;
    }
    for milestone in &dossier.milestones {
        let standings = [from, to].map(|on| dossier.milestone_on(milestone, on));
        if let [Some(old), Some(new)] = standings
            && old.state != new.state
        {
            into.push(standing_notice(
                milestone.name.as_str(),
                old.state,
                new.state,
            ));
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
