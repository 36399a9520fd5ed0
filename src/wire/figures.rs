//! Conversion of figures between their wire and domain forms, and of summaries to their wire form.

use super::{
    changes::ToMessage,
    documents::{read_sources, sources},
    plans::milestone_status_counts,
    requests,
    validate::FieldPath,
    values::{
        read_date, read_enum, read_optional_name, read_text, write_date, write_enum,
        write_optional_enum, write_optional_name, write_timestamp,
    },
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    error::{Error, Violations},
    monitoring::{
        freshness::Freshness,
        standing::MilestoneStatus,
        summary::{Scope, Summary},
        tally::{Count, Place, Rater},
    },
    names::{AgencyName, FigureName, Revision},
    records::{
        figures::{Figure, Part, Subject},
        meta::Meta,
        plans::PlanState,
        platforms::{RecordStatus, Stage},
        reports::Rating,
    },
    state::State,
    time::Timestamp,
};

wire_words! {
    Subject = pb::figure::Subject;
}

impl ToMessage for Figure {
    type Message = pb::Figure;

    fn to_message(&self, _: Option<&AgencyName>, _: &State) -> pb::Figure {
        figure(self)
    }
}

/// How all platforms of the registry are asked for, and answered (AIP-159).
const ALL_EDITIONS: &str = "editions/-";

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
            "give the date that the figure is for",
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

/// The edition of a place, or all of them.
pub(super) fn place_edition(place: &Place) -> String {
    let edition = place.edition.as_ref().map(|name| name.as_str());
    edition.unwrap_or(ALL_EDITIONS).to_owned()
}

/// A summary, as computed at a revision.
pub fn summary(record: &Summary, revision: Revision) -> pb::Summary {
    let Summary {
        place,
        date,
        declared_platforms,
        counts,
        made_up,
    } = record;
    let total = |count: Count| Some(counts.get(count));
    let record_statuses = RecordStatus::ALL.into_iter().map(|status| {
        let count = counts.get(Count::RecordStatus(status));
        pb::summary::RecordStatusCount {
            record_status: write_enum(status),
            platform_count: count,
        }
    });
    let stages = [None].into_iter().chain(Stage::ALL.map(Some));
    let operation_stages = stages.map(|stage| pb::summary::OperationStageCount {
        operation_stage: write_optional_enum(stage),
        platform_count: counts.get(Count::Stage(stage)),
    });
    let plan_states = PlanState::ALL.into_iter().map(|state| {
        let plan_count = counts.get(Count::PlanState(state));
        pb::summary::PlanStateCount {
            state: write_enum(state),
            plan_count,
        }
    });
    let ratings = [None].into_iter().chain(Rating::ALL.map(Some));
    let ratings = ratings.map(|rating| pb::summary::RatingCount {
        rating: write_optional_enum(rating),
        declared_plan_count: counts.get(Count::Rating(Rater::Declared, rating)),
        assured_plan_count: counts.get(Count::Rating(Rater::Assured, rating)),
        computed_plan_count: counts.get(Count::Rating(Rater::Computed, rating)),
    });
    let freshness = Freshness::ALL.into_iter().map(|freshness| {
        let plan_count = counts.get(Count::Freshness(freshness));
        pb::summary::FreshnessCount {
            freshness: write_enum(freshness),
            plan_count,
        }
    });
    let milestones = MilestoneStatus::ALL.into_iter();
    let milestones = milestones.map(|status| (status, counts.get(Count::Milestone(status))));
    pb::Summary {
        edition: place_edition(place),
        agency: write_optional_name(place.agency.as_ref()),
        declared_platform_count: *declared_platforms,
        held_platform_count: total(Count::Platforms),
        complete_platform_count: total(Count::Complete),
        retired_platform_count: total(Count::Retired),
        record_status_counts: record_statuses.filter(|it| it.platform_count > 0).collect(),
        operation_stage_counts: operation_stages
            .filter(|it| it.platform_count > 0)
            .collect(),
        platforms_with_issued_plan_count: total(Count::WithIssuedPlan),
        plan_count: total(Count::Plans),
        plan_state_counts: plan_states.filter(|it| it.plan_count > 0).collect(),
        revision: revision.get(),
        effective_date: write_date(Some(*date)),
        group: place.group.as_deref().unwrap_or_default().to_owned(),
        monitored_plan_count: total(Count::Monitored),
        rating_counts: ratings
            .filter(|it| {
                it.declared_plan_count + it.assured_plan_count + it.computed_plan_count > 0
            })
            .collect(),
        diverging_plan_count: total(Count::Diverging),
        reporting_plan_count: total(Count::Reporting),
        freshness_counts: freshness.filter(|it| it.plan_count > 0).collect(),
        milestone_count: total(Count::Milestones),
        milestone_status_counts: milestone_status_counts(milestones),
        claim_count: total(Count::Claims),
        unsubstantiated_claim_count: total(Count::Unsubstantiated),
        made_up: *made_up,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndp_core::{
        monitoring::tally::{Counts, Place},
        names::EditionName,
        time::Date,
    };

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
        let mut counts = Counts::default();
        counts.add(Count::Stage(None), 2);
        counts.add(Count::Stage(Some(Stage::Pilot)), 1);
        let record = Summary {
            place: Place::default(),
            date: Date::MIN,
            declared_platforms: None,
            counts,
            made_up: false,
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
