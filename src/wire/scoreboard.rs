//! Conversion of the scoreboard to its wire form.

use super::{
    documents::span,
    values::{read_enum, write_decimal, write_enum, write_exact, write_optional_name},
};
use crate::pb;
use ndp_core::{
    monitoring::{
        scoreboard::{Ask, Cell, Column, Row},
        sum::Sum,
    },
    records::observations::Basis,
};

/// One indicator of the scoreboard.
pub fn column(record: &Column<'_>, agencies: usize) -> pb::compute_scoreboard_response::Column {
    let Column {
        indicator,
        definition,
        sum,
        mixed,
    } = record;
    let Sum {
        reported,
        summed,
        numerator,
        denominator,
        value,
        qualifier,
    } = sum;
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
pub fn period(ask: &Ask) -> pb::Period {
    span(ask.span, "")
}

/// The enum number of the basis of a scoreboard.
pub fn basis(ask: &Ask) -> i32 {
    write_enum(ask.basis)
}

/// The basis that a request asks for.
pub fn read_basis(number: i32) -> Option<Basis> {
    read_enum(number)
}
