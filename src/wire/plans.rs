//! Plans: conversion in both directions.

use super::{
    changes::ToMessage,
    documents::{document, period, read_boxed_document, read_period},
    milestones::slippage_days,
    requests::View,
    transcriptions::transcription,
    validate::FieldPath,
    values::{
        read_date, read_enum, read_list, read_name, read_names, read_text, write_date, write_enum,
        write_names, write_optional_enum, write_optional_name, write_timestamp,
    },
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    error::Violations,
    monitoring::{
        freshness::Freshness,
        standing::{PlanStanding, RUBRIC_VERSION, StandingState},
    },
    names::AgencyName,
    records::{
        budgets::{Budget, BudgetLine, BudgetTotal, Money},
        meta::Meta,
        plans::{
            Coverage, CycleEntry, Head, Interval, Plan, PlanFields, PlanState, ReportingCycle,
            StateEntry, Visibility, VisibilityEntry,
        },
    },
    state::State,
    time::Date,
};

wire_words! {
    PlanState = pb::plan::State;
    Freshness = pb::plan::Freshness;
    Visibility = pb::plan::Visibility;
    Interval = pb::plan::reporting_cycle::Interval;
}

impl ToMessage for Plan {
    type Message = pb::Plan;

    fn to_message(&self, _: Option<&AgencyName>, _: &State) -> pb::Plan {
        plan(self, View::Full)
    }
}

// === from a client ===

/// Reads the fields of a plan that an agency writes, from the request's field `field`.
pub fn plan_fields(message: pb::Plan, field: &str, violations: &mut Violations) -> PlanFields {
    read_plan(message, &FieldPath::ROOT.field(field), violations)
}

pub(super) fn read_plan(
    message: pb::Plan,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> PlanFields {
    let pb::Plan {
        name: _,
        display_name,
        objectives,
        scope,
        accountable_head,
        lead_unit,
        coordinating_agencies,
        budget,
        planned_start,
        planned_end,
        issuing_document: _,
        visibility: _,
        reporting_cycle: _,
        visibilities,
        reporting_cycles,
        state: _,
        state_history: _,
        agency: _,
        superseding_plan: _,
        redacted: _,
        etag: _,
        create_time: _,
        update_time: _,
        revision: _,
        standing: _,
        transcription: _,
        covered_platforms,
    } = message;
    PlanFields {
        display_name: read_text(display_name),
        objectives: read_text(objectives),
        scope: read_text(scope),
        accountable_head: accountable_head.map(read_head).map(Box::new),
        lead_unit: read_text(lead_unit),
        coordinating_agencies: read_names(
            coordinating_agencies,
            &path.field("coordinating_agencies"),
            violations,
        ),
        covered_platforms: read_list(
            covered_platforms,
            &path.field("covered_platforms"),
            violations,
            read_coverage,
        ),
        budget: budget.map(read_budget),
        planned_start: planned_start.map(read_period),
        planned_end: planned_end.map(read_period),
        visibilities: visibilities.into_iter().map(read_visibility).collect(),
        reporting_cycles: reporting_cycles
            .into_iter()
            .map(read_reporting_cycle)
            .collect(),
    }
}

fn read_budget(message: pb::plan::Budget) -> Budget {
    let pb::plan::Budget {
        amount,
        price_year,
        source,
        lines,
        totals: _, // output only
    } = message;
    Budget {
        amount: amount.map(read_money),
        price_year,
        source: read_text(source),
        lines: lines.into_iter().map(read_line).collect(),
    }
}

fn read_line(message: pb::plan::budget::Line) -> BudgetLine {
    let pb::plan::budget::Line {
        source,
        year,
        amount,
    } = message;
    BudgetLine {
        source: read_text(source),
        year,
        amount: amount.map(read_money).unwrap_or_default(),
    }
}

fn read_money(message: pb::Money) -> Money {
    let pb::Money {
        currency_code,
        units,
        nanos,
    } = message;
    Money {
        currency_code: read_text(currency_code),
        units,
        nanos,
    }
}

fn read_coverage(
    message: pb::plan::Coverage,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<Coverage> {
    let pb::plan::Coverage {
        platform,
        start_date,
        end_date,
        document,
    } = message;
    Some(Coverage {
        platform: read_name(&platform, &path.field("platform"), violations)?,
        start_date: read_date(start_date),
        end_date: read_date(end_date),
        document: read_boxed_document(document),
    })
}

fn read_visibility(message: pb::plan::VisibilityEntry) -> VisibilityEntry {
    let pb::plan::VisibilityEntry {
        visibility,
        start_date,
        document,
    } = message;
    let visibility = read_enum(visibility);
    VisibilityEntry {
        visibility: visibility.unwrap_or_default(),
        start_date: read_date(start_date),
        document: read_boxed_document(document),
    }
}

fn read_reporting_cycle(message: pb::plan::ReportingCycle) -> CycleEntry {
    let pb::plan::ReportingCycle {
        interval,
        cutoff_day,
        filing_days,
        start_date,
        document,
    } = message;
    CycleEntry {
        cycle: ReportingCycle {
            interval: read_enum(interval).unwrap_or_default(),
            cutoff_day,
            filing_days,
        },
        start_date: read_date(start_date),
        document: read_boxed_document(document),
    }
}

// === to a client ===

/// A plan, limited to the fields of the view, with its own etag. `redacted` is set in every view,
/// since a name may be withheld in every view.
pub fn plan(record: &Plan, view: View) -> pb::Plan {
    let Plan {
        name,
        agency,
        fields,
        issuing_document,
        state,
        state_history,
        superseding_plan,
        transcription: transcribed,
        redacted,
        public_write: _, // seen in the book-keeping of those who see a part
        published: _,
        meta,
    } = record;
    let PlanFields {
        display_name,
        objectives,
        scope,
        accountable_head,
        lead_unit,
        coordinating_agencies,
        covered_platforms,
        budget: money,
        planned_start,
        planned_end,
        visibilities,
        reporting_cycles: cycles,
    } = fields;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    match view {
        View::Basic => pb::Plan {
            name: name.as_str().to_owned(),
            display_name: display_name.clone(),
            objectives: String::new(),
            scope: String::new(),
            accountable_head: None,
            lead_unit: String::new(),
            coordinating_agencies: Vec::new(),
            budget: None,
            planned_start: None,
            planned_end: None,
            issuing_document: issuing_document.as_deref().map(document),
            visibility: write_enum(record.visibility()),
            reporting_cycle: None,
            visibilities: Vec::new(),
            reporting_cycles: Vec::new(),
            state: write_enum(*state),
            state_history: Vec::new(),
            agency: agency.as_str().to_owned(),
            superseding_plan: String::new(),
            redacted: *redacted,
            etag: meta.etag(),
            create_time: Some(write_timestamp(*create_time)),
            update_time: Some(write_timestamp(*update_time)),
            revision: revision.get(),
            standing: None,
            transcription: None,
            covered_platforms: Vec::new(),
        },
        View::Full => pb::Plan {
            name: name.as_str().to_owned(),
            display_name: display_name.clone(),
            objectives: objectives.clone(),
            scope: scope.clone(),
            accountable_head: accountable_head.as_deref().map(head),
            lead_unit: lead_unit.clone(),
            coordinating_agencies: write_names(coordinating_agencies),
            budget: money.as_ref().map(budget),
            planned_start: planned_start.as_ref().map(period),
            planned_end: planned_end.as_ref().map(period),
            issuing_document: issuing_document.as_deref().map(document),
            visibility: write_enum(record.visibility()),
            reporting_cycle: cycles.last().map(reporting_cycle),
            visibilities: visibilities.iter().map(visibility).collect(),
            reporting_cycles: cycles.iter().map(reporting_cycle).collect(),
            state: write_enum(*state),
            state_history: state_history.iter().map(state_entry).collect(),
            agency: agency.as_str().to_owned(),
            superseding_plan: write_optional_name(superseding_plan.as_ref()),
            redacted: *redacted,
            etag: meta.etag(),
            create_time: Some(write_timestamp(*create_time)),
            update_time: Some(write_timestamp(*update_time)),
            revision: revision.get(),
            standing: None,
            transcription: transcribed.as_deref().map(transcription),
            covered_platforms: covered_platforms.iter().map(coverage).collect(),
        },
    }
}

/// The standing of a plan on a date.
pub fn standing(record: &PlanStanding, on: Date) -> pb::plan::Standing {
    let filing = record.filing.as_ref();
    let counts = StandingState::ALL.into_iter().map(|state| {
        let milestones = record.milestones.iter();
        let count = milestones.filter(|it| it.state == state).count();
        (state, i32::try_from(count).unwrap_or(i32::MAX))
    });
    pb::plan::Standing {
        effective_date: write_date(Some(on)),
        declared_rating: write_optional_enum(record.declared),
        assured_rating: write_optional_enum(record.assured),
        computed_rating: write_optional_enum(record.computed),
        rubric_version: RUBRIC_VERSION,
        diverging: record.is_diverging(),
        freshness: write_optional_enum(filing.map(|it| it.freshness)),
        report_period_end_date: write_date(record.last_report),
        owed_period_end_date: write_date(filing.map(|it| it.owed_period_end)),
        report_due_date: write_date(filing.map(|it| it.due_date)),
        missed_period_count: filing.map(|it| it.missed_periods).unwrap_or_default(),
        slippage_days: slippage_days(record.slippage_current),
        first_slippage_days: slippage_days(record.slippage_first),
        milestone_state_counts: milestone_state_counts(counts),
        milestone_count: i32::try_from(record.milestones.len()).unwrap_or(i32::MAX),
        claim_count: record.claims,
        unsubstantiated_claim_count: record.unsubstantiated,
    }
}

/// The number of milestones for each state that occurs.
pub(super) fn milestone_state_counts(
    counts: impl Iterator<Item = (StandingState, i32)>,
) -> Vec<pb::MilestoneStateCount> {
    counts
        .filter(|(_, count)| *count > 0)
        .map(|(state, milestone_count)| pb::MilestoneStateCount {
            state: write_enum(state),
            milestone_count,
        })
        .collect()
}

pub(super) fn read_head(message: pb::plan::Head) -> Head {
    let pb::plan::Head { office, person } = message;
    Head {
        office: read_text(office),
        person: read_text(person),
    }
}

pub(super) fn head(record: &Head) -> pb::plan::Head {
    let Head { office, person } = record;
    pb::plan::Head {
        office: office.clone(),
        person: person.clone(),
    }
}

pub(super) fn budget(record: &Budget) -> pb::plan::Budget {
    let Budget {
        amount,
        price_year,
        source,
        lines,
    } = record;
    pb::plan::Budget {
        amount: amount.as_ref().map(money),
        price_year: *price_year,
        source: source.clone(),
        lines: lines.iter().map(line).collect(),
        totals: record.totals().iter().map(total).collect(),
    }
}

fn line(record: &BudgetLine) -> pb::plan::budget::Line {
    let BudgetLine {
        source,
        year,
        amount,
    } = record;
    pb::plan::budget::Line {
        source: source.clone(),
        year: *year,
        amount: Some(money(amount)),
    }
}

fn total(total: &BudgetTotal) -> pb::plan::budget::Total {
    let BudgetTotal {
        source,
        year,
        amount,
    } = total;
    pb::plan::budget::Total {
        source: source.clone().unwrap_or_default(),
        year: year.unwrap_or_default(),
        amount: Some(money(amount)),
    }
}

fn money(record: &Money) -> pb::Money {
    let Money {
        currency_code,
        units,
        nanos,
    } = record;
    pb::Money {
        currency_code: currency_code.clone(),
        units: *units,
        nanos: *nanos,
    }
}

pub(super) fn coverage(record: &Coverage) -> pb::plan::Coverage {
    let Coverage {
        platform,
        start_date,
        end_date,
        document: said,
    } = record;
    pb::plan::Coverage {
        platform: platform.as_str().to_owned(),
        start_date: write_date(*start_date),
        end_date: write_date(*end_date),
        document: said.as_deref().map(document),
    }
}

pub(super) fn visibility(record: &VisibilityEntry) -> pb::plan::VisibilityEntry {
    let VisibilityEntry {
        visibility,
        start_date,
        document: said,
    } = record;
    pb::plan::VisibilityEntry {
        visibility: write_enum(*visibility),
        start_date: write_date(*start_date),
        document: said.as_deref().map(document),
    }
}

pub(super) fn reporting_cycle(record: &CycleEntry) -> pb::plan::ReportingCycle {
    let CycleEntry {
        cycle:
            ReportingCycle {
                interval,
                cutoff_day,
                filing_days,
            },
        start_date,
        document: said,
    } = record;
    pb::plan::ReportingCycle {
        interval: write_enum(*interval),
        cutoff_day: *cutoff_day,
        filing_days: *filing_days,
        start_date: write_date(*start_date),
        document: said.as_deref().map(document),
    }
}

fn state_entry(record: &StateEntry) -> pb::plan::StateEntry {
    let StateEntry {
        state,
        effective_date,
        record_time,
        agency,
        person,
        document: by,
        reason,
    } = record;
    let (principal, actor) = super::principals::person(person.as_ref());
    pb::plan::StateEntry {
        state: write_enum(*state),
        effective_date: write_date(Some(*effective_date)),
        record_time: Some(write_timestamp(*record_time)),
        agency: write_optional_name(agency.as_ref()),
        principal,
        actor,
        document: by.as_deref().map(document),
        reason: reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*, sample::select};

    use super::*;
    use crate::wire::arbitrary;
    use ndp_core::records::plans::{Interval, PlanState, Visibility};
    use ndp_core::{
        caller::Person,
        names::{AgencyName, PlanName, PlatformName, PrincipalName},
        time::{Date, Timestamp},
    };

    fn any_fields() -> impl Strategy<Value = PlanFields> {
        let texts = [(); 4].map(|()| arbitrary::text());
        let head = (arbitrary::text(), arbitrary::text())
            .prop_map(|(office, person)| Head { office, person });
        let money =
            (arbitrary::text(), any::<i64>(), any::<i32>()).prop_map(|(code, units, nanos)| {
                Money {
                    currency_code: code,
                    units,
                    nanos,
                }
            });
        let line = (arbitrary::text(), any::<i32>(), money.clone());
        let line = line.prop_map(|(source, year, amount)| BudgetLine {
            source,
            year,
            amount,
        });
        let lines = proptest::collection::vec(line, 0..3);
        let budget = (option::of(money), any::<i32>(), arbitrary::text(), lines).prop_map(
            |(amount, price_year, source, lines)| Budget {
                amount,
                price_year,
                lines,
                source,
            },
        );
        let intervals = Interval::ALL.to_vec();
        let cycle = (select(intervals), any::<i32>(), any::<i32>()).prop_map(
            |(interval, cutoff_day, filing_days)| ReportingCycle {
                interval,
                cutoff_day,
                filing_days,
            },
        );
        let document = || option::of(arbitrary::document().prop_map(Box::new));
        let date = || option::of(arbitrary::date());
        let cycle =
            (cycle, date(), document()).prop_map(|(cycle, start_date, document)| CycleEntry {
                cycle,
                start_date,
                document,
            });
        let visibilities = select(Visibility::ALL.to_vec());
        let visibility =
            (visibilities, date(), document()).prop_map(|(visibility, start_date, document)| {
                VisibilityEntry {
                    visibility,
                    start_date,
                    document,
                }
            });
        let covered = ("[a-z][a-z0-9]{0,8}", date(), date(), document()).prop_map(
            |(id, start_date, end_date, document)| Coverage {
                platform: PlatformName::from_id(&id).unwrap(),
                start_date,
                end_date,
                document,
            },
        );
        let period = || option::of(arbitrary::period());
        (
            texts,
            option::of(head),
            arbitrary::names(),
            option::of(budget),
            (period(), period()),
            (
                prop::collection::vec(visibility, 0..3),
                prop::collection::vec(covered, 0..3),
            ),
            prop::collection::vec(cycle, 0..3),
        )
            .prop_map(
                |(
                    texts,
                    accountable_head,
                    agencies,
                    budget,
                    periods,
                    (visibilities, covered),
                    cycles,
                )| {
                    let [display_name, objectives, scope, lead_unit] = texts;
                    PlanFields {
                        display_name,
                        objectives,
                        scope,
                        accountable_head: accountable_head.map(Box::new),
                        lead_unit,
                        coordinating_agencies: agencies,
                        covered_platforms: covered,
                        budget,
                        planned_start: periods.0,
                        planned_end: periods.1,
                        visibilities,
                        reporting_cycles: cycles,
                    }
                },
            )
    }

    fn record(fields: PlanFields, meta: Meta) -> Plan {
        let entry = |person| StateEntry {
            state: PlanState::Draft,
            effective_date: Date::MIN,
            record_time: Timestamp::MIN,
            agency: None,
            person,
            document: None,
            reason: String::new(),
        };
        let person = Person {
            principal: PrincipalName::system(),
            actor: Some("Nguyễn Văn A".to_owned()),
        };
        Plan {
            name: PlanName::parse("platforms/ndp-001/plans/2026").unwrap(),
            agency: AgencyName::parse("agencies/a").unwrap(),
            fields,
            issuing_document: None,
            state: PlanState::Draft,
            state_history: vec![entry(Some(person)), entry(None)],
            superseding_plan: PlanName::parse("platforms/ndp-001/plans/2027"),
            transcription: None,
            redacted: true,
            public_write: None,
            published: None,
            meta,
        }
    }

    proptest! {
        #[test]
        fn fields_survive_the_wire(fields in any_fields(), meta in arbitrary::meta()) {
            let record = record(fields, meta);
            let mut violations = Violations::new();
            let message = arbitrary::over_the_wire(&plan(&record, View::Full));
            let fields = plan_fields(message, "plan", &mut violations);
            prop_assert_eq!(violations, Violations::new());
            prop_assert_eq!(fields, record.fields);
        }

        #[test]
        fn the_basic_view_leaves_the_rest_unset(
            fields in any_fields(), meta in arbitrary::meta(),
        ) {
            let record = record(fields, meta);
            let full = plan(&record, View::Full);
            let expected = pb::Plan {
                name: full.name,
                display_name: full.display_name,
                agency: full.agency,
                state: full.state,
                visibility: full.visibility,
                issuing_document: full.issuing_document,
                redacted: full.redacted,
                etag: full.etag,
                create_time: full.create_time,
                update_time: full.update_time,
                revision: full.revision,
                ..Default::default()
            };
            prop_assert_eq!(plan(&record, View::Basic), expected);
        }
    }

    #[test]
    fn what_is_not_stated_has_its_documented_meaning() {
        let message = pb::Plan {
            reporting_cycles: vec![pb::plan::ReportingCycle::default()],
            ..Default::default()
        };
        let mut violations = Violations::new();
        let fields = plan_fields(message, "plan", &mut violations);
        assert!(violations.is_empty());
        assert_eq!(fields.visibilities, []);
        let cycles = fields.reporting_cycles.iter();
        let intervals: Vec<_> = cycles.map(|entry| entry.cycle.interval).collect();
        assert_eq!(intervals, [Interval::Monthly]);
    }

    #[test]
    fn bad_values_are_reported_with_their_paths() {
        let message = pb::Plan {
            coordinating_agencies: vec!["agencies/A".to_owned()],
            ..Default::default()
        };
        let mut violations = Violations::new();
        plan_fields(message, "plan", &mut violations);
        let reported: Vec<_> = violations
            .iter()
            .map(|violation| format!("{} {}", violation.field, violation.rule.reason()))
            .collect();
        insta::assert_snapshot!(reported.join("\n"), @r"
        plan.coordinating_agencies[0] PATTERN
        ");
    }

    #[test]
    fn who_acted_is_empty_once_redacted() {
        let meta = Meta::created(Timestamp::MIN, ndp_core::names::Revision::ZERO);
        let history = plan(&record(PlanFields::default(), meta), View::Full).state_history;
        let people: Vec<_> = history.iter().map(|e| (&*e.principal, &*e.actor)).collect();
        assert_eq!(people, [("principals/system", "Nguyễn Văn A"), ("", "")]);
    }
}
