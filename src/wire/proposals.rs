//! Conversion of proposals to their wire form. Clients decide on proposals but do not write them.

use super::{
    baselines::rebaseline,
    changes::ToMessage,
    platforms::{exit, reinstatement},
    principals::person,
    values::{write_enum, write_timestamp},
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    names::AgencyName,
    records::{
        meta::Meta,
        proposals::{Act, Action, FieldChange, Proposal, ProposalState},
    },
    state::State,
};

wire_words! {
    ProposalState = pb::proposal::State;
}

impl ToMessage for Proposal {
    type Message = pb::Proposal;

    fn to_message(&self, _: Option<&AgencyName>, _: &State) -> pb::Proposal {
        proposal(self)
    }
}

pub fn proposal(record: &Proposal) -> pb::Proposal {
    let Proposal {
        name,
        state,
        action,
        changes,
        requested,
        decided,
        meta,
    } = record;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    pb::Proposal {
        name: name.as_str().to_owned(),
        state: write_enum(*state),
        action: Some(match action {
            Action::Retirement(record) => pb::proposal::Action::Retirement(exit(record)),
            Action::Reinstatement(record) => {
                pb::proposal::Action::Reinstatement(reinstatement(record))
            }
            Action::Rebaseline(record) => pb::proposal::Action::Rebaseline(rebaseline(record)),
        }),
        changes: changes.iter().map(change).collect(),
        requested: Some(act(requested)),
        decided: decided.as_ref().map(act),
        etag: meta.etag(),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
    }
}

fn change(record: &FieldChange) -> pb::proposal::FieldChange {
    let FieldChange {
        resource,
        path,
        before,
        after,
    } = record;
    pb::proposal::FieldChange {
        resource: resource.clone(),
        path: path.clone(),
        old_value: before.clone(),
        new_value: after.clone(),
    }
}

fn act(record: &Act) -> pb::proposal::Act {
    let Act {
        person: by,
        record_time,
        reason,
    } = record;
    let (principal, actor) = person(Some(by));
    pb::proposal::Act {
        principal,
        actor,
        record_time: Some(write_timestamp(*record_time)),
        reason: reason.clone(),
    }
}
