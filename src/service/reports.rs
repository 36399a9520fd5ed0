//! PlanService: progress reports, and their pages to sign.

use tonic::Request;

use super::{
    RpcResult, Services, list::Lists as _, plans::plan_prefix, read::get, write::open_write,
};
use crate::{
    pb,
    wire::{
        report_page::{self, Subject},
        reports, requests,
    },
};
use ndp_core::{
    error::Violations,
    names::{PlanName, ReportName},
    rules::reports::{CreateReport, WithdrawReport},
    state::{State, visible::Visible as _},
};

impl Services {
    pub(super) async fn get_report(
        &self,
        request: Request<pb::GetReportRequest>,
    ) -> RpcResult<pb::Report> {
        let (call, message) = self.open_read(request).await?;
        let report = get(&call, &message.name, State::report)?;
        let agency = report.agency(call.state());
        call.answer(reports::report(&report, agency.as_ref()))
    }

    pub(super) async fn render_report(
        &self,
        request: Request<pb::RenderReportRequest>,
    ) -> RpcResult<pb::RenderReportResponse> {
        let (call, today, message) = self.open_dated(request).await?;
        let report = get(&call, &message.name, State::report)?;
        let plan = get(&call, report.name.parent().as_str(), State::plan)?;
        let subject = Subject {
            report: &report,
            plan: &plan,
            state: call.state(),
            today,
        };
        call.answer(report_page::render(&subject)?)
    }

    pub(super) async fn list_reports(
        &self,
        request: Request<pb::ListReportsRequest>,
    ) -> RpcResult<pb::ListReportsResponse> {
        let (call, message) = self.open_read(request).await?;
        let prefix = plan_prefix(&call, &message.parent, ReportName::prefix)?;
        let (reports, next_page_token) = self
            .list_below(
                &call,
                State::reports,
                prefix,
                call.binding("ListReports"),
                &message.arguments(),
                |_, seen| reports::report(seen, seen.agency.as_ref()),
            )
            .await?;
        call.answer(pb::ListReportsResponse {
            reports,
            next_page_token,
        })
    }

    pub(super) async fn create_report(
        &self,
        request: Request<pb::CreateReportRequest>,
    ) -> RpcResult<pb::Report> {
        let (call, envelope, message) = open_write(request)?;
        let plan: PlanName = requests::name(&message.parent, "parent")?;
        let name = requests::optional_new_name(&message.report_id, "report_id", |id| {
            ReportName::from_id(&plan, id)
        })?;
        let mut violations = Violations::new();
        let report = message.report.unwrap_or_default();
        let fields = reports::report_fields(report, "report", &mut violations);
        violations.into_result()?;
        let command = CreateReport { plan, name, fields };
        self.write(call, envelope, command)
            .await?
            .answer(|report, state| reports::report(report, report.agency(state).as_ref()))
    }

    pub(super) async fn withdraw_report(
        &self,
        request: Request<pb::WithdrawReportRequest>,
    ) -> RpcResult<pb::Report> {
        let (call, envelope, message) = open_write(request)?;
        let command = WithdrawReport {
            name: requests::name(&message.name, "name")?,
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|report, state| reports::report(report, report.agency(state).as_ref()))
    }
}
