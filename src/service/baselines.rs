//! PlanService: baselines, which a plan has from its issue on.

use tonic::Request;

use super::{RpcResult, Services, list::Lists as _, plans::plan_prefix, read::get};
use crate::{pb, wire::baselines};
use ndp_core::{
    names::BaselineName,
    state::{State, visible::Visible as _},
};

impl Services {
    pub(super) async fn get_baseline(
        &self,
        request: Request<pb::GetBaselineRequest>,
    ) -> RpcResult<pb::Baseline> {
        let (call, message) = self.open_read(request).await?;
        let baseline = get(&call, &message.name, State::baseline)?;
        let agency = baseline.agency(call.state());
        call.answer(baselines::baseline(&baseline, agency.as_ref()))
    }

    pub(super) async fn list_baselines(
        &self,
        request: Request<pb::ListBaselinesRequest>,
    ) -> RpcResult<pb::ListBaselinesResponse> {
        let (call, message) = self.open_read(request).await?;
        let prefix = plan_prefix(&call, &message.parent, BaselineName::prefix)?;
        let (baselines, next_page_token) = self
            .list_below(
                &call,
                State::baselines,
                prefix,
                call.binding("ListBaselines"),
                &message.arguments(),
                |_, seen| baselines::baseline(seen, seen.agency.as_ref()),
            )
            .await?;
        call.answer(pb::ListBaselinesResponse {
            baselines,
            next_page_token,
        })
    }
}
