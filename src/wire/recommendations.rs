//! Conversion of recommendations between their wire and domain forms, and of what is counted of
//! them.

use super::{
    changes::ToMessage,
    documents::{document, evidence, read_boxed_document},
    validate::FieldPath,
    values::{
        read_date, read_enum, read_optional_name, read_text, write_date, write_enum,
        write_optional_enum, write_optional_name, write_timestamp,
    },
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    error::{Error, Violations},
    messages::Rule,
    monitoring::recommendations::{RecommendationCounts, RecommendationStanding, Standing},
    names::AgencyName,
    records::{
        meta::Meta,
        recommendations::{
            Answer, DayKind, Decision, Forward, Ground, Outcome, Recommendation,
            RecommendationFields, RecommendationKind, RecommendationState, Rejection, SenderKind,
            Step, StepKind, TaskLink, Term, TermEntry,
        },
    },
    state::State,
    time::Date,
};

wire_words! {
    RecommendationKind = pb::recommendation::Kind;
    SenderKind = pb::recommendation::SenderKind;
    DayKind = pb::recommendation::term::DayKind;
    StepKind = pb::recommendation::step::Kind;
    RecommendationState = pb::recommendation::State;
    Outcome = pb::recommendation::answer::Outcome;
    Ground = pb::recommendation::rejection::Ground;
    RecommendationStanding = pb::recommendation::standing::State;
}

impl ToMessage for Recommendation {
    type Message = pb::Recommendation;

    fn to_message(&self, _: Option<&AgencyName>, _: &State) -> pb::Recommendation {
        recommendation(self)
    }
}

// === reading ===

/// Reads the fields of a recommendation that a client writes, from the request's field `field`.
pub fn recommendation_fields(
    message: pb::Recommendation,
    field: &str,
    violations: &mut Violations,
) -> RecommendationFields {
    let path = &FieldPath::ROOT.field(field);
    let pb::Recommendation {
        name: _,
        kind,
        display_name,
        content,
        sender_kind,
        sender_agency,
        source_system,
        external_id,
        receive_date,
        agency,
        term,
        subjects,
        review_date,
        steps,
        tasks,
        state: _,
        answer_due_date: _,
        term_calendar_known: _,
        terms: _,
        forwards: _,
        decisions: _,
        answer: _,
        rejection: _,
        standing: _,
        etag: _,
        create_time: _,
        update_time: _,
        revision: _,
    } = message;
    RecommendationFields {
        kind: read_enum(kind),
        display_name: read_text(display_name),
        content: read_text(content),
        sender_kind: read_enum(sender_kind),
        sender_agency: read_optional_name(&sender_agency, &path.field("sender_agency"), violations),
        source_system: read_text(source_system),
        external_id: read_text(external_id),
        receive_date: read_date(receive_date),
        agency: read_optional_name(&agency, &path.field("agency"), violations),
        term: term.map(read_term),
        subjects,
        review_date: read_date(review_date),
        steps: steps.into_iter().filter_map(read_step).collect(),
        tasks: tasks.into_iter().map(read_task_link).collect(),
    }
}

fn read_term(message: pb::recommendation::Term) -> Term {
    let pb::recommendation::Term {
        day_count,
        day_kind,
        forward_day_count,
        legal_basis,
        legal_basis_text,
        document,
    } = message;
    Term {
        day_count,
        day_kind: read_enum(day_kind).unwrap_or_default(),
        forward_day_count,
        legal_basis: read_boxed_document(legal_basis),
        legal_basis_text: read_text(legal_basis_text),
        document: read_boxed_document(document),
    }
}

/// Reads the kind of a step, which the contract requires.
fn read_step(message: pb::recommendation::Step) -> Option<Step> {
    let pb::recommendation::Step {
        kind,
        step_date,
        document,
        note,
    } = message;
    let document = read_boxed_document(document);
    Some(Step {
        kind: read_enum(kind)?,
        step_date: read_date(step_date),
        document,
        note: read_text(note),
    })
}

fn read_task_link(message: pb::recommendation::TaskLink) -> TaskLink {
    let pb::recommendation::TaskLink { task, link_date } = message;
    TaskLink {
        task,
        link_date: read_date(link_date),
    }
}

/// Reads the outcome of an answer, which the contract requires.
pub fn outcome(number: i32) -> Result<Outcome, Error> {
    read_enum(number).ok_or_else(|| Error::invalid("outcome", Rule::Missing))
}

/// Reads the ground of a rejection, which the contract requires.
pub fn ground(number: i32) -> Result<Ground, Error> {
    read_enum(number).ok_or_else(|| Error::invalid("ground", Rule::Missing))
}

// === writing ===

/// A recommendation, and its standing on a day.
pub fn standing_recommendation(record: &Recommendation, on: Date) -> pb::Recommendation {
    let mut message = recommendation(record);
    message.standing = Some(standing(record.standing_on(on).as_ref(), on));
    message
}

fn standing(record: Option<&Standing<'_>>, on: Date) -> pb::recommendation::Standing {
    pb::recommendation::Standing {
        effective_date: write_date(Some(on)),
        state: write_optional_enum(record.map(|it| it.standing)),
        waited_day_count: record.map_or(0, |it| i32::try_from(it.days).unwrap_or(i32::MAX)),
        punctually_forwarded: record.and_then(|it| it.forwarded_in_time),
    }
}

pub fn recommendation(record: &Recommendation) -> pb::Recommendation {
    let Recommendation {
        name,
        fields,
        recorder: _,
        terms,
        forwards,
        decisions,
        meta,
    } = record;
    let RecommendationFields {
        kind,
        display_name,
        content,
        sender_kind,
        sender_agency,
        source_system,
        external_id,
        receive_date,
        agency,
        term: current,
        subjects,
        review_date,
        steps,
        tasks,
    } = fields;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    let due = record.term();
    pb::Recommendation {
        name: name.as_str().to_owned(),
        kind: write_optional_enum(*kind),
        display_name: display_name.clone(),
        content: content.clone(),
        sender_kind: write_optional_enum(*sender_kind),
        sender_agency: write_optional_name(sender_agency.as_ref()),
        source_system: source_system.clone(),
        external_id: external_id.clone(),
        receive_date: write_date(*receive_date),
        agency: write_optional_name(agency.as_ref()),
        term: current.as_ref().map(term),
        subjects: subjects.clone(),
        review_date: write_date(*review_date),
        steps: steps.iter().map(step).collect(),
        tasks: tasks.iter().map(task_link).collect(),
        state: write_enum(record.state()),
        answer_due_date: write_date(due.map(|it| it.answer_due_date)),
        term_calendar_known: due.map(|it| it.calendar_known),
        terms: terms.iter().map(term_entry).collect(),
        forwards: forwards.iter().map(forward).collect(),
        decisions: decisions.iter().map(decision).collect(),
        answer: record.answer().map(|(day, it)| answer(it, day)),
        rejection: record.rejection().map(|(day, it)| rejection(it, day)),
        standing: None,
        etag: meta.etag(),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
    }
}

fn term(record: &Term) -> pb::recommendation::Term {
    let Term {
        day_count,
        day_kind,
        forward_day_count,
        legal_basis,
        legal_basis_text,
        document: moved_by,
    } = record;
    pb::recommendation::Term {
        day_count: *day_count,
        day_kind: write_enum(*day_kind),
        forward_day_count: *forward_day_count,
        legal_basis: legal_basis.as_deref().map(document),
        legal_basis_text: legal_basis_text.clone(),
        document: moved_by.as_deref().map(document),
    }
}

fn term_entry(record: &TermEntry) -> pb::recommendation::TermEntry {
    let TermEntry {
        start_date,
        term: written,
        answer_due_date,
        calendar_known,
    } = record;
    pb::recommendation::TermEntry {
        start_date: write_date(Some(*start_date)),
        term: Some(term(written)),
        answer_due_date: write_date(Some(*answer_due_date)),
        calendar_known: *calendar_known,
    }
}

fn step(record: &Step) -> pb::recommendation::Step {
    let Step {
        kind,
        step_date,
        document: of,
        note,
    } = record;
    pb::recommendation::Step {
        kind: write_enum(*kind),
        step_date: write_date(*step_date),
        document: of.as_deref().map(document),
        note: note.clone(),
    }
}

fn task_link(record: &TaskLink) -> pb::recommendation::TaskLink {
    let TaskLink { task, link_date } = record;
    pb::recommendation::TaskLink {
        task: task.clone(),
        link_date: write_date(*link_date),
    }
}

fn forward(record: &Forward) -> pb::recommendation::Forward {
    let Forward {
        forward_date,
        previous_agency,
        agency,
        due_date,
        calendar_known,
        document: of,
        record_time,
        reason,
    } = record;
    pb::recommendation::Forward {
        forward_date: write_date(Some(*forward_date)),
        previous_agency: previous_agency.as_str().to_owned(),
        agency: agency.as_str().to_owned(),
        due_date: write_date(*due_date),
        punctual: record.in_time(),
        calendar_known: *calendar_known,
        document: of.as_deref().map(document),
        record_time: Some(write_timestamp(*record_time)),
        reason: reason.clone(),
    }
}

fn decision(record: &Decision) -> pb::recommendation::Decision {
    let Decision {
        decision_date,
        answer: answered,
        rejection: rejected,
        record_time,
        reason,
    } = record;
    let day = *decision_date;
    pb::recommendation::Decision {
        state: write_enum(record.state()),
        decision_date: write_date(Some(day)),
        answer: answered.as_deref().map(|it| answer(it, day)),
        rejection: rejected.as_ref().map(|it| rejection(it, day)),
        record_time: Some(write_timestamp(*record_time)),
        reason: reason.clone(),
    }
}

fn answer(record: &Answer, day: Date) -> pb::recommendation::Answer {
    let Answer {
        text,
        outcome,
        document: of,
        evidence: shown,
    } = record;
    pb::recommendation::Answer {
        answer_date: write_date(Some(day)),
        text: text.clone(),
        outcome: write_enum(*outcome),
        document: of.as_deref().map(document),
        evidence: evidence(shown),
        substantiated: record.is_substantiated(),
    }
}

fn rejection(record: &Rejection, day: Date) -> pb::recommendation::Rejection {
    let Rejection { ground, original } = record;
    pb::recommendation::Rejection {
        reject_date: write_date(Some(day)),
        ground: write_enum(*ground),
        original: write_optional_name(original.as_ref()),
    }
}

/// The counts of a date.
pub fn counts(record: &RecommendationCounts) -> pb::RecommendationCounts {
    let RecommendationCounts {
        received,
        in_scope,
        forwarded,
        forwarded_late,
        answered_on_time,
        answered_late,
        waiting,
        overdue,
        rejected,
        tasks_made,
        calendar_unknown,
    } = record;
    pb::RecommendationCounts {
        received_count: Some(*received),
        eligible_count: Some(*in_scope),
        forwarded_count: Some(*forwarded),
        late_forwarded_count: Some(*forwarded_late),
        answered_on_time_count: Some(*answered_on_time),
        answered_late_count: Some(*answered_late),
        waiting_count: Some(*waiting),
        overdue_count: Some(*overdue),
        rejected_count: Some(*rejected),
        task_made_count: Some(*tasks_made),
        calendar_unknown_count: Some(*calendar_unknown),
    }
}
