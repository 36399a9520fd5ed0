//! Milestones. Promised fields change freely while the plan is being written; after issue, only a
//! rebaseline changes them. Results are recorded while the plan is in force.

use std::sync::Arc;

use super::{
    Deciding,
    catalogue::exists,
    check_etag, check_precondition,
    plans::{check_fixed, check_issued, is_in_force, only_by_rebaseline},
};
use crate::{
    domain::{
        change::Image,
        command::Precondition,
        documents::{Document, Evidence, Needs},
        error::{Error, Violations},
        milestones::{
            Completion, Dropping, FIELDS_AFTER_ISSUE, MILESTONES_MAX, Milestone, MilestoneFields,
            MilestoneState,
        },
        names::{MilestoneName, PlanName},
        plans::Plan,
        time::Date,
    },
    registry::access::{find_milestone, find_plan},
};

impl Deciding<'_> {
    pub(super) fn create_milestone(
        &mut self,
        plan: &PlanName,
        name: Option<&MilestoneName>,
        fields: &MilestoneFields,
    ) -> Result<(), Error> {
        let plan = find_plan(self.state, self.caller, plan)?;
        let name = self.name_or_random(name, |id| MilestoneName::from_id(&plan.name, id))?;
        if self.state.milestone(&name).is_some() {
            return Err(exists(MilestoneName::KIND, name.as_str()));
        }
        if is_in_force(plan)? {
            return Err(only_by_rebaseline(plan.name.as_str(), "milestones"));
        }
        let held = self.state.milestones_of(&plan.name).count();
        check_room(plan, "milestones", "mốc nhiệm vụ", held, MILESTONES_MAX)?;
        check_fields(fields)?;
        self.put(Image::Milestone(Arc::new(Milestone {
            name,
            fields: fields.clone(),
            completion: None,
            dropping: None,
            meta: self.created(),
        })));
        Ok(())
    }

    pub(super) fn update_milestone(
        &mut self,
        name: &MilestoneName,
        fields: &MilestoneFields,
        mask: &[&'static str],
        precondition: &Precondition,
    ) -> Result<(), Error> {
        let milestone = find_milestone(self.state, self.caller, name)?;
        check_precondition(
            MilestoneName::KIND,
            name.as_str(),
            &milestone.meta,
            precondition,
        )?;
        let plan = find_plan(self.state, self.caller, &name.parent())?;
        let mut new = milestone.clone();
        new.fields.merge(fields, mask);
        new.meta = self.updated(new.meta);
        if is_in_force(plan)? {
            let differing = milestone.fields.differing(&new.fields);
            check_fixed(name.as_str(), &differing, FIELDS_AFTER_ISSUE)?;
        }
        check_not_dropped(milestone)?;
        check_fields(&new.fields)?;
        self.put(Image::Milestone(Arc::new(new)));
        Ok(())
    }

    /// A repeated completion is a correction. The log keeps the earlier result.
    pub(super) fn complete_milestone(
        &mut self,
        name: &MilestoneName,
        completion_date: Option<Date>,
        evidence: &[Evidence],
        etag: &str,
    ) -> Result<(), Error> {
        let milestone = find_milestone(self.state, self.caller, name)?;
        check_etag(MilestoneName::KIND, name.as_str(), &milestone.meta, etag)?;
        let plan = find_plan(self.state, self.caller, &name.parent())?;
        check_issued(plan, false)?;
        check_not_dropped(milestone)?;
        let mut violations = Violations::new();
        let today = self.today();
        let completion_date = completion_date.unwrap_or(today);
        if completion_date > today {
            violations.add(
                "completion_date",
                "OUT_OF_RANGE",
                format!("must not be after today ({today})"),
                format!("không được sau ngày hôm nay ({today})"),
            );
        }
        if milestone.completion.is_some() && self.reason.trim().is_empty() {
            violations.add(
                "reason",
                "REQUIRED",
                "the milestone is already completed; give the reason for the correction",
                "mốc nhiệm vụ đã được ghi nhận hoàn thành; hãy ghi lý do đính chính",
            );
        }
        violations.into_result()?;
        let mut new = milestone.clone();
        new.completion = Some(Box::new(Completion {
            completion_date,
            evidence: evidence.to_vec(),
            record_time: self.now,
        }));
        new.meta = self.updated(new.meta);
        self.put(Image::Milestone(Arc::new(new)));
        Ok(())
    }

    pub(super) fn drop_milestone(
        &mut self,
        name: &MilestoneName,
        document: Option<&Document>,
        etag: &str,
    ) -> Result<(), Error> {
        let milestone = find_milestone(self.state, self.caller, name)?;
        check_etag(MilestoneName::KIND, name.as_str(), &milestone.meta, etag)?;
        let plan = find_plan(self.state, self.caller, &name.parent())?;
        // a document must justify giving up a promise of the baseline
        let needs = is_in_force(plan)?.then_some(Needs::Identity);
        check_open(milestone)?;
        let mut violations = Violations::new();
        let drop_date = self.check_document(
            document,
            needs,
            plan.issue_date(),
            "document",
            &mut violations,
        );
        violations.into_result()?;
        let mut new = milestone.clone();
        new.dropping = Some(Box::new(Dropping {
            drop_date,
            reason: self.reason.to_owned(),
            document: document.cloned().map(Box::new),
            record_time: self.now,
        }));
        new.meta = self.updated(new.meta);
        self.put(Image::Milestone(Arc::new(new)));
        Ok(())
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
        "PLAN_IS_FULL",
        plan.name.as_str(),
        format!("the plan has {held} {what}; it may have {most}"),
        format!("kế hoạch đã có {held} {what_vi}; chỉ được có {most}"),
    ))
}

/// Refuses where the milestone has been completed or given up.
pub(super) fn check_open(milestone: &Milestone) -> Result<(), Error> {
    check_not_dropped(milestone)?;
    if milestone.state() == MilestoneState::Completed {
        return Err(Error::refused(
            "MILESTONE_IS_COMPLETED",
            milestone.name.as_str(),
            "the milestone is COMPLETED, so what it promised cannot be changed",
            "mốc nhiệm vụ đã hoàn thành nên nội dung cam kết được giữ nguyên",
        ));
    }
    Ok(())
}

fn check_not_dropped(milestone: &Milestone) -> Result<(), Error> {
    if milestone.state() == MilestoneState::Dropped {
        return Err(Error::refused(
            "MILESTONE_IS_DROPPED",
            milestone.name.as_str(),
            "the milestone is DROPPED; create a new one instead",
            "mốc nhiệm vụ đã bị hủy bỏ; hãy lập mốc mới thay thế",
        ));
    }
    Ok(())
}

fn check_fields(fields: &MilestoneFields) -> Result<(), Error> {
    let mut violations = Violations::new();
    fields.check("milestone", &mut violations);
    violations.into_result()
}
