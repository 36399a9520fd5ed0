//! MonitoringService.

use tonic::{Request, Response, Status};

use super::{
    Services,
    call::{Call, envelope, open_checked},
    list::arguments,
};
use crate::{
    domain::{
        change::{At, Image},
        command::Command,
        error::{Error, Violations},
        names::FigureName,
        time::Date,
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
        let (call, today) = self
            .dated(call, message.read_revision, message.read_time)
            .await?;
        let scope = figures::summary_scope(&message.edition)?;
        let agency = requests::optional_name(&message.agency, "agency")?;
        let asked = requests::optional_date(message.effective_date, "effective_date")?;
        let state = call.state();
        let place = state.place(&scope, &message.group, agency.as_ref())?;
        let date = asked.unwrap_or(today);
        if asked.is_some() {
            check_known(date, today, "effective_date")?;
            state.check_listed(&place, date, "effective_date")?;
        }
        let tally = self.registry().tally(&call.snapshot, date).await?;
        let summary = state.summary(&call.caller, place, &tally);
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
            figures::figure,
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

impl Services {
    /// The call as of another revision or time where one is asked for, and the civil date in
    /// Vietnam that the answer is of.
    pub(super) async fn dated(
        &self,
        call: Call,
        read_revision: i64,
        read_time: Option<prost_types::Timestamp>,
    ) -> Result<(Call, Date), Error> {
        let at = requests::read_at(read_revision, read_time)?;
        let call = call.at(self, read_revision, read_time).await?;
        let time = match at {
            At::Now => self.registry().clock().now(),
            At::Time(time) => time,
            At::Revision(_) => match call.state().record_time() {
                Some(time) => time,
                None => self.registry().clock().now(),
            },
        };
        Ok((call, time.date_in_vietnam()))
    }
}

/// Refuses a date that nobody knew of yet.
fn check_known(date: Date, today: Date, field: &'static str) -> Result<(), Error> {
    if date <= today {
        return Ok(());
    }
    Err(Error::OutOfRange {
        field,
        english: format!("the answer is of {today}, and nobody knew then what comes after"),
        vietnamese: format!("câu trả lời tính đến ngày {today}, chưa ai biết những gì sau đó"),
    })
}
