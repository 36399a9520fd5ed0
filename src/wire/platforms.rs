//! Platforms and their exits: conversion in both directions.

use std::collections::BTreeMap;

use super::{
    changes::ToMessage,
    documents::{
        document, period, read_boxed_document, read_document, read_period, read_sources, sources,
    },
    requests::View,
    validate::FieldPath,
    values::{
        read_date, read_enum, read_enums, read_list, read_name, read_names, read_optional_name,
        read_text, refuse, write_date, write_enum, write_enums, write_names, write_optional_enum,
        write_optional_name, write_timestamp,
    },
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    error::Violations,
    messages::Rule,
    names::AgencyName,
    records::{
        meta::Meta,
        platforms::{
            Classification, DataSharingChannel, Delegation, DeploymentLevel, Exit, ExitOutcome,
            Governance, Link, Listing, Membership, OperationStage, PastExit, Platform,
            PlatformFields, PlatformState, Reinstatement, Security, Stage, StageRecord,
            Verification,
        },
    },
    state::State,
};

wire_words! {
    Classification = pb::platform::Classification;
    DeploymentLevel = pb::platform::DeploymentLevel;
    DataSharingChannel = pb::platform::DataSharingChannel;
    Verification = pb::platform::Verification;
    PlatformState = pb::platform::State;
    Membership = pb::platform::listing::Membership;
    Stage = pb::platform::operation_stage::Stage;
    ExitOutcome = pb::platform::exit::Outcome;
}

impl ToMessage for Platform {
    type Message = pb::Platform;

    fn to_message(&self, _: Option<&AgencyName>, _: &State) -> pb::Platform {
        platform(self, View::Full)
    }
}

// === from a client ===

/// Reads the fields of a platform that clients write, from the request's field `field`.
pub fn platform_fields(
    message: pb::Platform,
    field: &str,
    violations: &mut Violations,
) -> PlatformFields {
    let path = &FieldPath::ROOT.field(field);
    let pb::Platform {
        name: _,
        display_name,
        display_name_en,
        governing_agency: _,
        governance,
        operating_unit,
        coordinating_agencies,
        classification,
        deployment_levels,
        listings,
        operation_stages,
        operation_stage: _,
        security,
        data_sharing_channels,
        links,
        verification,
        sources,
        labels,
        state: _,
        exit: _,
        past_exits: _,
        delegations,
        etag: _,
        create_time: _,
        update_time: _,
        revision: _,
    } = message;
    PlatformFields {
        display_name: read_text(display_name),
        display_name_en: read_text(display_name_en),
        governance: read_list(
            governance,
            &path.field("governance"),
            violations,
            read_governance,
        ),
        operating_unit: read_text(operating_unit),
        coordinating_agencies: read_names(
            coordinating_agencies,
            &path.field("coordinating_agencies"),
            violations,
        ),
        classification: read_enum(classification).unwrap_or_default(),
        deployment_levels: read_enums(&deployment_levels),
        listings: read_list(listings, &path.field("listings"), violations, read_listing),
        operation_stages: operation_stages
            .into_iter()
            .filter_map(read_operation_stage)
            .collect(),
        security: security.map(read_security),
        data_sharing_channels: read_enums(&data_sharing_channels),
        links: read_list(links, &path.field("links"), violations, |message, _, _| {
            let pb::platform::Link { uri, title } = message;
            Some(Link {
                uri: read_text(uri),
                title: read_text(title),
            })
        }),
        verification: read_enum(verification).unwrap_or_default(),
        delegations: read_list(
            delegations,
            &path.field("delegations"),
            violations,
            read_delegation,
        ),
        sources: read_sources(sources),
        labels: read_labels(labels, &path.field("labels"), violations),
    }
}

fn read_governance(
    message: pb::platform::Governance,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<Governance> {
    let pb::platform::Governance {
        agency,
        start_date,
        document,
        sources,
    } = message;
    Some(Governance {
        agency: read_optional_name(&agency, &path.field("agency"), violations),
        start_date: read_date(start_date),
        document: read_boxed_document(document),
        sources: read_sources(sources),
    })
}

fn read_delegation(
    message: pb::platform::Delegation,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<Delegation> {
    let pb::platform::Delegation {
        unit,
        start_date,
        end_date,
        document,
        includes_approval,
    } = message;
    Some(Delegation {
        unit: read_name(&unit, &path.field("unit"), violations)?,
        start_date: read_date(start_date),
        end_date: read_date(end_date),
        document: read_boxed_document(document),
        includes_approval,
    })
}

fn read_listing(
    message: pb::platform::Listing,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<Listing> {
    let pb::platform::Listing {
        edition,
        list_number,
        group,
        display_name,
        membership,
        sources,
    } = message;
    let edition = read_name(&edition, &path.field("edition"), violations);
    let membership = read_enum(membership);
    Some(Listing {
        edition: edition?,
        list_number: read_text(list_number),
        group: read_text(group),
        display_name: read_text(display_name),
        membership: membership.unwrap_or_default(),
        sources: read_sources(sources),
    })
}

fn read_operation_stage(message: pb::platform::OperationStage) -> Option<OperationStage> {
    let pb::platform::OperationStage {
        stage,
        planned,
        reached,
        sources,
        document,
        record_time: _,
        transcribed: _,
    } = message;
    let stage = read_enum(stage);
    let planned = planned.map(read_period);
    let reached = reached.map(read_period);
    Some(OperationStage {
        stage: stage?,
        planned,
        reached,
        document: read_boxed_document(document),
        sources: read_sources(sources),
    })
}

fn read_security(message: pb::platform::Security) -> Security {
    let pb::platform::Security { level, approval } = message;
    Security {
        level,
        approval: read_boxed_document(approval),
    }
}

fn read_labels(
    message: BTreeMap<String, String>,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (key, value) in message {
        let key = read_text(key);
        if labels.contains_key(&key) {
            refuse(&path.key(&key), violations, Rule::KeyRepeated);
        }
        labels.insert(key, read_text(value));
    }
    labels
}

/// Reads the exit record in the request's field `field`. When it returns `None`, it adds a
/// violation.
pub fn exit_fields(
    message: pb::platform::Exit,
    field: &str,
    violations: &mut Violations,
) -> Option<Exit> {
    let path = &FieldPath::ROOT.field(field);
    let pb::platform::Exit {
        reason,
        outcome,
        decision,
        successor,
        exit_date,
    } = message;
    let outcome = read_enum(outcome);
    let decision = decision.map(read_document);
    let successor = read_optional_name(&successor, &path.field("successor"), violations);
    let exit_date = read_date(exit_date);
    Some(Exit {
        reason: read_text(reason),
        outcome: outcome?,
        decision,
        successor,
        exit_date,
    })
}

/// Reads how a platform comes back.
pub fn reinstatement_fields(message: pb::platform::Reinstatement) -> Reinstatement {
    let pb::platform::Reinstatement {
        document,
        return_date,
    } = message;
    Reinstatement {
        document: read_boxed_document(document),
        return_date: read_date(return_date),
    }
}

// === to a client ===

/// A platform, limited to the fields of the view.
pub fn platform(record: &Platform, view: View) -> pb::Platform {
    let Platform {
        name,
        fields,
        stage_records: _, // with their stages
        exit: left,
        past_exits,
        moved_listings: _, // seen in the listings of the record that stays
        public_write: _,   // seen in the book-keeping of those who see a part
        meta,
    } = record;
    let PlatformFields {
        display_name,
        display_name_en,
        governance: governed,
        operating_unit,
        coordinating_agencies,
        classification,
        deployment_levels,
        listings,
        operation_stages,
        security: level,
        data_sharing_channels,
        links,
        verification,
        sources: read_in,
        labels,
        delegations,
    } = fields;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    let operation_stage = write_optional_enum(record.operation_stage());
    match view {
        View::Basic => pb::Platform {
            name: name.as_str().to_owned(),
            display_name: display_name.clone(),
            display_name_en: display_name_en.clone(),
            governing_agency: write_optional_name(record.governing_agency()),
            governance: Vec::new(),
            operating_unit: String::new(),
            coordinating_agencies: Vec::new(),
            classification: 0,
            deployment_levels: Vec::new(),
            listings: Vec::new(),
            operation_stages: Vec::new(),
            operation_stage,
            security: None,
            data_sharing_channels: Vec::new(),
            links: Vec::new(),
            verification: write_enum(*verification),
            sources: Vec::new(),
            labels: BTreeMap::new(),
            state: write_enum(record.state()),
            exit: None,
            past_exits: Vec::new(),
            delegations: Vec::new(),
            etag: meta.etag(),
            create_time: Some(write_timestamp(*create_time)),
            update_time: Some(write_timestamp(*update_time)),
            revision: revision.get(),
        },
        View::Full => pb::Platform {
            name: name.as_str().to_owned(),
            display_name: display_name.clone(),
            display_name_en: display_name_en.clone(),
            governing_agency: write_optional_name(record.governing_agency()),
            governance: governed.iter().map(governance).collect(),
            operating_unit: operating_unit.clone(),
            coordinating_agencies: write_names(coordinating_agencies),
            classification: write_enum(*classification),
            deployment_levels: write_enums(deployment_levels),
            listings: listings.iter().map(listing).collect(),
            operation_stages: operation_stages
                .iter()
                .map(|step| stage(step, record.record_of(step.stage)))
                .collect(),
            operation_stage,
            security: level.as_ref().map(security),
            data_sharing_channels: write_enums(data_sharing_channels),
            links: links.iter().map(link).collect(),
            verification: write_enum(*verification),
            sources: sources(read_in),
            labels: labels.clone(),
            state: write_enum(record.state()),
            exit: left.as_deref().map(exit),
            past_exits: past_exits.iter().map(past_exit).collect(),
            delegations: delegations.iter().map(delegation).collect(),
            etag: meta.etag(),
            create_time: Some(write_timestamp(*create_time)),
            update_time: Some(write_timestamp(*update_time)),
            revision: revision.get(),
        },
    }
}

fn governance(record: &Governance) -> pb::platform::Governance {
    let Governance {
        agency,
        start_date,
        document: decided,
        sources: read_in,
    } = record;
    pb::platform::Governance {
        agency: write_optional_name(agency.as_ref()),
        start_date: write_date(*start_date),
        document: decided.as_deref().map(document),
        sources: sources(read_in),
    }
}

fn delegation(record: &Delegation) -> pb::platform::Delegation {
    let Delegation {
        unit,
        start_date,
        end_date,
        document: decided,
        includes_approval,
    } = record;
    pb::platform::Delegation {
        unit: unit.as_str().to_owned(),
        start_date: write_date(*start_date),
        end_date: write_date(*end_date),
        document: decided.as_deref().map(document),
        includes_approval: *includes_approval,
    }
}

fn listing(record: &Listing) -> pb::platform::Listing {
    let Listing {
        edition,
        list_number,
        group,
        display_name,
        membership,
        sources: read_in,
    } = record;
    pb::platform::Listing {
        edition: edition.as_str().to_owned(),
        list_number: list_number.clone(),
        group: group.clone(),
        display_name: display_name.clone(),
        membership: write_enum(*membership),
        sources: sources(read_in),
    }
}

fn stage(record: &OperationStage, kept: Option<&StageRecord>) -> pb::platform::OperationStage {
    let OperationStage {
        stage,
        planned,
        reached,
        document: said,
        sources: read_in,
    } = record;
    pb::platform::OperationStage {
        stage: write_enum(*stage),
        planned: planned.as_ref().map(period),
        reached: reached.as_ref().map(period),
        sources: sources(read_in),
        document: said.as_deref().map(document),
        record_time: kept.map(|it| write_timestamp(it.record_time)),
        transcribed: kept.is_some_and(|it| it.transcribed),
    }
}

fn security(record: &Security) -> pb::platform::Security {
    let Security { level, approval } = record;
    pb::platform::Security {
        level: *level,
        approval: approval.as_deref().map(document),
    }
}

fn link(record: &Link) -> pb::platform::Link {
    let Link { uri, title } = record;
    pb::platform::Link {
        uri: uri.clone(),
        title: title.clone(),
    }
}

/// An exit record.
pub fn exit(record: &Exit) -> pb::platform::Exit {
    let Exit {
        reason,
        outcome,
        decision,
        successor,
        exit_date,
    } = record;
    pb::platform::Exit {
        reason: reason.clone(),
        outcome: write_enum(*outcome),
        decision: decision.as_ref().map(document),
        successor: write_optional_name(successor.as_ref()),
        exit_date: write_date(*exit_date),
    }
}

/// How a platform comes back.
pub fn reinstatement(record: &Reinstatement) -> pb::platform::Reinstatement {
    let Reinstatement {
        document: decided,
        return_date,
    } = record;
    pb::platform::Reinstatement {
        document: decided.as_deref().map(document),
        return_date: write_date(*return_date),
    }
}

fn past_exit(record: &PastExit) -> pb::platform::PastExit {
    let PastExit {
        exit: left,
        reinstatement: back,
        record_time,
        reason,
    } = record;
    pb::platform::PastExit {
        exit: Some(exit(left)),
        reinstatement: Some(reinstatement(back)),
        record_time: Some(write_timestamp(*record_time)),
        reason: reason.clone(),
    }
}

#[cfg(test)]
mod tests;
