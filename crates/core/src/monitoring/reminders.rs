//! Reminders: what an agency has to do soon, and what it should have done.

use crate::{
    effort::Effort,
    monitoring::{
        standing::StandingState,
        tally::{Place, Sight},
    },
    names::AgencyName,
    records::words::words,
    state::State,
    time::Date,
};

/// Days before a due date from which there is a reminder.
pub const AHEAD_DAYS: i32 = 7;

words! {
    /// What has to be done.
    pub enum ReminderKind {
        /// A milestone is to be completed.
        Milestone = 1 "MILESTONE_DUE",
        /// A report is to be filed.
        Report = 2 "REPORT_DUE",
    }
}

/// Something that has to be done by a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reminder {
    /// What has to be done.
    pub kind: ReminderKind,
    /// The record concerned: a milestone, or the plan to report on.
    pub resource: String,
    /// The record's name in Vietnamese.
    pub display_name: String,
    /// The last day on which it is in time.
    pub due: Date,
    /// The last day of the reporting period, for a report.
    pub period_end: Option<Date>,
}

impl State {
    /// What an agency has to do by a day that has passed or is at most [`AHEAD_DAYS`] after `on`,
    /// in the order of due dates; of the plans that callers with this sight may see.
    pub fn reminders(
        &self,
        agency: &AgencyName,
        sight: &Sight,
        on: Date,
        effort: &Effort,
    ) -> Vec<Reminder> {
        let mut reminders = Vec::new();
        let last = on.plus_days(AHEAD_DAYS);
        let place = Place {
            agency: Some(agency.clone()),
            ..Place::default()
        };
        for platform in self.active_in(&place, on, effort) {
            for plan in self.plans_in_force(&platform.name, on) {
                if !sight.monitors(plan, on) {
                    continue;
                }
                let dossier = self.dossier(plan);
                let filing = dossier.filing_on(on);
                if let Some(filing) = filing.filter(|it| it.due_date <= last) {
                    reminders.push(Reminder {
                        kind: ReminderKind::Report,
                        resource: plan.name.to_string(),
                        display_name: plan.fields.display_name.clone(),
                        due: filing.due_date,
                        period_end: Some(filing.owed_period_end),
                    });
                }
                for milestone in &dossier.milestones {
                    let standing = dossier.milestone_on(milestone, on);
                    let open = standing.filter(|it| {
                        let state = it.state;
                        matches!(state, StandingState::OnSchedule | StandingState::Overdue)
                    });
                    let due = open.and_then(|it| it.due).filter(|due| *due <= last);
                    reminders.extend(due.map(|due| Reminder {
                        kind: ReminderKind::Milestone,
                        resource: milestone.name.to_string(),
                        display_name: milestone.fields.display_name.clone(),
                        due,
                        period_end: None,
                    }));
                }
            }
        }
        reminders.sort_by(|a, b| (a.due, &a.resource).cmp(&(b.due, &b.resource)));
        reminders
    }
}
