//! TaskService: programmes.

use tonic::Request;

use super::{
    RpcResult, Services,
    list::Lists as _,
    read::get,
    update::updatable,
    write::{open_update, open_write},
};
use crate::{
    pb,
    wire::{programmes, requests},
};
use ndp_core::{
    error::Violations, names::ProgrammeName, records::programmes::Programme,
    rules::programmes::CreateProgramme, state::State,
};

updatable!(Programme programmes::programme_fields);

impl Services {
    pub(super) async fn get_programme(
        &self,
        request: Request<pb::GetProgrammeRequest>,
    ) -> RpcResult<pb::Programme> {
        let (call, message) = self.open_read(request).await?;
        let programme = get(&call, &message.name, State::programme)?;
        call.answer(programmes::programme(&programme))
    }

    pub(super) async fn list_programmes(
        &self,
        request: Request<pb::ListProgrammesRequest>,
    ) -> RpcResult<pb::ListProgrammesResponse> {
        let (call, message) = self.open_read(request).await?;
        let (programmes, next_page_token) = self
            .list(
                &call,
                State::programmes,
                String::new(),
                call.binding("ListProgrammes"),
                &message.arguments(),
                |_, seen| programmes::programme(seen),
            )
            .await?;
        call.answer(pb::ListProgrammesResponse {
            programmes,
            next_page_token,
        })
    }

    pub(super) async fn create_programme(
        &self,
        request: Request<pb::CreateProgrammeRequest>,
    ) -> RpcResult<pb::Programme> {
        let (call, envelope, message) = open_write(request)?;
        let name = requests::new_name(
            &message.programme_id,
            "programme_id",
            ProgrammeName::from_id,
        )?;
        let mut violations = Violations::new();
        let fields = message.programme.unwrap_or_default();
        let fields = programmes::programme_fields(fields, "programme", &mut violations);
        violations.into_result()?;
        let command = CreateProgramme { name, fields };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| programmes::programme(it))
    }

    pub(super) async fn update_programme(
        &self,
        request: Request<pb::UpdateProgrammeRequest>,
    ) -> RpcResult<pb::Programme> {
        let (call, envelope, command) = open_update(request)?;
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| programmes::programme(it))
    }
}
