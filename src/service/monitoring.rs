//! MonitoringService.

use tonic::{Request, Response, Status};

use super::{
    Services,
    call::{envelope, open_checked},
    list::arguments,
};
use crate::{
    domain::{
        change::Image,
        command::Command,
        error::{Error, Violations},
        names::FigureName,
    },
    pb,
    state::query::token::Binding,
    wire::{figures, requests},
};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl pb::monitoring_service_server::MonitoringService for Services {
    async fn get_summary(&self, request: Request<pb::GetSummaryRequest>) -> Answer<pb::Summary> {
        let (call, message) = open_checked(request)?;
        let call = call
            .at(self, message.read_revision, message.read_time)
            .await?;
        let scope = figures::summary_scope(&message.edition)?;
        let agency = requests::optional_name(&message.agency, "agency")?;
        let state = call.state();
        let summary = state.summary(&call.caller, scope, agency)?;
        call.answer(figures::summary(&summary, state.revision()))
    }

    async fn get_figure(&self, request: Request<pb::GetFigureRequest>) -> Answer<pb::Figure> {
        let (call, message) = open_checked(request)?;
        let call = call
            .at(self, message.read_revision, message.read_time)
            .await?;
        let name: FigureName = requests::name(&message.name, "name")?;
        let figure = call.state().figure(&name).ok_or_else(|| Error::NotFound {
            kind: FigureName::KIND,
            name: name.to_string(),
        })?;
        call.answer(figures::figure(figure))
    }

    async fn list_figures(
        &self,
        request: Request<pb::ListFiguresRequest>,
    ) -> Answer<pb::ListFiguresResponse> {
        let (call, message) = open_checked(request)?;
        let call = call
            .at(self, message.read_revision, message.read_time)
            .await?;
        let (figures, next_page_token) = self.list(
            &call,
            call.state().figures(),
            String::new(),
            Binding::new("ListFigures"),
            &arguments!(message),
            |_| true,
            |seen| figures::figure(seen),
        )?;
        call.answer(pb::ListFiguresResponse {
            figures,
            next_page_token,
        })
    }

    async fn create_figure(&self, request: Request<pb::CreateFigureRequest>) -> Answer<pb::Figure> {
        let (call, message) = open_checked(request)?;
        let envelope = envelope!("CreateFigure", message)?;
        let name = requests::new_name(&message.figure_id, "figure_id", FigureName::from_id)?;
        let mut violations = Violations::new();
        let figure = message.figure.unwrap_or_default();
        let figure = figures::figure_fields(figure, name, "figure", &mut violations);
        violations.into_result()?;
        let figure = figure.ok_or_else(|| Error::Bug("a figure without its facts".into()))?;
        let command = Command::CreateFigure {
            figure: Box::new(figure),
        };
        let written = self.write(&call, command, envelope).await?;
        written.respond(|image| match image {
            Image::Figure(figure) => Some(figures::figure(&figure)),
            _ => None,
        })
    }
}
