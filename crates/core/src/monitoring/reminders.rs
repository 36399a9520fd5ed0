//! Reminders: what an agency has to do soon, and what it should have done. Who has to do what by
//! when is asked of the rules that attention items follow.

use crate::{
    effort::Effort,
    monitoring::{
        attention::{
            observations::owed_by,
            tasks::{TASK_COST, acting_on, confirmation_due},
        },
        recommendations::RecommendationStanding,
        standing::StandingState,
        tally::{Clearance, CountScope},
    },
    names::{AgencyName, DeploymentName},
    records::{
        deployments::DeploymentStage, observations::Subject, plans::Plan, platforms::Platform,
        words::words,
    },
    state::State,
    time::Date,
};

/// Days before a due date from which there is a reminder.
pub const AHEAD_DAYS: i32 = 7;

/// The cost of reading the values of one indicator of one agency, in units of work.
const SERIES_COST: usize = 8;

words! {
    /// What has to be done.
    pub enum ReminderKind {
        /// A milestone is to be completed.
        Milestone = 1 "MILESTONE_DUE",
        /// A report is to be filed.
        Report = 2 "REPORT_DUE",
        /// A task is to be done and reported.
        Task = 3 "TASK_DUE",
        /// The report of a task is to be confirmed or returned.
        TaskConfirmation = 4 "TASK_CONFIRMATION_DUE",
        /// A recommendation is to be answered.
        Recommendation = 5 "RECOMMENDATION_DUE",
        /// A stage of a deployment is to be reached.
        DeploymentStage = 6 "DEPLOYMENT_STAGE_DUE",
        /// The month's report on a deployment is to be filed.
        DeploymentReport = 7 "DEPLOYMENT_REPORT_DUE",
        /// An earlier system that is kept is to be replaced.
        LegacySystem = 8 "LEGACY_SYSTEM_DUE",
        /// A value of an indicator is to be given.
        Observation = 9 "OBSERVATION_DUE",
    }
}

/// Something that has to be done by a day. No two have the same kind, record and day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reminder {
    /// What has to be done.
    pub kind: ReminderKind,
    /// The record concerned: what is to be done or reported on.
    pub resource: String,
    /// The record's name in Vietnamese; that of the platform for a deployment.
    pub display_name: String,
    /// The last day on which it is in time.
    pub due: Date,
    /// The last day of the period, for a report or a value.
    pub period_end: Option<Date>,
}

impl State {
    /// What an agency has to do by a day that has passed or is at most [`AHEAD_DAYS`] after `on`,
    /// in the order of due dates; of the records that callers with this clearance may see.
    pub fn reminders(
        &self,
        agency: &AgencyName,
        clearance: &Clearance,
        on: Date,
        effort: &Effort,
    ) -> Vec<Reminder> {
        let mut reminders = Reminders {
            state: self,
            agency,
            clearance,
            on,
            last: on.plus_days(AHEAD_DAYS),
            effort,
            list: Vec::new(),
        };
        reminders.of_plans();
        reminders.of_tasks();
        reminders.of_recommendations();
        reminders.of_deployments();
        reminders.of_indicators();
        let mut list = reminders.list;
        list.sort_by(|a, b| {
            let key = |it: &Reminder| (it.due, it.kind.as_str());
            (key(a), &a.resource).cmp(&(key(b), &b.resource))
        });
        list.dedup_by(|a, b| (a.due, a.kind, &a.resource) == (b.due, b.kind, &b.resource));
        list
    }
}

struct Reminders<'a> {
    state: &'a State,
    agency: &'a AgencyName,
    clearance: &'a Clearance,
    on: Date,
    /// The last due date that there is a reminder of.
    last: Date,
    effort: &'a Effort,
    list: Vec<Reminder>,
}

impl Reminders<'_> {
    fn add(&mut self, kind: ReminderKind, resource: &str, title: &str, due: Date) {
        self.add_period(kind, resource, title, due, None);
    }

    fn add_period(
        &mut self,
        kind: ReminderKind,
        resource: &str,
        title: &str,
        due: Date,
        period_end: Option<Date>,
    ) {
        if due <= self.last {
            self.list.push(Reminder {
                kind,
                resource: resource.to_owned(),
                display_name: title.to_owned(),
                due,
                period_end,
            });
        }
    }

    fn of_plans(&mut self) {
        let (state, on) = (self.state, self.on);
        let count_scope = CountScope {
            agency: Some(self.agency.clone()),
            ..CountScope::default()
        };
        for platform in state.active_in(&count_scope, on, self.effort) {
            for plan in state.plans_in_force(&platform.name, on) {
                if self.clearance.monitors(plan, on) {
                    self.of_plan(plan);
                }
            }
        }
    }

    fn of_plan(&mut self, plan: &Plan) {
        let plan_records = self.state.plan_records(plan);
        if let Some(filing) = plan_records.filing_on(self.on) {
            let (name, title) = (plan.name.as_str(), &plan.fields.display_name);
            let end = Some(filing.owed_period_end);
            self.add_period(ReminderKind::Report, name, title, filing.due_date, end);
        }
        for milestone in &plan_records.milestones {
            let standing = plan_records.milestone_on(milestone, self.on);
            let open = standing.filter(|it| {
                let state = it.state;
                matches!(state, StandingState::OnSchedule | StandingState::Overdue)
            });
            if let Some(due) = open.and_then(|it| it.due) {
                let (name, title) = (milestone.name.as_str(), &milestone.fields.display_name);
                self.add(ReminderKind::Milestone, name, title, due);
            }
        }
    }

    fn of_tasks(&mut self) {
        let (state, on) = (self.state, self.on);
        for task in self.effort.rows(state.tasks().values(), TASK_COST) {
            if acting_on(task, on) != Some(self.agency) {
                continue;
            }
            let standing = state.task_standing(task, on);
            let Some(standing) = standing.filter(|it| it.counted && it.is_owed()) else {
                continue;
            };
            let (kind, due) = match confirmation_due(task, on) {
                Some(due) => (ReminderKind::TaskConfirmation, Some(due)),
                None => (ReminderKind::Task, standing.due),
            };
            if let Some(due) = due {
                self.add(kind, task.name.as_str(), &task.fields.display_name, due);
            }
        }
    }

    fn of_recommendations(&mut self) {
        let (state, on) = (self.state, self.on);
        for record in self.effort.rows(state.recommendations().values(), 1) {
            if record.holder_on(on) != Some(self.agency) || !record.is_seen_on(on, self.clearance) {
                continue;
            }
            let standing = record.standing_on(on).filter(|it| {
                let standing = it.standing;
                matches!(
                    standing,
                    RecommendationStanding::Waiting | RecommendationStanding::Overdue
                )
            });
            if let Some(term) = standing.and_then(|it| it.term) {
                let (name, title) = (record.name.as_str(), &record.fields.display_name);
                let due = term.answer_due_date;
                self.add(ReminderKind::Recommendation, name, title, due);
            }
        }
    }

    fn of_deployments(&mut self) {
        let (state, on) = (self.state, self.on);
        for platform in state.active_in(&CountScope::default(), on, self.effort) {
            self.of_deployment(platform);
        }
    }

    fn of_deployment(&mut self, platform: &Platform) {
        let name = DeploymentName::from_id(&platform.name, self.agency.id());
        let Some(deployment) = name.and_then(|name| self.state.deployment(&name)) else {
            return;
        };
        let standing = deployment.standing_on(self.on);
        let stopped = Some(DeploymentStage::Stopped);
        let Some(standing) = standing.filter(|it| it.stage() != stopped) else {
            return;
        };
        let (name, title) = (deployment.name.as_str(), &platform.fields.display_name);
        if let Some(filing) = standing.filing {
            let (kind, end) = (ReminderKind::DeploymentReport, filing.owed_period_end);
            self.add_period(kind, name, title, filing.due_date, Some(end));
        }
        for (_, due) in deployment.fields.owed_stages(self.on) {
            self.add(ReminderKind::DeploymentStage, name, title, due);
        }
        for due in deployment.fields.kept_until(self.on) {
            self.add(ReminderKind::LegacySystem, name, title, due);
        }
    }

    fn of_indicators(&mut self) {
        let (state, on) = (self.state, self.on);
        let subject = Subject::Agency(self.agency.clone());
        for indicator in self.effort.rows(state.indicators().values(), SERIES_COST) {
            let mut targets = indicator.fields.targets.iter();
            let observes = targets.any(|it| it.subject().as_ref() == Some(&subject))
                || state
                    .values_before(&indicator.name, &subject, Date::MAX)
                    .next()
                    .is_some();
            if !observes {
                continue;
            }
            let owed = |by| owed_by(state, indicator, &subject, on, by);
            // without earlier values a value is owed for the newest period alone: one that is late
            // stays until it is given
            let owed = owed(on.plus_days(-1)).or_else(|| owed(self.last));
            if let Some(owed) = owed {
                let (name, title) = (indicator.name.as_str(), &indicator.fields.display_name);
                let (kind, end) = (ReminderKind::Observation, owed.period_end);
                self.add_period(kind, name, title, owed.due, Some(end));
            }
        }
    }
}
