//! Any sequence of commands on the plans of a platform, by any of several people, against a model
//! that says the rules in the plainest words. No wire and no store: `decide` and `apply` alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use ndp_core::{
    caller::Caller,
    error::Error,
    names::{AgencyName, MilestoneName, PlanName, PlatformName},
    records::{
        documents::Document,
        milestones::{MilestoneFields, MilestoneState},
        plans::{PlanFields, PlanMove, PlanState},
    },
    rules::{
        AnyCommand, Ids, Request, decide,
        milestones::{CompleteMilestone, CreateMilestone, DropMilestone},
        plans::{CreatePlan, MovePlan, UpdatePlan},
    },
    state::State,
    time::{Date, Timestamp},
};
use ndp_registry::catalogue;
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::harness::{
    plans::{AGENCY, MOVES, with_every_role},
    server::MORNING,
};

/// Days that documents may be of; the test's today is the last but one.
const DAYS: [&str; 5] = [
    "2026-09-28",
    "2026-09-29",
    "2026-09-30",
    "2026-10-01",
    "2026-10-02",
];
const TODAY: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Create {
        plan: usize,
    },
    Promise {
        plan: usize,
        milestone: usize,
    },
    Fulfil {
        plan: usize,
        milestone: usize,
    },
    GiveUp {
        plan: usize,
        milestone: usize,
        day: Option<usize>,
    },
    Rename {
        plan: usize,
    },
    Move {
        plan: usize,
        step: PlanMove,
        who: usize,
        day: Option<usize>,
    },
}

// === the model ===

#[derive(Clone, Debug)]
struct Modelled {
    state: PlanState,
    submitted_by: usize,
    issued_on: usize,
    superseding_plan: Option<usize>,
    milestones: BTreeMap<usize, MilestoneState>,
    promised: BTreeSet<usize>,
}

#[derive(Clone, Debug, Default)]
struct Model(BTreeMap<usize, Modelled>);

impl Model {
    /// The expected result of a step: empty if it is accepted, else the reason for the refusal.
    fn take(&mut self, step: &Step) -> Result<(), &'static str> {
        use PlanState::{
            Annulled, Completed, Draft, Issued, Returned, Revoked, Submitted, Superseded, Withdrawn,
        };
        match *step {
            Step::Create { plan } => {
                let new = Modelled {
                    state: Draft,
                    submitted_by: 0,
                    issued_on: 0,
                    superseding_plan: None,
                    milestones: BTreeMap::new(),
                    promised: BTreeSet::new(),
                };
                match self.0.insert(plan, new) {
                    None => Ok(()),
                    Some(old) => {
                        self.0.insert(plan, old);
                        Err("ALREADY_EXISTS")
                    }
                }
            }
            Step::Promise { plan, milestone } => {
                let it = self.0.get_mut(&plan).ok_or("NOT_FOUND")?;
                if it.milestones.contains_key(&milestone) {
                    return Err("ALREADY_EXISTS");
                }
                match it.state {
                    Draft | Returned => {}
                    Issued => return Err("PLAN_IS_ISSUED"),
                    Submitted => return Err("PLAN_IS_FROZEN"),
                    _ => return Err("PLAN_HAS_ENDED"),
                }
                it.milestones.insert(milestone, MilestoneState::Open);
                Ok(())
            }
            Step::Fulfil { plan, milestone } => {
                let it = self.0.get_mut(&plan).ok_or("NOT_FOUND")?;
                let state = it.milestones.get_mut(&milestone).ok_or("NOT_FOUND")?;
                match it.state {
                    Issued => {}
                    Draft | Returned => return Err("PLAN_NOT_ISSUED"),
                    Submitted => return Err("PLAN_IS_FROZEN"),
                    _ => return Err("PLAN_HAS_ENDED"),
                }
                match state {
                    MilestoneState::Open => *state = MilestoneState::Completed,
                    // no reason is given here
                    MilestoneState::Completed => return Err("INVALID"),
                    MilestoneState::Dropped => return Err("MILESTONE_IS_DROPPED"),
                }
                Ok(())
            }
            Step::GiveUp {
                plan,
                milestone,
                day,
            } => {
                let it = self.0.get_mut(&plan).ok_or("NOT_FOUND")?;
                let state = it.milestones.get_mut(&milestone).ok_or("NOT_FOUND")?;
                match it.state {
                    Draft | Returned | Issued => {}
                    Submitted => return Err("PLAN_IS_FROZEN"),
                    _ => return Err("PLAN_HAS_ENDED"),
                }
                match state {
                    MilestoneState::Open => {}
                    MilestoneState::Completed => return Err("MILESTONE_IS_COMPLETED"),
                    MilestoneState::Dropped => return Err("MILESTONE_IS_DROPPED"),
                }
                let too_early = it.state == Issued && day.is_none_or(|day| day < it.issued_on);
                if too_early || day.is_some_and(|day| day > TODAY) {
                    return Err("INVALID");
                }
                *state = MilestoneState::Dropped;
                Ok(())
            }
            Step::Rename { plan } => match self.0.get(&plan).ok_or("NOT_FOUND")?.state {
                Draft | Returned => Ok(()),
                Issued => Err("PLAN_IS_ISSUED"),
                Submitted => Err("PLAN_IS_FROZEN"),
                Withdrawn | Completed | Superseded | Revoked | Annulled => Err("PLAN_HAS_ENDED"),
            },
            Step::Move {
                plan,
                step,
                who,
                day,
            } => {
                let in_force = self.0.values().find(|it| it.state == Issued).cloned();
                let it = self.0.get_mut(&plan).ok_or("NOT_FOUND")?;
                let to = match (it.state, step) {
                    (Draft | Returned, PlanMove::Submit) => Submitted,
                    (Submitted, PlanMove::Return) => Returned,
                    (Submitted, PlanMove::Issue) => Issued,
                    (Draft | Submitted | Returned, PlanMove::Withdraw) => Withdrawn,
                    (Issued, PlanMove::Complete) => Completed,
                    (Issued, PlanMove::Revoke) => Revoked,
                    (Issued, PlanMove::Annul) => Annulled,
                    (Completed | Revoked, PlanMove::Reopen) => Issued,
                    _ => return Err("PLAN_STATE"),
                };
                match step {
                    PlanMove::Submit => it.submitted_by = who,
                    PlanMove::Issue => {
                        if it.submitted_by == who {
                            return Err("SECOND_PERSON_NEEDED");
                        }
                        let day = day.ok_or("INVALID")?;
                        if day > TODAY || in_force.is_some_and(|old| day < old.issued_on) {
                            return Err("INVALID");
                        }
                        it.issued_on = day;
                    }
                    PlanMove::Revoke | PlanMove::Complete => {
                        if day.is_none() && step == PlanMove::Revoke {
                            return Err("INVALID");
                        }
                        let day = day.unwrap_or(TODAY);
                        if day > TODAY || day < it.issued_on {
                            return Err("INVALID");
                        }
                    }
                    PlanMove::Reopen => {
                        if in_force.is_some() {
                            return Err("PLAN_IN_FORCE");
                        }
                        if day.is_none() && it.state == Revoked {
                            return Err("INVALID");
                        }
                        let day = day.unwrap_or(TODAY);
                        if day > TODAY || day < it.issued_on {
                            return Err("INVALID");
                        }
                    }
                    _ => {}
                }
                it.state = to;
                if step == PlanMove::Issue {
                    let promised = it.milestones.iter();
                    let promised = promised.filter(|it| *it.1 != MilestoneState::Dropped);
                    it.promised = promised.map(|it| *it.0).collect();
                    for (other, it) in &mut self.0 {
                        if *other != plan && it.state == Issued {
                            it.state = Superseded;
                            it.superseding_plan = Some(plan);
                        }
                    }
                }
                if to == Annulled {
                    for it in self.0.values_mut() {
                        if it.superseding_plan == Some(plan) {
                            it.state = Issued;
                            it.superseding_plan = None;
                        }
                    }
                }
                Ok(())
            }
        }
    }
}

// === the registry ===

/// Every id is chosen here.
struct NoIds;

impl Ids for NoIds {
    fn id(&mut self, _: usize) -> String {
        unreachable!("no id was left open")
    }
}

static OPENING: LazyLock<State> = LazyLock::new(|| {
    let seed = catalogue::seed([catalogue::OPENING_EDITION]).unwrap();
    let request = request(Box::new(seed));
    let mut state = State::default();
    let change = decide(
        &state,
        &Caller::System { actor: None },
        &request,
        now(),
        &mut NoIds,
    );
    state.apply(&change.unwrap().change);
    state
});

fn now() -> Timestamp {
    Timestamp::parse(MORNING).unwrap()
}

fn request(command: Box<dyn AnyCommand>) -> Request {
    Request {
        command,
        request_id: None,
        reason: String::new(),
    }
}

/// Someone with every role that plans need, so that permission is never the question.
fn caller(who: usize) -> Caller {
    with_every_role(who, AgencyName::from_id(AGENCY).as_ref())
}

fn platform() -> PlatformName {
    PlatformName::from_id("ndp-001").unwrap()
}

fn plan_name(plan: usize) -> PlanName {
    PlanName::from_id(&platform(), &format!("plan-{plan}")).unwrap()
}

fn fields(title: usize) -> PlanFields {
    PlanFields {
        display_name: format!("Kế hoạch thử nghiệm {title}"),
        ..PlanFields::default()
    }
}

fn milestone_name(plan: usize, milestone: usize) -> MilestoneName {
    MilestoneName::from_id(&plan_name(plan), &format!("m{milestone}")).unwrap()
}

fn document(day: usize) -> Box<Document> {
    Box::new(Document {
        symbol: "1/QĐ-TEST".into(),
        issuer: "Cơ quan thử nghiệm (synthetic)".into(),
        issue_date: Some(Date::parse(DAYS[day]).unwrap()),
        sha256: "0".repeat(64),
        ..Document::default()
    })
}

fn command(state: &State, step: &Step, number: usize) -> (Caller, Box<dyn AnyCommand>) {
    let etag = |name: &MilestoneName| {
        let milestone = state.milestone(name).map(|it| it.meta.etag());
        milestone.unwrap_or_default()
    };
    match *step {
        Step::Promise { plan, milestone } => {
            let promise = Box::new(CreateMilestone {
                plan: plan_name(plan),
                name: Some(milestone_name(plan, milestone)),
                fields: MilestoneFields {
                    display_name: "Mốc thử nghiệm".into(),
                    ..MilestoneFields::default()
                },
            });
            (caller(0), promise)
        }
        Step::Fulfil { plan, milestone } => {
            let name = milestone_name(plan, milestone);
            let fulfil = Box::new(CompleteMilestone {
                etag: etag(&name),
                name,
                completion_date: None,
                evidence: Vec::new(),
            });
            (caller(0), fulfil)
        }
        Step::GiveUp {
            plan,
            milestone,
            day,
        } => {
            let name = milestone_name(plan, milestone);
            let give_up = Box::new(DropMilestone {
                etag: etag(&name),
                name,
                document: day.map(document),
            });
            (caller(0), give_up)
        }
        Step::Create { plan } => {
            let name = Some(plan_name(plan));
            let platform = platform();
            (
                caller(0),
                Box::new(CreatePlan {
                    platform,
                    name,
                    fields: fields(number),
                    source: None,
                }),
            )
        }
        Step::Rename { plan } => {
            let update = Box::new(UpdatePlan {
                name: plan_name(plan),
                fields: fields(number),
                mask: vec!["display_name".to_owned()],
                etag: None,
            });
            (caller(0), update)
        }
        Step::Move {
            plan,
            step,
            who,
            day,
        } => {
            let name = plan_name(plan);
            let etag = state.plan(&name).map(|plan| state.plan_etag(plan));
            let document = day.map(document);
            let etag = etag.unwrap_or_default();
            (
                caller(who),
                Box::new(MovePlan {
                    name,
                    step,
                    document,
                    etag,
                }),
            )
        }
    }
}

fn reason(error: &Error) -> &'static str {
    match error {
        Error::Refused(refusal) => refusal.condition.reason().name(),
        Error::AlreadyExists { .. } => "ALREADY_EXISTS",
        Error::NotFound { .. } => "NOT_FOUND",
        Error::Invalid(_) => "INVALID",
        other => panic!("{other:?}"),
    }
}

fn number_of(plan: &PlanName) -> usize {
    plan.id().strip_prefix("plan-").unwrap().parse().unwrap()
}

fn check(state: &State, model: &Model) {
    let held = state.plans_of(&platform()).count();
    assert_eq!(held, model.0.len());
    for (plan, modelled) in &model.0 {
        let plan = state.plan(&plan_name(*plan)).unwrap();
        assert_eq!(plan.state, modelled.state, "{}", plan.name);
        let history = &plan.state_history;
        assert_eq!(history.first().unwrap().state, PlanState::Draft);
        assert_eq!(history.last().unwrap().state, plan.state);
        let issued = history.iter().skip_while(|entry| !entry.state.was_issued());
        let dates: Vec<_> = issued.map(|entry| entry.effective_date).collect();
        assert_eq!(
            dates.first(),
            dates.iter().min(),
            "{}: {dates:?}",
            plan.name
        );
        assert_eq!(dates.is_empty(), !plan.state.was_issued());
        assert_eq!(plan.issuing_document.is_some(), plan.state.was_issued());
        let successor = plan.superseding_plan.as_ref().map(number_of);
        assert_eq!(successor, modelled.superseding_plan, "{}", plan.name);
        let milestones = state.milestones_of(&plan.name);
        let milestones: Vec<_> = milestones.map(|it| it.state()).collect();
        let modelled_states: Vec<_> = modelled.milestones.values().copied().collect();
        assert_eq!(milestones, modelled_states, "{}", plan.name);
        // baselines never change
        let baselines: Vec<_> = state.baselines_of(&plan.name).collect();
        assert_eq!(baselines.len(), usize::from(plan.state.was_issued()));
        for baseline in &baselines {
            let promised = baseline.milestones.iter().map(|it| it.milestone.clone());
            let names = modelled.promised.iter();
            let names = names.map(|it| milestone_name(number_of(&plan.name), *it));
            assert!(promised.eq(names), "{}", plan.name);
        }
    }
    let in_force = state.plans().values();
    let in_force = in_force.filter(|plan| plan.state == PlanState::Issued);
    assert!(in_force.count() <= 1);
}

/// One step, or the whole way to ISSUED, which random steps rarely reach.
fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let plan = || 0..3_usize;
    let moving = (
        plan(),
        select(MOVES.to_vec()),
        0..3_usize,
        option::of(0..DAYS.len()),
    );
    let moving = moving.prop_map(|(plan, step, who, day)| {
        vec![Step::Move {
            plan,
            step,
            who,
            day,
        }]
    });
    let issuing = (plan(), 0..DAYS.len()).prop_map(|(plan, day)| {
        let step = |step, who, day| Step::Move {
            plan,
            step,
            who,
            day,
        };
        vec![
            Step::Create { plan },
            Step::Promise { plan, milestone: 0 },
            Step::Promise { plan, milestone: 1 },
            step(PlanMove::Submit, 0, None),
            step(PlanMove::Issue, 1, Some(day)),
        ]
    });
    let milestone = || 0..3_usize;
    let promising =
        (plan(), milestone()).prop_map(|(plan, milestone)| vec![Step::Promise { plan, milestone }]);
    let fulfilling =
        (plan(), milestone()).prop_map(|(plan, milestone)| vec![Step::Fulfil { plan, milestone }]);
    let giving_up =
        (plan(), milestone(), option::of(0..DAYS.len())).prop_map(|(plan, milestone, day)| {
            vec![Step::GiveUp {
                plan,
                milestone,
                day,
            }]
        });
    prop_oneof![
        1 => plan().prop_map(|plan| vec![Step::Create { plan }]),
        2 => plan().prop_map(|plan| vec![Step::Rename { plan }]),
        2 => issuing,
        3 => promising,
        3 => fulfilling,
        2 => giving_up,
        8 => moving,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_commands_ends_as_the_rules_say(snippets in vec(any_steps(), 1..40)) {
        let mut state = OPENING.clone();
        let mut model = Model::default();
        for (number, step) in snippets.iter().flatten().enumerate() {
            let (caller, command) = command(&state, step, number);
            let decided = decide(&state, &caller, &request(command), now(), &mut NoIds);
            let decided = decided.map(|it| it.change);
            let expected = model.take(step);
            let outcome = decided.as_ref().map(|_| ()).map_err(reason);
            prop_assert_eq!(outcome, expected, "{:?}", step);
            if let Ok(change) = decided {
                prop_assert_eq!(change.revision, state.revision().next());
                state.apply(&change);
            }
            check(&state, &model);
        }
    }
}
