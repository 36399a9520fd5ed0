//! The counts of tasks on any sequence of commands: those kept change by change, those of a
//! timeline and those of a scan are the same, and what a slow model counts; their parts add up; and
//! a fact changes no answer for a day before the one from which it holds. An agency is reminded of
//! the tasks that attention items ask of it. No wire and no store:
//! `decide`, `apply` and the counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use ndp_core::{
    caller::Caller,
    effort::{Effort, Stop},
    monitoring::{
        attention::Kind,
        reminders::ReminderKind,
        standing::StandingState,
        tally::{Clearance, CountScope, Tally},
        tasks::{TaskCount, TaskCounts, TaskLead, TaskScope},
    },
    names::{AgencyName, MilestoneName, PlanName, PlatformName, ProgrammeName, TaskName},
    records::{
        documents::Document,
        milestones::MilestoneFields,
        plans::{PlanFields, PlanMove},
        programmes::ProgrammeFields,
        tasks::{Task, TaskFields},
    },
    rules::{
        AnyCommand, Ids, Request, Update, decide,
        milestones::{CompleteMilestone, CreateMilestone, ReopenMilestone},
        plans::{CreatePlan, MovePlan},
        programmes::CreateProgramme,
        tasks::{
            ConfirmTask, CreateTask, DropTask, MoveTaskDue, ReopenTask, ReportTask, ReturnTask,
        },
    },
    state::State,
    time::{Date, Period, Timestamp},
};
use ndp_registry::catalogue;
use proptest::{collection::vec, option, prelude::*};

use crate::harness::plans::with_every_role;

/// The first day of the registry, and how far back facts and questions go.
const FIRST: &str = "2026-03-02";
const BACK: i32 = 120;
const AGENCIES: [&str; 2] = ["bo-cong-an", "bo-y-te"];
const TASKS: usize = 5;

#[derive(Clone, Debug)]
enum Step {
    Wait(i32),
    Create {
        task: usize,
        assigned: i32,
        due: Option<i32>,
        start: Option<i32>,
        lead: Option<usize>,
        parent: Option<usize>,
        both: bool,
        linked: bool,
    },
    Lead(usize, Option<usize>),
    Under(usize, Option<usize>),
    Move(usize, Option<i32>, i32),
    Report(usize, Option<i32>),
    Confirm(usize),
    Return(usize),
    Reopen(usize),
    Drop(usize, Option<i32>),
    /// Completes the milestone on a day, or takes its completion back.
    Milestone(Option<i32>),
}

struct Numbers(usize);

impl Ids for Numbers {
    fn id(&mut self, _: usize) -> String {
        self.0 += 1;
        format!("p{}", self.0)
    }
}

fn day(offset: i32) -> Date {
    Date::parse(FIRST).unwrap().plus_days(offset)
}

fn moment(day: Date) -> Timestamp {
    Timestamp::parse(&format!("{day}T09:00:00+07:00")).unwrap()
}

fn agency(number: usize) -> AgencyName {
    AgencyName::from_id(AGENCIES[number]).unwrap()
}

fn task(number: usize) -> TaskName {
    TaskName::from_id(&format!("t{number}")).unwrap()
}

fn programmes(both: bool) -> Vec<ProgrammeName> {
    let ids: &[&str] = if both { &["a", "b"] } else { &["a"] };
    ids.iter()
        .map(|id| ProgrammeName::from_id(id).unwrap())
        .collect()
}

fn milestone() -> MilestoneName {
    let platform = PlatformName::from_id("ndp-001").unwrap();
    MilestoneName::from_id(&PlanName::from_id(&platform, "p").unwrap(), "m").unwrap()
}

fn document(offset: i32) -> Box<Document> {
    Box::new(Document {
        symbol: "1/QĐ-TEST".into(),
        issuer: "Cơ quan thử nghiệm (synthetic)".into(),
        issue_date: Some(day(offset)),
        sha256: "0".repeat(64),
        ..Document::default()
    })
}

fn due(offset: i32) -> Period {
    Period::day(day(offset), "")
}

/// Has a command decided by a caller; the change, if it is not refused.
fn decided(
    state: &State,
    caller: &Caller,
    command: Box<dyn AnyCommand>,
    today: Date,
) -> Option<ndp_core::change::Change> {
    let request = Request {
        command,
        request_id: None,
        reason: "thử nghiệm".into(),
    };
    let change = decide(state, caller, &request, moment(today), &mut Numbers(0));
    change.ok().map(|it| it.change)
}

/// The editions, two programmes and an issued plan with a milestone.
static OPENING: LazyLock<State> = LazyLock::new(|| {
    let mut seed = catalogue::seed([catalogue::OPENING_EDITION]).unwrap();
    seed.platforms.truncate(2);
    let mut state = State::default();
    let mut run = |who: usize, command: Box<dyn AnyCommand>| {
        let caller = match who {
            0 => Caller::System { actor: None },
            _ => with_every_role(who, Some(&agency(0))),
        };
        let change = decided(&state, &caller, command, day(0));
        state.apply(&change.expect("the opening is accepted"));
        state.clone()
    };
    run(0, Box::new(seed));
    for id in ["a", "b"] {
        let fields = ProgrammeFields {
            display_name: "Chương trình thử".into(),
            ..ProgrammeFields::default()
        };
        let name = ProgrammeName::from_id(id).unwrap();
        run(1, Box::new(CreateProgramme { name, fields }));
    }
    let milestone = milestone();
    let plan = milestone.parent();
    run(
        1,
        Box::new(CreatePlan {
            platform: plan.parent(),
            name: Some(plan.clone()),
            fields: PlanFields {
                display_name: "Kế hoạch thử".into(),
                ..PlanFields::default()
            },
            source: None,
        }),
    );
    let mut now = run(
        1,
        Box::new(CreateMilestone {
            plan: plan.clone(),
            name: Some(milestone),
            fields: MilestoneFields {
                display_name: "Mốc thử".into(),
                ..MilestoneFields::default()
            },
        }),
    );
    for (who, step, document) in [
        (1, PlanMove::Submit, None),
        (2, PlanMove::Issue, Some(document(-BACK))),
    ] {
        let record = now.plan(&plan).unwrap();
        let step = MovePlan {
            name: plan.clone(),
            step,
            document,
            etag: now.plan_etag(record),
        };
        now = run(who, Box::new(step));
    }
    now
});

/// The command of a step, by what is known; `None` if the step does not apply.
fn command(state: &State, step: &Step) -> Option<Box<dyn AnyCommand>> {
    let found = |number: &usize| {
        state
            .task(&task(*number))
            .map(|it| (it.name.clone(), it.meta.etag()))
    };
    let update = |number: &usize, fields: TaskFields, field: &str| {
        found(number).map(|(name, _)| {
            Box::new(Update::<Task> {
                name,
                fields,
                mask: vec![field.to_owned()],
                etag: None,
            }) as Box<dyn AnyCommand>
        })
    };
    Some(match step {
        Step::Wait(_) => return None,
        Step::Create {
            task: number,
            assigned,
            due: end,
            start,
            lead,
            parent,
            both,
            linked,
        } => {
            let fields = TaskFields {
                code: format!("T{number}"),
                display_name: "Nhiệm vụ thử".into(),
                programmes: programmes(*both),
                assigning_document: Some(document(*assigned)),
                assigning_agency: Some(agency(0)),
                agency: lead.map(agency),
                due: end.map(due),
                start_date: start.map(day),
                parent: parent.map(task),
                milestone: linked.then(milestone),
                ..TaskFields::default()
            };
            Box::new(CreateTask {
                name: Some(task(*number)),
                fields,
            })
        }
        Step::Lead(number, lead) => {
            let agency = lead.map(agency);
            return update(
                number,
                TaskFields {
                    agency,
                    ..TaskFields::default()
                },
                "agency",
            );
        }
        Step::Under(number, parent) => {
            let parent = parent.map(task);
            return update(
                number,
                TaskFields {
                    parent,
                    ..TaskFields::default()
                },
                "parent",
            );
        }
        Step::Move(number, end, issued) => {
            let (name, etag) = found(number)?;
            let document = Some(document(*issued));
            Box::new(MoveTaskDue {
                name,
                due: end.map(due),
                document,
                etag,
            })
        }
        Step::Report(number, completed) => {
            let (name, etag) = found(number)?;
            Box::new(ReportTask {
                name,
                completion_date: completed.map(day),
                evidence: Vec::new(),
                note: String::new(),
                etag,
            })
        }
        Step::Confirm(number) => {
            let (name, etag) = found(number)?;
            Box::new(ConfirmTask { name, etag })
        }
        Step::Return(number) => {
            let (name, etag) = found(number)?;
            Box::new(ReturnTask { name, etag })
        }
        Step::Reopen(number) => {
            let (name, etag) = found(number)?;
            Box::new(ReopenTask { name, etag })
        }
        Step::Drop(number, issued) => {
            let (name, etag) = found(number)?;
            let erroneous = issued.is_none();
            Box::new(DropTask {
                name,
                document: issued.map(document),
                erroneous,
                etag,
            })
        }
        Step::Milestone(completed) => {
            let record = state.milestone(&milestone())?;
            let (name, etag) = (record.name.clone(), record.meta.etag());
            match completed {
                Some(offset) => Box::new(CompleteMilestone {
                    name,
                    completion_date: Some(day(*offset)),
                    evidence: Vec::new(),
                    etag,
                }),
                None => Box::new(ReopenMilestone { name, etag }),
            }
        }
    })
}

/// The day from which a step's fact holds: answers for earlier days do not change. `None` for a
/// step that corrects the record or takes something back.
fn holds_from(state: &State, step: &Step, today: Date) -> Option<Date> {
    let found = |number: &usize| state.task(&task(*number));
    Some(match step {
        Step::Create { assigned, .. } => day(*assigned),
        Step::Lead(number, _) => {
            let made = found(number)?.meta.create_time.date_in_vietnam();
            (made != today).then_some(today)?
        }
        Step::Move(_, _, issued) | Step::Drop(_, Some(issued)) => day(*issued),
        Step::Report(..) | Step::Return(_) | Step::Wait(_) => today,
        Step::Confirm(number) => found(number)?.report.as_ref()?.completion_date,
        Step::Milestone(Some(completed)) => {
            let completion = state.milestone(&milestone())?.completion.as_ref();
            completion.map_or(day(*completed), |it| {
                it.completion_date.min(day(*completed))
            })
        }
        Step::Under(..) | Step::Reopen(_) | Step::Drop(_, None) | Step::Milestone(None) => {
            return None;
        }
    })
}

/// The caller of a step: the lead agency reports, and another person confirms.
fn caller(state: &State, step: &Step) -> Caller {
    match step {
        Step::Report(number, _) => {
            let task = state.task(&task(*number));
            let lead = task.and_then(|it| it.fields.agency.clone());
            with_every_role(3, lead.as_ref())
        }
        _ => with_every_role(1, Some(&agency(0))),
    }
}

// === the slow model ===

/// Whether a task below, at any depth, was assigned by then and not dropped.
fn is_split(state: &State, of: &Task, on: Date) -> bool {
    state.tasks().values().any(|other| {
        let mut above = other.fields.parent.clone();
        let mut below = false;
        while let Some(name) = above {
            below |= name == of.name;
            above = state.task(&name).and_then(|it| it.fields.parent.clone());
        }
        let given_up = other
            .dropping
            .as_ref()
            .is_some_and(|it| it.erroneous || it.drop_date <= on);
        below && !given_up && other.assign_date() <= on
    })
}

/// One line for each task that counts: what it counts as.
fn model(state: &State, count_scope: &TaskScope, on: Date) -> BTreeMap<String, i32> {
    let mut counts = BTreeMap::new();
    for task in state.tasks().values() {
        let in_error = task.dropping.as_ref().is_some_and(|it| it.erroneous);
        let programme = count_scope.programme.as_ref();
        if in_error
            || task.assign_date() > on
            || programme.is_some_and(|it| !task.fields.programmes.contains(it))
        {
            continue;
        }
        // who led then: the last that began by then
        let mut lead = task
            .leads
            .first()
            .map_or(&task.fields.agency, |it| &it.agency);
        for entry in &task.leads {
            if entry.start_date.is_none_or(|start| start <= on) {
                lead = &entry.agency;
            }
        }
        match &count_scope.lead {
            TaskLead::Any => {}
            TaskLead::Nobody if lead.is_none() => {}
            TaskLead::Agency(agency) if lead.as_ref() == Some(agency) => {}
            _ => continue,
        }
        let mut add = |what: String| *counts.entry(what).or_default() += 1;
        if is_split(state, task, on) {
            add("split".into());
            continue;
        }
        let mut due = task
            .due_moves
            .first()
            .map_or(&task.fields.due, |it| &it.from);
        for moved in &task.due_moves {
            if moved.effective_date <= on {
                due = &moved.to;
            }
        }
        let due = due.as_ref().and_then(|it| it.end);
        let completed = match &task.fields.milestone {
            Some(name) => state
                .milestone(name)
                .and_then(|it| Some(it.completion.as_ref()?.completion_date)),
            None if task.confirmation.is_some() => {
                task.report.as_ref().map(|it| it.completion_date)
            }
            None => None,
        };
        let completed = completed.filter(|it| *it <= on);
        if task.dropping.as_ref().is_some_and(|it| it.drop_date <= on) {
            add("DROPPED".into());
            continue;
        }
        add("tasks".into());
        if task.fields.milestone.is_some() {
            add("linked".into());
        }
        let state = match (completed, due) {
            (Some(completed), Some(due)) if completed > due => "COMPLETED_LATE",
            (Some(_), _) => "COMPLETED_ON_TIME",
            (None, None) => "REGULAR",
            (None, Some(due)) if on > due => "OVERDUE",
            (None, Some(_)) if task.fields.start_date.is_some_and(|it| it > on) => "NOT_YET_DUE",
            (None, Some(_)) => "ON_SCHEDULE",
        };
        add(state.into());
        if completed.is_none() {
            if let Some(due) = due {
                add(format!("due {}-{}", due.year(), due.month()));
            }
            let by = |time: Timestamp| time.date_in_vietnam() <= on;
            let mut waits = false;
            if let Some(report) = &task.report {
                waits |= by(report.record_time)
                    && !task
                        .confirmation
                        .as_ref()
                        .is_some_and(|it| by(it.record_time))
                    && !task.dropping.as_ref().is_some_and(|it| by(it.record_time));
            }
            for returned in &task.returns {
                waits |= by(returned.report_time) && !by(returned.record_time);
            }
            if waits {
                add("awaiting".into());
            }
        }
    }
    counts
}

/// The same lines from the registry's counts.
fn received(counts: &TaskCounts, on: Date) -> BTreeMap<String, i32> {
    let mut received = BTreeMap::new();
    let mut add = |what: String, number: i32| {
        if number != 0 {
            received.insert(what, number);
        }
    };
    add("tasks".into(), counts.get(TaskCount::Tasks));
    add("awaiting".into(), counts.get(TaskCount::Awaiting));
    add("linked".into(), counts.get(TaskCount::Linked));
    add("split".into(), counts.get(TaskCount::Split));
    for state in StandingState::ALL {
        add(state.as_str().into(), counts.get(TaskCount::State(state)));
    }
    let due = counts.due_months(on);
    // no due date is so far from the days asked about
    assert_eq!((due.earlier, due.later), (0, 0));
    for (month, number) in due.months {
        add(format!("due {}-{}", month.year(), month.number()), number);
    }
    received
}

fn count_scopes() -> Vec<TaskScope> {
    let programmes = [None, Some("a"), Some("b")];
    let programmes = programmes.map(|it| it.map(|id| ProgrammeName::from_id(id).unwrap()));
    let mut count_scopes = Vec::new();
    for programme in programmes {
        let leads = [TaskLead::Any, TaskLead::Nobody];
        let leads = leads
            .into_iter()
            .chain([0, 1].map(|it| TaskLead::Agency(agency(it))));
        count_scopes.extend(leads.map(|lead| TaskScope {
            programme: programme.clone(),
            lead,
        }));
    }
    count_scopes
}

/// The tasks that reminders and attention items list for an agency: those to complete, and those
/// not confirmed in time.
fn asked_of(state: &State, agency: &AgencyName, on: Date) -> [[BTreeSet<String>; 2]; 2] {
    let (clearance, effort) = (Clearance::Public, Effort::unlimited());
    let reminders = state.reminders(agency, &clearance, on, &effort);
    let reminded = |kind, by| {
        let of_kind = reminders
            .iter()
            .filter(|it| it.kind == kind && it.due <= by);
        of_kind.map(|it| it.resource.clone()).collect()
    };
    let items = state.attention(&CountScope::default(), &clearance, on, &effort);
    let waits = |name: &str| {
        let task = TaskName::parse(name).and_then(|name| state.task(&name));
        task.is_some_and(|task| task.awaits_on(on))
    };
    let listed = |kinds: &[Kind], waiting: bool| {
        let of_agency = items.iter().filter(|it| it.agency.as_ref() == Some(agency));
        let of_kind = of_agency.filter(|it| kinds.contains(&it.kind));
        let found = of_kind.filter(|it| waits(&it.resource) == waiting);
        found.map(|it| it.resource.clone()).collect()
    };
    [
        [
            reminded(ReminderKind::Task, Date::MAX),
            reminded(ReminderKind::TaskConfirmation, on.plus_days(-1)),
        ],
        [
            listed(&[Kind::OverdueTask, Kind::TaskDueSoon], false),
            listed(&[Kind::AwaitingConfirmation], true),
        ],
    ]
}

/// The least limit of effort within which an agency's reminders are found.
fn cost_of_reminders(state: &State) -> Option<u64> {
    (0..1_000).find(|most| {
        let effort = Effort::new(*most, Stop::default());
        state.reminders(&agency(0), &Clearance::Public, day(0), &effort);
        !effort.is_over()
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let of = || 0..TASKS;
    let date = || -BACK..60_i32;
    let lead = || option::of(0..AGENCIES.len());
    let create = (
        (
            of(),
            date(),
            option::of(date()),
            option::weighted(0.2, date()),
        ),
        (
            lead(),
            option::weighted(0.4, of()),
            any::<bool>(),
            prop::bool::weighted(0.2),
        ),
    );
    let create = create.prop_map(
        |((task, assigned, due, start), (lead, parent, both, linked))| Step::Create {
            task,
            assigned,
            due,
            start,
            lead,
            parent,
            both,
            linked,
        },
    );
    prop_oneof![
        2 => (1..20_i32).prop_map(Step::Wait),
        6 => create,
        1 => (of(), lead()).prop_map(|(task, lead)| Step::Lead(task, lead)),
        2 => (of(), option::of(of())).prop_map(|(task, parent)| Step::Under(task, parent)),
        2 => (of(), option::of(date()), date())
            .prop_map(|(task, end, issued)| Step::Move(task, end, issued)),
        4 => (of(), option::of(date())).prop_map(|(task, day)| Step::Report(task, day)),
        3 => of().prop_map(Step::Confirm),
        1 => of().prop_map(Step::Return),
        1 => of().prop_map(Step::Reopen),
        1 => (of(), option::of(date())).prop_map(|(task, day)| Step::Drop(task, day)),
        1 => option::of(date()).prop_map(Step::Milestone),
    ]
}

fn all_kept(state: &State, on: Date) -> Vec<TaskCounts> {
    let tally = Tally::new(state, on, &Effort::unlimited());
    count_scopes()
        .iter()
        .map(|count_scope| tally.tasks().counts(count_scope))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn counts_are_those_of_the_model_and_never_change(steps in vec(any_step(), 1..40)) {
        let mut state = OPENING.clone();
        let mut today = day(0);
        let asked: Vec<Date> = (-BACK..70).step_by(7).map(day).collect();
        let mut kept: Vec<Tally> = [-60, -3, 10].iter()
            .map(|it| Tally::new(&state, day(*it), &Effort::unlimited()))
            .collect();
        for step in &steps {
            if let Step::Wait(days) = step {
                today = today.plus_days(*days);
            }
            let Some(command) = command(&state, step) else { continue };
            let caller = caller(&state, step);
            let Some(change) = decided(&state, &caller, command, today) else { continue };
            let before: Vec<_> = kept.iter().map(|it| it.before(&state, &change)).collect();
            let from = holds_from(&state, step, today).unwrap_or(Date::MIN);
            let earlier: Vec<_> = asked.iter().copied().filter(|it| *it < from).collect();
            let timelines = |state: &State| -> Vec<_> {
                let all = count_scopes();
                let timeline = |it| state.task_timeline(it, &earlier, &Effort::unlimited());
                all.iter().map(timeline).collect()
            };
            let answered = timelines(&state);
            state.apply(&change);
            prop_assert_eq!(timelines(&state), answered, "{:?}", step);
            for (tally, before) in kept.iter_mut().zip(before) {
                prop_assert!(tally.advance(before, &state));
            }
        }
        for tally in &kept {
            let on = tally.date();
            for count_scope in count_scopes() {
                let received = received(&tally.tasks().counts(&count_scope), on);
                prop_assert_eq!(received, model(&state, &count_scope, on), "{:?}", count_scope);
            }
        }
        for count_scope in count_scopes() {
            let timeline = state.task_timeline(&count_scope, &asked, &Effort::unlimited());
            for (on, numbers) in asked.iter().zip(timeline) {
                let mut model = model(&state, &count_scope, *on);
                model.retain(|what, _| !what.starts_with("due "));
                let mut counts = TaskCounts::default();
                counts.numbers = numbers;
                prop_assert_eq!(received(&counts, *on), model, "{} {:?}", on, count_scope);
            }
        }
        let on = day(-3);
        let sum = |count_scopes: &[TaskScope]| {
            let mut sum = TaskCounts::default();
            for count_scope in count_scopes {
                let tally = Tally::new(&state, on, &Effort::unlimited());
                sum.merge(&tally.tasks().counts(count_scope), 1);
            }
            sum
        };
        for of in count_scopes().chunks(4) {
            // all leads, and then each
            let (whole, parts) = (sum(&of[..1]), sum(&of[1..]));
            prop_assert_eq!(&whole, &parts);
            let states: i32 = StandingState::ALL.into_iter()
                .filter(|it| *it != StandingState::Dropped)
                .map(|it| whole.get(TaskCount::State(it)))
                .sum();
            prop_assert_eq!(states, whole.get(TaskCount::Tasks));
            let lead = &of[2];
            if let TaskLead::Agency(agency) = &lead.lead {
                let scanned = state.task_counts(lead.programme.as_ref(), Some(agency), on);
                prop_assert_eq!(scanned, sum(std::slice::from_ref(lead)));
            }
        }
        for on in kept.iter().map(Tally::date) {
            for agency in [0, 1].map(agency) {
                let [reminded, listed] = asked_of(&state, &agency, on);
                prop_assert_eq!(reminded, listed, "{} {}", agency, on);
            }
        }
        // each task is charged for
        let tasks = u64::try_from(state.tasks().len()).unwrap();
        let opening = cost_of_reminders(&OPENING).unwrap();
        prop_assert_eq!(cost_of_reminders(&state), Some(opening + 2 * tasks));
        // a State loaded from the records, as at a start
        let loaded = State::load(state.revision(), state.record_time(), state.images());
        prop_assert_eq!(all_kept(&loaded, on), all_kept(&state, on));
        let names: BTreeSet<_> = loaded.tasks().keys().cloned().collect();
        prop_assert!(names.len() <= TASKS);
    }
}
