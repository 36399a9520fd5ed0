//! Conversion of indicators between their wire and domain forms.

use super::{
    changes::ToMessage,
    documents::{document, read_boxed_document, read_sources, sources, span},
    validate::FieldPath,
    values::{
        read_date, read_decimal, read_enum, read_list, read_optional_name, read_text, write_date,
        write_enum, write_optional_enum, write_optional_name, write_timestamp,
    },
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    error::Violations,
    names::AgencyName,
    records::{
        indicators::{
            Accumulation, Closing, Definition, Indicator, IndicatorFields, IndicatorKind,
            PeriodType, Preference, Span, Target, Unit,
        },
        meta::Meta,
    },
    state::State,
};

wire_words! {
    Unit = pb::indicator::Unit;
    IndicatorKind = pb::indicator::Kind;
    Preference = pb::indicator::Direction;
    Accumulation = pb::indicator::Accumulation;
    PeriodType = pb::indicator::PeriodType;
}

impl ToMessage for Indicator {
    type Message = pb::Indicator;

    fn to_message(&self, _: Option<&AgencyName>, _: &State) -> pb::Indicator {
        indicator(self)
    }
}

/// Reads the fields of an indicator that a client writes, from the request's field `field`. Adds a
/// violation for each that cannot be read.
pub fn indicator_fields(
    message: pb::Indicator,
    field: &str,
    violations: &mut Violations,
) -> IndicatorFields {
    let path = &FieldPath::ROOT.field(field);
    let pb::Indicator {
        name: _,
        display_name,
        display_name_en,
        description,
        unit,
        kind,
        direction,
        accumulation,
        period_type,
        decimals,
        definitions,
        targets,
        closed_periods: _,
        etag: _,
        create_time: _,
        update_time: _,
        revision: _,
    } = message;
    IndicatorFields {
        display_name: read_text(display_name),
        display_name_en: read_text(display_name_en),
        description: read_text(description),
        unit: read_enum(unit).unwrap_or_default(),
        kind: read_enum(kind).unwrap_or_default(),
        direction: read_enum(direction).unwrap_or_default(),
        accumulation: read_enum(accumulation).unwrap_or_default(),
        period_type: read_enum(period_type).unwrap_or_default(),
        decimals,
        definitions: definitions.into_iter().map(read_definition).collect(),
        targets: read_list(targets, &path.field("targets"), violations, read_target),
    }
}

fn read_definition(message: pb::indicator::Definition) -> Definition {
    let pb::indicator::Definition {
        version,
        start_date,
        document,
        numerator,
        numerator_en,
        denominator,
        denominator_en,
        source_system,
        verification,
        accuracy,
        limits,
        compensation,
        sources,
    } = message;
    Definition {
        version,
        start_date: read_date(start_date),
        document: read_boxed_document(document),
        numerator: read_text(numerator),
        numerator_en: read_text(numerator_en),
        denominator: read_text(denominator),
        denominator_en: read_text(denominator_en),
        source_system: read_text(source_system),
        verification: read_text(verification),
        accuracy: read_text(accuracy),
        limits: read_text(limits),
        compensation: read_text(compensation),
        sources: read_sources(sources),
    }
}

fn read_target(
    message: pb::indicator::Target,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<Target> {
    let pb::indicator::Target {
        agency,
        scope,
        target_date,
        value,
        document,
        sources,
    } = message;
    let agency = read_optional_name(&agency, &path.field("agency"), violations);
    let value = read_decimal(&value, &path.field("value"), violations);
    let target_date = read_date(target_date);
    Some(Target {
        agency,
        scope: read_enum(scope),
        target_date: target_date?,
        value: value?,
        document: read_boxed_document(document),
        sources: read_sources(sources),
    })
}

pub fn indicator(record: &Indicator) -> pb::Indicator {
    let Indicator {
        name,
        fields,
        closings,
        meta,
    } = record;
    let IndicatorFields {
        display_name,
        display_name_en,
        description,
        unit,
        kind,
        direction,
        accumulation,
        period_type,
        decimals,
        definitions,
        targets,
    } = fields;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    pb::Indicator {
        name: name.as_str().to_owned(),
        display_name: display_name.clone(),
        display_name_en: display_name_en.clone(),
        description: description.clone(),
        unit: write_enum(*unit),
        kind: write_enum(*kind),
        direction: write_enum(*direction),
        accumulation: write_enum(*accumulation),
        period_type: write_enum(*period_type),
        decimals: *decimals,
        definitions: definitions.iter().map(definition).collect(),
        targets: targets.iter().map(target).collect(),
        closed_periods: closings.iter().map(closed_period).collect(),
        etag: meta.etag(),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
    }
}

fn definition(record: &Definition) -> pb::indicator::Definition {
    let Definition {
        version,
        start_date,
        document: by,
        numerator,
        numerator_en,
        denominator,
        denominator_en,
        source_system,
        verification,
        accuracy,
        limits,
        compensation,
        sources: read_in,
    } = record;
    pb::indicator::Definition {
        version: *version,
        start_date: write_date(*start_date),
        document: by.as_deref().map(document),
        numerator: numerator.clone(),
        numerator_en: numerator_en.clone(),
        denominator: denominator.clone(),
        denominator_en: denominator_en.clone(),
        source_system: source_system.clone(),
        verification: verification.clone(),
        accuracy: accuracy.clone(),
        limits: limits.clone(),
        compensation: compensation.clone(),
        sources: sources(read_in),
    }
}

fn target(record: &Target) -> pb::indicator::Target {
    let Target {
        agency,
        scope,
        target_date,
        value,
        document: by,
        sources: read_in,
    } = record;
    pb::indicator::Target {
        agency: write_optional_name(agency.as_ref()),
        scope: write_optional_enum(*scope),
        target_date: write_date(Some(*target_date)),
        value: value.to_string(),
        document: by.as_deref().map(document),
        sources: sources(read_in),
    }
}

fn closed_period(record: &Closing) -> pb::indicator::ClosedPeriod {
    let Closing {
        start,
        end,
        record_time,
        revision,
    } = record;
    let closed = Span {
        end: *end,
        start: *start,
    };
    pb::indicator::ClosedPeriod {
        period: Some(span(closed, "")),
        close_time: Some(write_timestamp(*record_time)),
        close_revision: revision.get(),
    }
}
