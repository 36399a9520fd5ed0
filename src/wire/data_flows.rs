//! Data flows and the counts of them: conversion in both directions.

use super::{
    changes::ToMessage,
    documents::{document, evidence, read_boxed_document, read_evidence, read_sources, sources},
    principals::person,
    validate::FieldPath,
    values::{
        read_date, read_enum, read_optional_name, read_text, write_date, write_enum,
        write_optional_enum, write_optional_name, write_timestamp,
    },
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    error::Violations,
    monitoring::{flows::FlowCount, summary::FlowSummary},
    names::AgencyName,
    records::{
        data_flows::{
            Channel, Confirmation, ConfirmationState, DataFlow, DataFlowFields, FlowRow, FlowState,
            OrganisationKind, Party, PartyClass, Side, StateEntry, Term,
        },
        meta::Meta,
    },
    state::State,
};

wire_words! {
    FlowState = pb::data_flow::State;
    Channel = pb::data_flow::term::Channel;
    OrganisationKind = pb::data_flow::party::OrganisationKind;
    PartyClass = pb::data_flow::PartyClass;
    ConfirmationState = pb::data_flow::confirmation::State;
}

impl ToMessage for DataFlow {
    type Message = pb::DataFlow;

    fn to_message(&self, _: Option<&AgencyName>, state: &State) -> pb::DataFlow {
        data_flow(self, state)
    }
}

// === from a client ===

/// Reads the fields of a flow that a client writes, from the request's field `field`.
pub fn data_flow_fields(
    message: pb::DataFlow,
    field: &str,
    violations: &mut Violations,
) -> DataFlowFields {
    let path = &FieldPath::ROOT.field(field);
    let pb::DataFlow {
        name: _,
        display_name,
        data_kinds,
        provider,
        consumer,
        terms,
        state_entries,
        evidence,
        sources,
        annulled,
        state: _,
        channel: _,
        mandatory: _,
        provider_agency: _,
        consumer_agency: _,
        consumer_class: _,
        provider_confirmation: _,
        consumer_confirmation: _,
        one_sided: _,
        etag: _,
        create_time: _,
        update_time: _,
        revision: _,
    } = message;
    let mut read = |party: Option<pb::data_flow::Party>, field: &str| {
        party.map(|it| read_party(it, &path.field(field), violations))
    };
    DataFlowFields {
        display_name: read_text(display_name),
        data_kinds: data_kinds.into_iter().map(read_text).collect(),
        provider: read(provider, "provider"),
        consumer: read(consumer, "consumer"),
        terms: terms.into_iter().filter_map(read_term).collect(),
        state_entries: state_entries
            .into_iter()
            .filter_map(read_state_entry)
            .collect(),
        evidence: read_evidence(evidence),
        sources: read_sources(sources),
        annulled,
    }
}

fn read_party(
    message: pb::data_flow::Party,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Party {
    let pb::data_flow::Party {
        platform,
        agency,
        system,
        organisation,
        organisation_kind,
    } = message;
    Party {
        platform: read_optional_name(&platform, &path.field("platform"), violations),
        agency: read_optional_name(&agency, &path.field("agency"), violations),
        system: read_text(system),
        organisation: read_text(organisation),
        organisation_kind: read_enum(organisation_kind).unwrap_or_default(),
    }
}

fn read_term(message: pb::data_flow::Term) -> Option<Term> {
    let pb::data_flow::Term {
        channel,
        mandatory,
        start_date,
        document,
        sources,
    } = message;
    Some(Term {
        channel: read_enum(channel)?,
        mandatory,
        start_date: read_date(start_date),
        document: read_boxed_document(document),
        sources: read_sources(sources),
    })
}

fn read_state_entry(message: pb::data_flow::StateEntry) -> Option<StateEntry> {
    let pb::data_flow::StateEntry {
        state,
        start_date,
        document,
        reason,
        sources,
    } = message;
    Some(StateEntry {
        state: read_enum(state)?,
        start_date: read_date(start_date),
        document: read_boxed_document(document),
        reason: read_text(reason),
        sources: read_sources(sources),
    })
}

// === to a client ===

/// A flow, with its parties as a State has them.
pub fn data_flow(record: &DataFlow, state: &State) -> pb::DataFlow {
    let provider = record.party(Side::Provider).agency_now(state);
    let consumer = record.party(Side::Consumer).agency_now(state);
    let class = record.party(Side::Consumer).class(consumer.as_ref(), state);
    write(record, provider.as_ref(), consumer.as_ref(), class)
}

/// A flow of a list.
pub fn data_flow_row(row: &FlowRow) -> pb::DataFlow {
    let (provider, consumer) = (row.provider_agency.as_ref(), row.consumer_agency.as_ref());
    write(&row.flow, provider, consumer, row.consumer_class)
}

fn write(
    record: &DataFlow,
    provider_agency: Option<&AgencyName>,
    consumer_agency: Option<&AgencyName>,
    consumer_class: PartyClass,
) -> pb::DataFlow {
    let DataFlow {
        name,
        fields,
        confirmations: _, // each side's last
        creator: _,       // in the log
        editor: _,
        meta,
    } = record;
    let DataFlowFields {
        display_name,
        data_kinds,
        provider,
        consumer,
        terms,
        state_entries,
        evidence: shown,
        sources: read_in,
        annulled,
    } = fields;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    let now = record.term();
    pb::DataFlow {
        name: name.as_str().to_owned(),
        display_name: display_name.clone(),
        data_kinds: data_kinds.clone(),
        provider: provider.as_ref().map(party),
        consumer: consumer.as_ref().map(party),
        terms: terms.iter().map(term).collect(),
        state_entries: state_entries.iter().map(state_entry).collect(),
        evidence: evidence(shown),
        sources: sources(read_in),
        annulled: *annulled,
        state: write_optional_enum(record.state()),
        channel: write_optional_enum(now.map(|it| it.channel)),
        mandatory: now.is_some_and(|it| it.mandatory),
        provider_agency: write_optional_name(provider_agency),
        consumer_agency: write_optional_name(consumer_agency),
        consumer_class: write_enum(consumer_class),
        provider_confirmation: Some(confirmation(record, Side::Provider)),
        consumer_confirmation: Some(confirmation(record, Side::Consumer)),
        one_sided: record.is_one_sided(),
        etag: meta.etag(),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
    }
}

fn party(record: &Party) -> pb::data_flow::Party {
    let Party {
        platform,
        agency,
        system,
        organisation,
        organisation_kind,
    } = record;
    pb::data_flow::Party {
        platform: write_optional_name(platform.as_ref()),
        agency: write_optional_name(agency.as_ref()),
        system: system.clone(),
        organisation: organisation.clone(),
        organisation_kind: write_enum(*organisation_kind),
    }
}

fn term(record: &Term) -> pb::data_flow::Term {
    let Term {
        channel,
        mandatory,
        start_date,
        document: said,
        sources: read_in,
    } = record;
    pb::data_flow::Term {
        channel: write_enum(*channel),
        mandatory: *mandatory,
        start_date: write_date(*start_date),
        document: said.as_deref().map(document),
        sources: sources(read_in),
    }
}

fn state_entry(record: &StateEntry) -> pb::data_flow::StateEntry {
    let StateEntry {
        state,
        start_date,
        document: said,
        reason,
        sources: read_in,
    } = record;
    pb::data_flow::StateEntry {
        state: write_enum(*state),
        start_date: write_date(*start_date),
        document: said.as_deref().map(document),
        reason: reason.clone(),
        sources: sources(read_in),
    }
}

/// The confirmation of a flow by a side.
fn confirmation(flow: &DataFlow, side: Side) -> pb::data_flow::Confirmation {
    let state = write_enum(flow.confirmation_state(side));
    let Some(last) = flow.confirmation(side) else {
        return pb::data_flow::Confirmation {
            state,
            ..Default::default()
        };
    };
    let Confirmation {
        side: _,
        agency,
        person: by,
        record_time,
        lapse_time,
    } = last;
    let (principal, actor) = person(by.as_ref());
    pb::data_flow::Confirmation {
        state,
        agency: agency.as_str().to_owned(),
        confirm_time: Some(write_timestamp(*record_time)),
        lapse_time: lapse_time.map(write_timestamp),
        principal,
        actor,
    }
}

/// The counts of flows on a date.
pub fn counts(record: &FlowSummary) -> pb::DataFlowCounts {
    let FlowSummary {
        counts,
        ndop_mandatory_date,
    } = record;
    let count = |it: FlowCount| Some(counts.get(it));
    let states = FlowState::ALL.map(|it| pb::data_flow_counts::StateCount {
        state: write_enum(it),
        flow_count: counts.get(FlowCount::State(it)),
    });
    let channels = Channel::ALL.map(|it| pb::data_flow_counts::ChannelCount {
        channel: write_enum(it),
        active_flow_count: counts.get(FlowCount::Channel(it)),
    });
    let classes = PartyClass::ALL.map(|it| pb::data_flow_counts::PartyClassCount {
        party_class: write_enum(it),
        party_count: counts.get(FlowCount::Parties(it)),
        active_flow_count: counts.get(FlowCount::ActiveTo(it)),
    });
    let off_channel = counts.get(FlowCount::OffChannel);
    pb::DataFlowCounts {
        flow_count: Some(counts.flows()),
        state_counts: states.into_iter().filter(|it| it.flow_count > 0).collect(),
        channel_counts: channels
            .into_iter()
            .filter(|it| it.active_flow_count > 0)
            .collect(),
        confirmed_flow_count: count(FlowCount::Confirmed),
        one_sided_flow_count: count(FlowCount::OneSided),
        unconfirmed_flow_count: count(FlowCount::Unconfirmed),
        off_channel_flow_count: ndop_mandatory_date.map(|_| off_channel),
        suspended_flow_count: count(FlowCount::State(FlowState::Suspended)),
        party_count: Some(counts.parties()),
        party_class_counts: classes
            .into_iter()
            .filter(|it| it.active_flow_count > 0)
            .collect(),
        ndop_mandatory_date: write_date(*ndop_mandatory_date),
    }
}
