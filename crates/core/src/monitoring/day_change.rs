//! The start of a day: notices of what only the date changes in the standing of plans in force,
//! their milestones, tasks, recommendations and deployments. The notices are for clients that
//! watch; the server never reads them back.

use crate::{
    change::{Aspect, Notice},
    monitoring::{
        deployments::DeploymentStanding,
        standing::{Phase, PlanRecords, plan_state_on},
    },
    records::{
        deployments::Deployment,
        plans::{Plan, PlanState},
    },
    state::State,
    time::Date,
};

impl State {
    /// The values of [`Aspect`]s that differ between two days only because of the date.
    pub fn notices(&self, from: Date, to: Date) -> Vec<Notice> {
        let mut notices = Notices {
            days: [from, to],
            list: Vec::new(),
        };
        for plan in self.plans().values() {
            // Effective dates are never in the future, so a plan that is not in force now was not
            // in force between the two days either.
            if matches!(plan.state, PlanState::Issued | PlanState::Completed) {
                notices.of_plan(plan, &self.plan_records(plan));
            }
        }
        for task in self.tasks().values() {
            let states = [from, to].map(|on| Some(self.task_standing(task, on)?.state.as_str()));
            notices.tell(task.name.as_str(), Aspect::StandingState, states);
        }
        for record in self.recommendations().values() {
            let states = [from, to].map(|on| Some(record.standing_on(on)?.standing.as_str()));
            notices.tell(record.name.as_str(), Aspect::StandingState, states);
        }
        for deployment in self.deployments().values() {
            notices.of_deployment(deployment);
        }
        notices.list
    }
}

struct Notices {
    days: [Date; 2],
    list: Vec<Notice>,
}

impl Notices {
    /// Adds a notice if there is a value on both days and it differs.
    fn tell(&mut self, name: &str, aspect: Aspect, values: [Option<&str>; 2]) {
        if let [Some(from), Some(to)] = values
            && from != to
        {
            self.list.push(Notice {
                name: name.to_owned(),
                aspect,
                from: from.to_owned(),
                to: to.to_owned(),
            });
        }
    }

    fn of_plan(&mut self, plan: &Plan, plan_records: &PlanRecords<'_>) {
        let days = self.days;
        if Phase::of(plan_state_on(plan, days[0])) != Phase::InForce {
            return;
        }
        for milestone in &plan_records.milestones {
            let states =
                days.map(|on| Some(plan_records.milestone_on(milestone, on)?.state.as_str()));
            self.tell(milestone.name.as_str(), Aspect::StandingState, states);
        }
        let freshness = days.map(|on| Some(plan_records.filing_on(on)?.freshness.as_str()));
        self.tell(plan.name.as_str(), Aspect::Freshness, freshness);
    }

    fn of_deployment(&mut self, deployment: &Deployment) {
        let standings = self.days.map(|on| deployment.standing_on(on));
        let mut tell = |aspect, value: fn(&DeploymentStanding) -> Option<&'static str>| {
            let values = standings.each_ref().map(|it| value(it.as_ref()?));
            self.tell(deployment.name.as_str(), aspect, values);
        };
        tell(Aspect::Freshness, |it| Some(it.filing?.freshness.as_str()));
        tell(Aspect::Late, |it| Some(boolean(it.late.is_some())));
        tell(Aspect::DuplicateSystem, |it| {
            Some(boolean(it.duplicate_since.is_some()))
        });
    }
}

const fn boolean(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
