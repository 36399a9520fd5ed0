//! IntegrationService: data flows.

use tonic::Request;

use super::{
    RpcResult, Services,
    list::{Lists as _, shared},
    read::get,
    update::updatable,
    write::{open_update, open_write},
};
use crate::{
    pb,
    wire::{data_flows, requests},
};
use ndp_core::{
    error::Violations,
    names::DataFlowName,
    records::data_flows::{DataFlow, FlowRow},
    rules::data_flows::{ConfirmDataFlow, CreateDataFlow},
    state::State,
};

updatable!(DataFlow data_flows::data_flow_fields);

impl Services {
    pub(super) async fn get_data_flow(
        &self,
        request: Request<pb::GetDataFlowRequest>,
    ) -> RpcResult<pb::DataFlow> {
        let (call, message) = self.open_read(request).await?;
        let flow = get(&call, &message.name, State::data_flow)?;
        call.answer(data_flows::data_flow(&flow, call.state()))
    }

    pub(super) async fn list_data_flows(
        &self,
        request: Request<pb::ListDataFlowsRequest>,
    ) -> RpcResult<pb::ListDataFlowsResponse> {
        let (call, message) = self.open_read(request).await?;
        let binding = call.binding("ListDataFlows");
        let query = self.query(binding, &message.arguments())?;
        let (data_flows, next_page_token) = self
            .list_rows(
                &call,
                State::data_flows,
                String::new(),
                query,
                |it, call| Some(FlowRow::new(shared(it, call)?, call.state())),
                |_, row| data_flows::data_flow_row(row),
            )
            .await?;
        call.answer(pb::ListDataFlowsResponse {
            data_flows,
            next_page_token,
        })
    }

    pub(super) async fn create_data_flow(
        &self,
        request: Request<pb::CreateDataFlowRequest>,
    ) -> RpcResult<pb::DataFlow> {
        let (call, envelope, message) = open_write(request)?;
        let name =
            requests::new_name(&message.data_flow_id, "data_flow_id", DataFlowName::from_id)?;
        let mut violations = Violations::new();
        let flow = message.data_flow.unwrap_or_default();
        let fields = data_flows::data_flow_fields(flow, "data_flow", &mut violations);
        violations.into_result()?;
        let command = CreateDataFlow { name, fields };
        self.write(call, envelope, command)
            .await?
            .answer(data_flows::data_flow)
    }

    pub(super) async fn update_data_flow(
        &self,
        request: Request<pb::UpdateDataFlowRequest>,
    ) -> RpcResult<pb::DataFlow> {
        let (call, envelope, command) = open_update(request)?;
        self.write(call, envelope, command)
            .await?
            .answer(data_flows::data_flow)
    }

    pub(super) async fn confirm_data_flow(
        &self,
        request: Request<pb::ConfirmDataFlowRequest>,
    ) -> RpcResult<pb::DataFlow> {
        let (call, envelope, message) = open_write(request)?;
        let command = ConfirmDataFlow {
            name: requests::name(&message.name, "name")?,
            side: None,
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(data_flows::data_flow)
    }
}
