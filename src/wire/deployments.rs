//! Conversion of deployments between their wire and domain forms.

use super::{
    changes::ToMessage,
    documents::{
        document, evidence, period, read_boxed_document, read_evidence, read_period, read_sources,
        sources,
    },
    values::{
        read_date, read_enum, read_text, write_date, write_enum, write_optional_enum,
        write_optional_name, write_timestamp,
    },
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    monitoring::deployments::{DeploymentStanding, counts::DeploymentCounts},
    names::AgencyName,
    records::{
        deployments::{
            Coverage, CoverageUnit, Deployment, DeploymentConfirmation, DeploymentFields,
            DeploymentStage, Disposition, LegacySystem, StageEntry, StagePlan,
        },
        meta::Meta,
    },
    state::State,
    time::Date,
};

wire_words! {
    DeploymentStage = pb::deployment::Stage;
    CoverageUnit = pb::deployment::coverage::Unit;
    Disposition = pb::deployment::legacy_system::Disposition;
}

impl ToMessage for Deployment {
    type Message = pb::Deployment;

    fn to_message(&self, _: Option<&AgencyName>, _: &State) -> pb::Deployment {
        deployment(self)
    }
}

// === from a client ===

/// Reads the fields of a deployment that its agency writes.
pub fn deployment_fields(message: pb::Deployment) -> DeploymentFields {
    let pb::Deployment {
        name: _,
        stages,
        planned_stages,
        coverages,
        legacy_systems,
        evidence: shown_by,
        sources: read_in,
        report_date,
        agency: _,
        parent_agency: _,
        transcribed: _,
        confirmation: _,
        standing: _,
        etag: _,
        create_time: _,
        update_time: _,
        revision: _,
    } = message;
    let (stages, planned_stages) = (stages.into_iter(), planned_stages.into_iter());
    let (coverages, legacy_systems) = (coverages.into_iter(), legacy_systems.into_iter());
    DeploymentFields {
        stages: stages.filter_map(read_stage).collect(),
        planned_stages: planned_stages.filter_map(read_planned_stage).collect(),
        coverages: coverages.filter_map(read_coverage).collect(),
        legacy_systems: legacy_systems.filter_map(read_legacy_system).collect(),
        evidence: read_evidence(shown_by),
        sources: read_sources(read_in),
        report_date: read_date(report_date),
    }
}

fn read_stage(message: pb::deployment::StageEntry) -> Option<StageEntry> {
    let pb::deployment::StageEntry {
        stage,
        reached,
        evidence: shown_by,
        sources: read_in,
    } = message;
    Some(StageEntry {
        stage: read_enum(stage)?,
        reached: reached.map(read_period),
        evidence: read_evidence(shown_by),
        sources: read_sources(read_in),
    })
}

fn read_planned_stage(message: pb::deployment::StagePlan) -> Option<StagePlan> {
    let pb::deployment::StagePlan {
        stage,
        planned,
        start_date,
        document: decided_by,
    } = message;
    Some(StagePlan {
        stage: read_enum(stage)?,
        planned: planned.map(read_period),
        start_date: read_date(start_date),
        document: read_boxed_document(decided_by),
    })
}

fn read_coverage(message: pb::deployment::Coverage) -> Option<Coverage> {
    let pb::deployment::Coverage {
        unit,
        done,
        total,
        count_date,
        percent: _,
    } = message;
    Some(Coverage {
        unit: read_enum(unit)?,
        done,
        total,
        count_date: read_date(count_date),
    })
}

fn read_legacy_system(message: pb::deployment::LegacySystem) -> Option<LegacySystem> {
    let pb::deployment::LegacySystem {
        display_name,
        disposition,
        start_date,
        end_date,
        reason,
        document: decided_by,
    } = message;
    Some(LegacySystem {
        display_name: read_text(display_name),
        disposition: read_enum(disposition)?,
        start_date: read_date(start_date),
        end_date: read_date(end_date),
        reason: read_text(reason),
        document: read_boxed_document(decided_by),
    })
}

// === to a client ===

/// A deployment, without what is computed for a date.
pub fn deployment(record: &Deployment) -> pb::Deployment {
    let Deployment {
        name,
        fields,
        writer: _, // in the log
        transcribed,
        filings: _, // seen in the freshness
        confirmation: confirmed,
        confirmed_spans: _, // seen in the standing
        meta,
    } = record;
    let DeploymentFields {
        stages,
        planned_stages,
        coverages,
        legacy_systems,
        evidence: shown_by,
        sources: read_in,
        report_date,
    } = fields;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    pb::Deployment {
        name: name.as_str().to_owned(),
        stages: stages.iter().map(stage).collect(),
        planned_stages: planned_stages.iter().map(planned_stage).collect(),
        coverages: coverages.iter().map(coverage).collect(),
        legacy_systems: legacy_systems.iter().map(legacy_system).collect(),
        evidence: evidence(shown_by),
        sources: sources(read_in),
        report_date: write_date(*report_date),
        agency: write_optional_name(name.agency().as_ref()),
        parent_agency: String::new(),
        transcribed: *transcribed,
        confirmation: confirmed.as_deref().map(confirmation),
        standing: None,
        etag: meta.etag(),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
    }
}

/// The same, with its standing on a date.
pub fn standing_deployment(state: &State, record: &Deployment, on: Date) -> pb::Deployment {
    let agency = record.name.agency();
    let above = agency.as_ref().and_then(|it| state.parent_agency(it));
    let standing = record.standing_on(on);
    pb::Deployment {
        parent_agency: write_optional_name(above),
        standing: standing.map(|it| self::standing(record, &it)),
        ..deployment(record)
    }
}

fn stage(record: &StageEntry) -> pb::deployment::StageEntry {
    let StageEntry {
        stage,
        reached,
        evidence: shown_by,
        sources: read_in,
    } = record;
    pb::deployment::StageEntry {
        stage: write_enum(*stage),
        reached: reached.as_ref().map(period),
        evidence: evidence(shown_by),
        sources: sources(read_in),
    }
}

fn planned_stage(record: &StagePlan) -> pb::deployment::StagePlan {
    let StagePlan {
        stage,
        planned,
        start_date,
        document: decided_by,
    } = record;
    pb::deployment::StagePlan {
        stage: write_enum(*stage),
        planned: planned.as_ref().map(period),
        start_date: write_date(*start_date),
        document: decided_by.as_deref().map(document),
    }
}

fn coverage(record: &Coverage) -> pb::deployment::Coverage {
    let Coverage {
        unit,
        done,
        total,
        count_date,
    } = record;
    pb::deployment::Coverage {
        unit: write_enum(*unit),
        done: *done,
        total: *total,
        count_date: write_date(*count_date),
        percent: record.percent(),
    }
}

fn legacy_system(record: &LegacySystem) -> pb::deployment::LegacySystem {
    let LegacySystem {
        display_name,
        disposition,
        start_date,
        end_date,
        reason,
        document: decided_by,
    } = record;
    pb::deployment::LegacySystem {
        display_name: display_name.clone(),
        disposition: write_enum(*disposition),
        start_date: write_date(*start_date),
        end_date: write_date(*end_date),
        reason: reason.clone(),
        document: decided_by.as_deref().map(document),
    }
}

fn confirmation(record: &DeploymentConfirmation) -> pb::deployment::Confirmation {
    let DeploymentConfirmation {
        revision,
        stage,
        coverages,
        report_date,
        agency,
        person: _, // in the log
        record_time,
    } = record;
    pb::deployment::Confirmation {
        confirmed_revision: revision.get(),
        stage: write_optional_enum(*stage),
        coverages: coverages.iter().map(coverage).collect(),
        report_date: write_date(*report_date),
        agency: write_optional_name(agency.as_ref()),
        record_time: Some(write_timestamp(*record_time)),
    }
}

fn standing(record: &Deployment, standing: &DeploymentStanding) -> pb::deployment::Standing {
    let DeploymentStanding {
        date,
        stage,
        filing,
        late,
        duplicate_since,
        confirmed,
    } = standing;
    let coverages = record.fields.coverages_on(*date);
    pb::deployment::Standing {
        effective_date: write_date(Some(*date)),
        stage: write_optional_enum(stage.map(|(stage, _)| stage)),
        stage_date: write_date(stage.map(|(_, day)| day)),
        coverages: coverages.into_iter().map(coverage).collect(),
        freshness: write_optional_enum(filing.map(|it| it.freshness)),
        report_due_date: write_date(filing.map(|it| it.due_date)),
        late: late.is_some(),
        late_stage: write_optional_enum(late.map(|(stage, _)| stage)),
        late_start_date: write_date(late.map(|(_, since)| since)),
        duplicate_system: duplicate_since.is_some(),
        confirmed: *confirmed,
    }
}

/// The counts of deployments, with the number of provinces known.
pub fn deployment_counts(record: &DeploymentCounts, provinces: i32) -> pb::DeploymentCounts {
    let stages = [None].into_iter().chain(DeploymentStage::ALL.map(Some));
    let stages = stages.map(|stage| pb::deployment_counts::StageCount {
        stage: write_optional_enum(stage),
        deployment_count: record.at(stage),
    });
    pb::DeploymentCounts {
        deployment_count: Some(record.total()),
        stage_counts: stages.filter(|it| it.deployment_count > 0).collect(),
        operating_province_count: Some(record.operating_provinces()),
        province_count: Some(provinces),
        confirmed_deployment_count: Some(record.confirmed),
        late_deployment_count: Some(record.late),
        stale_deployment_count: Some(record.stale),
        duplicate_system_deployment_count: Some(record.duplicates),
    }
}
