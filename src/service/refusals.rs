//! AccessService: the attempts that this server refused.

use tonic::{Request, Response};

use super::{
    Services,
    list::{Lists as _, fitted},
    read::open_checked,
};
use crate::{call::refusals::Refusal, pb, wire::values::write_timestamp};
use ndp_core::{
    error::Error,
    records::principals::Role,
    rules::{denied, permit_access_reads},
};

impl Services {
    pub(super) async fn list_refusals(
        &self,
        request: Request<pb::ListRefusalsRequest>,
    ) -> Result<Response<pb::ListRefusalsResponse>, Error> {
        let (call, message) = open_checked(request)?;
        permit_access_reads(&call.caller)?;
        if !call.caller.has(Role::Auditor) && !call.caller.has(Role::Admin) {
            let (auditor, admin) = (Role::Auditor, Role::Admin);
            return Err(denied(
                "ListRefusals",
                format!("the role `{auditor}` or `{admin}`"),
                format!("vai trò `{auditor}` hoặc `{admin}`"),
            ));
        }
        let call = call
            .after_page(self.registry(), &message.page_token)
            .await?;
        let binding = call.binding("ListRefusals");
        let query = self.query::<Refusal>(binding, &message.arguments())?;
        let binding = query.binding.clone();
        let refusals = self.refusals.clone();
        let listing = self.work(&call, move |_, effort| {
            let (rows, since) = refusals.newest();
            let rows = rows.iter().map(|it| &**it);
            let rows = effort.rows(rows, query.row_cost());
            let page = query.page::<&Refusal>(false, rows);
            let place = |row: &&Refusal| query.order.cursor(row);
            Ok((fitted(page, effort, 1, |row| refusal(row), place), since))
        });
        let (page, since) = listing.await?;
        let (refusals, next_page_token) = self.sealed(&binding, page);
        call.answer(pb::ListRefusalsResponse {
            refusals,
            next_page_token,
            start_time: Some(write_timestamp(since)),
        })
    }
}

fn refusal(record: &Refusal) -> pb::Refusal {
    pb::Refusal {
        refuse_time: Some(write_timestamp(record.time)),
        principal: record.principal.clone(),
        actor: record.actor.clone(),
        address: record.address.clone(),
        method: record.method.clone(),
        resource: record.resource.clone(),
        reason: record.reason.clone(),
        message: record.message.clone(),
    }
}
