//! Plans and their states.

use std::sync::Arc;

use super::{
    Deciding, ID_LENGTH,
    catalogue::{check_active, exists},
    check_actor_named, check_etag, check_precondition, check_second_person,
};
use crate::{
    domain::{
        change::Image,
        command::Precondition,
        documents::{Document, Needs},
        error::{Error, Violations},
        names::{PlanName, PlatformName},
        plans::{FIELDS_AFTER_ISSUE, Plan, PlanFields, PlanMove, PlanState, StateEntry},
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
        let agency = owner.fields.governing_agency.clone().ok_or_else(|| {
            Error::Bug(format!("`{platform}` was permitted a plan without an agency").into())
        })?;
        let name = match name {
            Some(name) => name.clone(),
            None => {
                let id = self.ids.id(ID_LENGTH);
                PlanName::from_id(platform, &id)
                    .ok_or_else(|| Error::Bug(format!("`{id}` is no id").into()))?
            }
        };
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
        match plan.state {
            PlanState::Draft | PlanState::Returned => {}
            PlanState::Issued => {
                let frozen = plan.fields.differing(&new.fields);
                let frozen = frozen
                    .iter()
                    .find(|field| !FIELDS_AFTER_ISSUE.contains(*field));
                if let Some(field) = frozen {
                    return Err(Error::refused(
                        "PLAN_IS_ISSUED",
                        name.as_str(),
                        format!("the plan is ISSUED, so `{field}` moves only by rebaseline"),
                        format!(
                            "kế hoạch đã ban hành nên `{field}` chỉ thay đổi khi điều chỉnh kế \
                             hoạch gốc"
                        ),
                    ));
                }
            }
            PlanState::Submitted => {
                return Err(Error::refused(
                    "PLAN_IS_FROZEN",
                    name.as_str(),
                    "the plan is SUBMITTED and frozen; ReturnPlan hands it back to be mended",
                    "kế hoạch đã trình và bị khoá; ReturnPlan trả lại để sửa",
                ));
            }
            PlanState::Withdrawn
            | PlanState::Completed
            | PlanState::Superseded
            | PlanState::Revoked
            | PlanState::Annulled => return Err(ended(plan)),
        }
        self.check_plan_fields(&new.fields)?;
        self.put(Image::Plan(Arc::new(new)));
        Ok(())
    }

    fn check_plan_fields(&self, fields: &PlanFields) -> Result<(), Error> {
        let mut violations = Violations::new();
        fields.check(&mut violations);
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
                self.today()
            }
            PlanMove::Issue => {
                check_active(find_platform(self.state, &name.parent())?)?;
                check_second_person(self.caller, plan.submitter(), &self.person, name.as_str())?;
                // What replaces a plan in force is not older than it.
                let in_force = self.state.issued_plan(&name.parent());
                let in_force = in_force.and_then(|plan| since(plan));
                let date = self.document_date(document, Some(Needs::Digest), in_force)?;
                new.issuing_document = document.cloned().map(Box::new);
                date
            }
            PlanMove::Complete => self.document_date(document, None, since(plan))?,
            PlanMove::Revoke => self.document_date(document, Some(Needs::Identity), since(plan))?,
            PlanMove::Return | PlanMove::Withdraw | PlanMove::Supersede | PlanMove::Annul => {
                self.today()
            }
        };
        self.enter(&mut new, to, date, document);
        let issued = (step == PlanMove::Issue).then(|| new.name.clone());
        self.put(Image::Plan(Arc::new(new)));
        if let Some(issued) = issued {
            self.supersede(&issued, date, document);
        }
        Ok(())
    }

    /// The plan that was in force until now gives way to the one just issued.
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
        if let Some(needs) = needs {
            document
                .unwrap_or(&Document::default())
                .check(needs, "document", &mut violations);
        }
        let today = self.today();
        let date = document
            .and_then(|document| document.issue_date)
            .unwrap_or(today);
        if date > today {
            violations.add(
                "document.issue_date",
                "OUT_OF_RANGE",
                format!("the day of issue lies after today, {today}"),
                format!("ngày ban hành sau ngày hôm nay, {today}"),
            );
        }
        if let Some(first) = not_before
            && date < first
        {
            violations.add(
                "document.issue_date",
                "OUT_OF_RANGE",
                format!("the plan in force was issued on {first}; this document is older"),
                format!(
                    "kế hoạch đang có hiệu lực được ban hành ngày {first}; văn bản này có trước"
                ),
            );
        }
        violations.into_result()?;
        Ok(date)
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

/// The date from which the plan was in force.
fn since(plan: &Plan) -> Option<Date> {
    let mut entries = plan.state_history.iter().rev();
    entries
        .find(|entry| entry.state == PlanState::Issued)
        .map(|entry| entry.effective_date)
}

fn ended(plan: &Plan) -> Error {
    let state = plan.state.as_str();
    Error::refused(
        "PLAN_HAS_ENDED",
        plan.name.as_str(),
        format!("the plan is {state}; write a new one"),
        format!("kế hoạch đã ở trạng thái {state}; hãy lập kế hoạch mới"),
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
        format!("the plan is {state}; {method} takes one that is {from}"),
        format!("kế hoạch đang ở trạng thái {state}; {method} cần trạng thái {from}"),
    )
}
