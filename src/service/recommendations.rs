//! RecommendationService: recommendations that were sent in, and their answers.

use tonic::Request;

use super::{
    RpcResult, Services,
    list::Lists as _,
    read::get,
    update::updatable,
    write::{open_update, open_write},
};
use crate::{
    calendar, pb,
    wire::{
        documents,
        recommendations::{self, standing_recommendation},
        requests,
        values::read_date,
    },
};
use ndp_core::{
    error::Violations,
    names::RecommendationName,
    records::recommendations::{Answer as AnswerGiven, Recommendation, Rejection},
    rules::recommendations::{
        AnswerRecommendation, CreateRecommendation, ForwardRecommendation, RejectRecommendation,
        ReopenRecommendation, UpdateRecommendation,
    },
    state::State,
};

updatable!(Recommendation recommendations::recommendation_fields);

impl Services {
    pub(super) async fn get_recommendation(
        &self,
        request: Request<pb::GetRecommendationRequest>,
    ) -> RpcResult<pb::Recommendation> {
        let (call, today, message) = self.open_dated(request).await?;
        let record = get(&call, &message.name, State::recommendation)?;
        call.answer(standing_recommendation(&record, today))
    }

    pub(super) async fn list_recommendations(
        &self,
        request: Request<pb::ListRecommendationsRequest>,
    ) -> RpcResult<pb::ListRecommendationsResponse> {
        let (call, today, message) = self.open_dated(request).await?;
        let (recommendations, next_page_token) = self
            .list(
                &call,
                State::recommendations,
                String::new(),
                call.binding("ListRecommendations"),
                &message.arguments(),
                move |_, seen| standing_recommendation(seen, today),
            )
            .await?;
        call.answer(pb::ListRecommendationsResponse {
            recommendations,
            next_page_token,
        })
    }

    pub(super) async fn create_recommendation(
        &self,
        request: Request<pb::CreateRecommendationRequest>,
    ) -> RpcResult<pb::Recommendation> {
        let (call, envelope, message) = open_write(request)?;
        let name = requests::optional_new_name(
            &message.recommendation_id,
            "recommendation_id",
            RecommendationName::from_id,
        )?;
        let mut violations = Violations::new();
        let record = message.recommendation.unwrap_or_default();
        let fields =
            recommendations::recommendation_fields(record, "recommendation", &mut violations);
        violations.into_result()?;
        let command = CreateRecommendation {
            name,
            fields,
            calendar: calendar::shipped()?,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| standing_recommendation(it, self.today()))
    }

    pub(super) async fn update_recommendation(
        &self,
        request: Request<pb::UpdateRecommendationRequest>,
    ) -> RpcResult<pb::Recommendation> {
        let (call, envelope, update) = open_update(request)?;
        let command = UpdateRecommendation {
            update,
            calendar: calendar::shipped()?,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| standing_recommendation(it, self.today()))
    }

    pub(super) async fn forward_recommendation(
        &self,
        request: Request<pb::ForwardRecommendationRequest>,
    ) -> RpcResult<pb::Recommendation> {
        let (call, envelope, message) = open_write(request)?;
        let command = ForwardRecommendation {
            name: requests::name(&message.name, "name")?,
            agency: requests::name(&message.agency, "agency")?,
            forward_date: read_date(message.forward_date),
            document: documents::read_boxed_document(message.document),
            etag: message.etag,
            calendar: calendar::shipped()?,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| standing_recommendation(it, self.today()))
    }

    pub(super) async fn answer_recommendation(
        &self,
        request: Request<pb::AnswerRecommendationRequest>,
    ) -> RpcResult<pb::Recommendation> {
        let (call, envelope, message) = open_write(request)?;
        let command = AnswerRecommendation {
            name: requests::name(&message.name, "name")?,
            answer: AnswerGiven {
                text: requests::text(message.text),
                outcome: recommendations::outcome(message.outcome)?,
                document: documents::read_boxed_document(message.document),
                evidence: documents::read_evidence(message.evidence),
            },
            answer_date: read_date(message.answer_date),
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| standing_recommendation(it, self.today()))
    }

    pub(super) async fn reject_recommendation(
        &self,
        request: Request<pb::RejectRecommendationRequest>,
    ) -> RpcResult<pb::Recommendation> {
        let (call, envelope, message) = open_write(request)?;
        let command = RejectRecommendation {
            name: requests::name(&message.name, "name")?,
            rejection: Rejection {
                ground: recommendations::ground(message.ground)?,
                original: requests::optional_name(&message.original, "original")?,
            },
            reject_date: read_date(message.reject_date),
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| standing_recommendation(it, self.today()))
    }

    pub(super) async fn reopen_recommendation(
        &self,
        request: Request<pb::ReopenRecommendationRequest>,
    ) -> RpcResult<pb::Recommendation> {
        let (call, envelope, message) = open_write(request)?;
        let command = ReopenRecommendation {
            name: requests::name(&message.name, "name")?,
            reopen_date: read_date(message.reopen_date),
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| standing_recommendation(it, self.today()))
    }
}
