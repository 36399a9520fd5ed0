//! Conversion of tasks, and of their counts, between their wire and domain forms.

use super::{
    changes::ToMessage,
    documents::{document, evidence, period, read_boxed_document, read_period},
    milestones::slippage_days,
    plans::{head, read_head},
    principals::person,
    undoings::undoing,
    validate::FieldPath,
    values::{
        read_date, read_names, read_optional_name, read_text, write_date, write_enum, write_names,
        write_optional_enum, write_optional_name, write_timestamp,
    },
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    error::Violations,
    monitoring::{
        standing::StandingState,
        tasks::{TaskCount, TaskCounts, TaskLead, TaskScope, TaskStanding},
    },
    names::AgencyName,
    records::{
        meta::Meta,
        tasks::{
            Confirmation, DueMove, Lead, Return, Task, TaskDropping, TaskFields, TaskReport,
            TaskState,
        },
    },
    state::State,
    time::Date,
};

wire_words! {
    TaskState = pb::task::State;
}

impl ToMessage for Task {
    type Message = pb::Task;

    fn to_message(&self, _: Option<&AgencyName>, _: &State) -> pb::Task {
        task(self)
    }
}

/// Reads the fields of a task that the assigning side writes.
pub fn task_fields(message: pb::Task, field: &str, violations: &mut Violations) -> TaskFields {
    let path = FieldPath::ROOT.field(field);
    let pb::Task {
        name: _,
        code,
        display_name,
        programmes,
        assigning_document,
        assigning_agency,
        agency,
        coordinating_agencies,
        accountable_head,
        due,
        start_date,
        parent,
        platform,
        milestone,
        required_result,
        state: _,
        report: _,
        confirmation: _,
        last_return: _,
        return_count: _,
        first_due: _,
        due_moves: _,
        leads: _,
        dropping: _,
        reopening: _,
        standing: _,
        etag: _,
        create_time: _,
        update_time: _,
        revision: _,
    } = message;
    TaskFields {
        code: read_text(code),
        display_name: read_text(display_name),
        programmes: read_names(programmes, &path.field("programmes"), violations),
        assigning_document: read_boxed_document(assigning_document),
        assigning_agency: read_optional_name(
            &assigning_agency,
            &path.field("assigning_agency"),
            violations,
        ),
        agency: read_optional_name(&agency, &path.field("agency"), violations),
        coordinating_agencies: read_names(
            coordinating_agencies,
            &path.field("coordinating_agencies"),
            violations,
        ),
        accountable_head: accountable_head.map(read_head).map(Box::new),
        due: due.map(read_period),
        start_date: read_date(start_date),
        parent: read_optional_name(&parent, &path.field("parent"), violations),
        platform: read_optional_name(&platform, &path.field("platform"), violations),
        milestone: read_optional_name(&milestone, &path.field("milestone"), violations),
        required_result: read_text(required_result),
    }
}

/// A task, without its standing.
pub fn task(record: &Task) -> pb::Task {
    let Task {
        name,
        fields,
        leads,
        due_moves,
        report: reported,
        confirmation: confirmed,
        returns,
        dropping: dropped,
        reopening,
        meta,
    } = record;
    let TaskFields {
        code,
        display_name,
        programmes,
        assigning_document,
        assigning_agency,
        agency,
        coordinating_agencies,
        accountable_head,
        due,
        start_date,
        parent,
        platform,
        milestone,
        required_result,
    } = fields;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    pb::Task {
        name: name.as_str().to_owned(),
        code: code.clone(),
        display_name: display_name.clone(),
        programmes: write_names(programmes),
        assigning_document: assigning_document.as_deref().map(document),
        assigning_agency: write_optional_name(assigning_agency.as_ref()),
        agency: write_optional_name(agency.as_ref()),
        coordinating_agencies: write_names(coordinating_agencies),
        accountable_head: accountable_head.as_deref().map(head),
        due: due.as_ref().map(period),
        start_date: write_date(*start_date),
        parent: write_optional_name(parent.as_ref()),
        platform: write_optional_name(platform.as_ref()),
        milestone: write_optional_name(milestone.as_ref()),
        required_result: required_result.clone(),
        state: write_enum(record.state()),
        report: reported.as_deref().map(report),
        confirmation: confirmed.as_deref().map(confirmation),
        last_return: returns.last().map(returned),
        return_count: i32::try_from(returns.len()).unwrap_or(i32::MAX),
        first_due: record.first_due().map(period),
        due_moves: due_moves.iter().map(due_move).collect(),
        leads: leads.iter().map(lead).collect(),
        dropping: dropped.as_deref().map(dropping),
        reopening: reopening.as_deref().map(undoing),
        standing: None,
        etag: meta.etag(),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
    }
}

fn report(record: &TaskReport) -> pb::task::Report {
    let TaskReport {
        completion_date,
        evidence: shown,
        note,
        person: by,
        record_time,
    } = record;
    let (principal, actor) = person(by.as_ref());
    pb::task::Report {
        completion_date: write_date(Some(*completion_date)),
        evidence: evidence(shown),
        substantiated: record.is_substantiated(),
        note: note.clone(),
        principal,
        actor,
        record_time: Some(write_timestamp(*record_time)),
    }
}

fn confirmation(record: &Confirmation) -> pb::task::Confirmation {
    let Confirmation {
        agency,
        record_time,
    } = record;
    pb::task::Confirmation {
        agency: write_optional_name(agency.as_ref()),
        record_time: Some(write_timestamp(*record_time)),
    }
}

fn returned(record: &Return) -> pb::task::Return {
    let Return {
        reason,
        report_time,
        record_time,
    } = record;
    pb::task::Return {
        reason: reason.clone(),
        report_time: Some(write_timestamp(*report_time)),
        record_time: Some(write_timestamp(*record_time)),
    }
}

fn due_move(record: &DueMove) -> pb::task::DueMove {
    let DueMove {
        from,
        to,
        document: by,
        effective_date,
        record_time,
    } = record;
    pb::task::DueMove {
        old_due: from.as_ref().map(period),
        new_due: to.as_ref().map(period),
        document: Some(document(by)),
        effective_date: write_date(Some(*effective_date)),
        record_time: Some(write_timestamp(*record_time)),
    }
}

fn lead(record: &Lead) -> pb::task::Lead {
    let Lead { agency, start_date } = record;
    pb::task::Lead {
        agency: write_optional_name(agency.as_ref()),
        start_date: write_date(*start_date),
    }
}

fn dropping(record: &TaskDropping) -> pb::task::Dropping {
    let TaskDropping {
        drop_date,
        reason,
        document: by,
        erroneous,
        record_time,
    } = record;
    pb::task::Dropping {
        drop_date: write_date(Some(*drop_date)),
        reason: reason.clone(),
        document: by.as_deref().map(document),
        erroneous: *erroneous,
        record_time: Some(write_timestamp(*record_time)),
    }
}

/// A task, and its standing on a date by the records of a State.
pub fn standing_task(state: &State, record: &Task, on: Date) -> pb::Task {
    let standing = state.task_standing(record, on);
    pb::Task {
        standing: Some(self::standing(standing.as_ref(), on)),
        ..task(record)
    }
}

fn standing(record: Option<&TaskStanding>, on: Date) -> pb::task::Standing {
    pb::task::Standing {
        effective_date: write_date(Some(on)),
        state: write_optional_enum(record.map(|it| it.state)),
        days_left: slippage_days(record.and_then(|it| it.days_left)),
        slippage_days: slippage_days(record.and_then(|it| it.slippage_current)),
        first_slippage_days: slippage_days(record.and_then(|it| it.slippage_first)),
        awaiting_confirmation: record.is_some_and(|it| it.awaiting_confirmation),
        counted: record.is_some_and(|it| it.counted),
    }
}

/// The counts of the tasks of a scope on a date.
pub fn task_counts(
    count_scope: &TaskScope,
    counts: &TaskCounts,
    on: Date,
    state: &State,
) -> pb::TaskCounts {
    let count = |count| Some(counts.get(count));
    let states = StandingState::ALL.into_iter();
    let states = states.filter(|it| *it != StandingState::Dropped);
    let states = states.map(|it| pb::task_counts::StateCount {
        state: write_enum(it),
        task_count: counts.get(TaskCount::State(it)),
    });
    let due = counts.due_months(on);
    let months = due.months.into_iter();
    let months = months.map(|(month, task_count)| pb::task_counts::DueMonthCount {
        year_month: format!("{:04}-{:02}", month.year(), month.number()),
        task_count,
    });
    let programme = count_scope.programme.as_ref();
    let declares = programme.filter(|_| count_scope.lead == TaskLead::Any);
    let declares = declares.and_then(|name| state.programme(name));
    pb::TaskCounts {
        task_count: count(TaskCount::Tasks),
        state_counts: states.filter(|it| it.task_count > 0).collect(),
        dropped_task_count: count(TaskCount::State(StandingState::Dropped)),
        completed_task_count: Some(counts.numbers.completed()),
        overdue_task_count: count(TaskCount::State(StandingState::Overdue)),
        awaiting_confirmation_count: count(TaskCount::Awaiting),
        milestone_task_count: count(TaskCount::Linked),
        split_task_count: count(TaskCount::Split),
        due_month_counts: months.collect(),
        earlier_due_task_count: Some(due.earlier),
        later_due_task_count: Some(due.later),
        withheld_task_count: declares.and_then(|it| it.fields.withheld_task_count),
        programme: write_optional_name(programme),
    }
}
