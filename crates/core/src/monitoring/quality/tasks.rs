//! Data quality of tasks: whether each says who does what by when, and whether its report can be
//! checked and was answered. Only tasks that are counted are scored.

use std::sync::Arc;

use super::{Checks, Criterion, Quality, RecordQuality, Rule, is_tidy};
use crate::{
    effort::Effort,
    monitoring::{attention::tasks::waits_too_long, tally::CountScope},
    records::tasks::Task,
    state::State,
    time::Date,
};

/// The cost of scoring one task, in units of work.
const TASK_COST: usize = 2;

impl Quality {
    /// Adds the tasks that an agency leads, or all; none if the scope is a group of an edition.
    pub(super) fn add_tasks(
        &mut self,
        state: &State,
        count_scope: &CountScope,
        on: Date,
        effort: &Effort,
    ) {
        if count_scope.group.is_some() {
            return;
        }
        for task in effort.rows(state.tasks().values(), TASK_COST) {
            let led = task.lead_on(on);
            let asked = count_scope.agency.as_ref();
            if asked.is_none_or(|agency| led == Some(agency))
                && let Some(record) = task_quality(state, task, on)
            {
                self.add(record);
            }
        }
    }
}

fn task_quality(state: &State, task: &Arc<Task>, on: Date) -> Option<RecordQuality> {
    let standing = state.task_standing(task, on)?;
    let owed = standing.is_owed();
    if !standing.counted || !(owed || standing.state.is_completed()) {
        return None;
    }
    let (fields, lead) = (&task.fields, task.lead_on(on));
    let mut rules = Checks::default();
    let reported = task.report.as_ref();
    let reported = reported.filter(|it| it.record_time.date_in_vietnam() <= on);
    if let Some(report) = reported {
        let substantiated = report.is_substantiated();
        rules.check(Criterion::Correct, Rule::TaskSubstantiated, substantiated);
    }
    let headed = fields.accountable_head.is_some();
    for (rule, kept) in [
        (Rule::TaskLed, lead.is_some()),
        (Rule::TaskHeaded, headed),
        (Rule::TaskResultStated, !fields.required_result.is_empty()),
    ] {
        rules.check(Criterion::Complete, rule, kept);
    }
    let tidy = is_tidy(&fields.display_name);
    rules.check(Criterion::Clean, Rule::Tidy, tidy);
    if owed {
        let answered = !waits_too_long(task, on);
        rules.check(Criterion::Live, Rule::TaskAnswered, answered);
    }
    let above = fields.parent.as_ref().and_then(|name| state.task(name));
    let above = above.and_then(|above| above.due_on(on)?.end);
    if let (Some(due), Some(above)) = (standing.due, above) {
        rules.check(
            Criterion::Consistent,
            Rule::TaskDueWithinParent,
            due <= above,
        );
    }
    Some(rules.of(task.name.as_str(), &fields.display_name, lead))
}
