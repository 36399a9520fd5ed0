//! Tasks that need action: those overdue or due soon, those that wait for the assigning side, and
//! those that no agency leads. Only tasks that are counted raise items.

use std::sync::Arc;

use super::{Item, Items, Kind};
use crate::{
    effort::Effort,
    monitoring::{reminders::AHEAD_DAYS, standing::StandingState, tasks::TaskStanding},
    names::AgencyName,
    records::tasks::Task,
    state::State,
    time::Date,
};

/// Days before its due date from which a task is due soon.
pub(super) const SOON_DAYS: i32 = AHEAD_DAYS;
/// Weekdays that the assigning side may take, not counting the day of the report.
const CONFIRM_WEEKDAYS: i32 = 5;
/// The cost of reading one task, in units of work.
pub(in crate::monitoring) const TASK_COST: usize = 2;

impl Items {
    pub(super) fn of_tasks(&mut self, state: &State, effort: &Effort) {
        for task in effort.rows(state.tasks().values(), TASK_COST) {
            self.of_task(state, task);
        }
    }

    fn of_task(&mut self, state: &State, task: &Arc<Task>) {
        let on = self.on;
        let Some(standing) = state.task_standing(task, on) else {
            return;
        };
        if !standing.counted || !standing.is_owed() {
            return;
        }
        let acts = acting_on(task, on);
        let TaskStanding {
            due,
            awaiting_confirmation: waits,
            ..
        } = standing;
        match (standing.state, due) {
            (StandingState::Overdue, Some(due)) => {
                self.task(Kind::OverdueTask, task, acts, due.plus_days(1));
            }
            (_, Some(due)) if !waits && on >= due.plus_days(-SOON_DAYS) => {
                self.task(Kind::TaskDueSoon, task, acts, due.plus_days(-SOON_DAYS));
            }
            _ => {}
        }
        if let Some(due) = confirmation_due(task, on).filter(|due| *due < on) {
            let since = due.plus_days(1);
            self.task(Kind::AwaitingConfirmation, task, acts, since);
        }
        if task.lead_on(on).is_none() && task.fields.milestone.is_none() {
            let mut newest_first = task.leads.iter().rev();
            let entry = newest_first.find(|it| it.start_date.is_none_or(|start| start <= on));
            let since = entry.and_then(|entry| entry.start_date);
            let since = since.unwrap_or_else(|| task.assign_date());
            self.task(Kind::TaskWithoutLead, task, acts, since);
        }
    }

    fn task(&mut self, kind: Kind, task: &Task, acts: Option<&AgencyName>, since: Date) {
        let fields = &task.fields;
        let platform = fields.platform.clone().or_else(|| {
            let milestone = fields.milestone.as_ref()?;
            Some(milestone.parent().parent())
        });
        // the head is of the lead agency
        let head = fields.accountable_head.as_deref();
        let head = head.filter(|_| acts.is_some() && acts == fields.agency.as_ref());
        self.list.push(Item {
            platform: platform.map_or_else(String::new, |name| name.to_string()),
            agency: acts.cloned(),
            head: head.cloned(),
            ..Item::new(
                kind,
                task.name.as_str(),
                &fields.display_name,
                since,
                self.on,
            )
        });
    }
}

/// The agency that has to act on a date: the lead agency, or the assigning one while a report waits
/// or no agency leads.
pub(in crate::monitoring) fn acting_on(task: &Task, on: Date) -> Option<&AgencyName> {
    let lead = task.lead_on(on).filter(|_| !task.awaits_on(on));
    lead.or(task.fields.assigning_agency.as_ref())
}

/// The last day on which the assigning side is in time to confirm the report that waits on a date.
pub(in crate::monitoring) fn confirmation_due(task: &Task, on: Date) -> Option<Date> {
    Some(after_weekdays(task.waiting_since(on)?, CONFIRM_WEEKDAYS))
}

/// Whether a report waits for the assigning side for too long on a date.
pub(in crate::monitoring) fn waits_too_long(task: &Task, on: Date) -> bool {
    confirmation_due(task, on).is_some_and(|due| due < on)
}

/// The last of a number of weekdays after a day.
fn after_weekdays(day: Date, mut weekdays: i32) -> Date {
    let mut day = day;
    while weekdays > 0 {
        day = day.plus_days(1);
        weekdays -= i32::from(day.is_weekday());
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekdays_leave_saturday_and_sunday_out() {
        for (day, after) in [
            ("2025-09-22", "2025-09-29"),
            ("2025-09-26", "2025-10-03"),
            ("2025-09-27", "2025-10-03"),
            ("2025-09-28", "2025-10-03"),
        ] {
            let [day, after] = [day, after].map(|text| Date::parse(text).unwrap());
            assert_eq!(after_weekdays(day, 5), after, "{day}");
        }
    }
}
