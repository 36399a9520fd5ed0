//! Conversion of milestones between their wire and domain forms.

use super::{
    changes::ToMessage,
    documents::{document, evidence, period, read_boxed_document, read_period},
    undoings::undoing,
    values::{
        read_text, write_date, write_enum, write_optional_enum, write_optional_name,
        write_timestamp,
    },
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    monitoring::standing::{MilestoneStanding, StandingState},
    names::AgencyName,
    records::{
        meta::Meta,
        milestones::{Completion, Dropping, Milestone, MilestoneFields, MilestoneState},
    },
    state::State,
    time::Date,
};

wire_words! {
    StandingState = pb::milestone::standing::State;
    MilestoneState = pb::milestone::State;
}

impl ToMessage for Milestone {
    type Message = pb::Milestone;

    fn to_message(&self, agency: Option<&AgencyName>, _: &State) -> pb::Milestone {
        milestone(self, agency)
    }
}

/// Reads what an agency writes of a milestone.
pub fn milestone_fields(message: pb::Milestone) -> MilestoneFields {
    let pb::Milestone {
        name: _,
        display_name,
        assigning_document,
        required_result,
        due,
        weight,
        accountable_unit,
        state: _,
        completion: _,
        dropping: _,
        agency: _,
        etag: _,
        create_time: _,
        update_time: _,
        revision: _,
        standing: _,
        reopening: _,
    } = message;
    MilestoneFields {
        display_name: read_text(display_name),
        assigning_document: read_boxed_document(assigning_document),
        required_result: read_text(required_result),
        due: due.map(read_period),
        weight,
        accountable_unit: read_text(accountable_unit),
    }
}

/// A milestone of a plan of this agency.
pub fn milestone(record: &Milestone, agency: Option<&AgencyName>) -> pb::Milestone {
    let Milestone {
        name,
        fields,
        completion: completed,
        dropping: dropped,
        reopening,
        meta,
    } = record;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    pb::Milestone {
        name: name.as_str().to_owned(),
        state: write_enum(record.state()),
        completion: completed.as_deref().map(completion),
        dropping: dropped.as_deref().map(dropping),
        reopening: reopening.as_deref().map(undoing),
        agency: write_optional_name(agency),
        etag: meta.etag(),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
        ..promised(fields)
    }
}

/// Days of slippage; none where there is nothing to be late for.
pub(super) fn slippage_days(days: Option<i64>) -> Option<i32> {
    i32::try_from(days?).ok()
}

/// The standing of a milestone on a date; without a state where it was not promised by then.
pub fn standing(record: Option<&MilestoneStanding>, on: Date) -> pb::milestone::Standing {
    pb::milestone::Standing {
        effective_date: write_date(Some(on)),
        state: write_optional_enum(record.map(|it| it.state)),
        slippage_days: slippage_days(record.and_then(|it| it.slippage_current)),
        first_slippage_days: slippage_days(record.and_then(|it| it.slippage_first)),
    }
}

/// A milestone that is proposed and no record yet: what its agency would write of it.
pub(super) fn promised(fields: &MilestoneFields) -> pb::Milestone {
    let MilestoneFields {
        display_name,
        assigning_document,
        required_result,
        due,
        weight,
        accountable_unit,
    } = fields;
    pb::Milestone {
        display_name: display_name.clone(),
        assigning_document: assigning_document.as_deref().map(document),
        required_result: required_result.clone(),
        due: due.as_ref().map(period),
        weight: *weight,
        accountable_unit: accountable_unit.clone(),
        ..pb::Milestone::default()
    }
}

fn completion(record: &Completion) -> pb::milestone::Completion {
    let Completion {
        completion_date,
        evidence: shown,
        record_time,
    } = record;
    pb::milestone::Completion {
        completion_date: write_date(Some(*completion_date)),
        evidence: evidence(shown),
        substantiated: record.is_substantiated(),
        record_time: Some(write_timestamp(*record_time)),
    }
}

fn dropping(record: &Dropping) -> pb::milestone::Dropping {
    let Dropping {
        drop_date,
        reason,
        document: by,
        record_time,
    } = record;
    pb::milestone::Dropping {
        drop_date: write_date(Some(*drop_date)),
        reason: reason.clone(),
        document: by.as_deref().map(document),
        record_time: Some(write_timestamp(*record_time)),
    }
}
