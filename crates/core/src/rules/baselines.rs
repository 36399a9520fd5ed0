//! Baselines, and the rebaselines that make a further one: proposed by one person, carried out when
//! another approves.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    change::Image,
    error::{Error, Violations},
    messages::Rule,
    names::{BaselineName, MilestoneName},
    records::{
        baselines::{
            Approval, BASELINES_MAX, Baseline, BaselineMilestone, MilestoneChange, Rebaseline,
        },
        documents::{Document, Needs},
        milestones::{Dropping, MILESTONES_MAX, Milestone, MilestoneFields, MilestoneState},
        plans::{Plan, check_span},
        principals::Role,
        proposals::{Action, Proposal},
        texts::{Reader, Texts},
    },
    rules::{
        Asking, Command, Deciding,
        deciding::{check_etag, exists},
        milestones::{check_open, check_room},
        plans::check_issued,
    },
    time::Date,
};
/// RebaselinePlan.
#[derive(Clone, Debug)]
pub struct RebaselinePlan {
    /// What it would change, and of which plan.
    pub rebaseline: Rebaseline,
    /// The etag of the plan that was read.
    pub etag: String,
}

impl Texts for RebaselinePlan {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.field("rebaseline", &self.rebaseline);
    }
}

impl Command for RebaselinePlan {
    type Answer = Proposal;
    type Found<'a> = &'a Plan;

    fn method(&self) -> &'static str {
        "RebaselinePlan"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Plan, Error> {
        let plan: &Plan = asking.find(&self.rebaseline.plan)?;
        if !asking.caller.has_in(Role::AgencyApprover, &plan.agency) {
            asking.in_agency(Role::AgencyEditor, &plan.agency)?;
        }
        Ok(plan)
    }

    fn decide<'a>(
        &self,
        plan: &'a Plan,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Proposal>, Error> {
        let Self { rebaseline, etag } = self;
        let name = &plan.name;
        check_etag(plan, etag)?;
        deciding.check_actor_named(name.as_str())?;
        check_rebaseline(deciding, plan, rebaseline)?;
        let action = Action::Rebaseline(Box::new(rebaseline.clone()));
        deciding.propose(
            &name.parent(),
            action,
            |pending| matches!(&pending.action, Action::Rebaseline(other) if other.plan == *name),
        )
    }
}

/// Checks that run when a rebaseline is proposed and again when it is approved. Returns the
/// date from which it applies.
fn check_rebaseline(
    deciding: &Deciding<'_>,
    plan: &Plan,
    rebaseline: &Rebaseline,
) -> Result<Date, Error> {
    check_issued(plan, false)?;
    let Rebaseline {
        plan: _,
        milestone_changes,
        budget,
        planned_start,
        planned_end,
        document,
    } = rebaseline;
    let held = deciding.state.baselines_of(&plan.name).count();
    check_room(plan, "baselines", "kế hoạch gốc", held, BASELINES_MAX)?;
    let mut violations = Violations::new();
    let baselines = deciding.state.baselines_of(&plan.name);
    let newest = baselines.map(|baseline| baseline.effective_date).max();
    let date = deciding.check_document(
        Some(document),
        Some(Needs::Digest),
        newest.or_else(|| plan.issue_date()),
        "rebaseline.document",
        &mut violations,
    );
    if let Some(budget) = budget {
        budget.check("rebaseline.budget", &mut violations);
    }
    check_span(
        planned_start
            .as_ref()
            .or(plan.fields.planned_start.as_ref()),
        planned_end.as_ref().or(plan.fields.planned_end.as_ref()),
        "rebaseline",
        &mut violations,
    );
    if milestone_changes.is_empty()
        && budget.is_none()
        && planned_start.is_none()
        && planned_end.is_none()
    {
        violations.add("rebaseline", Rule::RebaselineEmpty);
    }
    for (i, change) in milestone_changes.iter().enumerate() {
        check_change(plan, milestone_changes, i, change, &mut violations);
    }
    violations.into_result()?;
    let mut added = 0;
    for change in milestone_changes {
        let name = change.milestone();
        match change {
            MilestoneChange::Add { .. } if deciding.state.milestone(name).is_some() => {
                return Err(exists::<Milestone>(name));
            }
            MilestoneChange::Add { .. } => added += 1,
            MilestoneChange::Update { .. } | MilestoneChange::Drop { .. } => {
                check_open(deciding.asking.find(name)?)?;
            }
        }
    }
    if added > 0 {
        let held = deciding.state.milestones_of(&plan.name).count() + added - 1;
        check_room(plan, "milestones", "mốc nhiệm vụ", held, MILESTONES_MAX)?;
    }
    Ok(date)
}

/// Carries an approved rebaseline out: the milestones, the plan, and the new baseline.
pub(super) fn carry_out(
    deciding: &mut Deciding<'_>,
    rebaseline: &Rebaseline,
    reason: &str,
) -> Result<(), Error> {
    let plan = deciding.asking.find::<Plan>(&rebaseline.plan)?;
    let date = check_rebaseline(deciding, plan, rebaseline)?;
    let Rebaseline {
        plan: _,
        milestone_changes,
        budget,
        planned_start,
        planned_end,
        document,
    } = rebaseline;
    let mut plan = plan.clone();
    plan.meta = deciding.updated(plan.meta);
    for (new, field) in [
        (planned_start, &mut plan.fields.planned_start),
        (planned_end, &mut plan.fields.planned_end),
    ] {
        if new.is_some() {
            field.clone_from(new);
        }
    }
    if budget.is_some() {
        plan.fields.budget.clone_from(budget);
    }
    let held = deciding.state.milestones_of(&plan.name);
    let mut milestones: BTreeMap<MilestoneName, Arc<Milestone>> = held
        .map(|milestone| (milestone.name.clone(), Arc::clone(milestone)))
        .collect();
    deciding.put(plan.clone());
    for change in milestone_changes {
        let name = change.milestone();
        let old = milestones.get(name);
        let new = match (change, old) {
            (MilestoneChange::Add { fields, .. }, _) => Milestone {
                name: name.clone(),
                fields: fields.clone(),
                completion: None,
                dropping: None,
                reopening: None,
                meta: deciding.created(),
            },
            (MilestoneChange::Update { fields, .. }, Some(old)) => Milestone {
                fields: MilestoneFields {
                    accountable_unit: old.fields.accountable_unit.clone(),
                    ..fields.clone()
                },
                meta: deciding.updated(old.meta),
                ..(**old).clone()
            },
            (MilestoneChange::Drop { .. }, Some(old)) => Milestone {
                dropping: Some(Box::new(Dropping {
                    drop_date: date,
                    reason: reason.to_owned(),
                    document: Some(Box::new(document.clone())),
                    record_time: deciding.now,
                })),
                meta: deciding.updated(old.meta),
                ..(**old).clone()
            },
            (MilestoneChange::Update { .. } | MilestoneChange::Drop { .. }, None) => {
                return Err(Error::Bug(format!("`{name}` was checked to exist").into()));
            }
        };
        let new = Arc::new(new);
        milestones.insert(name.clone(), Arc::clone(&new));
        deciding.put_image(Image::Milestone(new));
    }
    let milestones: Vec<_> = milestones.into_values().collect();
    make(deciding, &plan, &milestones, date, Some(document), reason)
}

/// Stores the current promises of a plan as a new baseline, under the next number.
pub(super) fn make(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    milestones: &[Arc<Milestone>],
    effective_date: Date,
    document: Option<&Document>,
    reason: &str,
) -> Result<(), Error> {
    let numbers = deciding.state.baselines_of(&plan.name).map(|it| it.number);
    let number = numbers.max().unwrap_or(0).saturating_add(1);
    let name = BaselineName::from_id(&plan.name, &number.to_string())
        .ok_or_else(|| Error::Bug(format!("`{number}` is no id").into()))?;
    let promised = milestones
        .iter()
        .filter(|milestone| milestone.state() != MilestoneState::Dropped);
    deciding.put(Baseline {
        name,
        number,
        effective_date,
        milestones: promised.map(|milestone| promise(milestone)).collect(),
        budget: plan.fields.budget.clone(),
        planned_start: plan.fields.planned_start.clone(),
        planned_end: plan.fields.planned_end.clone(),
        document: document.cloned().map(Box::new),
        reason: reason.to_owned(),
        approval: Approval {
            person: Some(deciding.person.clone()),
            record_time: deciding.now,
        },
        meta: deciding.created(),
    });
    Ok(())
}

fn promise(milestone: &Milestone) -> BaselineMilestone {
    let fields = &milestone.fields;
    BaselineMilestone {
        milestone: milestone.name.clone(),
        display_name: fields.display_name.clone(),
        required_result: fields.required_result.clone(),
        due: fields.due.clone(),
        weight: fields.weight(),
    }
}

/// Adds a violation for each rule that one change of a milestone breaks by itself, or beside the
/// changes before it.
fn check_change(
    plan: &Plan,
    changes: &[MilestoneChange],
    i: usize,
    change: &MilestoneChange,
    violations: &mut Violations,
) {
    let path = format!("rebaseline.milestone_changes[{i}].milestone");
    let name = change.milestone();
    if name.parent() != plan.name {
        violations.add(
            format!("{path}.name"),
            Rule::NotOfPlan {
                plan: plan.name.to_string(),
            },
        );
    }
    if changes.iter().take(i).any(|it| it.milestone() == name) {
        violations.add(format!("{path}.name"), Rule::MilestoneRepeated);
    }
    match change {
        MilestoneChange::Add { fields, .. } | MilestoneChange::Update { fields, .. } => {
            fields.check(&path, violations);
        }
        MilestoneChange::Drop { .. } => {}
    }
}
