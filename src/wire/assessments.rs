//! Conversion of assessments between their wire and domain forms.

use super::{
    changes::ToMessage,
    documents::{evidence, read_evidence},
    undoings::undoing,
    values::{
        read_date, read_enum, read_text, write_date, write_enum, write_optional_enum,
        write_optional_name, write_timestamp,
    },
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    names::AgencyName,
    records::{
        assessments::{Assessment, AssessmentFields, AssessmentState},
        meta::Meta,
    },
    state::State,
};

wire_words! {
    AssessmentState = pb::assessment::State;
}

impl ToMessage for Assessment {
    type Message = pb::Assessment;

    fn to_message(&self, agency: Option<&AgencyName>, _: &State) -> pb::Assessment {
        assessment(self, agency)
    }
}

/// Reads what the steward writes of an assessment.
pub fn assessment_fields(message: pb::Assessment) -> AssessmentFields {
    let pb::Assessment {
        name: _,
        assessment_date,
        rating,
        rubric_version,
        findings,
        evidence,
        substantiated: _,
        agency: _,
        create_time: _,
        update_time: _,
        revision: _,
        state: _,
        withdrawal: _,
        etag: _,
    } = message;
    AssessmentFields {
        assessment_date: read_date(assessment_date),
        rating: read_enum(rating),
        rubric_version: read_text(rubric_version),
        findings: read_text(findings),
        evidence: read_evidence(evidence),
    }
}

/// An assessment of a plan of this agency.
pub fn assessment(record: &Assessment, agency: Option<&AgencyName>) -> pb::Assessment {
    let Assessment {
        name,
        fields,
        withdrawal,
        meta,
    } = record;
    let AssessmentFields {
        assessment_date,
        rating,
        rubric_version,
        findings,
        evidence: shown,
    } = fields;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    pb::Assessment {
        name: name.as_str().to_owned(),
        assessment_date: write_date(*assessment_date),
        rating: write_optional_enum(*rating),
        rubric_version: rubric_version.clone(),
        findings: findings.clone(),
        evidence: evidence(shown),
        substantiated: record.is_substantiated(),
        agency: write_optional_name(agency),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
        state: write_enum(record.state()),
        withdrawal: withdrawal.as_deref().map(undoing),
        etag: meta.etag(),
    }
}
