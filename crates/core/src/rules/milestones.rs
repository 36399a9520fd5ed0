//! Milestones. Promised fields change freely while the plan is being written; after issue, only a
//! rebaseline changes them. Results are recorded while the plan is in force.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    messages::{Condition, Rule},
    names::{MilestoneName, PlanName},
    records::{
        documents::{Document, Evidence, Needs},
        milestones::{
            Completion, Dropping, FIELDS_AFTER_ISSUE, MILESTONES_MAX, Milestone, MilestoneFields,
            MilestoneState,
        },
        plans::Plan,
        principals::Role,
        texts::{Reader, Texts},
    },
    rules::{
        Asking, Command, Deciding, Update,
        deciding::check_etag,
        plans::{check_fixed, check_issued, is_in_force, only_by_rebaseline},
        update::editable,
    },
    state::State,
    time::Date,
};
/// A milestone, and its plan.
type Found<'a> = (&'a Milestone, &'a Plan);

impl<'a> Asking<'a> {
    /// A milestone that the caller may know of, and its plan.
    fn milestone(&self, name: &MilestoneName) -> Result<Found<'a>, Error> {
        Ok((self.find(name)?, self.find(&name.parent())?))
    }

    /// The same, if the caller writes it, for its agency or as one who transcribes.
    fn milestone_to_write(&self, name: &MilestoneName) -> Result<Found<'a>, Error> {
        let (milestone, plan) = self.milestone(name)?;
        self.writes_plan(plan).map(|()| (milestone, plan))
    }

    /// The same, if the caller may edit it.
    fn milestone_to_edit(&self, name: &MilestoneName) -> Result<Found<'a>, Error> {
        let (milestone, plan) = self.milestone(name)?;
        self.on_plan(Role::AgencyEditor, plan)?;
        Ok((milestone, plan))
    }
}

/// CreateMilestone.
#[derive(Clone, Debug)]
pub struct CreateMilestone {
    pub plan: PlanName,
    /// Name it is to have; a random id when absent.
    pub name: Option<MilestoneName>,
    /// What to write.
    pub fields: MilestoneFields,
}

impl Texts for CreateMilestone {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self {
            plan: _,
            name,
            fields,
        } = self;
        reader.id("milestone_id", name.as_ref().map(MilestoneName::id));
        reader.field("milestone", fields);
    }
}

impl Command for CreateMilestone {
    type Output = Milestone;
    type Found<'a> = &'a Plan;

    fn method(&self) -> &'static str {
        "CreateMilestone"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Plan, Error> {
        asking.plan_to_write(&self.plan)
    }

    fn decide<'a>(
        &self,
        plan: &'a Plan,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Milestone>, Error> {
        let from_id = |id: &str| MilestoneName::from_id(&plan.name, id);
        let name = deciding.free_name::<Milestone>(self.name.as_ref(), from_id)?;
        if is_in_force(plan)? {
            let place = "rebaseline.milestone_changes";
            return Err(only_by_rebaseline(plan.name.as_str(), "milestones", place));
        }
        let held = deciding.state.milestones_of(&plan.name).count();
        check_room(plan, "milestones", "mốc nhiệm vụ", held, MILESTONES_MAX)?;
        check_fields(&self.fields)?;
        Ok(Arc::new(Milestone {
            name,
            fields: self.fields.clone(),
            completion: None,
            dropping: None,
            reopening: None,
            meta: deciding.created(),
        }))
    }
}

editable!(Milestone MilestoneFields "milestone");

pub type UpdateMilestone = Update<Milestone>;

impl Command for UpdateMilestone {
    type Output = Milestone;
    type Found<'a> = Found<'a>;

    fn method(&self) -> &'static str {
        "UpdateMilestone"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<Found<'a>, Error> {
        asking.milestone_to_write(&self.name)
    }

    fn decide<'a>(
        &self,
        (milestone, plan): Found<'a>,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Milestone>, Error> {
        let new = self.edit(milestone, deciding)?;
        if is_in_force(plan)? {
            let differing = milestone.fields.differing(&new.fields);
            check_fixed(new.name.as_str(), &differing, FIELDS_AFTER_ISSUE, |_| {
                "rebaseline.milestone_changes".to_owned()
            })?;
        }
        check_not_dropped(milestone)?;
        check_fields(&new.fields)?;
        Ok(Arc::new(new))
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        self.texts_of_record(state, reader);
    }
}

/// CompleteMilestone. A repeated completion is a correction. The log keeps the earlier result.
#[derive(Clone, Debug)]
pub struct CompleteMilestone {
    /// Resource name of the milestone.
    pub name: MilestoneName,
    /// The day on which it was complete; today when absent.
    pub completion_date: Option<Date>,
    pub evidence: Vec<Evidence>,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for CompleteMilestone {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.field("evidence", &self.evidence);
    }
}

impl Command for CompleteMilestone {
    type Output = Milestone;
    type Found<'a> = Found<'a>;

    fn method(&self) -> &'static str {
        "CompleteMilestone"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<Found<'a>, Error> {
        asking.milestone_to_edit(&self.name)
    }

    fn decide<'a>(
        &self,
        (milestone, plan): Found<'a>,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Milestone>, Error> {
        check_etag(milestone, &self.etag)?;
        check_issued(plan, false)?;
        check_not_dropped(milestone)?;
        let mut violations = Violations::new();
        let today = deciding.today();
        let completion_date = self.completion_date.unwrap_or(today);
        if completion_date > today {
            violations.add("completion_date", Rule::InFuture { today });
        }
        if milestone.completion.is_some() && deciding.reason.trim().is_empty() {
            violations.add("reason", Rule::CorrectionReasonMissing);
        }
        violations.into_result()?;
        Ok(Arc::new(Milestone {
            completion: Some(Box::new(Completion {
                completion_date,
                evidence: self.evidence.clone(),
                record_time: deciding.now,
            })),
            meta: deciding.updated(milestone.meta),
            ..milestone.clone()
        }))
    }
}

/// DropMilestone.
#[derive(Clone, Debug)]
pub struct DropMilestone {
    /// Resource name of the milestone.
    pub name: MilestoneName,
    /// The document that decided it, where one is given.
    pub document: Option<Box<Document>>,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for DropMilestone {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.field("document", &self.document);
    }
}

impl Command for DropMilestone {
    type Output = Milestone;
    type Found<'a> = Found<'a>;

    fn method(&self) -> &'static str {
        "DropMilestone"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<Found<'a>, Error> {
        let (milestone, plan) = asking.milestone(&self.name)?;
        // after issue, only those who approved the promise can give it up
        if plan.state.was_issued() {
            asking.on_plan(Role::AgencyApprover, plan)?;
        } else {
            asking.writes_plan(plan)?;
        }
        Ok((milestone, plan))
    }

    fn decide<'a>(
        &self,
        (milestone, plan): Found<'a>,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Milestone>, Error> {
        check_etag(milestone, &self.etag)?;
        // a document must justify giving up a promise of the baseline
        let needs = is_in_force(plan)?.then_some(Needs::Identity);
        check_open(milestone)?;
        let mut violations = Violations::new();
        let drop_date = deciding.check_document(
            self.document.as_deref(),
            needs,
            plan.issue_date(),
            "document",
            &mut violations,
        );
        violations.into_result()?;
        Ok(Arc::new(Milestone {
            dropping: Some(Box::new(Dropping {
                drop_date,
                reason: deciding.reason(),
                document: self.document.clone(),
                record_time: deciding.now,
            })),
            meta: deciding.updated(milestone.meta),
            ..milestone.clone()
        }))
    }
}

/// ReopenMilestone.
#[derive(Clone, Debug)]
pub struct ReopenMilestone {
    /// Resource name of the milestone.
    pub name: MilestoneName,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for ReopenMilestone {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for ReopenMilestone {
    type Output = Milestone;
    type Found<'a> = Found<'a>;

    fn method(&self) -> &'static str {
        "ReopenMilestone"
    }

    /// Callers who may record a completion may take it back, without a second person or a document.
    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<Found<'a>, Error> {
        asking.milestone_to_edit(&self.name)
    }

    fn decide<'a>(
        &self,
        (milestone, plan): Found<'a>,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Milestone>, Error> {
        check_etag(milestone, &self.etag)?;
        check_issued(plan, false)?;
        if milestone.state() != MilestoneState::Completed {
            let state = milestone.state().as_str();
            return Err(Error::refused(
                milestone.name.as_str(),
                Condition::MilestoneNotCompleted { state },
            ));
        }
        Ok(Arc::new(Milestone {
            completion: None,
            reopening: Some(Box::new(deciding.undoing())),
            meta: deciding.updated(milestone.meta),
            ..milestone.clone()
        }))
    }
}

/// Refuses when the plan already has the maximum number of these records.
pub(super) fn check_room(
    plan: &Plan,
    what: &str,
    what_vi: &str,
    held: usize,
    most: usize,
) -> Result<(), Error> {
    if held < most {
        return Ok(());
    }
    Err(Error::refused(
        plan.name.as_str(),
        Condition::PlanIsFull {
            held,
            what: what.to_owned(),
            what_vi: what_vi.to_owned(),
            most,
        },
    ))
}

/// Refuses if the milestone has been completed or dropped.
pub(super) fn check_open(milestone: &Milestone) -> Result<(), Error> {
    check_not_dropped(milestone)?;
    if milestone.state() == MilestoneState::Completed {
        return Err(Error::refused(
            milestone.name.as_str(),
            Condition::MilestoneIsCompleted,
        ));
    }
    Ok(())
}

fn check_not_dropped(milestone: &Milestone) -> Result<(), Error> {
    if milestone.state() == MilestoneState::Dropped {
        return Err(Error::refused(
            milestone.name.as_str(),
            Condition::MilestoneIsDropped,
        ));
    }
    Ok(())
}

fn check_fields(fields: &MilestoneFields) -> Result<(), Error> {
    let mut violations = Violations::new();
    fields.check("milestone", &mut violations);
    violations.into_result()
}
