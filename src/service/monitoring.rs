//! MonitoringService: summaries, timelines, attention items, scoreboards and data quality.

use std::{cell::OnceCell, sync::Arc};

use prost::Message;
use tonic::Request;

use super::{RpcResult, Services, list::fitted};
use crate::{
    admission::held::Entry,
    call::{Call, identity::identify_feed, metadata::NDP_FEED_KEY},
    pb::{
        self,
        compute_timeline_request::{Interval, Metric},
    },
    wire::{
        agencies, documents,
        monitoring::{self, Source},
        reminders, requests, scoreboard, tasks,
        values::{self, write_date},
        weekly::Weekly,
    },
};
use ndp_core::{
    change::At,
    error::{Error, Violations},
    messages::Rule,
    monitoring::{
        agencies::AgencyCounts,
        attention::Item,
        flows::FlowScope,
        quality::RecordQuality,
        scoreboard::{Ask, Row},
        summary::Scope,
        tally::{Clearance, CountScope, Tally},
        tasks::{TaskLead, TaskScope},
    },
    names::{AgencyName, PlatformName, ProgrammeName},
    query::{
        filter::Filter,
        order::Order,
        page::{Cursor, cut, page_size, page_sorted},
    },
    state::State,
    time::Date,
};

impl Services {
    pub(super) async fn compute_summary(
        &self,
        request: Request<pb::ComputeSummaryRequest>,
    ) -> RpcResult<pb::ComputeSummaryResponse> {
        let (call, today, message) = self.open_counted(request).await?;
        let scope = monitoring::summary_scope(&message.edition)?;
        let agency = requests::optional_name(&message.agency, "agency")?;
        let tasks = task_place(&call, &message.programme, agency.as_ref())?;
        let asked = values::read_date(message.effective_date);
        let (count_scope, date) = self
            .count_scope_on(&call, scope, message.group, agency, asked, today)
            .await?;
        let state = call.state();
        let tally = self.registry().tally(&call.who, &call.snapshot, date);
        let tally = tally.await?;
        let summary = state.summary(&call.caller, count_scope, &tally);
        let counts = tally.tasks().counts(&tasks);
        call.answer(pb::ComputeSummaryResponse {
            tasks: Some(tasks::task_counts(&tasks, &counts, date, state)),
            ..monitoring::summary(&summary, state)
        })
    }

    pub(super) async fn compute_timeline(
        &self,
        request: Request<pb::ComputeTimelineRequest>,
    ) -> RpcResult<pb::ComputeTimelineResponse> {
        let (call, today, message) = self.open_counted(request).await?;
        let scope = monitoring::summary_scope(&message.edition)?;
        let agency = requests::optional_name(&message.agency, "agency")?;
        let tasks = task_place(&call, &message.programme, agency.as_ref())?;
        let interval = message.interval();
        let metrics = monitoring::metrics(&message.metrics);
        let start = values::read_date(message.start_date);
        let start = start.ok_or_else(|| Error::invalid("start_date", Rule::FirstDateMissing))?;
        let end = values::read_date(message.end_date).unwrap_or(today);
        let count_scope = self
            .count_scope(&call, scope, message.group, agency, end)
            .await?;
        let state = call.state();
        check_known(start, today, "start_date")?;
        check_known(end, today, "end_date")?;
        state.check_listed(&count_scope, start, "start_date")?;
        let dates = dates(interval, start, end)?;
        let clearance = Clearance::of(&call.caller);
        let asked = (count_scope.clone(), tasks.clone(), metrics.clone());
        let counting = self.work(&call, move |call, effort| {
            let (count_scope, tasks, metrics) = &asked;
            let state = call.state();
            let agency = count_scope.agency.as_ref();
            // Metrics of one source share one pass over the records.
            let (platforms, numbers, recommendations) =
                (OnceCell::new(), OnceCell::new(), OnceCell::new());
            let row = |metric: &Metric| -> Vec<i32> {
                match monitoring::source(*metric) {
                    Source::Platforms(read) => platforms
                        .get_or_init(|| state.timeline(count_scope, &clearance, &dates, effort))
                        .iter()
                        .map(read)
                        .collect(),
                    Source::Tasks(read) => numbers
                        .get_or_init(|| state.task_timeline(tasks, &dates, effort))
                        .iter()
                        .map(read)
                        .collect(),
                    Source::Deployments => state.operating_deployments(count_scope, &dates, effort),
                    Source::Recommendations(read) => recommendations
                        .get_or_init(|| {
                            state.recommendation_timeline(agency, &clearance, &dates, effort)
                        })
                        .iter()
                        .map(read)
                        .collect(),
                    Source::DataFlows => {
                        state.active_flows(&FlowScope::of_agency(agency), &dates, effort)
                    }
                }
            };
            let counts: Vec<_> = metrics.iter().map(row).collect();
            Ok((dates.clone(), counts))
        });
        let (dates, counts) = counting.await?;
        let programme = tasks.programme.as_ref();
        let timeline = monitoring::timeline(
            &count_scope,
            &metrics,
            &dates,
            &counts,
            programme,
            end,
            state,
        );
        call.answer(timeline)
    }

    pub(super) async fn compute_agency_summaries(
        &self,
        request: Request<pb::ComputeAgencySummariesRequest>,
    ) -> RpcResult<pb::ComputeAgencySummariesResponse> {
        let (call, today, message) = self.open_counted(request).await?;
        let size = page_size(message.page_size);
        let scope = monitoring::summary_scope(&message.edition)?;
        let asked = values::read_date(message.effective_date);
        let other = values::read_date(message.comparison_date);
        let date = |date: Option<Date>| date.map_or_else(String::new, |it| it.to_string());
        let binding = call
            .binding("ComputeAgencySummaries")
            .with("edition", &message.edition)
            .with("group", &message.group)
            .with("effective_date", date(asked))
            .with("comparison_date", date(other));
        let after = self.open_token(&binding, &message.page_token)?;
        let (count_scope, on) = self
            .count_scope_on(&call, scope, message.group, None, asked, today)
            .await?;
        check_counted(&call, &count_scope, other, today, "comparison_date")?;
        let tallies = self.tallies(&call, on, other).await?;
        let (counted, clearance) = (count_scope.clone(), Clearance::of(&call.caller));
        let (tally, compared) = tallies.clone();
        let counting = self.work(&call, move |call, effort| {
            let compared = compared.as_deref();
            let rows = call
                .state()
                .counts_by_agency(&counted, &clearance, &tally, compared, effort);
            let unseen = |row: &&AgencyCounts| {
                let after = after.as_ref();
                after.is_none_or(|after| row.key() > after.name.as_str())
            };
            let cursor = |row: &&AgencyCounts| Cursor {
                values: Vec::new(),
                name: row.key().to_owned(),
            };
            let rows = rows.iter().filter(unseen).take(size + 1).collect();
            let convert = |row: &&AgencyCounts| monitoring::agency_summary(row, call.state());
            Ok(fitted(cut(rows, size, cursor), effort, 1, convert, cursor))
        });
        let (rows, token) = self.sealed(&binding, counting.await?);
        let state = call.state();
        let summary = |tally: &Tally| state.summary(&call.caller, count_scope.clone(), tally);
        let (whole, compared) = (summary(&tallies.0), tallies.1.as_deref().map(summary));
        call.answer(monitoring::agency_summaries(
            &whole,
            compared.as_ref(),
            rows,
            token,
            state,
        ))
    }

    pub(super) async fn compute_weekly_report(
        &self,
        request: Request<pb::ComputeWeeklyReportRequest>,
    ) -> RpcResult<pb::ComputeWeeklyReportResponse> {
        let (call, today, message) = self.open_counted(request).await?;
        let scope = monitoring::summary_scope(&message.edition)?;
        let asked = values::read_date(message.effective_date);
        let (count_scope, date) = self
            .count_scope_on(&call, scope, String::new(), None, asked, today)
            .await?;
        let before = date.plus_days(-7);
        let is_listed = call.state().check_listed(&count_scope, before, "").is_ok();
        let other = is_listed.then_some(before);
        let (tally, compared) = self.tallies(&call, date, other).await?;
        let clearance = Clearance::of(&call.caller);
        // so that each path of the report answers the same number later
        let recorded = call.state().record_time();
        let read_at = match call.at {
            _ if recorded.is_some_and(|it| it.date_in_vietnam() >= date) => None,
            At::Time(time) => Some(time),
            At::Now | At::Revision(_) => Some(self.registry().clock().now()),
        };
        let writing = self.work(&call, move |call, effort| {
            let compared = compared.as_deref();
            let state = call.state();
            let summary = |tally: &Tally| state.summary(&call.caller, count_scope.clone(), tally);
            let rows = state.counts_by_agency(&count_scope, &clearance, &tally, compared, effort);
            let (whole, compared) = (summary(&tally), compared.map(summary));
            let report = Weekly::new(&whole, compared.as_ref(), &rows, read_at, state);
            effort.spend(report.agencies() * REPORT_ROW_COST);
            Ok(report.answer())
        });
        let report = writing.await?;
        call.answer(report)
    }

    pub(super) async fn compute_reminders(
        &self,
        request: Request<pb::ComputeRemindersRequest>,
    ) -> RpcResult<pb::ComputeRemindersResponse> {
        let key = request.metadata().get(NDP_FEED_KEY.as_str()).cloned();
        let held = request.extensions().get::<Entry>().cloned();
        let (mut call, today, message) = self.open_counted(request).await?;
        if let Some(key) = key {
            let key = key.to_str().unwrap_or_default();
            let wrong = |id: &str| match &held {
                Some(Entry(Ok(held))) => held.present_wrong_key(id),
                Some(Entry(Err(_))) | None => Ok(()),
            };
            call.caller = identify_feed(self.registry(), key, wrong).await?;
        }
        let agency: AgencyName = requests::name(&message.agency, "agency")?;
        call.state().known_agency(&agency)?;
        let asked = values::read_date(message.effective_date);
        let date = asked.unwrap_or(today);
        check_known(date, today, "effective_date")?;
        let clearance = Clearance::of(&call.caller);
        let answer = self.work(&call, move |call, effort| {
            let found = call.state().reminders(&agency, &clearance, date, effort);
            Ok(reminders::reminders(&agency, date, &found, call.state()))
        });
        let answer = answer.await?;
        call.answer(answer)
    }

    pub(super) async fn compute_connections(
        &self,
        request: Request<pb::ComputeConnectionsRequest>,
    ) -> RpcResult<pb::ComputeConnectionsResponse> {
        let (call, today, message) = self.open_counted(request).await?;
        let asked = values::read_date(message.effective_date);
        let date = asked.unwrap_or(today);
        check_known(date, today, "effective_date")?;
        let state = call.state();
        check_provider(state, &message.provider)?;
        let tally = self.registry().tally(&call.who, &call.snapshot, date);
        let scope = match message.provider.as_str() {
            "" => FlowScope::All,
            provider => FlowScope::Provider(provider.to_owned()),
        };
        let counts = tally.await?.flows().counts(&scope);
        let connections = monitoring::connections(message.provider, date, &counts, state);
        call.answer(connections)
    }

    pub(super) async fn list_attention_items(
        &self,
        request: Request<pb::ListAttentionItemsRequest>,
    ) -> RpcResult<pb::ListAttentionItemsResponse> {
        let (call, today, message) = self.open_counted(request).await?;
        let size = page_size(message.page_size);
        let filter = Filter::<Item>::parse(&message.filter)?;
        let order = Order::<Item>::parse(&message.order_by, "")?;
        let scope = monitoring::summary_scope(&message.edition)?;
        let asked = values::read_date(message.effective_date);
        let (count_scope, date) = self
            .count_scope_on(&call, scope, String::new(), None, asked, today)
            .await?;
        let binding = call
            .binding("ListAttentionItems")
            .with("edition", &message.edition)
            .with(
                "effective_date",
                asked.map_or_else(String::new, |it| it.to_string()),
            )
            .with("filter", filter.canonical())
            .with("order_by", order.canonical());
        let after = self.open_token(&binding, &message.page_token)?;
        let clearance = Clearance::of(&call.caller);
        let edition = monitoring::scope_edition(&count_scope);
        let warnings = monitoring::warnings(call.state(), &count_scope, date);
        let listing = self.work(&call, move |call, effort| {
            let items = call
                .state()
                .attention(&count_scope, &clearance, date, effort);
            let rows = effort.rows(&items, 1 + filter.terms() + order.terms());
            let page = page_sorted::<Item, &Item>(rows, &filter, &order, after.as_ref(), size);
            let convert = |item: &&Item| monitoring::attention_item(item, call.state());
            let cursor = |item: &&Item| order.cursor(item);
            Ok(fitted(page, effort, 1, convert, cursor))
        });
        let (attention_items, next_page_token) = self.sealed(&binding, listing.await?);
        call.answer(pb::ListAttentionItemsResponse {
            attention_items,
            next_page_token,
            effective_date: write_date(Some(date)),
            edition,
            effective_edition: monitoring::effective_edition(call.state(), date),
            warnings,
        })
    }

    pub(super) async fn compute_data_quality(
        &self,
        request: Request<pb::ComputeDataQualityRequest>,
    ) -> RpcResult<pb::ComputeDataQualityResponse> {
        let (call, today, message) = self.open_counted(request).await?;
        let size = page_size(message.page_size);
        let scope = monitoring::summary_scope(&message.edition)?;
        let agency = requests::optional_name(&message.agency, "agency")?;
        let criterion = monitoring::criterion(message.criterion);
        let binding = call
            .binding("ComputeDataQuality")
            .with("edition", &message.edition)
            .with("agency", &message.agency)
            .with("group", &message.group)
            .with("criterion", message.criterion.to_be_bytes());
        let after = self.open_token(&binding, &message.page_token)?;
        let count_scope = self
            .count_scope(&call, scope, message.group, agency, today)
            .await?;
        let (scored, clearance) = (count_scope.clone(), Clearance::of(&call.caller));
        let scoring = self.work(&call, move |call, effort| {
            let quality = call.state().quality(&scored, &clearance, today, effort);
            let failing = effort.rows(&quality.records, 1).filter(|record| {
                let unseen = after
                    .as_ref()
                    .is_none_or(|after| record.resource > after.name);
                let mut failures = record.failures.iter();
                unseen && failures.any(|it| criterion.is_none_or(|asked| it.criterion == asked))
            });
            let cursor = |record: &&RecordQuality| Cursor {
                values: Vec::new(),
                name: record.resource.clone(),
            };
            let page = cut(failing.take(size + 1).collect(), size, cursor);
            let convert = |record: &&RecordQuality| {
                monitoring::record_scores(record, criterion, call.state())
            };
            let page = fitted(page, effort, 1, convert, cursor);
            Ok((quality, page))
        });
        let (quality, page) = scoring.await?;
        let (records, token) = self.sealed(&binding, page);
        let quality =
            monitoring::data_quality(&count_scope, &quality, today, records, token, call.state());
        call.answer(quality)
    }

    pub(super) async fn compute_scoreboard(
        &self,
        request: Request<pb::ComputeScoreboardRequest>,
    ) -> RpcResult<pb::ComputeScoreboardResponse> {
        let (call, message) = self.open_read(request).await?;
        let size = page_size(message.page_size);
        let period = |it: Option<&pb::Period>| it.map(Message::encode_to_vec).unwrap_or_default();
        let binding = call
            .binding("ComputeScoreboard")
            .with("agency_kind", message.agency_kind.to_be_bytes())
            .with("indicators", message.indicators.join(" "))
            .with("period", period(message.period.as_ref()))
            .with(
                "comparison_period",
                period(message.comparison_period.as_ref()),
            )
            .with("basis", message.basis.to_be_bytes())
            .with("allow_mixed", [u8::from(message.allow_mixed)]);
        let after = self.open_token(&binding, &message.page_token)?;
        let ask = board(&message)?;
        let computing = self.work(&call, move |call, effort| {
            let board = call.state().scoreboard(&ask, effort)?;
            let agencies = board.rows.len();
            let definitions: Vec<_> = board.columns.iter().map(|it| it.definition).collect();
            let columns = board.columns.iter();
            let columns: Vec<_> = columns.map(|it| scoreboard::column(it, agencies)).collect();
            let unseen = |row: &&Row<'_>| {
                let after = after.as_ref();
                after.is_none_or(|after| row.key() > after.name.as_str())
            };
            let cursor = |row: &&Row<'_>| Cursor {
                values: Vec::new(),
                name: row.key().to_owned(),
            };
            let rows = board.rows.iter().filter(unseen).take(size + 1).collect();
            let convert = |row: &&Row<'_>| scoreboard::row(row, &ask, &definitions);
            let page = fitted(cut(rows, size, cursor), effort, 1, convert, cursor);
            let period = scoreboard::period(&ask);
            Ok((columns, page, period, scoreboard::basis(&ask)))
        });
        let (columns, page, period, basis) = computing.await?;
        let (rows, next_page_token) = self.sealed(&binding, page);
        let state = call.state();
        call.answer(pb::ComputeScoreboardResponse {
            rows,
            next_page_token,
            columns,
            period: Some(period),
            basis,
            revision: state.revision().get(),
            synthetic: state.is_synthetic(),
        })
    }
}

/// The scoreboard that a request asks for.
fn board(message: &pb::ComputeScoreboardRequest) -> Result<Ask, Error> {
    let mut violations = Violations::new();
    let mut span = |period: Option<&pb::Period>, field: &str| {
        let span = documents::read_span(period);
        if period.is_some() && span.is_none() {
            violations.add(format!("{field}.end"), Rule::ScoreboardPeriodMissing);
        }
        span
    };
    let (asked, compared) = (
        span(message.period.as_ref(), "period"),
        span(message.comparison_period.as_ref(), "comparison_period"),
    );
    violations.into_result()?;
    let stated = || Error::Bug("a scoreboard without what the contract requires".into());
    Ok(Ask {
        kind: agencies::kind(message.agency_kind).ok_or_else(stated)?,
        indicators: requests::names(&message.indicators, "indicators")?,
        span: asked.ok_or_else(stated)?,
        compared,
        basis: scoreboard::read_basis(message.basis).ok_or_else(stated)?,
        allow_mixed: message.allow_mixed,
    })
}

/// The cost of writing what one agency has in a report, in units of work.
const REPORT_ROW_COST: usize = 10;

/// The counts of a date, and of another if one is asked for.
type Tallies = (Arc<Tally>, Option<Arc<Tally>>);

impl Services {
    async fn tallies(
        &self,
        call: &Call,
        date: Date,
        other: Option<Date>,
    ) -> Result<Tallies, Error> {
        let tally = |date| self.registry().tally(&call.who, &call.snapshot, date);
        let counted = tally(date).await?;
        let compared = match other {
            Some(date) => Some(tally(date).await?),
            None => None,
        };
        Ok((counted, compared))
    }

    /// The platforms that a request selects on the effective date it asks for, `today` if it asks
    /// for none, and that date. Refuses a date that has no counts.
    pub(super) async fn count_scope_on(
        &self,
        call: &Call,
        scope: Scope,
        group: String,
        agency: Option<AgencyName>,
        asked: Option<Date>,
        today: Date,
    ) -> Result<(CountScope, Date), Error> {
        let date = asked.unwrap_or(today);
        let count_scope = self.count_scope(call, scope, group, agency, date).await?;
        check_counted(call, &count_scope, asked, today, "effective_date")?;
        Ok((count_scope, date))
    }

    /// The platforms that a request for a date selects.
    async fn count_scope(
        &self,
        call: &Call,
        scope: Scope,
        group: String,
        agency: Option<AgencyName>,
        on: Date,
    ) -> Result<CountScope, Error> {
        self.work(call, move |call, effort| {
            let agency = agency.as_ref();
            call.state().count_scope(&scope, &group, agency, on, effort)
        })
        .await
    }
}

/// The tasks that a request selects.
pub(super) fn task_place(
    call: &Call,
    programme: &str,
    agency: Option<&AgencyName>,
) -> Result<TaskScope, Error> {
    let programme: Option<ProgrammeName> = requests::optional_name(programme, "programme")?;
    if let Some(programme) = &programme {
        call.state().known_programme(programme)?;
    }
    let lead = TaskLead::of(agency);
    Ok(TaskScope { programme, lead })
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
                Rule::TooManyPoints { most: POINTS_MAX },
            ));
        }
        dates.push(date);
    }
    if dates.is_empty() {
        return Err(Error::invalid("end_date", Rule::EndBeforeStart));
    }
    Ok(dates)
}

/// Refuses a date, if one is asked for, after the date of the answer or before the edition.
fn check_counted(
    call: &Call,
    count_scope: &CountScope,
    asked: Option<Date>,
    today: Date,
    field: &'static str,
) -> Result<(), Error> {
    let Some(date) = asked else {
        return Ok(());
    };
    check_known(date, today, field)?;
    call.state().check_listed(count_scope, date, field)
}

/// Refuses a provider that does not exist. Otherwise it would look like one without flows.
fn check_provider(state: &State, provider: &str) -> Result<(), Error> {
    if let Some(agency) = AgencyName::parse(provider) {
        return state.known_agency(&agency);
    }
    match PlatformName::parse(provider) {
        Some(name) => state.known_platform(&name),
        None => Ok(()),
    }
}

/// Refuses a date after the date of the answer.
pub(super) fn check_known(date: Date, today: Date, field: &'static str) -> Result<(), Error> {
    if date <= today {
        return Ok(());
    }
    Err(Error::out_of_range(field, Rule::AfterAnswer { today }))
}
