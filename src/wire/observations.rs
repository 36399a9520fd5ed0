//! Conversion of the values of indicators between their wire and domain forms.

use super::{
    changes::ToMessage,
    documents::{evidence, read_evidence, read_period, read_sources, sources, span},
    validate::FieldPath,
    values::{
        read_decimal, read_enum, read_optional_name, read_text, write_date, write_decimal,
        write_enum, write_exact, write_optional_enum, write_optional_name, write_timestamp,
    },
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    effort::Effort,
    error::Violations,
    monitoring::{
        observed::{Facts, Finality, Flag},
        reconcile::observations::Reconciled,
    },
    names::AgencyName,
    records::observations::{Basis, Draft, Grounds, Observation, Qualifier, Scope},
    state::State,
};

wire_words! {
    Scope = pb::observation::Scope;
    Basis = pb::observation::Basis;
    Qualifier = pb::observation::Qualifier;
    Finality = pb::observation::Finality;
    Flag = pb::observation::Flag;
}

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
        reconciliation: _,
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
    charged(record, state, &Effort::unlimited())
}

/// The same, charged with what is computed beside published values.
pub fn charged(record: &Observation, state: &State, effort: &Effort) -> pb::Observation {
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
        reconciliation: state.reconciled(record, effort).map(reconciliation),
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

fn reconciliation(computed: Reconciled) -> pb::observation::Reconciliation {
    let Reconciled {
        value,
        numerator,
        denominator,
        qualifier,
        basis,
        difference,
        summed,
        agencies,
    } = computed;
    pb::observation::Reconciliation {
        computed_value: write_exact(value),
        computed_numerator: write_exact(numerator),
        computed_denominator: write_exact(denominator),
        computed_qualifier: write_optional_enum(value.map(|_| qualifier)),
        computed_basis: write_optional_enum(basis),
        difference: write_exact(difference),
        summed_agency_count: Some(summed),
        agency_count: Some(agencies),
    }
}
