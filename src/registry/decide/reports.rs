//! Progress reports: one a reporting period, and the corrections of each.

use std::sync::Arc;

use super::{Deciding, catalogue::exists, milestones::check_room, plans::check_issued};
use crate::{
    domain::{
        change::Image,
        error::{Error, Violations},
        names::{PlanName, ReportName},
        plans::{Plan, PlanState},
        reports::{REPORTS_MAX, Report, ReportFields},
        time::Date,
    },
    registry::access::find_plan,
};

impl Deciding<'_> {
    pub(super) fn create_report(
        &mut self,
        plan: &PlanName,
        name: Option<&ReportName>,
        fields: &ReportFields,
    ) -> Result<(), Error> {
        let plan = find_plan(self.state, self.caller, plan)?;
        let name = self.name_or_random(name, |id| ReportName::from_id(&plan.name, id))?;
        if self.state.report(&name).is_some() {
            return Err(exists(ReportName::KIND, name.as_str()));
        }
        check_issued(plan, true)?;
        let held = self.state.reports_of(&plan.name).count();
        check_room(plan, "reports", "báo cáo", held, REPORTS_MAX)?;
        let mut violations = Violations::new();
        fields.check(&mut violations);
        violations.into_result()?;
        let corrected = match &fields.corrects {
            Some(corrects) => Some(self.corrected(plan, corrects, fields.period_end_date)?),
            None => {
                self.check_first(plan, fields.period_end_date)?;
                None
            }
        };
        self.put(Image::Report(Arc::new(Report {
            name: name.clone(),
            fields: fields.clone(),
            corrected_by: None,
            meta: self.created(),
        })));
        if let Some(mut corrected) = corrected {
            corrected.corrected_by = Some(name);
            corrected.meta = self.updated(corrected.meta);
            self.put(Image::Report(Arc::new(corrected)));
        }
        Ok(())
    }

    /// The report that another corrects: of the same plan and period, and not corrected yet.
    fn corrected(
        &self,
        plan: &Plan,
        corrects: &ReportName,
        period_end: Option<Date>,
    ) -> Result<Report, Error> {
        let report = self
            .state
            .report(corrects)
            .filter(|report| report.name.parent() == plan.name)
            .ok_or_else(|| {
                Error::invalid(
                    "report.corrects",
                    "REFERENCE_NOT_FOUND",
                    format!("the plan has no report `{corrects}`; ListReports shows those it has"),
                    format!("kế hoạch không có báo cáo `{corrects}`; ListReports liệt kê báo cáo"),
                )
            })?;
        if let Some(by) = &report.corrected_by {
            return Err(Error::refused(
                "REPORT_IS_CORRECTED",
                corrects.as_str(),
                format!("the report is already corrected by `{by}`; correct that one instead"),
                format!("báo cáo này đã được đính chính bởi `{by}`; hãy đính chính báo cáo đó"),
            ));
        }
        if report.fields.period_end_date != period_end {
            return Err(Error::invalid(
                "report.period_end_date",
                "NOT_ALLOWED",
                "must be the period of the report that it corrects",
                "báo cáo đính chính phải cùng kỳ với báo cáo được đính chính",
            ));
        }
        Ok((**report).clone())
    }

    /// What must hold of the first report on a period.
    fn check_first(&self, plan: &Plan, period_end: Option<Date>) -> Result<(), Error> {
        // the fields were checked: it is there
        let Some(end) = period_end else {
            return Ok(());
        };
        let cycle = plan.cycle_on(end);
        let mut violations = Violations::new();
        let today = self.today();
        let issued = plan.issue_date().unwrap_or(Date::MIN);
        let outside = |english: String, vietnamese: String, violations: &mut Violations| {
            violations.add(
                "report.period_end_date",
                "OUT_OF_RANGE",
                english,
                vietnamese,
            );
        };
        if !cycle.ends_on(end) {
            let near = cycle.period_end(end).unwrap_or(end);
            outside(
                format!("no reporting period of the plan ends on {end}; the next one ends {near}"),
                format!("không có kỳ báo cáo nào kết thúc ngày {end}; kỳ gần nhất là {near}"),
                &mut violations,
            );
        } else if end > today {
            outside(
                format!("must not be after today ({today}); the period ends on {end}"),
                format!("không được sau ngày hôm nay ({today}); kỳ báo cáo kết thúc ngày {end}"),
                &mut violations,
            );
        } else if end < issued {
            outside(
                format!(
                    "the plan was issued on {issued}, after the period; report on a later period"
                ),
                format!("kế hoạch được ban hành ngày {issued}, sau kỳ báo cáo; hãy báo cáo kỳ sau"),
                &mut violations,
            );
        }
        let completed = plan
            .state_history
            .last()
            .filter(|entry| entry.state == PlanState::Completed);
        if let Some(completed) = completed
            && cycle.period_start(end) > completed.effective_date
        {
            let day = completed.effective_date;
            outside(
                format!("the plan was completed on {day}, before the period"),
                format!("kế hoạch đã hoàn thành ngày {day}, trước kỳ báo cáo"),
                &mut violations,
            );
        }
        violations.into_result()?;
        let mut reports = self.state.reports_of(&plan.name);
        let standing = reports.find(|report| {
            report.corrected_by.is_none() && report.fields.period_end_date == period_end
        });
        if let Some(report) = standing {
            return Err(Error::refused(
                "PERIOD_IS_REPORTED",
                report.name.as_str(),
                format!(
                    "`{}` reports on this period; name it in `corrects` to correct it",
                    report.name
                ),
                format!(
                    "kỳ này đã có báo cáo `{}`; ghi tên đó ở `corrects` để đính chính",
                    report.name
                ),
            ));
        }
        Ok(())
    }
}
