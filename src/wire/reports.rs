//! Conversion of progress reports, and of the ratings they share with assessments, between their
//! wire and domain forms.

use super::{
    changes::ToMessage,
    documents::{evidence, read_evidence},
    undoings::undoing,
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
    names::AgencyName,
    records::{
        meta::Meta,
        reports::{Rating, Report, ReportFields, ReportState},
    },
    state::State,
};

wire_words! {
    Rating = pb::Rating;
    ReportState = pb::report::State;
}

impl ToMessage for Report {
    type Message = pb::Report;

    fn to_message(&self, agency: Option<&AgencyName>, _: &State) -> pb::Report {
        report(self, agency)
    }
}

/// Reads what an agency writes of a report from the request's field `field`.
pub fn report_fields(
    message: pb::Report,
    field: &str,
    violations: &mut Violations,
) -> ReportFields {
    let path = &FieldPath::ROOT.field(field);
    let pb::Report {
        name: _,
        period_end_date,
        rating,
        percent,
        results,
        difficulties,
        recommendations,
        evidence,
        corrects,
        correction: _,
        substantiated: _,
        agency: _,
        create_time: _,
        update_time: _,
        revision: _,
        state: _,
        withdrawal: _,
        etag: _,
    } = message;
    ReportFields {
        period_end_date: read_date(period_end_date),
        rating: read_enum(rating),
        percent,
        results: read_text(results),
        difficulties: read_text(difficulties),
        recommendations: read_text(recommendations),
        evidence: read_evidence(evidence),
        corrects: read_optional_name(&corrects, &path.field("corrects"), violations),
    }
}

/// A report of a plan of this agency.
pub fn report(record: &Report, agency: Option<&AgencyName>) -> pb::Report {
    let Report {
        name,
        fields,
        corrected_by,
        withdrawal,
        meta,
    } = record;
    let ReportFields {
        period_end_date,
        rating,
        percent,
        results,
        difficulties,
        recommendations,
        evidence: shown,
        corrects,
    } = fields;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    pb::Report {
        name: name.as_str().to_owned(),
        period_end_date: write_date(*period_end_date),
        rating: write_optional_enum(*rating),
        percent: *percent,
        results: results.clone(),
        difficulties: difficulties.clone(),
        recommendations: recommendations.clone(),
        evidence: evidence(shown),
        corrects: write_optional_name(corrects.as_ref()),
        correction: write_optional_name(corrected_by.as_ref()),
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

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*, sample::select};

    use super::*;
    use crate::wire::arbitrary;
    use ndp_core::names::ReportName;
    use ndp_core::records::reports::Rating;

    proptest! {
        #[test]
        fn fields_survive_the_wire(
            day in arbitrary::date(),
            rating in select(Rating::ALL.to_vec()),
            percent: i32,
            texts in [(); 3].map(|()| arbitrary::text()),
            shown in arbitrary::evidence(),
            corrects in option::of("[a-z]{1,8}"),
            meta in arbitrary::meta(),
        ) {
            let parse = |id: &str| {
                ReportName::parse(&format!("platforms/ndp-001/plans/2026/reports/{id}"))
            };
            let [results, difficulties, recommendations] = texts;
            let record = Report {
                name: parse("r").unwrap(),
                fields: ReportFields {
                    period_end_date: Some(day),
                    rating: Some(rating),
                    percent,
                    results,
                    difficulties,
                    recommendations,
                    evidence: shown,
                    corrects: corrects.and_then(|id| parse(&id)),
                },
                corrected_by: parse("next"),
                withdrawal: None,
                meta,
            };
            let message = arbitrary::over_the_wire(&report(&record, None));
            prop_assert_eq!(message.substantiated, record.is_substantiated());
            let mut violations = Violations::new();
            let fields = report_fields(message, "report", &mut violations);
            prop_assert_eq!(violations, Violations::new());
            prop_assert_eq!(fields, record.fields);
        }
    }
}
