//! Progress reports: one a reporting period, the corrections of each, and their withdrawal.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    messages::{Condition, Rule},
    names::{PlanName, ReportName},
    records::{
        plans::{Plan, PlanState},
        reports::{REPORTS_MAX, Report, ReportFields, ReportState},
        texts::{Reader, Texts},
    },
    rules::{
        Asking, Command, Deciding, deciding::check_etag, milestones::check_room,
        plans::check_issued,
    },
    state::State,
    time::Date,
};
/// CreateReport.
#[derive(Clone, Debug)]
pub struct CreateReport {
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
    type Output = Report;
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
            withdrawal: None,
            meta: deciding.created(),
        }))
    }
}

/// WithdrawReport.
#[derive(Clone, Debug)]
pub struct WithdrawReport {
    /// Resource name of the report.
    pub name: ReportName,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for WithdrawReport {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for WithdrawReport {
    type Output = Report;
    type Found<'a> = &'a Report;

    fn method(&self) -> &'static str {
        "WithdrawReport"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Report, Error> {
        let report = asking.find(&self.name)?;
        asking.plan_to_edit(&self.name.parent()).map(|_| report)
    }

    fn decide<'a>(
        &self,
        report: &'a Report,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Report>, Error> {
        check_etag(report, &self.etag)?;
        check_filed(report)?;
        // the report that it corrected is FILED again
        let corrects = report.fields.corrects.as_ref();
        if let Some(corrected) = corrects.and_then(|name| deciding.state.report(name)) {
            deciding.put(Report {
                corrected_by: None,
                meta: deciding.updated(corrected.meta),
                ..(**corrected).clone()
            });
        }
        Ok(Arc::new(Report {
            withdrawal: Some(Box::new(deciding.undoing())),
            meta: deciding.updated(report.meta),
            ..report.clone()
        }))
    }
}

/// Refuses a report that is WITHDRAWN or CORRECTED.
fn check_filed(report: &Report) -> Result<(), Error> {
    let condition = match (&report.withdrawal, &report.corrected_by) {
        (Some(_), _) => Condition::ReportIsWithdrawn,
        (None, Some(by)) => Condition::ReportIsCorrected { by: by.to_string() },
        (None, None) => return Ok(()),
    };
    Err(Error::refused(report.name.as_str(), condition))
}

/// The report that another corrects: of the same plan and period, and FILED.
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
                Rule::ReportNotFound {
                    report: corrects.to_string(),
                },
            )
        })?;
    check_filed(report)?;
    if report.fields.period_end_date != period_end {
        return Err(Error::invalid(
            "report.period_end_date",
            Rule::PeriodOfCorrection,
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
    let mut outside = None;
    let issued = plan.issue_date().unwrap_or(Date::MIN);
    if !cycle.ends_on(end) {
        let near = cycle.period_end(end).unwrap_or(end);
        outside = Some(Rule::NoPeriodEnds { end, near });
    } else if end > today {
        outside = Some(Rule::PeriodNotOver { today, end });
    } else if end < issued {
        outside = Some(Rule::PeriodBeforeIssue { issued });
    }
    let completed = plan
        .state_history
        .last()
        .filter(|entry| entry.state == PlanState::Completed);
    if let Some(completed) = completed
        && cycle.period_start(end) > completed.effective_date
    {
        let day = completed.effective_date;
        outside = outside.or(Some(Rule::CompletedBefore { day }));
    }
    if let Some(rule) = outside {
        return Err(Error::invalid("report.period_end_date", rule));
    }
    let mut reports = state.reports_of(&plan.name);
    let standing = reports.find(|report| {
        report.state() == ReportState::Filed && report.fields.period_end_date == period_end
    });
    if let Some(report) = standing {
        return Err(Error::refused(
            report.name.as_str(),
            Condition::PeriodIsReported {
                report: report.name.to_string(),
            },
        ));
    }
    Ok(())
}
