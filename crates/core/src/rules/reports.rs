//! Progress reports: one a reporting period, and the corrections of each.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    names::{PlanName, ReportName},
    records::{
        plans::{Plan, PlanState},
        reports::{REPORTS_MAX, Report, ReportFields},
        texts::{Reader, Texts},
    },
    rules::{Asking, Command, Deciding, milestones::check_room, plans::check_issued},
    state::State,
    time::Date,
};
/// CreateReport.
#[derive(Clone, Debug)]
pub struct CreateReport {
    /// The plan.
    pub plan: PlanName,
    /// Name it is to have; a random id when absent.
    pub name: Option<ReportName>,
    /// What to write.
    pub fields: ReportFields,
}

impl Texts for CreateReport {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self {
            plan: _,
            name,
            fields,
        } = self;
        reader.id("report_id", name.as_ref().map(ReportName::id));
        reader.field("report", fields);
    }
}

impl Command for CreateReport {
    type Answer = Report;
    type Found<'a> = &'a Plan;

    fn method(&self) -> &'static str {
        "CreateReport"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Plan, Error> {
        asking.plan_to_edit(&self.plan)
    }

    fn decide<'a>(
        &self,
        plan: &'a Plan,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Report>, Error> {
        let fields = &self.fields;
        let from_id = |id: &str| ReportName::from_id(&plan.name, id);
        let name = deciding.free_name::<Report>(self.name.as_ref(), from_id)?;
        check_issued(plan, true)?;
        let state = deciding.state;
        let held = state.reports_of(&plan.name).count();
        check_room(plan, "reports", "báo cáo", held, REPORTS_MAX)?;
        let mut violations = Violations::new();
        fields.check(&mut violations);
        violations.into_result()?;
        match &fields.corrects {
            Some(corrects) => {
                let corrected = corrected(state, plan, corrects, fields.period_end_date)?;
                deciding.put(Report {
                    corrected_by: Some(name.clone()),
                    meta: deciding.updated(corrected.meta),
                    ..corrected.clone()
                });
            }
            None => check_first(state, plan, fields.period_end_date, deciding.today())?,
        }
        Ok(Arc::new(Report {
            name,
            fields: fields.clone(),
            corrected_by: None,
            meta: deciding.created(),
        }))
    }
}

/// The report that another corrects: of the same plan and period, and not corrected yet.
fn corrected<'a>(
    state: &'a State,
    plan: &Plan,
    corrects: &ReportName,
    period_end: Option<Date>,
) -> Result<&'a Report, Error> {
    let report = state
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
    Ok(report)
}

/// What must hold of the first report on a period.
fn check_first(
    state: &State,
    plan: &Plan,
    period_end: Option<Date>,
    today: Date,
) -> Result<(), Error> {
    // the fields were checked: it is there
    let Some(end) = period_end else {
        return Ok(());
    };
    let cycle = plan.cycle_on(end);
    let mut violations = Violations::new();
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
            format!("the plan was issued on {issued}, after the period; report on a later period"),
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
    let mut reports = state.reports_of(&plan.name);
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
