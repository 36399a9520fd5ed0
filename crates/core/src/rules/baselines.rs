//! Baselines, and the rebaselines that change an ISSUED plan: proposed by one person, carried out
//! when another approves. What the plan promises from then on is a further baseline.

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
        edit::Fields as _,
        milestones::{Dropping, MILESTONES_MAX, Milestone, MilestoneState},
        plans::{Coverage, PROMISED_FIELDS, Plan, PlanFields},
        principals::Role,
        proposals::{Action, Proposal},
        texts::{Reader, Texts},
    },
    rules::{
        Asking, Command, Deciding,
        deciding::exists,
        milestones::{check_open, check_room},
        plans::{Of, check_fields, check_issued, check_plan_etag},
    },
    time::Date,
};
/// RebaselinePlan.
#[derive(Clone, Debug)]
pub struct RebaselinePlan {
    /// What it would change, and in which plan.
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
    type Output = Proposal;
    type Found<'a> = &'a Plan;

    fn method(&self) -> &'static str {
        "RebaselinePlan"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Plan, Error> {
        let plan: &Plan = asking.find(&self.rebaseline.plan)?;
        if asking.on_plan(Role::AgencyApprover, plan).is_err() {
            asking.on_plan(Role::AgencyEditor, plan)?;
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
        check_plan_etag(deciding.state, plan, etag)?;
        deciding.check_actor_named(name.as_str())?;
        let action = Action::Rebaseline(Box::new(rebaseline.clone()));
        let proposal = deciding.propose(
            &name.parent(),
            action,
            |pending| matches!(&pending.action, Action::Rebaseline(other) if other.plan == *name),
        )?;
        check_changing(rebaseline, &proposal)?;
        Ok(proposal)
    }
}

/// Refuses a proposal that leaves everything as it is, or a milestone that it names.
fn check_changing(rebaseline: &Rebaseline, proposal: &Proposal) -> Result<(), Error> {
    let mut violations = Violations::new();
    if rebaseline.milestone_changes.is_empty() && proposal.changes.is_empty() {
        violations.add("rebaseline", Rule::RebaselineEmpty);
    }
    for (i, change) in rebaseline.milestone_changes.iter().enumerate() {
        let name = change.milestone().as_str();
        if !proposal.changes.iter().any(|it| it.resource == name) {
            let path = format!("rebaseline.milestone_changes[{i}].milestone");
            violations.add(path, Rule::MilestoneUnchanged);
        }
    }
    violations.into_result()
}

/// A plan's fields as a rebaseline makes them. A new entry of a dated list that names no document
/// has the rebaseline's.
fn merged(plan: &Plan, rebaseline: &Rebaseline) -> PlanFields {
    fn cite<T: PartialEq>(
        entries: &mut [T],
        before: &[T],
        place: impl Fn(&mut T) -> &mut Option<Box<Document>>,
        document: &Document,
    ) {
        for entry in entries.iter_mut().filter(|entry| !before.contains(entry)) {
            place(entry).get_or_insert_with(|| Box::new(document.clone()));
        }
    }
    let (before, document) = (&plan.fields, &rebaseline.document);
    let mut fields = before.clone();
    fields.merge(&rebaseline.fields, &rebaseline.mask);
    let (list, old) = (&mut fields.visibilities, &before.visibilities);
    cite(list, old, |it| &mut it.document, document);
    let (list, old) = (&mut fields.reporting_cycles, &before.reporting_cycles);
    cite(list, old, |it| &mut it.document, document);
    let (list, old) = (&mut fields.covered_platforms, &before.covered_platforms);
    for entry in list.iter_mut().filter(|it| !kept(old, it)) {
        entry.start_date = entry.start_date.or(document.issue_date);
    }
    cite(list, old, |it| &mut it.document, document);
    fields
}

/// Whether a list has an entry of the same platform that begins on the same day.
fn kept(entries: &[Coverage], entry: &Coverage) -> bool {
    let mut entries = entries.iter();
    entries.any(|it| (&it.platform, it.start_date) == (&entry.platform, entry.start_date))
}

/// Checks that run when a rebaseline is proposed and again when it is approved. Returns the
/// plan's new fields and, if they or the milestones are a new promise, the date from which that
/// applies.
fn check_rebaseline(
    deciding: &Deciding<'_>,
    plan: &Plan,
    rebaseline: &Rebaseline,
) -> Result<(PlanFields, Option<Date>), Error> {
    check_issued(plan, false)?;
    let Rebaseline {
        milestone_changes,
        document,
        ..
    } = rebaseline;
    let fields = merged(plan, rebaseline);
    let differing = plan.fields.differing(&fields);
    let promises =
        !milestone_changes.is_empty() || differing.iter().any(|it| PROMISED_FIELDS.contains(it));
    let mut newest = None;
    if promises {
        let held = deciding.state.baselines_of(&plan.name).count();
        check_room(plan, "baselines", "kế hoạch gốc", held, BASELINES_MAX)?;
        let baselines = deciding.state.baselines_of(&plan.name);
        newest = baselines.map(|baseline| baseline.effective_date).max();
    }
    let mut violations = check_fields(deciding, &Of::plan(plan), &fields, "rebaseline");
    let mut covered = plan.fields.covered_platforms.iter();
    if covered.any(|entry| !kept(&fields.covered_platforms, entry)) {
        violations.add("rebaseline.covered_platforms", Rule::CoverageRemoved);
    }
    let date = deciding.check_document(
        Some(document),
        Some(Needs::Digest),
        newest.or_else(|| plan.issue_date()),
        "rebaseline.document",
        &mut violations,
    );
    for (i, change) in milestone_changes.iter().enumerate() {
        check_change(
            deciding,
            plan,
            milestone_changes,
            i,
            change,
            &mut violations,
        );
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
    Ok((fields, promises.then_some(date)))
}

/// Carries a rebaseline out: the plan, the milestones, and a new baseline if they promise something
/// else.
pub(super) fn carry_out(
    deciding: &mut Deciding<'_>,
    rebaseline: &Rebaseline,
    reason: &str,
) -> Result<(), Error> {
    let plan = deciding.asking.find::<Plan>(&rebaseline.plan)?;
    let (fields, promised) = check_rebaseline(deciding, plan, rebaseline)?;
    let mut plan = plan.clone();
    plan.meta = deciding.updated(plan.meta);
    plan.fields = fields;
    deciding.put(plan.clone());
    let Some(date) = promised else { return Ok(()) };
    let Rebaseline {
        milestone_changes,
        document,
        ..
    } = rebaseline;
    let held = deciding.state.milestones_of(&plan.name);
    let mut milestones: BTreeMap<MilestoneName, Arc<Milestone>> = held
        .map(|milestone| (milestone.name.clone(), Arc::clone(milestone)))
        .collect();
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
            (MilestoneChange::Update { fields, mask, .. }, Some(old)) => {
                let mut new = (**old).clone();
                new.fields.merge(fields, mask);
                new.meta = deciding.updated(old.meta);
                new
            }
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
        .ok_or_else(|| Error::Bug(format!("`{number}` is not an id").into()))?;
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
    deciding: &Deciding<'_>,
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
        MilestoneChange::Add { fields, .. } => fields.check(&path, violations),
        MilestoneChange::Update { fields, mask, .. } => {
            if let Some(old) = deciding.state.milestone(name) {
                let mut new = old.fields.clone();
                new.merge(fields, mask);
                new.check(&path, violations);
            }
        }
        MilestoneChange::Drop { .. } => {}
    }
}
