//! MonitoringService.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{
    Services,
    call::{envelope, open_checked},
    list::{Seen, arguments},
    read::get,
};
use crate::{
    domain::{
        change::Image,
        command::Command,
        error::{Error, Violations},
        figures::Figure,
        names::FigureName,
        time::Date,
    },
    pb::{self, timeline::Interval},
    state::{
        State,
        attention::Item,
        quality::RecordQuality,
        query::{
            filter::Filter,
            order::Order,
            page::{Cursor, Page, cut, page_size, page_sorted},
            token::Binding,
        },
        tally::Sight,
    },
    wire::{figures, monitoring, requests},
};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl pb::monitoring_service_server::MonitoringService for Services {
    async fn get_summary(&self, request: Request<pb::GetSummaryRequest>) -> Answer<pb::Summary> {
        let (call, today, message) = self.open_counted(request).await?;
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

    async fn get_timeline(&self, request: Request<pb::GetTimelineRequest>) -> Answer<pb::Timeline> {
        let (call, today, message) = self.open_counted(request).await?;
        let scope = figures::summary_scope(&message.edition)?;
        let agency = requests::optional_name(&message.agency, "agency")?;
        let state = call.state();
        let place = state.place(&scope, &message.group, agency.as_ref())?;
        let start = requests::optional_date(message.start_date, "start_date")?;
        let start = start.ok_or_else(|| {
            Error::invalid(
                "start_date",
                "REQUIRED",
                "give the first date",
                "hãy ghi ngày đầu tiên",
            )
        })?;
        let end = requests::optional_date(message.end_date, "end_date")?.unwrap_or(today);
        check_known(start, today, "start_date")?;
        check_known(end, today, "end_date")?;
        state.check_listed(&place, start, "start_date")?;
        let dates = dates(message.interval(), start, end)?;
        let metrics = monitoring::metrics(&message.metrics);
        let sight = Sight::of(&call.caller);
        let counted = (place.clone(), dates.clone());
        let counts = self
            .registry()
            .compute_in_turn(&call.snapshot, move |state| {
                state.timeline(&counted.0, &sight, &counted.1)
            })
            .await?;
        let points: Vec<_> = dates.into_iter().zip(counts).collect();
        call.answer(monitoring::timeline(
            &place,
            &metrics,
            &points,
            state.revision(),
            state.is_made_up(),
        ))
    }

    async fn list_attention_items(
        &self,
        request: Request<pb::ListAttentionItemsRequest>,
    ) -> Answer<pb::ListAttentionItemsResponse> {
        let (call, today, message) = self.open_counted(request).await?;
        let size = page_size(message.page_size)?;
        let filter = Filter::<Item>::parse(&message.filter)?;
        let order = Order::<Item>::parse(&message.order_by, "")?;
        let scope = figures::summary_scope(&message.edition)?;
        let place = call.state().place(&scope, "", None)?;
        let binding = Binding::new("ListAttentionItems")
            .with("edition", &message.edition)
            .with("filter", filter.canonical())
            .with("order_by", order.canonical());
        let after = self.open_token(&binding, &message.page_token)?;
        let sight = Sight::of(&call.caller);
        let items = self
            .registry()
            .compute_in_turn(&call.snapshot, move |state| {
                state.attention(&place, &sight, today)
            })
            .await?;
        let page = page_sorted::<Item, &Item>(&items, &filter, &order, after.as_ref(), size);
        let (attention_items, next_page_token) = self.fitted(
            &binding,
            page,
            |item| monitoring::attention_item(item),
            |item| order.cursor(item),
        );
        call.answer(pb::ListAttentionItemsResponse {
            attention_items,
            next_page_token,
        })
    }

    async fn get_data_quality(
        &self,
        request: Request<pb::GetDataQualityRequest>,
    ) -> Answer<pb::DataQuality> {
        let (call, today, message) = self.open_counted(request).await?;
        let size = page_size(message.page_size)?;
        let scope = figures::summary_scope(&message.edition)?;
        let agency = requests::optional_name(&message.agency, "agency")?;
        let place = call
            .state()
            .place(&scope, &message.group, agency.as_ref())?;
        let criterion = monitoring::criterion(message.criterion);
        let binding = Binding::new("GetDataQuality")
            .with("edition", &message.edition)
            .with("agency", &message.agency)
            .with("group", &message.group)
            .with("criterion", message.criterion.to_be_bytes());
        let after = self.open_token(&binding, &message.page_token)?;
        let (scored, sight) = (place.clone(), Sight::of(&call.caller));
        let quality = self
            .registry()
            .compute_in_turn(&call.snapshot, move |state| {
                state.quality(&scored, &sight, today)
            })
            .await?;
        let failing = quality.records.iter().filter(|record| {
            let unseen = after
                .as_ref()
                .is_none_or(|after| record.platform.as_str() > after.name.as_str());
            let mut failures = record.failures.iter();
            unseen && failures.any(|it| criterion.is_none_or(|asked| it.criterion == asked))
        });
        let cursor = |record: &&RecordQuality| Cursor {
            values: Vec::new(),
            name: record.platform.to_string(),
        };
        let page = cut(failing.take(size + 1).collect(), size, cursor);
        let convert = |record: &&RecordQuality| monitoring::record_scores(record, criterion);
        let (records, token) = self.fitted(&binding, page, convert, cursor);
        let (revision, made_up) = (call.state().revision(), call.state().is_made_up());
        call.answer(monitoring::data_quality(
            &place, &quality, today, records, token, revision, made_up,
        ))
    }

    async fn reconcile_figures(
        &self,
        request: Request<pb::ReconcileFiguresRequest>,
    ) -> Answer<pb::ReconcileFiguresResponse> {
        let (call, today, message) = self.open_counted(request).await?;
        let binding = Binding::new("ReconcileFigures");
        let query = self.query::<Figure>(binding, &arguments!(message))?;
        let rows = query.rows(call.state().figures(), String::new());
        let page = query.page(&call, query.by_name(), rows, |_| true);
        // everyone sees figures whole
        let figures = page.items.iter().filter_map(Seen::whole).cloned();
        let (figures, next) = (figures.collect::<Vec<_>>(), page.next);
        let sight = Sight::of(&call.caller);
        let computed = self
            .registry()
            .compute_in_turn(&call.snapshot, move |state| {
                let of = |figure: &Arc<Figure>| state.reconcile(figure, &sight, today);
                let computed: Vec<_> = figures.iter().map(of).collect();
                figures.into_iter().zip(computed).collect::<Vec<_>>()
            })
            .await?;
        let mut items = Vec::with_capacity(computed.len());
        for (figure, computed) in computed {
            let revisions = self.registry().revisions_behind(&computed.grounds).await?;
            items.push((figure, computed, revisions));
        }
        let (reconciliations, next_page_token) = self.fitted(
            &query.binding,
            Page { items, next },
            |(figure, computed, revisions)| monitoring::reconciliation(figure, computed, revisions),
            |(figure, ..)| query.order.cursor(figure),
        );
        call.answer(pb::ReconcileFiguresResponse {
            reconciliations,
            next_page_token,
        })
    }

    async fn get_figure(&self, request: Request<pb::GetFigureRequest>) -> Answer<pb::Figure> {
        let (call, message) = self.open_read(request).await?;
        let figure = get(&call, &message.name, State::figure)?;
        call.answer(figures::figure(&figure))
    }

    async fn list_figures(
        &self,
        request: Request<pb::ListFiguresRequest>,
    ) -> Answer<pb::ListFiguresResponse> {
        let (call, message) = self.open_read(request).await?;
        let (figures, next_page_token) = self.list(
            &call,
            call.state().figures(),
            String::new(),
            Binding::new("ListFigures"),
            &arguments!(message),
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

/// Most points of a timeline.
const POINTS_MAX: usize = 400;

/// The dates of a timeline.
fn dates(interval: Interval, start: Date, end: Date) -> Result<Vec<Date>, Error> {
    let mut dates = Vec::new();
    for step in 0.. {
        let date = match interval {
            Interval::Day => start.plus_days(step),
            Interval::Unspecified | Interval::Week => start.plus_days(step * 7),
            Interval::Month => start.plus_months(step),
        };
        if date > end || dates.last() == Some(&date) {
            break;
        }
        if dates.len() == POINTS_MAX {
            return Err(Error::invalid(
                "interval",
                "TOO_MANY_POINTS",
                format!(
                    "gives more than {POINTS_MAX} dates; choose a longer interval or a shorter \
                     period"
                ),
                format!(
                    "cho hơn {POINTS_MAX} ngày; hãy chọn bước dài hơn hoặc khoảng thời gian ngắn \
                     hơn"
                ),
            ));
        }
        dates.push(date);
    }
    if dates.is_empty() {
        return Err(Error::invalid(
            "end_date",
            "OUT_OF_RANGE",
            "must not be before `start_date`",
            "không được trước `start_date`",
        ));
    }
    Ok(dates)
}

/// Refuses a date that nobody knew of yet.
fn check_known(date: Date, today: Date, field: &'static str) -> Result<(), Error> {
    if date <= today {
        return Ok(());
    }
    Err(Error::OutOfRange {
        field,
        english: format!("must not be after {today}, the date of the answer"),
        vietnamese: format!("không được sau {today} là ngày của câu trả lời"),
    })
}
