//! What is computed, against slow and obvious oracles: synthetic records of every kind, any date,
//! any caller.

use std::{collections::BTreeMap, sync::Arc};

use ndp_core::{
    caller::Person,
    change::{Change, Effect, Image},
    effort::Effort,
    monitoring::standing::{Phase, StandingState, plan_state_on},
    names::{
        AgencyName, AssessmentName, BaselineName, EditionName, MilestoneName, PlanName,
        PlatformName, PrincipalName, ReportName, Revision,
    },
    records::{
        agencies::{Agency, AgencyFields},
        assessments::{Assessment, AssessmentFields},
        baselines::{Approval, Baseline, BaselineMilestone},
        documents::Document,
        editions::{Edition, EditionFields},
        meta::Meta,
        milestones::{Completion, Dropping, Milestone, MilestoneFields},
        plans::{
            CycleEntry, Plan, PlanFields, PlanState, ReportingCycle, StateEntry, Visibility,
            VisibilityEntry,
        },
        platforms::{
            Exit, ExitOutcome, Governance, Listing, OperationStage, Platform, PlatformFields,
            Stage, StageRecord, Verification,
        },
        reports::{Rating, Report, ReportFields},
    },
    time::{Date, Period, Timestamp},
};
use ndp_core::{
    monitoring::tally::{Clearance, Count, CountScope, Counts, Tally},
    state::State,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

const AGENCIES: [&str; 2] = ["co-quan-a", "co-quan-b"];
const EDITIONS: [&str; 2] = ["danh-muc-1", "danh-muc-2"];

fn day(offset: i32) -> Date {
    Date::parse("2025-01-01").unwrap().plus_days(offset)
}

fn time(offset: i32) -> Timestamp {
    Timestamp::parse(&format!("{}T09:00:00+07:00", day(offset))).unwrap()
}

fn meta(offset: i32) -> Meta {
    Meta::created(time(offset), Revision::new(1).unwrap())
}

fn agency(number: usize) -> AgencyName {
    AgencyName::from_id(AGENCIES[number % 2]).unwrap()
}

fn edition(number: usize) -> EditionName {
    EditionName::from_id(EDITIONS[number % 2]).unwrap()
}

fn platform(number: usize) -> PlatformName {
    PlatformName::from_id(&format!("p{number}")).unwrap()
}

fn plan(of: usize, number: usize) -> PlanName {
    PlanName::from_id(&platform(of), &format!("plan-{number}")).unwrap()
}

const fn person() -> Option<Person> {
    None
}

fn period(offset: i32) -> Period {
    Period::day(day(offset), "")
}

// === synthetic records ===

/// Few enough that many things fall on one day, enough for some periods of reports.
fn any_day() -> impl Strategy<Value = i32> {
    0..100
}

fn any_rating() -> impl Strategy<Value = Rating> {
    select(&Rating::ALL[..])
}

fn any_platform() -> impl Strategy<Value = Image> {
    (
        0..4_usize,
        option::of((any_day(), any::<bool>())),
        vec((0..2_usize, "[AB]?"), 0..3),
        vec(any_day(), 0..2),
        option::of(any_day()),
        any::<bool>(),
    )
        .prop_map(|(number, exit, listings, moves, reached, complete)| {
            let mut fields = PlatformFields {
                display_name: if complete {
                    "Thử".into()
                } else {
                    String::new()
                },
                verification: Verification::Verified,
                ..PlatformFields::default()
            };
            for (of, group) in listings {
                if fields.listings.iter().all(|it| it.edition != edition(of)) {
                    fields.listings.push(Listing {
                        edition: edition(of),
                        list_number: String::new(),
                        group,
                        display_name: String::new(),
                        membership: Default::default(),
                        sources: Vec::new(),
                    });
                }
            }
            fields.governance = vec![Governance {
                agency: (number > 0).then(|| agency(number)),
                ..Governance::default()
            }];
            let mut moves = moves;
            moves.sort_unstable();
            for (turn, start) in moves.into_iter().enumerate() {
                fields.governance.push(Governance {
                    agency: Some(agency(number + turn + 1)),
                    start_date: Some(day(start)),
                    ..Governance::default()
                });
            }
            if let Some(reached) = reached {
                fields.operation_stages.push(OperationStage {
                    stage: Stage::Operation,
                    planned: None,
                    reached: Some(period(reached)),
                    document: None,
                    sources: Vec::new(),
                });
            }
            Image::Platform(Arc::new(Platform {
                name: platform(number),
                stage_records: fields
                    .operation_stages
                    .iter()
                    .map(|step| StageRecord {
                        stage: step.stage,
                        record_time: time(200),
                        transcribed: false,
                    })
                    .collect(),
                fields,
                exit: exit.map(|(left, duplicate)| {
                    Box::new(Exit {
                        reason: "thử".into(),
                        outcome: if duplicate {
                            ExitOutcome::Duplicate
                        } else {
                            ExitOutcome::Discontinued
                        },
                        decision: None,
                        successor: None,
                        exit_date: Some(day(left)),
                    })
                }),
                past_exits: Vec::new(),
                moved_listings: Vec::new(),
                public_write: None,
                meta: meta(200),
            }))
        })
}

fn any_plan() -> impl Strategy<Value = Image> {
    use PlanState::{
        Annulled, Completed, Draft, Issued, Revoked, Submitted, Superseded, Withdrawn,
    };
    let lives: &'static [&'static [PlanState]] = &[
        &[Draft],
        &[Draft, Submitted],
        &[Draft, Withdrawn],
        &[Draft, Submitted, Issued],
        &[Draft, Submitted, Issued],
        &[Draft, Submitted, Issued, Completed],
        &[Draft, Submitted, Issued, Superseded],
        &[Draft, Submitted, Issued, Revoked],
        &[Draft, Submitted, Issued, Annulled],
    ];
    (
        0..4_usize,
        0..2_usize,
        select(lives),
        vec(any_day(), 4),
        any::<bool>(),
        0..10_i32,
        option::of(any_day()),
    )
        .prop_map(|(of, number, life, mut days, public, filing_days, start)| {
            // as recorded: in order but for the issue, which may be of an earlier day
            days.sort_unstable();
            let entry = |(state, at): (&PlanState, &i32)| StateEntry {
                state: *state,
                effective_date: day(if *state == Issued { *at - 7 } else { *at }),
                record_time: time(*at),
                agency: None,
                person: person(),
                document: None,
                reason: String::new(),
            };
            Image::Plan(Arc::new(Plan {
                name: plan(of, number),
                agency: agency(of + number),
                fields: PlanFields {
                    display_name: "Thử".into(),
                    visibilities: vec![VisibilityEntry {
                        visibility: if public {
                            Visibility::Public
                        } else {
                            Visibility::Restricted
                        },
                        ..VisibilityEntry::default()
                    }],
                    reporting_cycles: vec![CycleEntry {
                        cycle: ReportingCycle {
                            filing_days,
                            ..ReportingCycle::default()
                        },
                        ..CycleEntry::default()
                    }],
                    planned_start: start.map(period),
                    ..PlanFields::default()
                },
                issuing_document: None,
                state: *life.last().unwrap(),
                state_history: life.iter().zip(&days).map(entry).collect(),
                superseding_plan: None,
                transcription: None,
                public_write: None,
                published: None,
                redacted: false,
                meta: meta(days[0]),
            }))
        })
}

fn any_milestone() -> impl Strategy<Value = Image> {
    (
        (0..4_usize, 0..2_usize, 0..3_usize),
        option::of(any_day()),
        0..5_i32,
        option::of((any_day(), any::<bool>())),
        option::of(any_day()),
    )
        .prop_map(|((of, number, which), due, weight, completed, dropped)| {
            let name = MilestoneName::from_id(&plan(of, number), &format!("m{which}")).unwrap();
            Image::Milestone(Arc::new(Milestone {
                name,
                fields: MilestoneFields {
                    due: due.map(period),
                    weight,
                    ..MilestoneFields::default()
                },
                completion: completed.map(|(at, shown)| {
                    Box::new(Completion {
                        completion_date: day(at),
                        evidence: if shown {
                            vec![evidence(at)]
                        } else {
                            Vec::new()
                        },
                        record_time: time(at),
                    })
                }),
                dropping: dropped.map(|at| {
                    Box::new(Dropping {
                        drop_date: day(at),
                        reason: String::new(),
                        document: None,
                        record_time: time(at),
                    })
                }),
                reopening: None,
                meta: meta(0),
            }))
        })
}

fn evidence(at: i32) -> ndp_core::records::documents::Evidence {
    ndp_core::records::documents::Evidence {
        document: Some(Box::new(Document {
            symbol: "1/QĐ-TEST".into(),
            signatory: "Người ký (synthetic)".into(),
            issue_date: Some(day(at)),
            ..Document::default()
        })),
        ..Default::default()
    }
}

fn any_baseline() -> impl Strategy<Value = Image> {
    (
        (0..4_usize, 0..2_usize, 1..3_i32),
        any_day(),
        vec((option::of(any_day()), 1..4_i32, any::<bool>()), 3),
    )
        .prop_map(|((of, number, baseline), from, milestones)| {
            let plan = plan(of, number);
            let promised = (0..).zip(milestones).filter(|(_, it)| it.2);
            Image::Baseline(Arc::new(Baseline {
                name: BaselineName::from_id(&plan, &baseline.to_string()).unwrap(),
                number: baseline,
                effective_date: day(from),
                milestones: promised
                    .map(|(which, (due, weight, _))| BaselineMilestone {
                        milestone: MilestoneName::from_id(&plan, &format!("m{which}")).unwrap(),
                        display_name: String::new(),
                        required_result: String::new(),
                        due: due.map(period),
                        weight,
                    })
                    .collect(),
                budget: None,
                planned_start: None,
                planned_end: None,
                document: None,
                reason: String::new(),
                approval: Approval {
                    person: None,
                    record_time: time(from),
                },
                meta: meta(from),
            }))
        })
}

fn any_report() -> impl Strategy<Value = Image> {
    (
        (0..4_usize, 0..2_usize, 0..3_usize),
        any_day(),
        0..40_i32,
        any_rating(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |((of, number, which), end, after, rating, corrected, shown)| {
                let plan = plan(of, number);
                let name = |id: usize| ReportName::from_id(&plan, &format!("r{id}")).unwrap();
                Image::Report(Arc::new(Report {
                    name: name(which),
                    fields: ReportFields {
                        period_end_date: Some(day(end)),
                        rating: Some(rating),
                        evidence: if shown {
                            vec![evidence(end)]
                        } else {
                            Vec::new()
                        },
                        ..ReportFields::default()
                    },
                    corrected_by: corrected.then(|| name(which + 1)),
                    withdrawal: None,
                    meta: meta(end + after),
                }))
            },
        )
}

fn any_assessment() -> impl Strategy<Value = Image> {
    (
        (0..4_usize, 0..2_usize, 0..2_usize),
        any_day(),
        any_rating(),
    )
        .prop_map(|((of, number, which), at, rating)| {
            let plan = plan(of, number);
            Image::Assessment(Arc::new(Assessment {
                name: AssessmentName::from_id(&plan, &format!("a{which}")).unwrap(),
                fields: AssessmentFields {
                    assessment_date: Some(day(at)),
                    rating: Some(rating),
                    ..AssessmentFields::default()
                },
                withdrawal: None,
                meta: meta(at),
            }))
        })
}

fn an_edition(number: usize, from: Option<i32>) -> Image {
    Image::Edition(Arc::new(Edition {
        name: edition(number),
        fields: EditionFields {
            display_name: "Danh mục (synthetic)".into(),
            effective_start_date: from.map(day),
            ..EditionFields::default()
        },
        synthetic: true,
        meta: meta(0),
    }))
}

fn any_image() -> impl Strategy<Value = Image> {
    prop_oneof![
        4 => any_platform(),
        6 => any_plan(),
        6 => any_milestone(),
        3 => any_baseline(),
        4 => any_report(),
        2 => any_assessment(),
        1 => (0..2_usize, option::of(any_day())).prop_map(|(it, from)| an_edition(it, from)),
    ]
}

fn change(revision: i64, images: Vec<Image>) -> Change {
    Change {
        revision: Revision::new(revision).unwrap(),
        record_time: time(399),
        person: Person {
            principal: PrincipalName::system(),
            actor: None,
        },
        agency: None,
        method: "Test".into(),
        request_id: None,
        reason: String::new(),
        effects: images.into_iter().map(Effect::Put).collect(),
        key_hashes: Vec::new(),
        redaction: None,
    }
}

/// Two agencies, two editions and these records.
fn state_of(images: Vec<Image>) -> State {
    let mut all: Vec<Image> = (0..2)
        .map(|number| {
            Image::Agency(Arc::new(Agency {
                name: agency(number),
                fields: AgencyFields::default(),
                meta: meta(0),
            }))
        })
        .collect();
    all.extend((0..2).map(|number| an_edition(number, None)));
    all.extend(images);
    State::load(Revision::new(1).unwrap(), Some(time(399)), all)
}

fn any_state() -> impl Strategy<Value = State> {
    vec(any_image(), 0..40).prop_map(state_of)
}

fn every_scope() -> Vec<CountScope> {
    let mut count_scopes = Vec::new();
    for edition in [None, Some(edition(0)), Some(edition(1))] {
        for agency in [None, Some(agency(0)), Some(agency(1))] {
            for group in ["", "A", "B"] {
                if group.is_empty() || edition.is_some() {
                    count_scopes.push(CountScope {
                        edition: edition.clone(),
                        group: (!group.is_empty()).then(|| group.into()),
                        agency: agency.clone(),
                    });
                }
            }
        }
    }
    count_scopes
}

fn every_clearance() -> [Clearance; 4] {
    [
        Clearance::Public,
        Clearance::Agency(agency(0)),
        Clearance::Agency(agency(1)),
        Clearance::All,
    ]
}

/// A milestone's state by the words of the proto, one after another.
fn state_by_words(
    state: &State,
    plan: &Plan,
    milestone: &Milestone,
    on: Date,
) -> Option<StandingState> {
    let mut in_force = None;
    for baseline in state.baselines().values() {
        let later = |other: &Arc<Baseline>| other.number < baseline.number;
        if baseline.name.parent() == plan.name
            && baseline.effective_date <= on
            && in_force.as_ref().is_none_or(later)
        {
            in_force = Some(Arc::clone(baseline));
        }
    }
    let mut due = milestone.fields.due.clone();
    let mut start = plan.fields.planned_start.clone();
    if let Some(baseline) = in_force {
        let promised = baseline
            .milestones
            .iter()
            .find(|it| it.milestone == milestone.name);
        let Some(promised) = promised else {
            let dropped = milestone.dropping.as_ref()?;
            return (dropped.drop_date <= on).then_some(StandingState::Dropped);
        };
        due = promised.due.clone();
        start = baseline.planned_start.clone();
    }
    let last = due.and_then(|due| due.end);
    if milestone
        .dropping
        .as_ref()
        .is_some_and(|it| it.drop_date <= on)
    {
        return Some(StandingState::Dropped);
    }
    if let Some(completion) = &milestone.completion
        && completion.completion_date <= on
    {
        let late = last.is_some_and(|last| completion.completion_date > last);
        return Some(if late {
            StandingState::CompletedLate
        } else {
            StandingState::CompletedOnTime
        });
    }
    Some(match plan_state_on(plan, on) {
        None | Some(PlanState::Draft | PlanState::Submitted | PlanState::Returned) => {
            StandingState::NotYetDue
        }
        Some(PlanState::Issued | PlanState::Completed) => match last {
            None => StandingState::Regular,
            Some(last) if on > last => StandingState::Overdue,
            Some(_) if start.and_then(|it| it.start).is_some_and(|day| on < day) => {
                StandingState::NotYetDue
            }
            Some(_) => StandingState::OnSchedule,
        },
        Some(_) => StandingState::Dropped,
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// A tally advanced change by change equals one computed from scratch, and both equal the
    /// counts from a scan of every platform.
    #[test]
    fn a_tally_moved_on_is_the_count_of_everything(
        begin in vec(any_image(), 0..15),
        changes in vec(vec(any_image(), 1..4), 0..12),
        on in any_day(),
    ) {
        let mut state = state_of(begin);
        let mut tally = Tally::new(&state, day(on), &Effort::unlimited());
        for (revision, images) in (2..).zip(changes) {
            let change = change(revision, images);
            let before = tally.before(&state, &change);
            state.apply(&change);
            if !tally.advance(before, &state) {
                tally = Tally::new(&state, day(on), &Effort::unlimited());
            }
        }
        let anew = Tally::new(&state, day(on), &Effort::unlimited());
        for scope in every_scope() {
            for clearance in every_clearance() {
                let scanned = state.counts_by_scan(&scope, &clearance, day(on));
                prop_assert_eq!(&tally.counts(&scope, &clearance), &scanned);
                prop_assert_eq!(&anew.counts(&scope, &clearance), &scanned);
            }
        }
    }

    #[test]
    fn a_timeline_has_the_counts_of_each_date(
        state in any_state(), start in any_day(), step in 1..40_i32, points in 1..30_i32
    ) {
        let dates: Vec<_> = (0..points).map(|point| day(start + point * step)).collect();
        for scope in every_scope() {
            for clearance in [Clearance::Public, Clearance::All] {
                let counted = state.timeline(&scope, &clearance, &dates, &Effort::unlimited());
                prop_assert_eq!(counted.len(), dates.len());
                for (date, counts) in dates.iter().zip(counted) {
                    prop_assert_eq!(counts, state.counts_by_scan(&scope, &clearance, *date));
                }
            }
        }
    }

    #[test]
    fn the_counts_add_up(state in any_state(), on in any_day()) {
        let tally = Tally::new(&state, day(on), &Effort::unlimited());
        for scope in every_scope() {
            for clearance in every_clearance() {
                let counts = tally.counts(&scope, &clearance);
                let sum = |of: Vec<Count>| of.into_iter().map(|it| counts.get(it)).sum::<i32>();
                let verifications = Verification::ALL.map(Count::Verification).to_vec();
                prop_assert_eq!(sum(verifications), counts.get(Count::Platforms));
                let mut stages = vec![Count::Stage(None)];
                stages.extend(Stage::ALL.map(|it| Count::Stage(Some(it))));
                prop_assert_eq!(sum(stages), counts.get(Count::Platforms));
                let states = PlanState::ALL.map(Count::PlanState).to_vec();
                prop_assert_eq!(sum(states), counts.get(Count::Plans));
                let states = StandingState::ALL.map(Count::Milestone).to_vec();
                prop_assert_eq!(sum(states), counts.get(Count::Milestones));
            }
            // what everyone may count, and the hidden parts of each agency, are all there is
            let mut parts = tally.counts(&scope, &Clearance::Public);
            for agency in [agency(0), agency(1)] {
                parts.merge(&tally.counts(&scope, &Clearance::Agency(agency)), 1);
                parts.merge(&tally.counts(&scope, &Clearance::Public), -1);
            }
            prop_assert_eq!(parts, tally.counts(&scope, &Clearance::All));
        }
        // the agencies, and what has none, are the whole
        for edition in [edition(0), edition(1)] {
            let of = |agency: Option<AgencyName>| CountScope {
                edition: Some(edition.clone()), group: None, agency,
            };
            let mut parts = Counts::default();
            for number in 0..2 {
                parts.merge(&tally.counts(&of(Some(agency(number))), &Clearance::All), 1);
            }
            let without: Vec<_> = state.platforms().values()
                .filter(|it| it.listing(&edition).is_some())
                .filter(|it| {
                    ndp_core::state::on_date::governing_agency_on(it, day(on)).is_none()
                })
                .collect();
            for platform in without {
                let of = ndp_core::monitoring::tally::contribution(&state, platform, day(on));
                parts.merge(&of.seen(&Clearance::All), 1);
            }
            prop_assert_eq!(parts, tally.counts(&of(None), &Clearance::All));
        }
    }

    #[test]
    fn a_milestone_stands_as_the_words_say(state in any_state(), on in any_day()) {
        for plan in state.plans().values() {
            let plan_records = state.plan_records(plan);
            for milestone in &plan_records.milestones {
                // on some day, and on those around the due date
                let due = milestone.fields.due.as_ref().and_then(|due| due.end);
                let around = due.into_iter().flat_map(|due| [due, due.plus_days(1)]);
                for on in around.chain([day(on)]) {
                    let found = plan_records.milestone_on(milestone, on).map(|it| it.state);
                    let expected = state_by_words(&state, plan, milestone, on);
                    prop_assert_eq!(found, expected, "{:?}", milestone);
                }
            }
        }
    }

    /// The notices between two days are exactly the values that differ between them.
    #[test]
    fn notices_tell_what_differs(state in any_state(), from in 0..100_i32, days in 1..60_i32) {
        let (from, to) = (day(from), day(from + days));
        let received: BTreeMap<_, _> = state.notices(from, to).into_iter()
            .map(|it| ((it.name, it.aspect.as_str()), (it.from, it.to)))
            .collect();
        let mut differs = BTreeMap::new();
        for plan in state.plans().values() {
            let phase = |on: Date| Phase::of(plan_state_on(plan, on));
            let now_in_force = matches!(plan.state, PlanState::Issued | PlanState::Completed);
            if !now_in_force || phase(from) != Phase::InForce {
                continue;
            }
            let plan_records = state.plan_records(plan);
            for milestone in &plan_records.milestones {
                let state_on = |on| plan_records.milestone_on(milestone, on).map(|it| it.state);
                if let (Some(old), Some(new)) = (state_on(from), state_on(to)) && old != new {
                    differs.insert(
                        (milestone.name.to_string(), "standing.state"),
                        (old.as_str().to_owned(), new.as_str().to_owned()),
                    );
                }
            }
            let freshness = |on| plan_records.standing_on(on).filing.map(|it| it.freshness);
            if let (Some(old), Some(new)) = (freshness(from), freshness(to)) && old != new {
                differs.insert(
                    (plan.name.to_string(), "standing.freshness"),
                    (old.as_str().to_owned(), new.as_str().to_owned()),
                );
            }
        }
        prop_assert_eq!(received, differs);
    }

    #[test]
    fn what_needs_attention_is_counted_alike(state in any_state(), on in any_day()) {
        let tally = Tally::new(&state, day(on), &Effort::unlimited());
        for scope in every_scope() {
            for clearance in every_clearance() {
                let counts = tally.counts(&scope, &clearance);
                let items = state.attention(&scope, &clearance, day(on), &Effort::unlimited());
                let of = |kind: &str| {
                    let items = items.iter().filter(|it| it.kind.as_str() == kind);
                    i32::try_from(items.count()).unwrap()
                };
                let overdue = counts.get(Count::Milestone(StandingState::Overdue));
                prop_assert_eq!(of("OVERDUE_MILESTONE"), overdue);
                prop_assert_eq!(of("DIVERGING_RATINGS"), counts.get(Count::Diverging));
                prop_assert_eq!(of("UNSUBSTANTIATED"), counts.get(Count::Unsubstantiated));
                let planned = counts.get(Count::WithIssuedPlan);
                prop_assert_eq!(of("MISSING_PLAN") + planned, counts.get(Count::Platforms));
            }
        }
    }

    #[test]
    fn the_quality_of_the_whole_is_the_sum_of_its_records(state in any_state(), on in any_day()) {
        use ndp_core::monitoring::quality::{Criterion, Score};
        for scope in every_scope() {
            let quality = state.quality(&scope, &Clearance::All, day(on), &Effort::unlimited());
            for criterion in Criterion::ALL {
                let mut sum = Score::default();
                for record in &quality.records {
                    let score = record.scores.get(criterion);
                    sum.checked += score.checked;
                    sum.passed += score.passed;
                    let failures = record.failures.iter();
                    let failed = failures.filter(|it| it.criterion == criterion).count();
                    prop_assert_eq!(usize::try_from(score.checked - score.passed).unwrap(), failed);
                }
                prop_assert_eq!(quality.whole.get(criterion), sum);
                let mut agencies = Score::default();
                for scores in quality.agencies.values() {
                    agencies.checked += scores.get(criterion).checked;
                    agencies.passed += scores.get(criterion).passed;
                }
                prop_assert_eq!(agencies, sum);
            }
        }
    }
}
