//! Conversion of summaries, timelines, attention items, data quality and reconciled figures to
//! their wire form.

use super::{
    data_flows,
    deployments::deployment_counts,
    figures,
    plans::{self, milestone_state_counts},
    recommendations, requests,
    values::{write_date, write_enum, write_enums, write_optional_enum, write_optional_name},
    words::wire_words,
};
use crate::pb::{
    self,
    compute_data_quality_response::{AgencyScores, RecordScores},
    compute_timeline_request::Metric,
    compute_timeline_response::Point,
};
use ndp_core::{
    error::Error,
    monitoring::{
        agencies::AgencyCounts,
        attention::{Item, Kind, Level},
        freshness::Freshness,
        quality::{Criterion, Failure, Quality, RecordQuality, Rule, Scores},
        recommendations::RecommendationCounts,
        reconcile::{Computed, ComputedPart, Note},
        standing::StandingState,
        summary::{FlowSummary, Scope, Summary},
        tally::{Count, CountScope, Counts, Rater},
        tasks::{TaskCount, TaskNumbers},
    },
    names::{AgencyName, PlatformName, ProgrammeName, Revision},
    records::{
        figures::{Figure, Part},
        plans::PlanState,
        platforms::{Stage, Verification},
        reports::Rating,
        words::Word as _,
    },
    state::State,
    time::Date,
};

wire_words! {
    Kind = pb::attention_item::Kind;
    Level = pb::attention_item::Level;
    Criterion = pb::compute_data_quality_request::Criterion;
    Rule = pb::compute_data_quality_response::Rule;
    Note = pb::reconciliation::Note;
}

/// The name for all platforms of the registry, in requests and answers (AIP-159).
const ALL_EDITIONS: &str = "editions/-";

// === summaries ===

/// The place that the field `edition` names: the default edition when it is empty.
pub fn summary_scope(edition: &str) -> Result<Scope, Error> {
    if edition.is_empty() {
        return Ok(Scope::Default);
    }
    let edition = requests::parent(edition, "edition")?;
    Ok(edition.map_or(Scope::All, Scope::Edition))
}

/// The edition of a scope, or all of them.
pub fn scope_edition(count_scope: &CountScope) -> String {
    let edition = count_scope.edition.as_ref().map(|name| name.as_str());
    edition.unwrap_or(ALL_EDITIONS).to_owned()
}

/// The edition in force on a date; empty where none is known.
pub fn effective_edition(state: &State, on: Date) -> String {
    write_optional_name(state.edition_in_force(on).map(|it| &it.name))
}

/// What a reader of an answer about a scope must know.
pub fn warnings(state: &State, count_scope: &CountScope, on: Date) -> Vec<pb::Warning> {
    let not_in_force = state.not_in_force(count_scope, on);
    let warnings = not_in_force.iter().map(|it| pb::Warning {
        kind: pb::warning::Kind::EditionNotInForce.into(),
        resource: write_optional_name(it.in_force.as_ref()),
        text: it.english(),
        text_vi: it.vietnamese(),
    });
    warnings.collect()
}

/// What an agency is called, so that a reader needs no second call; empty for none.
pub(super) fn agency_display_name(state: &State, agency: Option<&AgencyName>) -> String {
    let agency = agency.and_then(|name| state.agency(name));
    agency.map_or_else(String::new, |it| it.fields.display_name.clone())
}

/// What a platform is called.
fn platform_display_name(state: &State, name: &PlatformName) -> String {
    let platform = state.platform(name);
    platform.map_or_else(String::new, |it| it.fields.display_name.clone())
}

/// A summary, as computed at a revision.
pub fn summary(record: &Summary, state: &State) -> pb::ComputeSummaryResponse {
    let Summary {
        count_scope,
        date,
        declared_platforms,
        counts,
        tasks: _,
        deployments,
        provinces,
        recommendations: of_recommendations,
        flows,
        synthetic,
    } = record;
    let total = |count: Count| Some(counts.get(count));
    let verifications = Verification::ALL.into_iter().map(|it| {
        let count = counts.get(Count::Verification(it));
        pb::compute_summary_response::VerificationCount {
            verification: write_enum(it),
            platform_count: count,
        }
    });
    let stages = [None].into_iter().chain(Stage::ALL.map(Some));
    let operation_stages = stages.map(|stage| pb::compute_summary_response::OperationStageCount {
        operation_stage: write_optional_enum(stage),
        platform_count: counts.get(Count::Stage(stage)),
    });
    let plan_states = PlanState::ALL.into_iter().map(|state| {
        let plan_count = counts.get(Count::PlanState(state));
        pb::compute_summary_response::PlanStateCount {
            state: write_enum(state),
            plan_count,
        }
    });
    let ratings = [None].into_iter().chain(Rating::ALL.map(Some));
    let ratings = ratings.map(|rating| pb::compute_summary_response::RatingCount {
        rating: write_optional_enum(rating),
        declared_plan_count: counts.get(Count::Rating(Rater::Declared, rating)),
        assured_plan_count: counts.get(Count::Rating(Rater::Assured, rating)),
        computed_plan_count: counts.get(Count::Rating(Rater::Computed, rating)),
    });
    let freshness = Freshness::ALL.into_iter().map(|freshness| {
        let plan_count = counts.get(Count::Freshness(freshness));
        pb::compute_summary_response::FreshnessCount {
            freshness: write_enum(freshness),
            plan_count,
        }
    });
    let milestones = StandingState::ALL.into_iter();
    let milestones = milestones.map(|state| (state, counts.get(Count::Milestone(state))));
    pb::ComputeSummaryResponse {
        edition: scope_edition(count_scope),
        agency: write_optional_name(count_scope.agency.as_ref()),
        declared_platform_count: *declared_platforms,
        held_platform_count: total(Count::Platforms),
        complete_platform_count: total(Count::Complete),
        retired_platform_count: total(Count::Retired),
        verification_counts: verifications.filter(|it| it.platform_count > 0).collect(),
        operation_stage_counts: operation_stages
            .filter(|it| it.platform_count > 0)
            .collect(),
        issued_plan_platform_count: total(Count::WithIssuedPlan),
        plan_count: total(Count::Plans),
        plan_state_counts: plan_states.filter(|it| it.plan_count > 0).collect(),
        agency_display_name: agency_display_name(state, count_scope.agency.as_ref()),
        revision: state.revision().get(),
        effective_date: write_date(Some(*date)),
        group: count_scope.group.as_deref().unwrap_or_default().to_owned(),
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
        milestone_state_counts: milestone_state_counts(milestones),
        claim_count: total(Count::Claims),
        unsubstantiated_claim_count: total(Count::Unsubstantiated),
        synthetic: *synthetic,
        effective_edition: effective_edition(state, *date),
        warnings: warnings(state, count_scope, *date),
        tasks: None,
        deployments: Some(deployment_counts(deployments, *provinces)),
        recommendations: Some(recommendations::counts(of_recommendations)),
        data_flows: Some(data_flows::counts(flows)),
    }
}

// === timelines ===

/// The metrics asked for; all of them where none is.
pub fn metrics(numbers: &[i32]) -> Vec<Metric> {
    let all = 1..=Metric::DataFlowsActive as i32;
    let asked: Vec<i32> = if numbers.is_empty() {
        all.collect()
    } else {
        numbers.to_vec()
    };
    let metrics = asked.into_iter().filter_map(|it| Metric::try_from(it).ok());
    metrics.collect()
}

/// The counts that a metric is read from, and how.
#[derive(Debug)]
pub enum Source {
    /// Platforms and what is below them.
    Platforms(fn(&Counts) -> i32),
    Tasks(fn(&TaskNumbers) -> i32),
    /// Deployments that are OPERATING.
    Deployments,
    Recommendations(fn(&RecommendationCounts) -> i32),
    /// Data flows that are ACTIVE.
    DataFlows,
}

/// Where a metric is read.
pub fn source(metric: Metric) -> Source {
    use Source::{DataFlows, Deployments, Platforms, Recommendations, Tasks};
    match metric {
        Metric::Unspecified => Platforms(|_| 0),
        Metric::PlatformsHeld => Platforms(|it| it.get(Count::Platforms)),
        Metric::PlatformsRetired => Platforms(|it| it.get(Count::Retired)),
        Metric::PlatformsWithIssuedPlan => Platforms(|it| it.get(Count::WithIssuedPlan)),
        Metric::PlatformsOperating => Platforms(|it| it.get(Count::Stage(Some(Stage::Operation)))),
        Metric::Plans => Platforms(|it| it.get(Count::Plans)),
        Metric::PlansIssued => Platforms(|it| it.get(Count::PlanState(PlanState::Issued))),
        Metric::PlansCompleted => Platforms(|it| it.get(Count::PlanState(PlanState::Completed))),
        Metric::Milestones => Platforms(|it| it.get(Count::Milestones)),
        Metric::MilestonesCompleted => Platforms(|it| {
            it.get(Count::Milestone(StandingState::CompletedOnTime))
                + it.get(Count::Milestone(StandingState::CompletedLate))
        }),
        Metric::MilestonesOverdue => {
            Platforms(|it| it.get(Count::Milestone(StandingState::Overdue)))
        }
        Metric::ReportsLate => Platforms(|it| {
            it.get(Count::Freshness(Freshness::Overdue))
                + it.get(Count::Freshness(Freshness::Stale))
        }),
        Metric::PlansDiverging => Platforms(|it| it.get(Count::Diverging)),
        Metric::ClaimsUnsubstantiated => Platforms(|it| it.get(Count::Unsubstantiated)),
        Metric::Tasks => Tasks(|it| it.get(TaskCount::Tasks)),
        Metric::TasksCompleted => Tasks(TaskNumbers::completed),
        Metric::TasksCompletedLate => {
            Tasks(|it| it.get(TaskCount::State(StandingState::CompletedLate)))
        }
        Metric::TasksOverdue => Tasks(|it| it.get(TaskCount::State(StandingState::Overdue))),
        Metric::DeploymentsOperating => Deployments,
        Metric::Recommendations => Recommendations(|it| it.received),
        Metric::RecommendationsAnswered => Recommendations(RecommendationCounts::answered),
        Metric::RecommendationsOverdue => Recommendations(|it| it.overdue),
        Metric::DataFlowsActive => DataFlows,
    }
}

/// A timeline, as computed at a revision. Each metric has a row of `counts`, with a number for each
/// date.
pub fn timeline(
    count_scope: &CountScope,
    metrics: &[Metric],
    dates: &[Date],
    counts: &[Vec<i32>],
    programme: Option<&ProgrammeName>,
    end: Date,
    state: &State,
) -> pb::ComputeTimelineResponse {
    pb::ComputeTimelineResponse {
        edition: scope_edition(count_scope),
        agency: write_optional_name(count_scope.agency.as_ref()),
        group: count_scope.group.as_deref().unwrap_or_default().to_owned(),
        metrics: metrics.iter().map(|it| i32::from(*it)).collect(),
        points: (dates.iter().enumerate())
            .map(|(index, date)| Point {
                effective_date: write_date(Some(*date)),
                counts: counts
                    .iter()
                    .filter_map(|row| row.get(index).copied())
                    .collect(),
            })
            .collect(),
        revision: state.revision().get(),
        synthetic: state.is_synthetic(),
        agency_display_name: agency_display_name(state, count_scope.agency.as_ref()),
        effective_edition: effective_edition(state, end),
        warnings: warnings(state, count_scope, end),
        programme: write_optional_name(programme),
    }
}

// === agencies ===

/// The numbers of a scope on a date.
pub(super) fn counts(record: &Counts, tasks: &TaskNumbers) -> pb::agency_summary::Counts {
    let count = |it: Metric| match source(it) {
        Source::Platforms(read) => Some(read(record)),
        Source::Tasks(read) => Some(read(tasks)),
        Source::Deployments | Source::Recommendations(_) | Source::DataFlows => None,
    };
    pb::agency_summary::Counts {
        held_platform_count: count(Metric::PlatformsHeld),
        retired_platform_count: count(Metric::PlatformsRetired),
        issued_plan_platform_count: count(Metric::PlatformsWithIssuedPlan),
        operating_platform_count: count(Metric::PlatformsOperating),
        plan_count: count(Metric::Plans),
        issued_plan_count: count(Metric::PlansIssued),
        completed_plan_count: count(Metric::PlansCompleted),
        milestone_count: count(Metric::Milestones),
        completed_milestone_count: count(Metric::MilestonesCompleted),
        overdue_milestone_count: count(Metric::MilestonesOverdue),
        late_report_plan_count: count(Metric::ReportsLate),
        diverging_plan_count: count(Metric::PlansDiverging),
        unsubstantiated_claim_count: count(Metric::ClaimsUnsubstantiated),
        task_count: count(Metric::Tasks),
        completed_task_count: count(Metric::TasksCompleted),
        overdue_task_count: count(Metric::TasksOverdue),
    }
}

/// The counts of one agency.
pub fn agency_summary(record: &AgencyCounts, state: &State) -> pb::AgencySummary {
    let agency = record.agency.as_ref();
    let english = agency.and_then(|name| state.agency(name));
    pb::AgencySummary {
        agency: write_optional_name(agency),
        agency_display_name: agency_display_name(state, agency),
        agency_display_name_en: english
            .map_or_else(String::new, |it| it.fields.display_name_en.clone()),
        counts: Some(counts(&record.counts, &record.tasks)),
        comparison_counts: (record.compared.as_ref().zip(record.compared_tasks.as_ref()))
            .map(|(compared, tasks)| counts(compared, tasks)),
    }
}

/// A page of the counts of agencies, with those of all together.
pub fn agency_summaries(
    whole: &Summary,
    compared: Option<&Summary>,
    agency_summaries: Vec<pb::AgencySummary>,
    next_page_token: String,
    state: &State,
) -> pb::ComputeAgencySummariesResponse {
    pb::ComputeAgencySummariesResponse {
        agency_summaries,
        next_page_token,
        edition: scope_edition(&whole.count_scope),
        group: whole
            .count_scope
            .group
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
        effective_date: write_date(Some(whole.date)),
        comparison_date: write_date(compared.map(|it| it.date)),
        total_counts: Some(counts(&whole.counts, &whole.tasks)),
        comparison_total_counts: compared.map(|it| counts(&it.counts, &it.tasks)),
        revision: state.revision().get(),
        synthetic: whole.synthetic,
        effective_edition: effective_edition(state, whole.date),
        warnings: warnings(state, &whole.count_scope, whole.date),
    }
}

// === attention ===

/// Something that needs someone's action.
pub fn attention_item(record: &Item, state: &State) -> pb::AttentionItem {
    pb::AttentionItem {
        kind: write_enum(record.kind),
        resource: record.resource.clone(),
        other_resource: write_optional_name(record.other.as_ref()),
        platform: record.platform.clone(),
        display_name: record.display_name.clone(),
        agency: write_optional_name(record.agency.as_ref()),
        accountable_head: record.head.as_ref().map(plans::head),
        start_date: write_date(Some(record.since)),
        day_count: record.days,
        level: write_enum(record.level()),
        action: record.kind.english().to_owned(),
        action_vi: record.kind.vietnamese().to_owned(),
        agency_display_name: agency_display_name(state, record.agency.as_ref()),
        platform_display_name: PlatformName::parse(&record.platform)
            .map_or_else(String::new, |name| platform_display_name(state, &name)),
    }
}

// === connections ===

/// The counts of the flows of one provider, or of all.
pub fn connections(
    provider: String,
    date: Date,
    record: &FlowSummary,
    state: &State,
) -> pb::ComputeConnectionsResponse {
    let platform = PlatformName::parse(&provider);
    let agency = AgencyName::parse(&provider);
    let display_name = match &platform {
        Some(name) => platform_display_name(state, name),
        None => agency_display_name(state, agency.as_ref()),
    };
    pb::ComputeConnectionsResponse {
        provider,
        provider_display_name: display_name,
        effective_date: write_date(Some(date)),
        data_flows: Some(data_flows::counts(record)),
        revision: state.revision().get(),
        synthetic: state.is_synthetic(),
    }
}

// === data quality ===

/// The criterion of a request; none for any.
pub fn criterion(number: i32) -> Option<Criterion> {
    Criterion::from_number(number)
}

fn scores(record: &Scores) -> Vec<pb::compute_data_quality_response::Score> {
    Criterion::ALL
        .into_iter()
        .map(|criterion| {
            let score = record.get(criterion);
            pb::compute_data_quality_response::Score {
                criterion: write_enum(criterion),
                checked_rule_count: score.checked,
                passed_rule_count: score.passed,
                percent: score.percent(),
            }
        })
        .collect()
}

/// One record that breaks rules, limited to the requested criterion if there is one.
pub fn record_scores(
    record: &RecordQuality,
    asked: Option<Criterion>,
    state: &State,
) -> RecordScores {
    let failures = record.failures.iter();
    RecordScores {
        resource: record.resource.clone(),
        display_name: record.display_name.clone(),
        agency: write_optional_name(record.agency.as_ref()),
        agency_display_name: agency_display_name(state, record.agency.as_ref()),
        scores: scores(&record.scores),
        failures: failures
            .filter(|failure| asked.is_none_or(|asked| failure.criterion == asked))
            .map(
                |Failure { criterion, rule }| pb::compute_data_quality_response::Failure {
                    criterion: write_enum(*criterion),
                    rule: write_enum(*rule),
                },
            )
            .collect(),
    }
}

/// The scores of a scope, and a page of the records that break rules.
pub fn data_quality(
    count_scope: &CountScope,
    record: &Quality,
    on: Date,
    failing_records: Vec<RecordScores>,
    next_page_token: String,
    state: &State,
) -> pb::ComputeDataQualityResponse {
    pb::ComputeDataQualityResponse {
        failing_records,
        next_page_token,
        edition: scope_edition(count_scope),
        agency: write_optional_name(count_scope.agency.as_ref()),
        group: count_scope.group.as_deref().unwrap_or_default().to_owned(),
        effective_date: write_date(Some(on)),
        record_count: i32::try_from(record.records.len()).unwrap_or(i32::MAX),
        scores: scores(&record.whole),
        agency_scores: record
            .agencies
            .iter()
            .map(|(agency, of)| AgencyScores {
                agency: write_optional_name(agency.as_ref()),
                agency_display_name: agency_display_name(state, agency.as_ref()),
                scores: scores(of),
            })
            .collect(),
        revision: state.revision().get(),
        synthetic: state.is_synthetic(),
        agency_display_name: agency_display_name(state, count_scope.agency.as_ref()),
        effective_edition: effective_edition(state, on),
        warnings: warnings(state, count_scope, on),
    }
}

// === reconciling ===

/// A published figure beside the computed value and the revisions behind it.
pub fn reconciliation(
    figure: &Figure,
    computed: &Computed,
    revisions: &[Revision],
) -> pb::Reconciliation {
    let Computed {
        value,
        total,
        parts,
        grounds: _,
        note,
    } = computed;
    let difference = |published, computed: Option<i64>| {
        computed.and_then(|computed| figure.difference(published, computed))
    };
    let part = |(published, computed): (&Part, &ComputedPart)| pb::reconciliation::Part {
        category: published.category.clone(),
        published_value: published.value,
        computed_value: computed.value,
        difference: difference(published.value, computed.value),
        summed_states: write_enums(computed.states),
    };
    pb::Reconciliation {
        computed_value: *value,
        difference: difference(figure.value, *value),
        parts: figure.breakdown.iter().zip(parts).map(part).collect(),
        change_revisions: revisions.iter().map(|revision| revision.get()).collect(),
        computed_total: *total,
        note: write_optional_enum(*note),
        note_text: note.map_or("", Note::english).to_owned(),
        note_text_vi: note.map_or("", Note::vietnamese).to_owned(),
        figure: Some(figures::figure(figure)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndp_core::{monitoring::deployments::counts::DeploymentCounts, names::EditionName};

    #[test]
    fn a_summary_names_its_scope() {
        let edition = EditionName::parse("editions/2618").unwrap();
        assert_eq!(summary_scope("").unwrap(), Scope::Default);
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
            count_scope: CountScope::default(),
            date: Date::MIN,
            declared_platforms: None,
            counts,
            tasks: TaskNumbers::default(),
            deployments: DeploymentCounts::default(),
            provinces: 0,
            recommendations: RecommendationCounts::default(),
            flows: FlowSummary::default(),
            synthetic: false,
        };
        let message = summary(&record, &State::default());
        assert_eq!(message.edition, "editions/-");
        let counts: Vec<_> = message
            .operation_stage_counts
            .iter()
            .map(|count| (count.operation_stage().as_str_name(), count.platform_count))
            .collect();
        assert_eq!(counts, [("STAGE_UNSPECIFIED", 2), ("PILOT", 1)]);
    }
}
