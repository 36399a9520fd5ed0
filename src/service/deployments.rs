//! IntegrationService: deployments.

use tonic::Request;

use super::{
    RpcResult, Services,
    list::{Lists as _, shared},
    monitoring::check_known,
    plans::platform_prefix,
    read::get,
    update::updatable,
    write::{open_update, open_write},
};
use crate::{
    pb,
    wire::{deployments, requests, validate::Validate as _, values::read_date},
};
use ndp_core::{
    error::{Error, Violations},
    monitoring::deployments::DeploymentRow,
    names::DeploymentName,
    records::deployments::Deployment,
    rules::deployments::{ConfirmDeployment, UpdateDeployment},
    state::State,
    time::Date,
};

updatable!(
    Deployment | message,
    _,
    _ | deployments::deployment_fields(message)
);

impl Services {
    pub(super) async fn get_deployment(
        &self,
        request: Request<pb::GetDeploymentRequest>,
    ) -> RpcResult<pb::Deployment> {
        let (call, today, message) = self.open_dated(request).await?;
        let on = date_asked(message.effective_date, today)?;
        let deployment = get(&call, &message.name, State::deployment)?;
        call.answer(deployments::standing_deployment(
            call.state(),
            &deployment,
            on,
        ))
    }

    pub(super) async fn list_deployments(
        &self,
        request: Request<pb::ListDeploymentsRequest>,
    ) -> RpcResult<pb::ListDeploymentsResponse> {
        let (call, today, message) = self.open_dated(request).await?;
        let on = date_asked(message.effective_date, today)?;
        let prefix = platform_prefix(&call, &message.parent, DeploymentName::prefix)?;
        let asked = read_date(message.effective_date);
        let asked = asked.map_or_else(String::new, |it| it.to_string());
        let binding = call
            .binding("ListDeployments")
            .with("parent", &prefix)
            .with("effective_date", asked);
        let query = self.query(binding, &message.arguments())?;
        let (deployments, next_page_token) = self
            .list_rows(
                &call,
                State::deployments,
                prefix,
                query,
                move |it, call| Some(DeploymentRow::new(call.state(), shared(it, call)?, on)),
                move |state, row| deployments::standing_deployment(state, &row.record, on),
            )
            .await?;
        call.answer(pb::ListDeploymentsResponse {
            deployments,
            next_page_token,
        })
    }

    pub(super) async fn update_deployment(
        &self,
        request: Request<pb::UpdateDeploymentRequest>,
    ) -> RpcResult<pb::Deployment> {
        // an update is checked only in the fields of its mask, a new record in all
        let allow_missing = request.get_ref().allow_missing;
        if allow_missing {
            request.get_ref().check()?;
        }
        let (call, envelope, update) = open_update(request)?;
        let command = UpdateDeployment {
            update,
            allow_missing,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, state| deployments::standing_deployment(state, it, self.today()))
    }

    pub(super) async fn confirm_deployment(
        &self,
        request: Request<pb::ConfirmDeploymentRequest>,
    ) -> RpcResult<pb::Deployment> {
        let (call, envelope, message) = open_write(request)?;
        let command = ConfirmDeployment {
            name: requests::name(&message.name, "name")?,
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, state| deployments::standing_deployment(state, it, self.today()))
    }
}

/// The date asked about; refused if it is after that of the read.
fn date_asked(asked: Option<pb::Date>, today: Date) -> Result<Date, Error> {
    let on = read_date(asked).unwrap_or(today);
    check_known(on, today, "effective_date").map(|()| on)
}
