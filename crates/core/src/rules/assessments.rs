//! The steward's assessments, and their withdrawal.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    messages::{Condition, Rule},
    names::{AssessmentName, PlanName},
    records::{
        assessments::{ASSESSMENTS_MAX, Assessment, AssessmentFields},
        plans::Plan,
        texts::{Reader, Texts},
    },
    rules::{
        Asking, Command, Deciding, deciding::check_etag, milestones::check_room,
        plans::check_issued,
    },
};
/// CreateAssessment.
#[derive(Clone, Debug)]
pub struct CreateAssessment {
    pub plan: PlanName,
    /// Name it is to have; a random id when absent.
    pub name: Option<AssessmentName>,
    /// What to write.
    pub fields: AssessmentFields,
}

impl Texts for CreateAssessment {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self {
            plan: _,
            name,
            fields,
        } = self;
        reader.id("assessment_id", name.as_ref().map(AssessmentName::id));
        reader.field("assessment", fields);
    }
}

impl Command for CreateAssessment {
    type Output = Assessment;
    type Found<'a> = &'a Plan;

    fn method(&self) -> &'static str {
        "CreateAssessment"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Plan, Error> {
        let plan = asking.find(&self.plan)?;
        asking.steward().map(|()| plan)
    }

    fn decide<'a>(
        &self,
        plan: &'a Plan,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Assessment>, Error> {
        let fields = &self.fields;
        let from_id = |id: &str| AssessmentName::from_id(&plan.name, id);
        let name = deciding.free_name::<Assessment>(self.name.as_ref(), from_id)?;
        check_issued(plan, true)?;
        let held = deciding.state.assessments_of(&plan.name).count();
        check_room(plan, "assessments", "đánh giá", held, ASSESSMENTS_MAX)?;
        let mut violations = Violations::new();
        fields.check(&mut violations);
        let today = deciding.today();
        let date = fields.assessment_date.unwrap_or(today);
        if date > today {
            violations.add("assessment.assessment_date", Rule::InFuture { today });
        }
        if let Some(issued) = plan.issue_date()
            && date < issued
        {
            violations.add("assessment.assessment_date", Rule::BeforeIssue { issued });
        }
        violations.into_result()?;
        Ok(Arc::new(Assessment {
            name,
            fields: AssessmentFields {
                assessment_date: Some(date),
                ..fields.clone()
            },
            withdrawal: None,
            meta: deciding.created(),
        }))
    }
}

/// WithdrawAssessment.
#[derive(Clone, Debug)]
pub struct WithdrawAssessment {
    /// Resource name of the assessment.
    pub name: AssessmentName,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for WithdrawAssessment {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for WithdrawAssessment {
    type Output = Assessment;
    type Found<'a> = &'a Assessment;

    fn method(&self) -> &'static str {
        "WithdrawAssessment"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Assessment, Error> {
        let assessment = asking.find(&self.name)?;
        asking.steward().map(|()| assessment)
    }

    fn decide<'a>(
        &self,
        assessment: &'a Assessment,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Assessment>, Error> {
        check_etag(assessment, &self.etag)?;
        if assessment.withdrawal.is_some() {
            return Err(Error::refused(
                assessment.name.as_str(),
                Condition::AssessmentIsWithdrawn,
            ));
        }
        Ok(Arc::new(Assessment {
            withdrawal: Some(Box::new(deciding.undoing())),
            meta: deciding.updated(assessment.meta),
            ..assessment.clone()
        }))
    }
}
