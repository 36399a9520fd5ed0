//! MonitoringService: published figures, and what the registry computes beside each.

use std::sync::Arc;

use tonic::Request;

use super::{
    RpcResult, Services,
    list::{Lists as _, Seen, fitted, page},
    read::get,
    write::open_write,
};
use crate::{
    pb,
    wire::{figures, monitoring, requests},
};
use ndp_core::{
    error::{Error, Violations},
    monitoring::reconcile::Computed,
    names::{FigureName, Revision},
    query::page::Page,
    records::figures::Figure,
    rules::figures::CreateFigure,
    state::State,
};

/// A figure, the values computed for it, and the revisions they are computed from.
type Behind = (Arc<Figure>, Computed, Vec<Revision>);

impl Services {
    pub(super) async fn reconcile_figures(
        &self,
        request: Request<pb::ReconcileFiguresRequest>,
    ) -> RpcResult<pb::ReconcileFiguresResponse> {
        let (call, today, message) = self.open_counted(request).await?;
        let binding = call.binding("ReconcileFigures");
        let query = self.query::<Figure>(binding, &message.arguments())?;
        let (binding, order) = (query.binding.clone(), query.order.clone());
        let computing = self.work(&call, move |call, effort| {
            let state = call.state();
            let rows = query.rows(state.figures(), "");
            let page = page(&query, call, effort, query.by_name(), rows, |_| true);
            // everyone sees figures whole
            let figures = page.items.iter().filter_map(Seen::whole).cloned();
            let computed = effort.rows(figures, 1).map(|figure| {
                let computed = state.reconcile(&figure, today, effort);
                (figure, computed)
            });
            Ok((computed.collect::<Vec<_>>(), page.next))
        });
        let (computed, next) = computing.await?;
        let grounds = computed.iter().map(|(_, computed)| &*computed.grounds);
        self.registry().afford_behind(grounds)?;
        let mut items = Vec::with_capacity(computed.len());
        for (figure, computed) in computed {
            let behind = self
                .registry()
                .revisions_behind(&call.who, &computed.grounds);
            let revisions = behind.await?;
            items.push((figure, computed, revisions));
        }
        let page = self.work(&call, move |_, effort| {
            let convert = |(figure, computed, revisions): &&Behind| {
                monitoring::reconciliation(figure, computed, revisions)
            };
            let cursor = |(figure, ..): &&Behind| order.cursor(figure);
            let items = items.iter().collect();
            let next = next.clone();
            Ok(fitted(Page { items, next }, effort, 1, convert, cursor))
        });
        let (reconciliations, next_page_token) = self.sealed(&binding, page.await?);
        call.answer(pb::ReconcileFiguresResponse {
            reconciliations,
            next_page_token,
        })
    }

    pub(super) async fn get_figure(
        &self,
        request: Request<pb::GetFigureRequest>,
    ) -> RpcResult<pb::Figure> {
        let (call, message) = self.open_read(request).await?;
        let figure = get(&call, &message.name, State::figure)?;
        call.answer(figures::figure(&figure))
    }

    pub(super) async fn list_figures(
        &self,
        request: Request<pb::ListFiguresRequest>,
    ) -> RpcResult<pb::ListFiguresResponse> {
        let (call, message) = self.open_read(request).await?;
        let (figures, next_page_token) = self
            .list(
                &call,
                State::figures,
                String::new(),
                call.binding("ListFigures"),
                &message.arguments(),
                |_, seen| figures::figure(seen),
            )
            .await?;
        call.answer(pb::ListFiguresResponse {
            figures,
            next_page_token,
        })
    }

    pub(super) async fn create_figure(
        &self,
        request: Request<pb::CreateFigureRequest>,
    ) -> RpcResult<pb::Figure> {
        let (call, envelope, message) = open_write(request)?;
        let name = requests::new_name(&message.figure_id, "figure_id", FigureName::from_id)?;
        let mut violations = Violations::new();
        let figure = message.figure.unwrap_or_default();
        let figure = figures::figure_fields(figure, name, "figure", &mut violations);
        violations.into_result()?;
        let figure = figure.ok_or_else(|| Error::Bug("a figure without its facts".into()))?;
        let command = CreateFigure { figure };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| figures::figure(it))
    }
}
