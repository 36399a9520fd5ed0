//! AccessService: the attempts that this server denied.

use tonic::{Request, Response};

use super::{
    Services,
    list::{Lists as _, fitted},
    read::open_checked,
};
use crate::{call::denials::Denial, pb, wire::values::write_timestamp};
use ndp_core::{error::Error, rules::permit_denial_reads};

impl Services {
    pub(super) async fn list_denials(
        &self,
        request: Request<pb::ListDenialsRequest>,
    ) -> Result<Response<pb::ListDenialsResponse>, Error> {
        let (call, message) = open_checked(request)?;
        permit_denial_reads(&call.caller)?;
        let call = call
            .after_page(self.registry(), &message.page_token)
            .await?;
        let binding = call.binding("ListDenials");
        let query = self.query::<Denial>(binding, &message.arguments())?;
        let binding = query.binding.clone();
        let denials = self.denials.clone();
        let listing = self.work(&call, move |_, effort| {
            let (rows, since) = denials.newest();
            let rows = rows.iter().map(|it| &**it);
            let rows = effort.rows(rows, query.row_cost());
            let page = query.page::<&Denial>(false, rows);
            let place = |row: &&Denial| query.order.cursor(row);
            Ok((fitted(page, effort, 1, |row| denial(row), place), since))
        });
        let (page, since) = listing.await?;
        let (denials, next_page_token) = self.sealed(&binding, page);
        call.answer(pb::ListDenialsResponse {
            denials,
            next_page_token,
            start_time: Some(write_timestamp(since)),
        })
    }
}

fn denial(record: &Denial) -> pb::Denial {
    pb::Denial {
        deny_time: Some(write_timestamp(record.time)),
        principal: record.principal.clone(),
        actor: record.actor.clone(),
        address: record.address.clone(),
        method: record.method.clone(),
        resource: record.resource.clone(),
        reason: record.reason.clone(),
        message: record.message.clone(),
    }
}
