//! The steward's assessments.

use std::sync::Arc;

use super::{Deciding, catalogue::exists, milestones::check_room, plans::check_issued};
use crate::{
    domain::{
        assessments::{ASSESSMENTS_MAX, Assessment, AssessmentFields},
        change::Image,
        error::{Error, Violations},
        names::{AssessmentName, PlanName},
    },
    registry::access::find_plan,
};

impl Deciding<'_> {
    pub(super) fn create_assessment(
        &mut self,
        plan: &PlanName,
        name: Option<&AssessmentName>,
        fields: &AssessmentFields,
    ) -> Result<(), Error> {
        let plan = find_plan(self.state, self.caller, plan)?;
        let name = self.name_or_random(name, |id| AssessmentName::from_id(&plan.name, id))?;
        if self.state.assessment(&name).is_some() {
            return Err(exists(AssessmentName::KIND, name.as_str()));
        }
        check_issued(plan, true)?;
        let held = self.state.assessments_of(&plan.name).count();
        check_room(plan, "assessments", "đánh giá", held, ASSESSMENTS_MAX)?;
        let mut violations = Violations::new();
        fields.check(&mut violations);
        let today = self.today();
        let date = fields.assessment_date.unwrap_or(today);
        if date > today {
            violations.add(
                "assessment.assessment_date",
                "OUT_OF_RANGE",
                format!("must not be after today ({today})"),
                format!("không được sau ngày hôm nay ({today})"),
            );
        }
        if let Some(issued) = plan.issue_date()
            && date < issued
        {
            violations.add(
                "assessment.assessment_date",
                "OUT_OF_RANGE",
                format!("must not be before {issued}, when the plan was issued"),
                format!("không được trước ngày {issued}, khi kế hoạch được ban hành"),
            );
        }
        violations.into_result()?;
        self.put(Image::Assessment(Arc::new(Assessment {
            name,
            fields: AssessmentFields {
                assessment_date: Some(date),
                ..fields.clone()
            },
            meta: self.created(),
        })));
        Ok(())
    }
}
