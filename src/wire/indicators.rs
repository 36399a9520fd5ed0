//! Conversion of indicators, their values and the scoreboard between their wire and domain forms.

use super::{
    changes::ToMessage,
    documents::{
        document, evidence, period, read_boxed_document, read_evidence, read_period, read_sources,
        sources,
    },
    validate::FieldPath,
    values::{
        read_date, read_enum, read_list, read_optional_name, read_text, refuse, write_date,
        write_enum, write_optional_enum, write_optional_name, write_timestamp,
    },
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    decimal::{Decimal, Exact},
    error::Violations,
    messages::Rule,
    monitoring::{
        observed::{Facts, Finality, Flag},
        scoreboard::{Ask, Cell, Column, Row},
    },
    names::AgencyName,
    records::{
        indicators::{
            Accumulation, Closing, Definition, Indicator, IndicatorFields, IndicatorKind,
            PeriodType, Preference, Span, Target, Unit,
        },
        meta::Meta,
        observations::{Basis, Draft, Grounds, Observation, Qualifier, Scope},
    },
    state::State,
    time::Period,
};

wire_words! {
    Unit = pb::indicator::Unit;
    IndicatorKind = pb::indicator::Kind;
    Preference = pb::indicator::Direction;
    Accumulation = pb::indicator::Accumulation;
    PeriodType = pb::indicator::PeriodType;
    Scope = pb::observation::Scope;
    Basis = pb::observation::Basis;
    Qualifier = pb::observation::Qualifier;
    Finality = pb::observation::Finality;
    Flag = pb::observation::Flag;
}

// === values ===

/// Reads a decimal, whose form the contract checks; `None` for an empty text.
fn read_decimal(text: &str, path: &FieldPath<'_>, violations: &mut Violations) -> Option<Decimal> {
    if text.is_empty() {
        return None;
    }
    let read = text.parse().ok();
    if read.is_none() {
        refuse(path, violations, Rule::DecimalForm);
    }
    read
}

fn write_decimal(value: Option<Decimal>) -> String {
    value.map_or_else(String::new, |it| it.to_string())
}

fn write_exact(value: Option<Exact>) -> String {
    value.map_or_else(String::new, |it| it.to_string())
}

/// A time in which something was measured.
fn span(span: Span, as_written: &str) -> pb::Period {
    period(&Period {
        start: span.start,
        end: Some(span.end),
        as_written: as_written.to_owned(),
    })
}

/// The time of a period with a last day.
pub fn read_span(message: Option<&pb::Period>) -> Option<Span> {
    let read = read_period(message?.clone());
    Some(Span {
        end: read.end?,
        start: read.start,
    })
}

// === indicators ===

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

/// An indicator.
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

// === observations ===

impl ToMessage for Observation {
    type Message = pb::Observation;

    fn to_message(&self, _: Option<&AgencyName>, state: &State) -> pb::Observation {
        observation(self, state)
    }
}

/// Reads the fields of a value that a client writes, from the request's field at `path`. If it
/// returns `None`, it has added a violation.
pub fn draft(
    message: pb::Observation,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<Draft> {
    let pb::Observation {
        name: _,
        agency,
        scope,
        period,
        definition_version,
        basis,
        qualifier,
        numerator,
        denominator,
        value,
        statement,
        evidence,
        sources,
        replaces,
        correction_reason,
        confirms: _,
        replacement: _,
        recomputed_value: _,
        recomputation_agrees: _,
        previous_observation: _,
        difference: _,
        target_value: _,
        target_date: _,
        target_gap: _,
        finality: _,
        implied_ministry_weight: _,
        flags: _,
        substantiated: _,
        create_time: _,
        update_time: _,
        revision: _,
    } = message;
    let agency = read_optional_name(&agency, &path.field("agency"), violations);
    let replaces = read_optional_name(&replaces, &path.field("replaces"), violations);
    let mut decimal = |text: &str, field| read_decimal(text, &path.field(field), violations);
    let (numerator, denominator, value) = (
        decimal(&numerator, "numerator"),
        decimal(&denominator, "denominator"),
        decimal(&value, "value"),
    );
    Some(Draft {
        agency,
        scope: read_enum(scope),
        period: period.map(read_period),
        definition_version,
        basis: read_enum(basis)?,
        qualifier: read_enum(qualifier).unwrap_or_default(),
        numerator,
        denominator,
        value,
        statement: read_text(statement),
        evidence: read_evidence(evidence),
        sources: read_sources(sources),
        replaces,
        correction_reason: read_text(correction_reason),
    })
}

/// A value, with what is computed of it in `state`.
pub fn observation(record: &Observation, state: &State) -> pb::Observation {
    let Observation {
        name,
        agency,
        scope,
        start: _,
        end: _,
        definition,
        basis,
        qualifier,
        numerator,
        denominator,
        value,
        grounds: _,
        meta,
    } = record;
    let Grounds {
        period_as_written,
        statement,
        evidence: shown,
        sources: read_in,
        replaces,
        correction_reason,
        confirms,
        declared_by: _, // the log shows it to those who may see it
    } = record.grounds();
    let message = pb::Observation {
        name: name.as_str().to_owned(),
        agency: write_optional_name(agency.as_ref()),
        scope: write_optional_enum(*scope),
        period: Some(span(record.span(), period_as_written)),
        definition_version: (*definition).into(),
        basis: write_enum(*basis),
        qualifier: write_enum(*qualifier),
        numerator: write_decimal(*numerator),
        denominator: write_decimal(*denominator),
        value: write_decimal(*value),
        statement: statement.clone(),
        evidence: evidence(shown),
        sources: sources(read_in),
        replaces: write_optional_name(replaces.as_ref()),
        correction_reason: correction_reason.clone(),
        confirms: write_optional_name(confirms.as_ref()),
        substantiated: record.is_substantiated(),
        create_time: Some(write_timestamp(meta.create_time)),
        update_time: Some(write_timestamp(meta.update_time)),
        revision: meta.revision.get(),
        ..pb::Observation::default()
    };
    match state.observed(record) {
        Some(facts) => with_facts(message, &facts),
        None => message,
    }
}

fn with_facts(message: pb::Observation, facts: &Facts<'_>) -> pb::Observation {
    let Facts {
        recomputed,
        agrees,
        previous,
        change,
        target,
        gap,
        finality,
        replaced_by,
        weight,
        flags,
    } = facts;
    pb::Observation {
        replacement: write_optional_name(replaced_by.map(|it| &it.name)),
        recomputed_value: write_exact(*recomputed),
        recomputation_agrees: *agrees,
        previous_observation: write_optional_name(previous.map(|it| &it.name)),
        difference: write_exact(*change),
        target_value: target.map_or_else(String::new, |it| it.value.to_string()),
        target_date: write_date(target.map(|it| it.target_date)),
        target_gap: write_exact(*gap),
        finality: write_enum(*finality),
        implied_ministry_weight: write_exact(*weight),
        flags: flags.iter().map(|it| write_enum(*it)).collect(),
        ..message
    }
}

// === the scoreboard ===

/// One indicator of the scoreboard.
pub fn column(record: &Column<'_>, agencies: usize) -> pb::compute_scoreboard_response::Column {
    let Column {
        indicator,
        definition,
        reported,
        summed,
        numerator,
        denominator,
        value,
        qualifier,
        mixed,
    } = record;
    pb::compute_scoreboard_response::Column {
        indicator: indicator.name.as_str().to_owned(),
        display_name: indicator.fields.display_name.clone(),
        display_name_en: indicator.fields.display_name_en.clone(),
        unit: write_enum(indicator.fields.unit),
        direction: write_enum(indicator.fields.direction),
        definition_version: (*definition).into(),
        reported_agency_count: Some(*reported),
        agency_count: i32::try_from(agencies).ok(),
        summed_agency_count: Some(*summed),
        total_numerator: write_exact(*numerator),
        total_denominator: write_exact(*denominator),
        total_value: write_exact(*value),
        total_qualifier: write_enum(*qualifier),
        mixed: *mixed,
    }
}

/// One agency of the scoreboard, with the definitions that its columns follow.
pub fn row(
    record: &Row<'_>,
    ask: &Ask,
    definitions: &[u8],
) -> pb::compute_scoreboard_response::Row {
    let agency = &record.agency.fields;
    let cells = record.cells.iter().zip(definitions);
    pb::compute_scoreboard_response::Row {
        agency: record.agency.name.as_str().to_owned(),
        agency_display_name: agency.display_name.clone(),
        agency_display_name_en: agency.display_name_en.clone(),
        cells: cells
            .map(|(it, definition)| cell(it, ask, *definition))
            .collect(),
    }
}

fn cell(record: &Cell<'_>, ask: &Ask, definition: u8) -> pb::compute_scoreboard_response::Cell {
    let Cell {
        observation,
        rank,
        compared,
        change,
        change_mixed,
    } = record;
    let Some(it) = observation else {
        return pb::compute_scoreboard_response::Cell {
            missing: true,
            ..Default::default()
        };
    };
    pb::compute_scoreboard_response::Cell {
        missing: false,
        observation: it.name.as_str().to_owned(),
        value: write_decimal(it.value),
        qualifier: write_enum(it.qualifier),
        numerator: write_decimal(it.numerator),
        denominator: write_decimal(it.denominator),
        rank: *rank,
        basis: write_enum(it.basis),
        definition_version: it.definition.into(),
        other_basis: it.basis != ask.basis,
        other_definition: it.definition != definition,
        comparison_observation: write_optional_name(compared.map(|it| &it.name)),
        difference: write_exact(*change),
        difference_mixed: *change_mixed,
    }
}

/// The period of a scoreboard.
pub fn board_period(ask: &Ask) -> pb::Period {
    span(ask.span, "")
}

/// The enum number of the basis of a scoreboard.
pub fn board_basis(ask: &Ask) -> i32 {
    write_enum(ask.basis)
}

/// The basis that a request asks for.
pub fn basis(number: i32) -> Option<Basis> {
    read_enum(number)
}
