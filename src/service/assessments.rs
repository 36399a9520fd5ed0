//! PlanService: assessments.

use tonic::Request;

use super::{
    RpcResult, Services, list::Lists as _, plans::plan_prefix, read::get, write::open_write,
};
use crate::{
    pb,
    wire::{assessments, requests},
};
use ndp_core::{
    names::{AssessmentName, PlanName},
    rules::assessments::{CreateAssessment, WithdrawAssessment},
    state::{State, visible::Visible as _},
};

impl Services {
    pub(super) async fn get_assessment(
        &self,
        request: Request<pb::GetAssessmentRequest>,
    ) -> RpcResult<pb::Assessment> {
        let (call, message) = self.open_read(request).await?;
        let assessment = get(&call, &message.name, State::assessment)?;
        let agency = assessment.agency(call.state());
        call.answer(assessments::assessment(&assessment, agency.as_ref()))
    }

    pub(super) async fn list_assessments(
        &self,
        request: Request<pb::ListAssessmentsRequest>,
    ) -> RpcResult<pb::ListAssessmentsResponse> {
        let (call, message) = self.open_read(request).await?;
        let prefix = plan_prefix(&call, &message.parent, AssessmentName::prefix)?;
        let (assessments, next_page_token) = self
            .list_below(
                &call,
                State::assessments,
                prefix,
                call.binding("ListAssessments"),
                &message.arguments(),
                |_, seen| assessments::assessment(seen, seen.agency.as_ref()),
            )
            .await?;
        call.answer(pb::ListAssessmentsResponse {
            assessments,
            next_page_token,
        })
    }

    pub(super) async fn create_assessment(
        &self,
        request: Request<pb::CreateAssessmentRequest>,
    ) -> RpcResult<pb::Assessment> {
        let (call, envelope, message) = open_write(request)?;
        let plan: PlanName = requests::name(&message.parent, "parent")?;
        let name = requests::optional_new_name(&message.assessment_id, "assessment_id", |id| {
            AssessmentName::from_id(&plan, id)
        })?;
        let fields = assessments::assessment_fields(message.assessment.unwrap_or_default());
        let command = CreateAssessment { plan, name, fields };
        let written = self.write(call, envelope, command).await?;
        written.answer(|assessment, state| {
            assessments::assessment(assessment, assessment.agency(state).as_ref())
        })
    }

    pub(super) async fn withdraw_assessment(
        &self,
        request: Request<pb::WithdrawAssessmentRequest>,
    ) -> RpcResult<pb::Assessment> {
        let (call, envelope, message) = open_write(request)?;
        let command = WithdrawAssessment {
            name: requests::name(&message.name, "name")?,
            etag: message.etag,
        };
        let written = self.write(call, envelope, command).await?;
        written.answer(|assessment, state| {
            assessments::assessment(assessment, assessment.agency(state).as_ref())
        })
    }
}
