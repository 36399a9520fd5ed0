//! Plans and their states.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    messages::{Condition, Rule},
    names::{AgencyName, PlanName, PlatformName, ResourceName as _},
    records::{
        dated,
        documents::{Document, Needs, check_named},
        plans::{
            Coverage, FIELDS_AFTER_ISSUE, Plan, PlanFields, PlanMove, PlanState, STATES_MAX,
            StateEntry,
        },
        platforms::{Platform, PlatformState},
        principals::Role,
        texts::{Reader, Texts},
        transcriptions::Transcription,
    },
    rules::{
        Asking, Command, Deciding, Update, baselines, platforms, transcriptions::Writer,
        update::editable,
    },
    state::State,
    time::Date,
};
/// CreatePlan.
#[derive(Clone, Debug)]
pub struct CreatePlan {
    pub platform: PlatformName,
    /// Name it is to have; a random id when absent.
    pub name: Option<PlanName>,
    /// What to write.
    pub fields: PlanFields,
    /// The published document that it is transcribed from, by a caller who does that.
    pub source: Option<Document>,
}

impl Texts for CreatePlan {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self {
            platform: _,
            name,
            fields,
            source,
        } = self;
        reader.id("plan_id", name.as_ref().map(PlanName::id));
        reader.field("plan", fields);
        reader.field("transcription_source", source);
    }
}

impl Command for CreatePlan {
    type Output = Plan;
    /// The platform, its governing agency, and the side that the caller writes for.
    type Found<'a> = (&'a Platform, &'a AgencyName, Writer);

    fn method(&self) -> &'static str {
        "CreatePlan"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<Self::Found<'a>, Error> {
        let platform: &Platform = asking.find(&self.platform)?;
        let Some(agency) = platform.governing_agency() else {
            return Err(Error::refused(
                platform.name.as_str(),
                Condition::PlatformWithoutAgency,
            ));
        };
        let writer = asking.writes_for(agency, &platform.name)?;
        Ok((platform, agency, writer))
    }

    fn decide<'a>(
        &self,
        (platform, agency, writer): Self::Found<'a>,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Plan>, Error> {
        platforms::check_active(platform)?;
        let transcription = self.transcription(writer, deciding)?;
        let from_id = |id: &str| PlanName::from_id(&platform.name, id);
        let name = deciding.free_name::<Plan>(self.name.as_ref(), from_id)?;
        let of = Of {
            platform: platform.name.clone(),
            agency,
            before: &[],
        };
        check_fields(deciding, &of, &self.fields, "plan").into_result()?;
        let mut plan = Plan {
            name,
            agency: agency.clone(),
            fields: self.fields.clone(),
            issuing_document: None,
            state: PlanState::Draft,
            state_history: Vec::new(),
            superseding_plan: None,
            transcription,
            public_write: None,
            published: None,
            redacted: false,
            meta: deciding.created(),
        };
        enter(
            deciding,
            &mut plan,
            PlanState::Draft,
            deciding.today(),
            None,
        );
        Ok(Arc::new(plan))
    }
}

impl CreatePlan {
    /// That the plan is transcribed, by a caller who does that, from a document that is named.
    fn transcription(
        &self,
        writer: Writer,
        deciding: &Deciding<'_>,
    ) -> Result<Option<Box<Transcription>>, Error> {
        let path = "transcription_source";
        let mut violations = Violations::new();
        // A caller that may not see every plan could otherwise learn which ids are taken.
        let sees_every_plan = writer == Writer::Agency || deciding.caller.oversees();
        if self.name.is_some() && !sees_every_plan {
            violations.add("plan_id", Rule::PlanIdNotAllowed);
        }
        match (writer, &self.source) {
            (Writer::Agency, None) => return Ok(None),
            (Writer::Agency, Some(_)) => violations.add(path, Rule::TranscriptionOfOwn),
            (Writer::Transcriber, None) => violations.add(path, Rule::TranscriptionSourceMissing),
            (Writer::Transcriber, Some(source)) => {
                deciding.check_document(
                    Some(source),
                    Some(Needs::Identity),
                    None,
                    path,
                    &mut violations,
                );
            }
        }
        violations.into_result()?;
        let source = self.source.clone();
        Ok(source.map(|source| {
            Box::new(Transcription {
                source,
                person: Some(deciding.person.clone()),
                record_time: deciding.now,
                confirmation: None,
            })
        }))
    }
}

editable!(Plan PlanFields "plan");

pub type UpdatePlan = Update<Plan>;

impl Command for UpdatePlan {
    type Output = Plan;
    type Found<'a> = &'a Plan;

    fn method(&self) -> &'static str {
        "UpdatePlan"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Plan, Error> {
        asking.plan_to_write(&self.name)
    }

    fn decide<'a>(&self, plan: &'a Plan, deciding: &mut Deciding<'a>) -> Result<Arc<Plan>, Error> {
        let new = self.edit(plan, deciding)?;
        if is_in_force(plan)? {
            let differing = plan.fields.differing(&new.fields);
            check_fixed(
                plan.name.as_str(),
                &differing,
                FIELDS_AFTER_ISSUE,
                |field| format!("rebaseline.{field}"),
            )?;
        }
        check_fields(deciding, &Of::plan(plan), &new.fields, "plan").into_result()?;
        Ok(Arc::new(new))
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        self.texts_of_record(state, reader);
    }
}

/// SubmitPlan, ReturnPlan, IssuePlan, CompletePlan, WithdrawPlan, RevokePlan, ReopenPlan and
/// AnnulPlan.
#[derive(Clone, Debug)]
pub struct MovePlan {
    /// Resource name of the plan.
    pub name: PlanName,
    /// What to do.
    pub step: PlanMove,
    /// The document that does it, where one is given.
    pub document: Option<Box<Document>>,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for MovePlan {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.field("document", &self.document);
    }
}

impl Command for MovePlan {
    type Output = Plan;
    type Found<'a> = &'a Plan;

    fn method(&self) -> &'static str {
        self.step.method()
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Plan, Error> {
        let plan: &Plan = asking.find(&self.name)?;
        match self.step {
            PlanMove::Submit | PlanMove::Withdraw => {
                asking.writes_plan(plan)?;
            }
            // the steward issues every plan that is transcribed for an agency without principals
            PlanMove::Issue
                if plan.is_being_transcribed()
                    && asking.caller.has(Role::Steward)
                    && asking.transcribes_for(&plan.agency) => {}
            PlanMove::Return if asking.caller.has(Role::Steward) => {}
            PlanMove::Return
            | PlanMove::Issue
            | PlanMove::Complete
            | PlanMove::Supersede
            | PlanMove::Revoke
            | PlanMove::Reopen => asking.on_plan(Role::AgencyApprover, plan)?,
            PlanMove::Annul | PlanMove::Restore => asking.steward()?,
        }
        Ok(plan)
    }

    fn decide<'a>(&self, plan: &'a Plan, deciding: &mut Deciding<'a>) -> Result<Arc<Plan>, Error> {
        let Self {
            name,
            step,
            document,
            etag,
        } = self;
        let (step, document) = (*step, document.as_deref());
        check_plan_etag(deciding.state, plan, etag)?;
        let to = plan
            .state
            .after(step)
            .ok_or_else(|| wrong_state(plan, step))?;
        let state = deciding.state;
        let mut new = plan.clone();
        new.meta = deciding.updated(new.meta);
        let date = match step {
            PlanMove::Submit => {
                deciding.check_actor_named(name.as_str())?;
                check_history(plan)?;
                deciding.today()
            }
            PlanMove::Issue => {
                platforms::check_active(deciding.asking.find(&name.parent())?)?;
                deciding.check_second_person(plan.submitter(), name.as_str())?;
                // What replaces a plan in force is not older than it.
                let in_force = state.issued_plan(&name.parent());
                if let Some(plan) = in_force {
                    check_history(plan)?;
                }
                let in_force = in_force.and_then(|plan| plan.issue_date());
                let date = document_date(deciding, document, Some(Needs::Digest), in_force)?;
                new.issuing_document = document.cloned().map(Box::new);
                date
            }
            PlanMove::Complete => document_date(deciding, document, None, plan.issue_date())?,
            PlanMove::Revoke => {
                document_date(deciding, document, Some(Needs::Identity), plan.issue_date())?
            }
            PlanMove::Reopen => reopened_from(deciding, plan, document)?,
            // It was never issued, so it is ANNULLED from its stated date of issue.
            PlanMove::Annul => plan.issue_date().unwrap_or_else(|| deciding.today()),
            PlanMove::Return | PlanMove::Withdraw | PlanMove::Supersede | PlanMove::Restore => {
                deciding.today()
            }
        };
        enter(deciding, &mut new, to, date, document);
        if step == PlanMove::Issue {
            let milestones: Vec<_> = state.milestones_of(name).cloned().collect();
            baselines::make(deciding, &new, &milestones, date, document, "")?;
            supersede(deciding, name, date, document);
        }
        if step == PlanMove::Annul {
            restore(deciding, name);
        }
        Ok(Arc::new(new))
    }
}

impl<'a> Asking<'a> {
    /// A plan that the caller writes, for its agency or as one who transcribes.
    pub(super) fn plan_to_write(&self, name: &PlanName) -> Result<&'a Plan, Error> {
        let plan: &Plan = self.find(name)?;
        self.writes_plan(plan).map(|()| plan)
    }

    /// A plan that the caller may edit.
    pub(super) fn plan_to_edit(&self, name: &PlanName) -> Result<&'a Plan, Error> {
        let plan: &Plan = self.find(name)?;
        self.on_plan(Role::AgencyEditor, plan)?;
        Ok(plan)
    }
}

impl Deciding<'_> {
    /// Checks the document in the field `path` and returns the date from which what it decides
    /// holds: its day of issue, or today if none. No document of the future has been
    /// issued yet.
    pub(super) fn check_document(
        &self,
        document: Option<&Document>,
        needs: Option<Needs>,
        not_before: Option<Date>,
        path: &str,
        violations: &mut Violations,
    ) -> Date {
        if let Some(needs) = needs {
            document
                .unwrap_or(&Document::default())
                .check(needs, path, violations);
        }
        let today = self.today();
        let date = document
            .and_then(|document| document.issue_date)
            .unwrap_or(today);
        if date > today {
            violations.add(format!("{path}.issue_date"), Rule::InFuture { today });
        }
        if let Some(first) = not_before
            && date < first
        {
            violations.add(
                format!("{path}.issue_date"),
                Rule::BeforePlanInForce { first },
            );
        }
        date
    }
}

/// A violation for each rule that the fields break, below `path`.
pub(super) fn check_fields(
    deciding: &Deciding<'_>,
    of: &Of<'_>,
    fields: &PlanFields,
    path: &str,
) -> Violations {
    let mut violations = Violations::new();
    fields.check(path, &mut violations);
    let today = deciding.today();
    let field = format!("{path}.visibilities");
    dated::check(&fields.visibilities, &field, today, &mut violations);
    let field = format!("{path}.reporting_cycles");
    dated::check(&fields.reporting_cycles, &field, today, &mut violations);
    for (i, agency) in fields.coordinating_agencies.iter().enumerate() {
        let field = format!("{path}.coordinating_agencies[{i}]");
        deciding.check_agency(Some(agency), &field, &mut violations);
    }
    let field = format!("{path}.covered_platforms");
    check_coverage(
        deciding,
        of,
        &fields.covered_platforms,
        &field,
        &mut violations,
    );
    violations
}

/// The plan whose fields are checked.
pub(super) struct Of<'a> {
    platform: PlatformName,
    agency: &'a AgencyName,
    /// The platforms that it covers before the write.
    before: &'a [Coverage],
}

impl<'a> Of<'a> {
    /// A plan that exists.
    pub(super) fn plan(plan: &'a Plan) -> Self {
        Self {
            platform: plan.name.parent(),
            agency: &plan.agency,
            before: &plan.fields.covered_platforms,
        }
    }
}

/// Adds a violation for each entry that is invalid or conflicts with earlier ones, and for each
/// new entry of a platform that the plan cannot cover.
fn check_coverage(
    deciding: &Deciding<'_>,
    of: &Of<'_>,
    entries: &[Coverage],
    path: &str,
    violations: &mut Violations,
) {
    let today = deciding.today();
    for (i, entry) in entries.iter().enumerate() {
        let path = format!("{path}[{i}]");
        for (day, field) in [
            (entry.start_date, "start_date"),
            (entry.end_date, "end_date"),
        ] {
            if day.is_some_and(|day| day > today) {
                violations.add(format!("{path}.{field}"), Rule::InFuture { today });
            }
        }
        if let (Some(start), Some(end)) = (entry.start_date, entry.end_date)
            && end <= start
        {
            violations.add(format!("{path}.end_date"), Rule::EndBeforeStart);
        }
        if entries.iter().take(i).any(|other| other.meets(entry)) {
            violations.add(format!("{path}.platform"), Rule::CoveredTwice);
        }
        check_named(entry.document.as_deref(), &path, violations);
        let is_new = !of.before.iter().any(|it| it.platform == entry.platform);
        let platform = deciding.state.platform(&entry.platform);
        let governed = platform.is_some_and(|platform| {
            platform.state() == PlatformState::Active
                && platform.governing_agency() == Some(of.agency)
        });
        if is_new && (entry.platform == of.platform || !governed) {
            let agency = of.agency.to_string();
            violations.add(format!("{path}.platform"), Rule::NotCoverable { agency });
        }
    }
}

/// When a plan is annulled, the plan that it had superseded returns to force as if it had never
/// been superseded. Only the plan in force can be annulled, so a chain is undone from its end,
/// and nothing else can have happened to the earlier plan.
fn restore(deciding: &mut Deciding<'_>, annulled: &PlanName) {
    let platform = annulled.parent();
    let mut plans = deciding.state.plans_of(&platform);
    let old = plans.find(|plan| plan.superseding_plan.as_ref() == Some(annulled));
    let Some((old, to)) = old.and_then(|old| Some((old, old.state.after(PlanMove::Restore)?)))
    else {
        return;
    };
    let ended = old.state_history.iter().rev();
    let ended = ended.map(|entry| entry.effective_date).next();
    let mut old = (**old).clone();
    old.superseding_plan = None;
    old.meta = deciding.updated(old.meta);
    let ended = ended.unwrap_or_else(|| deciding.today());
    enter(deciding, &mut old, to, ended, None);
    deciding.put(old);
}

/// Refuses an etag that was read before the plan or one of its milestones was last written.
pub(super) fn check_plan_etag(state: &State, plan: &Plan, etag: &str) -> Result<(), Error> {
    let current = state.plan_etag(plan);
    if etag == current {
        return Ok(());
    }
    Err(Error::Stale {
        kind: PlanName::KIND,
        name: plan.name.to_string(),
        etag: current,
    })
}

/// The date from which a plan is in force again that ended in error: the one from which it was said
/// to have ended. What a document ended, a document takes back.
fn reopened_from(
    deciding: &Deciding<'_>,
    plan: &Plan,
    document: Option<&Document>,
) -> Result<Date, Error> {
    let platform = plan.name.parent();
    platforms::check_active(deciding.asking.find(&platform)?)?;
    check_history(plan)?;
    if let Some(other) = deciding.state.issued_plan(&platform) {
        let plan = other.name.to_string();
        return Err(Error::refused(
            platform.as_str(),
            Condition::PlanInForce { plan },
        ));
    }
    let needs = (plan.state == PlanState::Revoked).then_some(Needs::Identity);
    let today = document_date(deciding, document, needs, plan.issue_date())?;
    let ended = plan.state_history.last().map(|entry| entry.effective_date);
    Ok(ended.unwrap_or(today))
}

/// Marks the previous plan in force as superseded by the plan just issued.
fn supersede(
    deciding: &mut Deciding<'_>,
    issued: &PlanName,
    date: Date,
    document: Option<&Document>,
) {
    let Some(old) = deciding.state.issued_plan(&issued.parent()) else {
        return;
    };
    let Some(to) = old.state.after(PlanMove::Supersede) else {
        return;
    };
    let mut old = (**old).clone();
    old.superseding_plan = Some(issued.clone());
    old.meta = deciding.updated(old.meta);
    enter(deciding, &mut old, to, date, document);
    deciding.put(old);
}

/// Checks the document of a move and answers the date from which the move holds: its day of
/// issue, or today if none. No document of the future has been issued yet.
fn document_date(
    deciding: &Deciding<'_>,
    document: Option<&Document>,
    needs: Option<Needs>,
    not_before: Option<Date>,
) -> Result<Date, Error> {
    let mut violations = Violations::new();
    let date = deciding.check_document(document, needs, not_before, "document", &mut violations);
    violations.into_result()?;
    Ok(date)
}

fn enter(
    deciding: &Deciding<'_>,
    plan: &mut Plan,
    state: PlanState,
    effective_date: Date,
    document: Option<&Document>,
) {
    plan.state = state;
    plan.state_history.push(StateEntry {
        state,
        effective_date,
        record_time: deciding.now,
        agency: deciding.caller.agency().cloned(),
        person: Some(deciding.person.clone()),
        document: document.cloned().map(Box::new),
        reason: deciding.reason(),
    });
}

/// Whether a plan is ISSUED, no longer written; refused where it is frozen, or has ended.
pub(super) fn is_in_force(plan: &Plan) -> Result<bool, Error> {
    match plan.state {
        PlanState::Draft | PlanState::Returned => Ok(false),
        PlanState::Issued => Ok(true),
        PlanState::Submitted => Err(frozen(plan)),
        PlanState::Withdrawn
        | PlanState::Completed
        | PlanState::Superseded
        | PlanState::Revoked
        | PlanState::Annulled => Err(ended(plan)),
    }
}

/// Refuses unless the plan is in force, or COMPLETED if `or_completed` is set.
pub(super) fn check_issued(plan: &Plan, or_completed: bool) -> Result<(), Error> {
    if (or_completed && plan.state == PlanState::Completed) || is_in_force(plan)? {
        return Ok(());
    }
    let state = plan.state.as_str();
    Err(Error::refused(
        plan.name.as_str(),
        Condition::PlanNotIssued { state },
    ))
}

/// Refuses one more state change of a plan that already has the maximum number.
fn check_history(plan: &Plan) -> Result<(), Error> {
    if plan.state_history.len() < STATES_MAX {
        return Ok(());
    }
    Err(Error::refused(
        plan.name.as_str(),
        Condition::PlanHistoryFull { most: STATES_MAX },
    ))
}

fn frozen(plan: &Plan) -> Error {
    Error::refused(plan.name.as_str(), Condition::PlanIsFrozen)
}

/// Refuses a change of an ISSUED plan, or of a milestone of one, in a field other than the
/// `movable` ones. `place` returns where a rebaseline has a field.
pub(super) fn check_fixed(
    subject: &str,
    differing: &[&str],
    movable: &[&str],
    place: impl Fn(&str) -> String,
) -> Result<(), Error> {
    let mut fixed = differing.iter().filter(|it| !movable.contains(it));
    fixed.next().map_or(Ok(()), |field| {
        Err(only_by_rebaseline(subject, field, &place(field)))
    })
}

/// Refuses to write a field of an ISSUED plan or of its milestones. `place` is where a rebaseline
/// has it.
pub(super) fn only_by_rebaseline(subject: &str, field: &str, place: &str) -> Error {
    Error::refused(
        subject,
        Condition::PlanIsIssued {
            field: field.to_owned(),
            place: place.to_owned(),
        },
    )
}

fn ended(plan: &Plan) -> Error {
    let state = plan.state.as_str();
    Error::refused(plan.name.as_str(), Condition::PlanHasEnded { state })
}

fn wrong_state(plan: &Plan, step: PlanMove) -> Error {
    let state = plan.state.as_str();
    let from: Vec<_> = PlanState::ALL
        .into_iter()
        .filter(|state| state.after(step).is_some())
        .map(PlanState::as_str)
        .collect();
    let from = from.join(", ");
    let method = step.method();
    Error::refused(
        plan.name.as_str(),
        Condition::PlanState {
            state,
            method,
            from,
        },
    )
}
