//! Figures, both ways; and the summary of what the registry itself counts.

use super::{
    documents::{read_sources, sources},
    requests,
    validate::FieldPath,
    values::{
        enum_table, read_date, read_enum, read_optional_name, read_text, write_date, write_enum,
        write_optional_name, write_timestamp,
    },
};
use crate::{
    domain::{
        error::{Error, Violations},
        figures::{Figure, Part, Subject},
        names::{FigureName, Revision},
        record::Meta,
        time::Timestamp,
    },
    pb,
    state::summary::{Scope, Summary},
};

/// How all platforms of the registry are asked for, and answered (AIP-159).
const ALL_EDITIONS: &str = "editions/-";

enum_table!(Subject = pb::figure::Subject {
    Unspecified => refused, PlatformsListed, PlansIssued, PlatformsOperating, Tasks,
});

/// Reads the figure that is to have this name from the request's field `field`; its book-keeping
/// is set when it is written. `None` has left a violation behind.
pub fn figure_fields(
    message: pb::Figure,
    name: FigureName,
    field: &str,
    violations: &mut Violations,
) -> Option<Figure> {
    let path = &FieldPath::ROOT.field(field);
    let pb::Figure {
        name: _,
        figure_date,
        subject,
        edition,
        value,
        total,
        breakdown,
        statement,
        sources,
        create_time: _,
        update_time: _,
        revision: _,
    } = message;
    if figure_date.is_none() {
        violations.add(
            format!("{field}.figure_date"),
            "REQUIRED",
            "give the day that the figure speaks of",
            "hãy ghi ngày của số liệu",
        );
    }
    let figure_date = read_date(figure_date, &path.field("figure_date"), violations);
    let subject = read_enum(subject, &path.field("subject"), violations);
    let edition = read_optional_name(&edition, &path.field("edition"), violations);
    let sources = read_sources(sources, &path.field("sources"), violations);
    let breakdown = breakdown.into_iter().map(|message| {
        let pb::figure::Part { category, value } = message;
        Part {
            category: read_text(category),
            value,
        }
    });
    Some(Figure {
        name,
        figure_date: figure_date?,
        subject: subject?,
        edition,
        value,
        total,
        breakdown: breakdown.collect(),
        statement: read_text(statement),
        sources,
        meta: Meta::created(Timestamp::MIN, Revision::ZERO),
    })
}

/// A figure.
pub fn figure(record: &Figure) -> pb::Figure {
    let Figure {
        name,
        figure_date,
        subject,
        edition,
        value,
        total,
        breakdown,
        statement,
        sources: read_in,
        meta,
    } = record;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    pb::Figure {
        name: name.as_str().to_owned(),
        figure_date: write_date(Some(*figure_date)),
        subject: write_enum(*subject),
        edition: write_optional_name(edition.as_ref()),
        value: *value,
        total: *total,
        breakdown: breakdown.iter().map(part).collect(),
        statement: statement.clone(),
        sources: sources(read_in),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
    }
}

fn part(record: &Part) -> pb::figure::Part {
    let Part { category, value } = record;
    pb::figure::Part {
        category: category.clone(),
        value: *value,
    }
}

/// What a summary is asked for in the field `edition`: the opening edition when it is empty.
pub fn summary_scope(edition: &str) -> Result<Scope, Error> {
    if edition.is_empty() {
        return Ok(Scope::Opening);
    }
    let edition = requests::parent(edition, "edition")?;
    Ok(edition.map_or(Scope::All, Scope::Edition))
}

/// A summary, as computed at a revision.
pub fn summary(record: &Summary, revision: Revision) -> pb::Summary {
    let Summary {
        edition,
        agency,
        declared_platforms,
        held_platforms,
        complete_platforms,
        retired_platforms,
        record_statuses,
        operation_stages,
        platforms_with_issued_plan,
        plans,
        plan_states,
    } = record;
    let record_statuses = record_statuses.iter();
    let operation_stages = operation_stages.iter();
    let plan_states = plan_states.iter();
    pb::Summary {
        edition: match edition {
            Some(edition) => edition.as_str().to_owned(),
            None => ALL_EDITIONS.to_owned(),
        },
        agency: write_optional_name(agency.as_ref()),
        declared_platform_count: *declared_platforms,
        held_platform_count: Some(*held_platforms),
        complete_platform_count: Some(*complete_platforms),
        retired_platform_count: Some(*retired_platforms),
        record_status_counts: record_statuses
            .map(|(status, count)| pb::summary::RecordStatusCount {
                record_status: write_enum(*status),
                platform_count: *count,
            })
            .collect(),
        operation_stage_counts: operation_stages
            .map(|(stage, count)| pb::summary::OperationStageCount {
                operation_stage: stage.map(write_enum).unwrap_or_default(),
                platform_count: *count,
            })
            .collect(),
        platforms_with_issued_plan_count: Some(*platforms_with_issued_plan),
        plan_count: Some(*plans),
        plan_state_counts: plan_states
            .map(|(state, count)| pb::summary::PlanStateCount {
                state: write_enum(*state),
                plan_count: *count,
            })
            .collect(),
        revision: revision.get(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{names::EditionName, platforms::Stage};

    #[test]
    fn a_summary_names_its_scope() {
        let edition = EditionName::parse("editions/2618").unwrap();
        assert_eq!(summary_scope("").unwrap(), Scope::Opening);
        assert_eq!(summary_scope("editions/-").unwrap(), Scope::All);
        assert_eq!(
            summary_scope("editions/2618").unwrap(),
            Scope::Edition(edition)
        );
        assert!(summary_scope("editions/").is_err());
        assert!(summary_scope("platforms/-").is_err());
    }

    #[test]
    fn a_stage_that_is_not_known_is_unspecified() {
        let record = Summary {
            operation_stages: [(None, 2), (Some(Stage::Pilot), 1)].into(),
            ..Summary::default()
        };
        let message = summary(&record, Revision::ZERO);
        assert_eq!(message.edition, "editions/-");
        let counts: Vec<_> = message
            .operation_stage_counts
            .iter()
            .map(|count| (count.operation_stage().as_str_name(), count.platform_count))
            .collect();
        assert_eq!(counts, [("STAGE_UNSPECIFIED", 2), ("PILOT", 1)]);
    }
}
