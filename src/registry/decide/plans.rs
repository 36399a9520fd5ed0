//! Plans and their states.

use std::sync::Arc;

use super::{
    Deciding,
    catalogue::{check_active, exists},
    check_actor_named, check_etag, check_precondition, check_second_person,
};
use crate::{
    domain::{
        change::Image,
        command::Precondition,
        dated,
        documents::{Document, Needs},
        error::{Error, Violations},
        names::{PlanName, PlatformName},
        plans::{
            FIELDS_AFTER_ISSUE, Plan, PlanFields, PlanMove, PlanState, STATES_MAX, StateEntry,
        },
        time::Date,
    },
    registry::access::{find_plan, find_platform},
};

impl Deciding<'_> {
    pub(super) fn create_plan(
        &mut self,
        platform: &PlatformName,
        name: Option<&PlanName>,
        fields: &PlanFields,
    ) -> Result<(), Error> {
        let owner = find_platform(self.state, platform)?;
        check_active(owner)?;
        let agency = owner.governing_agency().cloned().ok_or_else(|| {
            Error::Bug(format!("`{platform}` was permitted a plan without an agency").into())
        })?;
        let name = self.name_or_random(name, |id| PlanName::from_id(platform, id))?;
        if self.state.plan(&name).is_some() {
            return Err(exists(PlanName::KIND, name.as_str()));
        }
        self.check_plan_fields(fields)?;
        let mut plan = Plan {
            name,
            agency,
            fields: fields.clone(),
            issuing_document: None,
            state: PlanState::Draft,
            state_history: Vec::new(),
            superseded_by: None,
            public_write: None,
            published: None,
            redacted: false,
            meta: self.created(),
        };
        self.enter(&mut plan, PlanState::Draft, self.today(), None);
        self.put(Image::Plan(Arc::new(plan)));
        Ok(())
    }

    pub(super) fn update_plan(
        &mut self,
        name: &PlanName,
        fields: &PlanFields,
        mask: &[&'static str],
        precondition: &Precondition,
    ) -> Result<(), Error> {
        let plan = find_plan(self.state, self.caller, name)?;
        check_precondition(PlanName::KIND, name.as_str(), &plan.meta, precondition)?;
        let mut new = plan.clone();
        new.fields.merge(fields, mask);
        new.meta = self.updated(new.meta);
        if is_in_force(plan)? {
            let differing = plan.fields.differing(&new.fields);
            check_fixed(name.as_str(), &differing, FIELDS_AFTER_ISSUE)?;
        }
        self.check_plan_fields(&new.fields)?;
        self.put(Image::Plan(Arc::new(new)));
        Ok(())
    }

    fn check_plan_fields(&self, fields: &PlanFields) -> Result<(), Error> {
        let mut violations = Violations::new();
        fields.check(&mut violations);
        let today = self.today();
        dated::check(
            &fields.visibilities,
            "plan.visibilities",
            today,
            &mut violations,
        );
        let path = "plan.reporting_cycles";
        dated::check(&fields.reporting_cycles, path, today, &mut violations);
        for (i, agency) in fields.coordinating_agencies.iter().enumerate() {
            let field = format!("plan.coordinating_agencies[{i}]");
            self.check_agency(Some(agency), &field, &mut violations);
        }
        violations.into_result()
    }

    pub(super) fn move_plan(
        &mut self,
        name: &PlanName,
        step: PlanMove,
        document: Option<&Document>,
        etag: &str,
    ) -> Result<(), Error> {
        let plan = find_plan(self.state, self.caller, name)?;
        check_etag(PlanName::KIND, name.as_str(), &plan.meta, etag)?;
        let to = plan
            .state
            .after(step)
            .ok_or_else(|| wrong_state(plan, step))?;
        let mut new = plan.clone();
        new.meta = self.updated(new.meta);
        let date = match step {
            PlanMove::Submit => {
                check_actor_named(self.caller, name.as_str())?;
                check_history(plan)?;
                self.today()
            }
            PlanMove::Issue => {
                check_active(find_platform(self.state, &name.parent())?)?;
                check_second_person(self.caller, plan.submitter(), &self.person, name.as_str())?;
                // What replaces a plan in force is not older than it.
                let in_force = self.state.issued_plan(&name.parent());
                if let Some(plan) = in_force {
                    check_history(plan)?;
                }
                let in_force = in_force.and_then(|plan| plan.issue_date());
                let date = self.document_date(document, Some(Needs::Digest), in_force)?;
                new.issuing_document = document.cloned().map(Box::new);
                date
            }
            PlanMove::Complete => self.document_date(document, None, plan.issue_date())?,
            PlanMove::Revoke => {
                self.document_date(document, Some(Needs::Identity), plan.issue_date())?
            }
            // It was never issued, so it is ANNULLED from its stated date of issue.
            PlanMove::Annul => plan.issue_date().unwrap_or_else(|| self.today()),
            PlanMove::Return | PlanMove::Withdraw | PlanMove::Supersede | PlanMove::Restore => {
                self.today()
            }
        };
        self.enter(&mut new, to, date, document);
        let new = Arc::new(new);
        self.put(Image::Plan(Arc::clone(&new)));
        if step == PlanMove::Issue {
            let milestones = self.state.milestones_of(&new.name);
            let milestones: Vec<_> = milestones.cloned().collect();
            self.make_baseline(&new, &milestones, date, document, "")?;
            self.supersede(&new.name, date, document);
        }
        if step == PlanMove::Annul {
            self.restore(&new.name);
        }
        Ok(())
    }

    /// When a plan is annulled, the plan that it had superseded returns to force as if it had never
    /// been superseded. Only the plan in force can be annulled, so a chain is undone from its end,
    /// and nothing else can have happened to the earlier plan.
    fn restore(&mut self, annulled: &PlanName) {
        let platform = annulled.parent();
        let mut plans = self.state.plans_of(&platform);
        let old = plans.find(|plan| plan.superseded_by.as_ref() == Some(annulled));
        let Some((old, to)) = old.and_then(|old| Some((old, old.state.after(PlanMove::Restore)?)))
        else {
            return;
        };
        let ended = old.state_history.iter().rev();
        let ended = ended.map(|entry| entry.effective_date).next();
        let mut old = (**old).clone();
        old.superseded_by = None;
        old.meta = self.updated(old.meta);
        self.enter(&mut old, to, ended.unwrap_or_else(|| self.today()), None);
        self.put(Image::Plan(Arc::new(old)));
    }

    /// Marks the previous plan in force as superseded by the plan just issued.
    fn supersede(&mut self, issued: &PlanName, date: Date, document: Option<&Document>) {
        let Some(old) = self.state.issued_plan(&issued.parent()) else {
            return;
        };
        let Some(to) = old.state.after(PlanMove::Supersede) else {
            return;
        };
        let mut old = (**old).clone();
        old.superseded_by = Some(issued.clone());
        old.meta = self.updated(old.meta);
        self.enter(&mut old, to, date, document);
        self.put(Image::Plan(Arc::new(old)));
    }

    /// Checks the document of a move and answers the date from which the move holds: its day of
    /// issue, or today where there is none. No document of the future has been issued yet.
    fn document_date(
        &self,
        document: Option<&Document>,
        needs: Option<Needs>,
        not_before: Option<Date>,
    ) -> Result<Date, Error> {
        let mut violations = Violations::new();
        let date = self.check_document(document, needs, not_before, "document", &mut violations);
        violations.into_result()?;
        Ok(date)
    }

    /// The same for a document in the field `path`.
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
            violations.add(
                format!("{path}.issue_date"),
                "OUT_OF_RANGE",
                format!("must not be after today ({today})"),
                format!("không được sau ngày hôm nay ({today})"),
            );
        }
        if let Some(first) = not_before
            && date < first
        {
            violations.add(
                format!("{path}.issue_date"),
                "OUT_OF_RANGE",
                format!("must not be before {first}, when the plan in force was issued"),
                format!(
                    "không được trước ngày {first}, khi kế hoạch đang có hiệu lực được ban hành"
                ),
            );
        }
        date
    }

    fn enter(
        &self,
        plan: &mut Plan,
        state: PlanState,
        effective_date: Date,
        document: Option<&Document>,
    ) {
        plan.state = state;
        plan.state_history.push(StateEntry {
            state,
            effective_date,
            record_time: self.now,
            agency: self.caller.agency().cloned(),
            person: Some(self.person.clone()),
            document: document.cloned().map(Box::new),
            reason: self.reason.to_owned(),
        });
    }
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
        "PLAN_NOT_ISSUED",
        plan.name.as_str(),
        format!("the plan is {state}; this method requires an ISSUED plan"),
        format!("kế hoạch đang ở trạng thái {state}; phương thức này cần kế hoạch đã ban hành"),
    ))
}

/// Refuses to write fields of an issued record, except those that may still change.
pub(super) fn check_fixed(
    subject: &str,
    differing: &[&'static str],
    movable: &[&str],
) -> Result<(), Error> {
    match differing.iter().find(|field| !movable.contains(*field)) {
        Some(field) => Err(only_by_rebaseline(subject, field)),
        None => Ok(()),
    }
}

/// Refuses one more state change of a plan that already has the maximum number.
fn check_history(plan: &Plan) -> Result<(), Error> {
    if plan.state_history.len() < STATES_MAX {
        return Ok(());
    }
    Err(Error::refused(
        "PLAN_HISTORY_FULL",
        plan.name.as_str(),
        format!("the plan has been through {STATES_MAX} states; end it and create a new one"),
        format!("kế hoạch đã qua {STATES_MAX} trạng thái; hãy kết thúc và lập kế hoạch mới"),
    ))
}

fn frozen(plan: &Plan) -> Error {
    Error::refused(
        "PLAN_IS_FROZEN",
        plan.name.as_str(),
        "the plan is SUBMITTED and cannot be changed; use ReturnPlan to send it back for changes",
        "kế hoạch đã trình nên không sửa được; hãy dùng ReturnPlan để trả lại",
    )
}

/// Of the plan's milestones as of the plan itself.
pub(super) fn only_by_rebaseline(subject: &str, field: &str) -> Error {
    Error::refused(
        "PLAN_IS_ISSUED",
        subject,
        format!("the plan is ISSUED, so `{field}` is changed only by RebaselinePlan"),
        format!("kế hoạch đã ban hành nên `{field}` chỉ thay đổi bằng RebaselinePlan"),
    )
}

fn ended(plan: &Plan) -> Error {
    let state = plan.state.as_str();
    Error::refused(
        "PLAN_HAS_ENDED",
        plan.name.as_str(),
        format!("the plan is {state} and cannot be changed; create a new one"),
        format!("kế hoạch ở trạng thái {state} nên không sửa được; hãy lập kế hoạch mới"),
    )
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
        "PLAN_STATE",
        plan.name.as_str(),
        format!("the plan is {state}; {method} requires one that is {from}"),
        format!("kế hoạch đang ở trạng thái {state}; {method} cần trạng thái {from}"),
    )
}
