//! The law of past answers, on any sequence of commands. What was answered for a date by what was
//! known at a revision is answered so for good; and what is answered for it by what is known now
//! changes only through a fact that holds from that date or an earlier one. No wire and no store:
//! `decide`, `apply` and the counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use ndp_core::{
    caller::Caller,
    change::{Change, Effect, Image},
    effort::Effort,
    monitoring::{
        attention::Item,
        tally::{Clearance, CountScope, Counts},
    },
    names::{
        AgencyName, AssessmentName, EditionName, MilestoneName, PlanName, PlatformName, Revision,
    },
    records::{
        assessments::AssessmentFields,
        baselines::Rebaseline,
        documents::{Document, Evidence},
        milestones::MilestoneFields,
        plans::{
            CycleEntry, Interval, Plan, PlanFields, PlanMove, PlanState, ReportingCycle,
            Visibility, VisibilityEntry,
        },
        platforms::{Governance, Listing, OperationStage, PlatformFields, Stage, Verification},
        reports::{Rating, ReportFields, ReportState},
    },
    rules::{
        AnyCommand, Ids, Request,
        assessments::{CreateAssessment, WithdrawAssessment},
        baselines::RebaselinePlan,
        decide,
        milestones::{CompleteMilestone, CreateMilestone, ReopenMilestone},
        plans::{CreatePlan, MovePlan, UpdatePlan},
        platforms::{CreatePlatform, UpdatePlatform},
        proposals::{DecideProposal, Decision},
        reports::{CreateReport, WithdrawReport},
    },
    state::State,
    time::{Date, Period, Timestamp},
};
use ndp_registry::catalogue;
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::harness::plans::with_every_role;

/// The first day of the registry, and how far back facts and questions go.
const FIRST: &str = "2026-03-02";
const BACK: i32 = 300;
const AGENCIES: [&str; 2] = ["bo-cong-an", "bo-y-te"];
/// One edition that was decided long before, and one that is decided within the days asked about.
const EDITIONS: [&str; 2] = ["1527-qd-bkhcn", "2618-qd-bkhcn"];
const PLATFORMS: [&str; 3] = ["ndp-001", "ndp-002", "thu"];

fn day(offset: i32) -> Date {
    Date::parse(FIRST).unwrap().plus_days(offset)
}

fn moment(day: Date) -> Timestamp {
    Timestamp::parse(&format!("{day}T09:00:00+07:00")).unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    /// Days go by.
    Wait(i32),
    /// An agency governs from a day on, or from the beginning.
    Govern {
        platform: usize,
        agency: usize,
        start: Option<i32>,
    },
    /// A stage was reached: in words alone, by a document, or by a day.
    Reach {
        platform: usize,
        stage: usize,
        words: bool,
        issued: Option<i32>,
        end: Option<i32>,
    },
    /// An edition lists a platform.
    List {
        platform: usize,
        edition: usize,
    },
    /// Writes a field that no count depends on.
    Rename {
        platform: usize,
    },
    Draft {
        platform: usize,
        plan: usize,
    },
    Move {
        platform: usize,
        plan: usize,
        step: PlanMove,
        day: Option<i32>,
    },
    Cycle {
        platform: usize,
        plan: usize,
        quarterly: bool,
        start: Option<i32>,
    },
    Show {
        platform: usize,
        plan: usize,
        public: bool,
        start: Option<i32>,
    },
    Report {
        platform: usize,
        plan: usize,
        months: i32,
    },
    Complete {
        platform: usize,
        plan: usize,
        day: Option<i32>,
    },
    /// The steward sees its standing on a day.
    Assess {
        platform: usize,
        plan: usize,
        day: Option<i32>,
    },
    /// What was recorded in error is taken back: a completion, the last report, an assessment.
    Undo {
        platform: usize,
        plan: usize,
        what: usize,
    },
}

/// The ids of proposals, by a count of those that were made.
#[derive(Default)]
struct Numbers(usize);

impl Ids for Numbers {
    fn id(&mut self, _: usize) -> String {
        self.0 += 1;
        format!("p{}", self.0)
    }
}

fn request(command: Box<dyn AnyCommand>) -> Request {
    Request {
        command,
        request_id: None,
        reason: "thử nghiệm".into(),
    }
}

/// Two platforms that are listed, and their editions and agencies.
static OPENING: LazyLock<State> = LazyLock::new(|| {
    let mut seed = catalogue::seed([catalogue::OPENING_EDITION]).unwrap();
    seed.platforms.truncate(2);
    let request = request(Box::new(seed));
    let system = Caller::System { actor: None };
    let mut state = State::default();
    let change = decide(
        &state,
        &system,
        &request,
        moment(day(0)),
        &mut Numbers::default(),
    )
    .unwrap();
    state.apply(&change.change);
    state
});

fn platform(number: usize) -> PlatformName {
    PlatformName::from_id(PLATFORMS[number]).unwrap()
}

fn plan(of: usize, number: usize) -> PlanName {
    PlanName::from_id(&platform(of), &format!("p{number}")).unwrap()
}

fn document(offset: i32) -> Document {
    Document {
        symbol: "1/QĐ-TEST".into(),
        issuer: "Cơ quan thử nghiệm (synthetic)".into(),
        issue_date: Some(day(offset)),
        sha256: "0".repeat(64),
        ..Document::default()
    }
}

/// Puts an entry into its place in a dated list, for another of the same start.
fn insert<T>(entries: &mut Vec<T>, entry: T, start: impl Fn(&T) -> Option<Date>) {
    entries.retain(|it| start(it) != start(&entry));
    entries.push(entry);
    entries.sort_by_key(start);
}

/// The day from which a command's facts hold.
struct Said {
    command: Box<dyn AnyCommand>,
    from: Date,
    /// Whether it takes what is recorded out of public sight.
    withholds: bool,
}

fn update(
    state: &State,
    of: usize,
    fields: PlatformFields,
    mask: &'static str,
) -> Box<dyn AnyCommand> {
    let name = platform(of);
    if state.platform(&name).is_none() {
        return Box::new(CreatePlatform {
            name: Some(name),
            fields: PlatformFields {
                display_name: "Thử (synthetic)".into(),
                verification: Verification::Verified,
                ..fields
            },
        });
    }
    Box::new(UpdatePlatform {
        name,
        fields,
        mask: vec![mask.to_owned()],
        etag: None,
    })
}

/// An update, or for an ISSUED plan the proposal of the same.
fn update_plan(
    state: &State,
    plan: &Plan,
    fields: PlanFields,
    mask: &'static str,
    today: Date,
) -> Box<dyn AnyCommand> {
    let (name, mask) = (plan.name.clone(), vec![mask.to_owned()]);
    if plan.state != PlanState::Issued {
        return Box::new(UpdatePlan {
            name,
            fields,
            mask,
            etag: None,
        });
    }
    let document = Document {
        issue_date: Some(today),
        ..document(0)
    };
    Box::new(RebaselinePlan {
        rebaseline: Rebaseline {
            plan: name,
            milestone_changes: Vec::new(),
            fields,
            mask,
            document,
        },
        etag: state.plan_etag(plan),
    })
}

/// The approval of what was proposed.
fn approval(change: &Change) -> Option<Box<dyn AnyCommand>> {
    match change.effects.first() {
        Some(Effect::Put(Image::Proposal(proposal))) if proposal.decided.is_none() => {
            Some(Box::new(DecideProposal {
                name: proposal.name.clone(),
                decision: Decision::Approve,
                etag: proposal.meta.etag(),
            }))
        }
        _ => None,
    }
}

/// What a step says of which days; none where it says nothing.
fn said(state: &State, step: &Step, today: Date) -> Option<Said> {
    let date = |offset: Option<i32>| offset.map_or(Date::MIN, day);
    let fields = |of: usize| {
        let platform = state.platform(&platform(of));
        platform.map(|it| it.fields.clone()).unwrap_or_default()
    };
    let made = |of: usize, from: Date| {
        // what makes the record counts from today at the latest, and from its own day before
        if state.platform(&platform(of)).is_some() {
            from
        } else {
            from.min(today)
        }
    };
    let mut withholds = false;
    let (command, from): (Box<dyn AnyCommand>, Date) = match *step {
        Step::Wait(_) => return None,
        Step::Govern {
            platform,
            agency,
            start,
        } => {
            let mut fields = fields(platform);
            let entry = Governance {
                agency: AgencyName::from_id(AGENCIES[agency]),
                start_date: start.map(day),
                ..Governance::default()
            };
            insert(&mut fields.governance, entry, |it| it.start_date);
            (
                update(state, platform, fields, "governance"),
                made(platform, date(start)),
            )
        }
        Step::Reach {
            platform: of,
            stage,
            words,
            issued,
            end,
        } => {
            let mut fields = fields(of);
            let stage = Stage::ALL[stage];
            let days = |state: &State| {
                let platform = state.platform(&platform(of));
                let days = platform.into_iter().flat_map(|it| it.stage_days());
                days.filter(|it| it.0 == stage)
                    .map(|it| it.1)
                    .collect::<Vec<_>>()
            };
            fields.operation_stages.retain(|it| it.stage != stage);
            fields.operation_stages.push(OperationStage {
                stage,
                planned: None,
                reached: Some(Period {
                    start: None,
                    end: end.filter(|_| !words).map(day),
                    as_written: "đã đạt".into(),
                }),
                document: issued.map(document).map(Box::new),
                sources: Vec::new(),
            });
            let own = end
                .filter(|_| !words)
                .or(issued)
                .map_or(today, day)
                .min(today);
            let from = days(state).into_iter().chain([own]).min().unwrap_or(own);
            (
                update(state, of, fields, "operation_stages"),
                made(of, from),
            )
        }
        Step::List { platform, edition } => {
            let mut fields = fields(platform);
            let edition = EditionName::from_id(EDITIONS[edition]).unwrap();
            let from = state.edition(&edition).unwrap().first_day().unwrap();
            fields.listings.retain(|it| it.edition != edition);
            fields.listings.push(Listing {
                edition,
                list_number: String::new(),
                group: String::new(),
                display_name: String::new(),
                membership: Default::default(),
                sources: Vec::new(),
            });
            (
                update(state, platform, fields, "listings"),
                made(platform, from),
            )
        }
        Step::Rename { platform } => {
            let mut fields = fields(platform);
            fields.operating_unit.push_str("Đơn vị");
            (
                update(state, platform, fields, "operating_unit"),
                made(platform, Date::MAX),
            )
        }
        Step::Draft {
            platform: of,
            plan: number,
        } => {
            let fields = PlanFields {
                display_name: "Kế hoạch thử".into(),
                ..PlanFields::default()
            };
            let create = Box::new(CreatePlan {
                platform: platform(of),
                name: Some(plan(of, number)),
                fields,
                source: None,
            });
            (create, today)
        }
        Step::Move {
            platform,
            plan: number,
            step,
            day,
        } => {
            let plan = state.plan(&plan(platform, number))?;
            let document = day.map(document).map(Box::new);
            let from = match step {
                PlanMove::Issue | PlanMove::Revoke | PlanMove::Complete => {
                    day.map_or(today, self::day)
                }
                PlanMove::Annul => plan.issue_date().unwrap_or(today),
                PlanMove::Reopen => plan.state_history.last()?.effective_date,
                _ => today,
            };
            let step = Box::new(MovePlan {
                name: plan.name.clone(),
                step,
                document,
                etag: state.plan_etag(plan),
            });
            (step, from)
        }
        Step::Cycle {
            platform,
            plan: number,
            quarterly,
            start,
        } => {
            let plan = state.plan(&plan(platform, number))?;
            let mut fields = plan.fields.clone();
            let interval = if quarterly {
                Interval::Quarterly
            } else {
                Interval::Monthly
            };
            let entry = CycleEntry {
                cycle: ReportingCycle {
                    interval,
                    ..ReportingCycle::default()
                },
                start_date: start.map(day),
                document: None,
            };
            insert(&mut fields.reporting_cycles, entry, |it| it.start_date);
            (
                update_plan(state, plan, fields, "reporting_cycles", today),
                date(start),
            )
        }
        Step::Show {
            platform,
            plan: number,
            public,
            start,
        } => {
            let old = state.plan(&plan(platform, number))?;
            let mut fields = old.fields.clone();
            let visibility = if public {
                Visibility::Public
            } else {
                Visibility::Restricted
            };
            let entry = VisibilityEntry {
                visibility,
                start_date: start.map(day),
                document: None,
            };
            insert(&mut fields.visibilities, entry, |it| it.start_date);
            let last = fields.visibilities.last().map(|it| it.visibility);
            // a caller that may not see it now may not see its past either, and the reverse
            withholds = last != Some(old.visibility());
            (
                update_plan(state, old, fields, "visibilities", today),
                date(start),
            )
        }
        Step::Report {
            platform,
            plan: number,
            months,
        } => {
            let plan = state.plan(&plan(platform, number))?;
            let period = plan
                .cycle_on(today)
                .last_period_end(today.plus_months(-months))?;
            let create = Box::new(CreateReport {
                plan: plan.name.clone(),
                name: ndp_core::names::ReportName::from_id(
                    &plan.name,
                    &format!("r{}", state.revision()),
                ),
                fields: ReportFields {
                    period_end_date: Some(period),
                    rating: Some(Rating::AtRisk),
                    percent: 40,
                    results: "Kết quả thử".into(),
                    ..ReportFields::default()
                },
            });
            (create, period)
        }
        Step::Complete {
            platform,
            plan: number,
            day,
        } => {
            let plan = state.plan(&plan(platform, number))?;
            let name = MilestoneName::from_id(&plan.name, "m").unwrap();
            let Some(milestone) = state.milestone(&name) else {
                let create = Box::new(CreateMilestone {
                    plan: plan.name.clone(),
                    name: Some(name),
                    fields: MilestoneFields {
                        display_name: "Mốc thử".into(),
                        due: Some(Period::day(self::day(day.unwrap_or(-40)), "")),
                        ..MilestoneFields::default()
                    },
                });
                return Some(Said {
                    command: create,
                    from: today,
                    withholds,
                });
            };
            let complete = Box::new(CompleteMilestone {
                name,
                completion_date: day.map(self::day),
                evidence: Vec::<Evidence>::new(),
                etag: milestone.meta.etag(),
            });
            // a completion that is corrected held from its own day
            let corrected = milestone.completion.as_ref();
            let corrected = corrected.map_or(Date::MAX, |it| it.completion_date);
            (complete, day.map_or(today, self::day).min(corrected))
        }
        Step::Assess {
            platform,
            plan: number,
            day,
        } => {
            let plan = state.plan(&plan(platform, number))?;
            let id = format!("a{}", state.revision());
            let create = Box::new(CreateAssessment {
                plan: plan.name.clone(),
                name: AssessmentName::from_id(&plan.name, &id),
                fields: AssessmentFields {
                    assessment_date: day.map(self::day),
                    rating: Some(Rating::OffTrack),
                    rubric_version: "thử 1".into(),
                    ..AssessmentFields::default()
                },
            });
            (create, day.map_or(today, self::day))
        }
        Step::Undo {
            platform,
            plan: number,
            what,
        } => {
            let plan = plan(platform, number);
            match what {
                0 => {
                    let milestone = state.milestones_of(&plan).next()?;
                    let completion = milestone.completion.as_ref()?;
                    let reopen = Box::new(ReopenMilestone {
                        name: milestone.name.clone(),
                        etag: milestone.meta.etag(),
                    });
                    (reopen, completion.completion_date)
                }
                1 => {
                    let mut filed = state.reports_of(&plan);
                    let report = filed.find(|it| it.state() == ReportState::Filed)?;
                    let withdraw = Box::new(WithdrawReport {
                        name: report.name.clone(),
                        etag: report.meta.etag(),
                    });
                    (withdraw, report.fields.period_end_date?)
                }
                _ => {
                    let mut stands = state.assessments_of(&plan);
                    let assessment = stands.find(|it| it.withdrawal.is_none())?;
                    let withdraw = Box::new(WithdrawAssessment {
                        name: assessment.name.clone(),
                        etag: assessment.meta.etag(),
                    });
                    (withdraw, assessment.fields.assessment_date?)
                }
            }
        }
    };
    Some(Said {
        command,
        from,
        withholds,
    })
}

/// What is answered for a date: the counts of each scope, and what needs action, for everyone and
/// for callers who see everything.
type CountsOfDate = Vec<(Counts, Vec<Item>)>;

fn answer(state: &State, on: Date) -> CountsOfDate {
    let everywhere = CountScope::default();
    let of = |agency: &str| CountScope {
        agency: AgencyName::from_id(agency),
        ..CountScope::default()
    };
    let mut count_scopes = vec![everywhere, of(AGENCIES[0]), of(AGENCIES[1])];
    // an edition is not asked about before its first day
    let edition = EditionName::from_id(EDITIONS[0]).unwrap();
    if state.edition(&edition).unwrap().first_day() <= Some(on) {
        count_scopes.push(CountScope {
            edition: Some(edition),
            ..CountScope::default()
        });
    }
    let mut answer = Vec::new();
    for clearance in [Clearance::Public, Clearance::All] {
        for count_scope in &count_scopes {
            let counts = state.counts_by_scan(count_scope, &clearance, on);
            answer.push((
                counts,
                state.attention(count_scope, &clearance, on, &Effort::unlimited()),
            ));
        }
    }
    answer
}

/// The part of it that a caller who sees everything receives.
fn whole(answer: &CountsOfDate) -> &[(Counts, Vec<Item>)] {
    &answer[answer.len() / 2..]
}

/// Dates to ask about: all that anything may turn on, and some between.
fn dates(today: Date) -> Vec<Date> {
    let all = (-BACK..=0).step_by(7).map(day);
    let since = (0..).map(day).take_while(|date| *date <= today);
    all.chain(since).collect()
}

fn any_step() -> impl Strategy<Value = Step> {
    let of = || 0..PLATFORMS.len();
    let start = || option::weighted(0.9, (-BACK / 7..=2).prop_map(|week| week * 7));
    let which = || 0..2_usize;
    let moves = vec![
        PlanMove::Submit,
        PlanMove::Return,
        PlanMove::Issue,
        PlanMove::Complete,
        PlanMove::Withdraw,
        PlanMove::Revoke,
        PlanMove::Annul,
        PlanMove::Annul,
        PlanMove::Reopen,
        PlanMove::Reopen,
    ];
    prop_oneof![
        2 => (1..40).prop_map(Step::Wait),
        4 => (of(), which(), start())
            .prop_map(|(platform, agency, start)| Step::Govern { platform, agency, start }),
        4 => (of(), 0..3_usize, any::<bool>(), start(), start())
            .prop_map(|(platform, stage, words, issued, end)| {
                Step::Reach { platform, stage, words, issued, end }
            }),
        1 => (of(), which()).prop_map(|(platform, edition)| Step::List { platform, edition }),
        1 => of().prop_map(|platform| Step::Rename { platform }),
        2 => (of(), which()).prop_map(|(platform, plan)| Step::Draft { platform, plan }),
        6 => (of(), which(), select(moves), start())
            .prop_map(|(platform, plan, step, day)| Step::Move { platform, plan, step, day }),
        2 => (of(), which(), any::<bool>(), start())
            .prop_map(|(platform, plan, quarterly, start)| {
                Step::Cycle { platform, plan, quarterly, start }
            }),
        2 => (of(), which(), any::<bool>(), start())
            .prop_map(|(platform, plan, public, start)| {
                Step::Show { platform, plan, public, start }
            }),
        2 => (of(), which(), 0..4)
            .prop_map(|(platform, plan, months)| Step::Report { platform, plan, months }),
        2 => (of(), which(), start())
            .prop_map(|(platform, plan, day)| Step::Complete { platform, plan, day }),
        2 => (of(), which(), start())
            .prop_map(|(platform, plan, day)| Step::Assess { platform, plan, day }),
        3 => (of(), which(), 0..3_usize)
            .prop_map(|(platform, plan, what)| Step::Undo { platform, plan, what }),
    ]
}

/// One step, or the whole way to ISSUED, which random steps rarely reach.
fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let way = (0..PLATFORMS.len(), 0..2_usize, -30..0_i32, any::<bool>());
    let way = way.prop_map(|(platform, plan, week, promises)| {
        let day = Some(week * 7);
        let step = |step, day| Step::Move {
            platform,
            plan,
            step,
            day,
        };
        let promise = promises.then_some(Step::Complete {
            platform,
            plan,
            day,
        });
        let mut steps = vec![Step::Draft { platform, plan }];
        steps.extend(promise);
        steps.extend([step(PlanMove::Submit, None), step(PlanMove::Issue, day)]);
        steps.extend((0..3).map(|months| Step::Report {
            platform,
            plan,
            months,
        }));
        steps.push(Step::Assess {
            platform,
            plan,
            day,
        });
        steps
    });
    prop_oneof![
        4 => any_step().prop_map(|step| vec![step]),
        1 => way,
    ]
}

/// Every record that was touched after a revision, as it was then.
fn past(
    then: &State,
    touched: &BTreeMap<Revision, BTreeSet<String>>,
) -> Vec<(String, Option<ndp_core::change::Image>)> {
    let later = touched.range(then.revision().next()..);
    let names: BTreeSet<_> = later.flat_map(|(_, names)| names.clone()).collect();
    names
        .into_iter()
        .map(|name| (name.clone(), then.image(&name)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 48,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_later_edit_changes_no_earlier_answer(steps in vec(any_steps(), 1..14)) {
        let mut state = OPENING.clone();
        let (mut today, mut ids) = (day(0), Numbers::default());
        let mut touched = BTreeMap::<Revision, BTreeSet<String>>::new();
        let mut answers: BTreeMap<Date, CountsOfDate> =
            dates(today).into_iter().map(|date| (date, answer(&state, date))).collect();
        let mut received = vec![(state.clone(), answers.clone())];
        for (number, step) in steps.iter().flatten().enumerate() {
            if let Step::Wait(days) = step {
                today = today.plus_days(*days);
                for date in dates(today) {
                    answers.entry(date).or_insert_with(|| answer(&state, date));
                }
                continue;
            }
            let Some(Said { command, from, withholds }) = said(&state, step, today) else {
                continue;
            };
            let of = match *step {
                Step::Wait(_) => continue,
                Step::Govern { platform, .. } | Step::Reach { platform, .. }
                | Step::List { platform, .. } | Step::Rename { platform }
                | Step::Draft { platform, .. } | Step::Move { platform, .. }
                | Step::Cycle { platform, .. } | Step::Show { platform, .. }
                | Step::Report { platform, .. } | Step::Complete { platform, .. }
                | Step::Assess { platform, .. } | Step::Undo { platform, .. } => platform,
            };
            let governing = state.platform(&platform(of)).and_then(|it| it.governing_agency());
            let governing = governing.cloned();
            let (mut commands, mut changed) = (Some(command), false);
            for person in [number % 2, (number + 1) % 2] {
                let Some(command) = commands.take() else { break };
                let caller = with_every_role(person, governing.as_ref());
                let request = request(command);
                let decided = decide(&state, &caller, &request, moment(today), &mut ids);
                let Ok(decided) = decided else { break };
                let change = decided.change;
                let names = change.effects.iter().filter_map(|effect| match effect {
                    Effect::Put(image) => Some(image.name().to_owned()),
                    Effect::Remove { name } => Some(name.clone()),
                    Effect::Notice(_) | Effect::Redaction(_) => None,
                });
                touched.insert(change.revision, names.collect());
                state.apply(&change);
                changed = true;
                commands = approval(&change);
            }
            prop_assert!(commands.is_none(), "a proposal was not decided");
            if !changed {
                continue;
            }

            // by what is known now
            for (date, before) in &mut answers {
                let after = answer(&state, *date);
                if *date < from {
                    let (known, knows) = match withholds {
                        true => (whole(before), whole(&after)),
                        false => (&before[..], &after[..]),
                    };
                    prop_assert_eq!(known, knows, "{} after {:?} from {}", date, step, from);
                }
                *before = after;
            }
            received.push((state.clone(), answers.clone()));
        }
        // by what was known at each revision, as it is put together again from today's records
        for (then, answers) in &received {
            let record_time = then.record_time();
            let again = state.reverted(then.revision(), record_time, past(then, &touched));
            let again = again.guarded_as(&state);
            for (date, known) in answers.iter().step_by(5) {
                let knows = answer(&again, *date);
                prop_assert_eq!(whole(known), whole(&knows), "{} at {}", date, then.revision());
            }
        }
        let issued = state.plans().values().filter(|it| it.state == PlanState::Issued);
        prop_assert!(issued.count() <= PLATFORMS.len());
    }
}
