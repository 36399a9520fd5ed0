//! Tasks. The assigning side creates, changes and drops them, moves their due dates by a document,
//! and confirms or returns what the lead agency reports. A person cannot confirm their own report.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    error::{Error, Violations},
    messages::{Condition, Rule},
    monitoring::standing::plan_state_on,
    names::{ProgrammeName, TaskName},
    records::{
        documents::{Document, Evidence, Needs},
        principals::Role,
        tasks::{
            Confirmation, DEPTH_MAX, DUE_MOVES_MAX, DueMove, LEADS_MAX, Lead, RETURNS_MAX, Return,
            Task, TaskDropping, TaskFields, TaskReport, TaskState, check_due,
        },
        texts::{Reader, Texts},
    },
    rules::{Asking, Command, Deciding, Update, deciding::check_etag, update::editable},
    state::State,
    time::{Date, Period},
};

impl<'a> Asking<'a> {
    /// The steward, or an approver of the agency that assigns a task.
    fn assigns(&self, fields: &TaskFields) -> Result<(), Error> {
        match &fields.assigning_agency {
            Some(agency) => self.steward_or(Role::AgencyApprover, agency),
            None => self.steward(),
        }
    }

    /// A task, if the caller belongs to the side that assigned it.
    fn assigned_task(&self, name: &TaskName) -> Result<&'a Task, Error> {
        let task: &Task = self.find(name)?;
        self.assigns(&task.fields).map(|()| task)
    }
}

/// CreateTask.
#[derive(Clone, Debug)]
pub struct CreateTask {
    /// Name it is to have; a random id when absent.
    pub name: Option<TaskName>,
    /// What to write.
    pub fields: TaskFields,
}

impl Texts for CreateTask {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self { name, fields } = self;
        reader.id("task_id", name.as_ref().map(TaskName::id));
        reader.field("task", fields);
    }
}

impl Command for CreateTask {
    type Output = Task;
    type Found<'a> = ();

    fn method(&self) -> &'static str {
        "CreateTask"
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        asking.assigns(&self.fields)
    }

    fn decide(&self, (): (), deciding: &mut Deciding<'_>) -> Result<Arc<Task>, Error> {
        let name = deciding.free_name::<Task>(self.name.as_ref(), TaskName::from_id)?;
        let task = Task::new(name, self.fields.clone(), deciding.created());
        check_task(&task, None, deciding)?;
        Ok(Arc::new(task))
    }
}

editable!(Task TaskFields "task");

pub type UpdateTask = Update<Task>;

impl Command for UpdateTask {
    type Output = Task;
    type Found<'a> = &'a Task;

    fn method(&self) -> &'static str {
        "UpdateTask"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Task, Error> {
        asking.assigned_task(&self.name)
    }

    fn decide<'a>(&self, task: &'a Task, deciding: &mut Deciding<'a>) -> Result<Arc<Task>, Error> {
        let mut new = self.edit(task, deciding)?;
        check_state(
            task,
            &[TaskState::Open, TaskState::Reported, TaskState::Completed],
        )?;
        if new.fields.assigning_agency != task.fields.assigning_agency {
            deciding.asking.assigns(&new.fields)?;
        }
        if new.fields.milestone != task.fields.milestone {
            check_state(task, &[TaskState::Open])?;
        }
        check_task(&new, Some(task), deciding)?;
        keep_lead(&mut new, task, deciding.today())?;
        Ok(Arc::new(new))
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        self.texts_of_record(state, reader);
    }
}

/// MoveTaskDue.
#[derive(Clone, Debug)]
pub struct MoveTaskDue {
    /// Resource name of the task.
    pub name: TaskName,
    /// The new due date; absent for a regular task.
    pub due: Option<Period>,
    /// The document that decided it.
    pub document: Option<Box<Document>>,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for MoveTaskDue {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.field("due", &self.due);
        reader.field("document", &self.document);
    }
}

impl Command for MoveTaskDue {
    type Output = Task;
    type Found<'a> = &'a Task;

    fn method(&self) -> &'static str {
        "MoveTaskDue"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Task, Error> {
        asking.assigned_task(&self.name)
    }

    fn decide<'a>(&self, task: &'a Task, deciding: &mut Deciding<'a>) -> Result<Arc<Task>, Error> {
        check_etag(task, &self.etag)?;
        check_state(task, &[TaskState::Open, TaskState::Reported])?;
        if task.due_moves.len() >= DUE_MOVES_MAX {
            let most = DUE_MOVES_MAX;
            return Err(refused(task, Condition::TaskDueMovesFull { most }));
        }
        let mut violations = Violations::new();
        check_due(self.due.as_ref(), "due", &mut violations);
        if self.due == task.fields.due {
            violations.add("due", Rule::DueUnchanged);
        }
        let document = self.document.clone().unwrap_or_default();
        let decided = Some(Needs::Identity);
        let effective_date =
            deciding.check_document(Some(&document), decided, None, "document", &mut violations);
        let earlier = task.due_moves.last().map(|it| it.effective_date);
        let first = earlier.unwrap_or_else(|| task.assign_date());
        if effective_date < first {
            violations.add("document.issue_date", Rule::BeforeTaskDue { first });
        }
        violations.into_result()?;
        let mut new = written(task, deciding);
        new.due_moves.push(DueMove {
            from: task.fields.due.clone(),
            to: self.due.clone(),
            document,
            effective_date,
            record_time: deciding.now,
        });
        new.fields.due.clone_from(&self.due);
        Ok(Arc::new(new))
    }
}

/// ReportTask.
#[derive(Clone, Debug)]
pub struct ReportTask {
    /// Resource name of the task.
    pub name: TaskName,
    /// The day on which it was complete; today when absent.
    pub completion_date: Option<Date>,
    pub evidence: Vec<Evidence>,
    /// The result.
    pub note: String,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for ReportTask {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.field("evidence", &self.evidence);
        reader.field("note", &self.note);
    }
}

impl Command for ReportTask {
    type Output = Task;
    type Found<'a> = &'a Task;

    fn method(&self) -> &'static str {
        "ReportTask"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Task, Error> {
        let task: &Task = asking.find(&self.name)?;
        let Some(lead) = &task.fields.agency else {
            return Err(asking.denied(
                "a role of the task's lead agency, and the task has none yet",
                "một vai trò của cơ quan chủ trì, mà nhiệm vụ chưa có cơ quan chủ trì",
            ));
        };
        asking.works_for(lead).map(|()| task)
    }

    fn decide<'a>(&self, task: &'a Task, deciding: &mut Deciding<'a>) -> Result<Arc<Task>, Error> {
        check_etag(task, &self.etag)?;
        check_own_completion(task)?;
        check_state(task, &[TaskState::Open])?;
        // another person must confirm
        deciding.check_actor_named(task.name.as_str())?;
        let today = deciding.today();
        let completion_date = self.completion_date.unwrap_or(today);
        if completion_date > today {
            return Err(Error::invalid("completion_date", Rule::InFuture { today }));
        }
        let mut new = written(task, deciding);
        new.report = Some(Box::new(TaskReport {
            completion_date,
            evidence: self.evidence.clone(),
            note: self.note.clone(),
            person: Some(deciding.person.clone()),
            record_time: deciding.now,
        }));
        Ok(Arc::new(new))
    }
}

/// ConfirmTask.
#[derive(Clone, Debug)]
pub struct ConfirmTask {
    /// Resource name of the task.
    pub name: TaskName,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for ConfirmTask {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for ConfirmTask {
    type Output = Task;
    type Found<'a> = &'a Task;

    fn method(&self) -> &'static str {
        "ConfirmTask"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Task, Error> {
        asking.assigned_task(&self.name)
    }

    fn decide<'a>(&self, task: &'a Task, deciding: &mut Deciding<'a>) -> Result<Arc<Task>, Error> {
        check_etag(task, &self.etag)?;
        check_own_completion(task)?;
        check_state(task, &[TaskState::Reported])?;
        let report = task.report.as_ref();
        let reporter = report.and_then(|report| report.person.as_ref());
        deciding.check_second_person(reporter, task.name.as_str())?;
        let assigning = task.fields.assigning_agency.as_ref();
        let own = assigning.filter(|agency| deciding.caller.is_of(agency));
        let mut new = written(task, deciding);
        new.confirmation = Some(Box::new(Confirmation {
            agency: own.cloned(),
            record_time: deciding.now,
        }));
        Ok(Arc::new(new))
    }
}

/// ReturnTask.
#[derive(Clone, Debug)]
pub struct ReturnTask {
    /// Resource name of the task.
    pub name: TaskName,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for ReturnTask {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for ReturnTask {
    type Output = Task;
    type Found<'a> = &'a Task;

    fn method(&self) -> &'static str {
        "ReturnTask"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Task, Error> {
        asking.assigned_task(&self.name)
    }

    fn decide<'a>(&self, task: &'a Task, deciding: &mut Deciding<'a>) -> Result<Arc<Task>, Error> {
        check_etag(task, &self.etag)?;
        check_state(task, &[TaskState::Reported])?;
        let Some(report) = &task.report else {
            return Err(Error::Bug("a reported task without its report".into()));
        };
        if task.returns.len() >= RETURNS_MAX {
            let most = RETURNS_MAX;
            return Err(refused(task, Condition::TaskReturnsFull { most }));
        }
        let mut new = written(task, deciding);
        new.report = None;
        new.returns.push(Return {
            reason: deciding.reason(),
            report_time: report.record_time,
            record_time: deciding.now,
        });
        Ok(Arc::new(new))
    }
}

/// ReopenTask.
#[derive(Clone, Debug)]
pub struct ReopenTask {
    /// Resource name of the task.
    pub name: TaskName,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for ReopenTask {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for ReopenTask {
    type Output = Task;
    type Found<'a> = &'a Task;

    fn method(&self) -> &'static str {
        "ReopenTask"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Task, Error> {
        asking.assigned_task(&self.name)
    }

    fn decide<'a>(&self, task: &'a Task, deciding: &mut Deciding<'a>) -> Result<Arc<Task>, Error> {
        check_etag(task, &self.etag)?;
        check_state(task, &[TaskState::Completed])?;
        let mut new = written(task, deciding);
        (new.report, new.confirmation) = (None, None);
        new.reopening = Some(Box::new(deciding.undoing()));
        Ok(Arc::new(new))
    }
}

/// DropTask.
#[derive(Clone, Debug)]
pub struct DropTask {
    /// Resource name of the task.
    pub name: TaskName,
    /// The document that decided it.
    pub document: Option<Box<Document>>,
    /// Whether it was entered in error.
    pub erroneous: bool,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for DropTask {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.field("document", &self.document);
    }
}

impl Command for DropTask {
    type Output = Task;
    type Found<'a> = &'a Task;

    fn method(&self) -> &'static str {
        "DropTask"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Task, Error> {
        asking.assigned_task(&self.name)
    }

    fn decide<'a>(&self, task: &'a Task, deciding: &mut Deciding<'a>) -> Result<Arc<Task>, Error> {
        check_etag(task, &self.etag)?;
        check_state(task, &[TaskState::Open, TaskState::Reported])?;
        let mut violations = Violations::new();
        if self.erroneous && self.document.is_some() {
            violations.add("erroneous", Rule::DropTwice);
        }
        let needs = (!self.erroneous).then_some(Needs::Identity);
        let document = self.document.as_deref();
        let drop_date = deciding.check_document(document, needs, None, "document", &mut violations);
        let first = task.assign_date();
        if document.is_some() && drop_date < first {
            violations.add("document.issue_date", Rule::BeforeTaskDue { first });
        }
        violations.into_result()?;
        let mut new = written(task, deciding);
        new.dropping = Some(Box::new(TaskDropping {
            drop_date,
            reason: deciding.reason(),
            document: self.document.clone(),
            erroneous: self.erroneous,
            record_time: deciding.now,
        }));
        Ok(Arc::new(new))
    }
}

/// The same task, written again.
fn written(task: &Task, deciding: &Deciding<'_>) -> Task {
    Task {
        meta: deciding.updated(task.meta),
        ..task.clone()
    }
}

fn refused(task: &Task, condition: Condition) -> Error {
    Error::refused(task.name.as_str(), condition)
}

/// Refuses unless the task is in one of these states.
fn check_state(task: &Task, needed: &[TaskState]) -> Result<(), Error> {
    let state = task.state();
    if needed.contains(&state) {
        return Ok(());
    }
    let words: Vec<_> = needed.iter().map(|it| it.as_str()).collect();
    let condition = Condition::TaskState {
        state: state.as_str(),
        needed: words.join(", "),
    };
    Err(refused(task, condition))
}

/// Refuses where completion is read from a milestone.
fn check_own_completion(task: &Task) -> Result<(), Error> {
    match &task.fields.milestone {
        None => Ok(()),
        Some(milestone) => {
            let milestone = milestone.to_string();
            Err(refused(task, Condition::TaskFollowsMilestone { milestone }))
        }
    }
}

/// Keeps the previous lead agency, unless it was entered on the same day.
fn keep_lead(new: &mut Task, old: &Task, today: Date) -> Result<(), Error> {
    let agency = new.fields.agency.clone();
    if agency == old.fields.agency {
        return Ok(());
    }
    if let Some(last) = new.leads.last_mut() {
        if last.start_date == Some(today) {
            last.agency = agency;
            return Ok(());
        }
    } else {
        if old.meta.create_time.date_in_vietnam() == today {
            return Ok(());
        }
        new.leads.push(Lead {
            agency: old.fields.agency.clone(),
            start_date: None,
        });
    }
    if new.leads.len() >= LEADS_MAX {
        let most = LEADS_MAX;
        return Err(refused(old, Condition::TaskLeadsFull { most }));
    }
    new.leads.push(Lead {
        agency,
        start_date: Some(today),
    });
    Ok(())
}

/// Checks a task that is to be written in place of `old`.
fn check_task(task: &Task, old: Option<&Task>, deciding: &Deciding<'_>) -> Result<(), Error> {
    let mut violations = Violations::new();
    let fields = &task.fields;
    fields.check("task", &mut violations);
    if old.is_some_and(|old| old.fields.due != fields.due) {
        violations.add("task.due", Rule::DueMovesByDocument);
    }
    check_references(task, old, deciding, &mut violations);
    check_codes(task, deciding, &mut violations);
    check_parent(task, deciding, &mut violations);
    violations.into_result()?;
    if let Some(old) = old
        && programmes(old) != programmes(task)
        && deciding.state.children_of(&task.name).next().is_some()
    {
        return Err(refused(task, Condition::TaskHasChildren));
    }
    Ok(())
}

fn programmes(task: &Task) -> BTreeSet<&ProgrammeName> {
    task.fields.programmes.iter().collect()
}

fn check_references(
    task: &Task,
    old: Option<&Task>,
    deciding: &Deciding<'_>,
    violations: &mut Violations,
) {
    let (fields, state) = (&task.fields, deciding.state);
    let missing = |name: &str| Rule::ReferenceNotFound {
        name: name.to_owned(),
    };
    for (i, programme) in fields.programmes.iter().enumerate() {
        let path = format!("task.programmes[{i}]");
        let Some(found) = state.programme(programme) else {
            violations.add(path, missing(programme.as_str()));
            continue;
        };
        // only those who may change the programme can change what it counts
        let is_new = old.is_none_or(|old| !old.fields.programmes.contains(programme));
        let own = found.fields.assigning_agency.is_some()
            && found.fields.assigning_agency == fields.assigning_agency;
        if is_new && !own && !deciding.caller.has(Role::Steward) {
            violations.add(path, Rule::ProgrammeOfOther);
        }
    }
    deciding.check_agency(
        fields.assigning_agency.as_ref(),
        "task.assigning_agency",
        violations,
    );
    deciding.check_agency(fields.agency.as_ref(), "task.agency", violations);
    for (i, agency) in fields.coordinating_agencies.iter().enumerate() {
        let path = format!("task.coordinating_agencies[{i}]");
        deciding.check_agency(Some(agency), &path, violations);
    }
    if let Some(platform) = &fields.platform
        && state.platform(platform).is_none()
    {
        violations.add("task.platform", missing(platform.as_str()));
    }
    if let Some(milestone) = &fields.milestone {
        let plan = state.plan(&milestone.parent());
        let public = plan.filter(|plan| {
            let today = deciding.today();
            let issued = plan_state_on(plan, today).is_some_and(|it| it.was_issued());
            issued && plan.is_public_on(today)
        });
        let unchanged = old.is_some_and(|old| old.fields.milestone == fields.milestone);
        if !unchanged && (public.is_none() || state.milestone(milestone).is_none()) {
            violations.add("task.milestone", Rule::MilestoneNotPublic);
        }
        let platform = milestone.parent().parent();
        if fields.platform.as_ref().is_some_and(|it| *it != platform) {
            violations.add("task.platform", Rule::NotPlatformOfMilestone);
        }
    }
}

fn check_codes(task: &Task, deciding: &Deciding<'_>, violations: &mut Violations) {
    for programme in &task.fields.programmes {
        let other = deciding.state.task_of_code(programme, &task.fields.code);
        if let Some(other) = other.filter(|other| **other != task.name) {
            let rule = Rule::TaskCodeTaken {
                task: other.to_string(),
                programme: programme.to_string(),
            };
            violations.add("task.code", rule);
        }
    }
}

fn check_parent(task: &Task, deciding: &Deciding<'_>, violations: &mut Violations) {
    let (state, path) = (deciding.state, "task.parent");
    let Some(name) = &task.fields.parent else {
        return;
    };
    let Some(parent) = state.task(name) else {
        let name = name.to_string();
        violations.add(path, Rule::ReferenceNotFound { name });
        return;
    };
    let above = 1 + state.tasks_above(parent).count();
    let is_above = |other: &Arc<Task>| other.name == task.name;
    if *name == task.name || state.tasks_above(parent).any(is_above) {
        violations.add(path, Rule::TaskAboveItself);
        return;
    }
    if above + height(state, &task.name, DEPTH_MAX) > DEPTH_MAX {
        violations.add(path, Rule::TaskTooDeep { most: DEPTH_MAX });
    }
    if programmes(parent) != programmes(task) {
        violations.add("task.programmes", Rule::NotProgrammesOfParent);
    }
    if parent.is_error() {
        violations.add(path, Rule::ParentInError);
    }
}

/// The most steps down from a task, up to a bound.
fn height(state: &State, task: &TaskName, most: usize) -> usize {
    if most == 0 {
        return 0;
    }
    let children = state.children_of(task);
    let heights = children.map(|child| 1 + height(state, &child.name, most - 1));
    heights.max().unwrap_or_default()
}
