//! Conversion of timelines, attention items, data quality and reconciled figures to their wire
//! form.

use super::{
    figures::{self, place_edition},
    plans,
    values::{write_date, write_enum, write_optional_name},
    words::wire_words,
};
use crate::pb::{
    self,
    data_quality::{AgencyScores, RecordScores},
    timeline::{Metric, Point},
};
use ndp_core::{
    monitoring::{
        attention::{Item, Kind},
        freshness::Freshness,
        quality::{Criterion, Failure, Quality, RecordQuality, Scores},
        reconcile::Computed,
        standing::MilestoneStatus,
        tally::{Count, Counts, Place},
    },
    names::Revision,
    records::{figures::Figure, plans::PlanState, platforms::Stage, words::Word as _},
    time::Date,
};

wire_words! {
    Kind = pb::attention_item::Kind;
    Criterion = pb::data_quality::Criterion;
}

/// The criterion of a request; none for any.
pub fn criterion(number: i32) -> Option<Criterion> {
    Criterion::from_number(number)
}

// === timelines ===

/// The metrics asked for; all of them where none is.
pub fn metrics(numbers: &[i32]) -> Vec<Metric> {
    let all = 1..=Metric::ClaimsUnsubstantiated as i32;
    let asked: Vec<i32> = if numbers.is_empty() {
        all.collect()
    } else {
        numbers.to_vec()
    };
    let metrics = asked.into_iter().filter_map(|it| Metric::try_from(it).ok());
    metrics.collect()
}

fn metric(metric: Metric, counts: &Counts) -> i32 {
    let sum = |of: &[Count]| of.iter().map(|count| counts.get(*count)).sum();
    match metric {
        Metric::Unspecified => 0,
        Metric::PlatformsHeld => counts.get(Count::Platforms),
        Metric::PlatformsRetired => counts.get(Count::Retired),
        Metric::PlatformsWithIssuedPlan => counts.get(Count::WithIssuedPlan),
        Metric::PlatformsOperating => counts.get(Count::Stage(Some(Stage::Operation))),
        Metric::Plans => counts.get(Count::Plans),
        Metric::PlansIssued => counts.get(Count::PlanState(PlanState::Issued)),
        Metric::PlansCompleted => counts.get(Count::PlanState(PlanState::Completed)),
        Metric::Milestones => counts.get(Count::Milestones),
        Metric::MilestonesCompleted => sum(&[
            Count::Milestone(MilestoneStatus::CompletedOnTime),
            Count::Milestone(MilestoneStatus::CompletedLate),
        ]),
        Metric::MilestonesOverdue => counts.get(Count::Milestone(MilestoneStatus::Overdue)),
        Metric::ReportsLate => sum(&[
            Count::Freshness(Freshness::Overdue),
            Count::Freshness(Freshness::Stale),
        ]),
        Metric::PlansDiverging => counts.get(Count::Diverging),
        Metric::ClaimsUnsubstantiated => counts.get(Count::Unsubstantiated),
    }
}

/// A timeline, as computed at a revision.
pub fn timeline(
    place: &Place,
    metrics: &[Metric],
    points: &[(Date, Counts)],
    revision: Revision,
    made_up: bool,
) -> pb::Timeline {
    pb::Timeline {
        edition: place_edition(place),
        agency: write_optional_name(place.agency.as_ref()),
        group: place.group.as_deref().unwrap_or_default().to_owned(),
        metrics: metrics.iter().map(|it| i32::from(*it)).collect(),
        points: points
            .iter()
            .map(|(date, counts)| Point {
                effective_date: write_date(Some(*date)),
                counts: metrics.iter().map(|it| metric(*it, counts)).collect(),
            })
            .collect(),
        revision: revision.get(),
        made_up,
    }
}

// === attention ===

/// Something that needs someone's action.
pub fn attention_item(record: &Item) -> pb::AttentionItem {
    pb::AttentionItem {
        kind: write_enum(record.kind),
        resource: record.resource.clone(),
        platform: record.platform.clone(),
        display_name: record.display_name.clone(),
        agency: write_optional_name(record.agency.as_ref()),
        accountable_head: record.head.as_ref().map(plans::head),
        start_date: write_date(Some(record.since)),
        day_count: record.days,
        action: record.kind.english().to_owned(),
        action_vi: record.kind.vietnamese().to_owned(),
    }
}

// === data quality ===

fn scores(record: &Scores) -> Vec<pb::data_quality::Score> {
    Criterion::ALL
        .into_iter()
        .map(|criterion| {
            let score = record.get(criterion);
            pb::data_quality::Score {
                criterion: write_enum(criterion),
                checked_rule_count: score.checked,
                passed_rule_count: score.passed,
                percent: score.percent(),
            }
        })
        .collect()
}

/// One record that breaks rules, of one criterion where one is asked for.
pub fn record_scores(record: &RecordQuality, asked: Option<Criterion>) -> RecordScores {
    let failures = record.failures.iter();
    RecordScores {
        platform: record.platform.as_str().to_owned(),
        agency: write_optional_name(record.agency.as_ref()),
        scores: scores(&record.scores),
        failures: failures
            .filter(|failure| asked.is_none_or(|asked| failure.criterion == asked))
            .map(|Failure { criterion, rule }| pb::data_quality::Failure {
                criterion: write_enum(*criterion),
                rule: (*rule).to_owned(),
            })
            .collect(),
    }
}

/// The scores of a place, and a page of the records that break rules.
pub fn data_quality(
    place: &Place,
    record: &Quality,
    on: Date,
    failing_records: Vec<RecordScores>,
    next_page_token: String,
    revision: Revision,
    made_up: bool,
) -> pb::DataQuality {
    pb::DataQuality {
        edition: place_edition(place),
        agency: write_optional_name(place.agency.as_ref()),
        group: place.group.as_deref().unwrap_or_default().to_owned(),
        effective_date: write_date(Some(on)),
        record_count: i32::try_from(record.records.len()).unwrap_or(i32::MAX),
        scores: scores(&record.whole),
        agency_scores: record
            .agencies
            .iter()
            .map(|(agency, of)| AgencyScores {
                agency: write_optional_name(agency.as_ref()),
                scores: scores(of),
            })
            .collect(),
        failing_records,
        next_page_token,
        revision: revision.get(),
        made_up,
    }
}

// === reconciling ===

/// A published figure beside the computed value and the revisions behind it.
pub fn reconciliation(
    figure: &Figure,
    computed: &Computed,
    revisions: &[Revision],
) -> pb::Reconciliation {
    pb::Reconciliation {
        figure: Some(figures::figure(figure)),
        computed_value: computed.value,
        difference: computed.value.map(|value| figure.value - value),
        computed_parts: computed
            .parts
            .iter()
            .map(|(category, value)| pb::reconciliation::Part {
                category: (*category).to_owned(),
                value: *value,
            })
            .collect(),
        change_revisions: revisions.iter().map(|revision| revision.get()).collect(),
    }
}
