//! Deployments on a date: the stage reached, whether it is late, whether its agency reports on it
//! every month, and whether an earlier system is kept after its last day.

pub mod counts;

use std::{borrow::Cow, ops::Deref, sync::Arc};

use crate::{
    monitoring::freshness::{Filing, Freshness, filing},
    names::{AgencyName, DeploymentName},
    query::{
        fields::{created, named, resource, updated, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        deployments::{
            Coverage, CoverageUnit, Deployment, DeploymentFields, DeploymentStage, Disposition,
        },
        plans::ReportingCycle,
    },
    state::State,
    time::Date,
};

/// The standing of a deployment on a date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentStanding {
    pub date: Date,
    /// The stage reached, with the day from which it counts; `None` if no stage is known.
    pub stage: Option<(DeploymentStage, Date)>,
    /// The reports that are due; `None` if none is, for example when it is STOPPED.
    pub filing: Option<Filing>,
    /// The stage that is late, with the first day on which it was.
    pub late: Option<(DeploymentStage, Date)>,
    /// The first day on which an earlier system was kept after its last day.
    pub duplicate_since: Option<Date>,
    /// Whether it is confirmed.
    pub confirmed: bool,
}

impl DeploymentStanding {
    /// Whether a month's report is late.
    pub fn is_stale(&self) -> bool {
        self.filing.is_some_and(|it| it.freshness.is_late())
    }

    /// The stage, without its day.
    pub fn stage(&self) -> Option<DeploymentStage> {
        self.stage.map(|(stage, _)| stage)
    }
}

impl Deployment {
    /// Its standing on a date; `None` if nothing was known of it then: no report, and no stage
    /// reached.
    pub fn standing_on(&self, date: Date) -> Option<DeploymentStanding> {
        let stage = self.fields.stage_on(date);
        let first = self.filings.first().map(|it| it.filing_date);
        if stage.is_none() && first.is_none_or(|first| date < first) {
            return None;
        }
        let stopped = stage.is_some_and(|(stage, _)| stage == DeploymentStage::Stopped);
        Some(DeploymentStanding {
            date,
            stage,
            filing: if stopped { None } else { self.filing_on(date) },
            late: if stopped {
                None
            } else {
                self.fields.late_on(date)
            },
            duplicate_since: if stopped {
                None
            } else {
                self.fields.duplicate_since(date)
            },
            confirmed: self.is_confirmed_on(date),
        })
    }

    /// The report that is due on a date: one for each month, from the 15th to the 14th, after the
    /// first. A report is for the month of its `report_date`, and counts from the day it was made.
    fn filing_on(&self, date: Date) -> Option<Filing> {
        let cycle = ReportingCycle::default();
        let mut made = self.filings.iter().filter(|it| it.filing_date <= date);
        let (first, last) = (self.filings.first()?, made.next_back()?);
        filing(
            cycle,
            first.report_date,
            cycle.period_end(last.report_date),
            date,
        )
    }
}

impl DeploymentFields {
    /// The stage that is late on a date since the earliest day, with that day.
    fn late_on(&self, date: Date) -> Option<(DeploymentStage, Date)> {
        let late = self.owed_stages(date).filter(|(_, end)| *end < date);
        let late = late.map(|(stage, end)| (stage, end.plus_days(1)));
        late.min_by_key(|(_, since)| *since)
    }

    /// The planned stages not reached by a date, with the last day planned for each.
    pub(super) fn owed_stages(
        &self,
        date: Date,
    ) -> impl Iterator<Item = (DeploymentStage, Date)> + '_ {
        let current = self.stage_on(date).map(|(stage, _)| stage);
        DeploymentStage::ALL.into_iter().filter_map(move |stage| {
            let mut newest_first = self.planned_stages.iter().rev();
            let plan = newest_first
                .find(|it| it.stage == stage && it.start_date.is_none_or(|start| start <= date))?;
            let end = plan.planned.as_ref()?.end?;
            let reached = current.is_some_and(|current| current >= stage)
                || self.stages.iter().any(|entry| {
                    let steps = stage..=DeploymentStage::Operating;
                    let since = plan.start_date.unwrap_or(Date::MIN);
                    steps.contains(&entry.stage)
                        && entry.day().is_some_and(|day| since <= day && day <= date)
                });
            (!reached).then_some((stage, end))
        })
    }

    /// The first day on which a system that is KEPT on a date was kept after its last day.
    fn duplicate_since(&self, date: Date) -> Option<Date> {
        let ends = self.kept_until(date).filter(|end| *end < date);
        ends.min().map(|end| end.plus_days(1))
    }

    /// The last day of each system that is KEPT on a date.
    pub(super) fn kept_until(&self, date: Date) -> impl Iterator<Item = Date> + '_ {
        let systems = self.legacy_on(date).into_iter();
        let kept = systems.filter(|it| it.disposition == Disposition::Kept);
        kept.filter_map(|it| it.end_date)
    }
}

impl Coverage {
    /// Percentage, rounded down, so that 100 means all.
    pub fn percent(&self) -> i32 {
        let percent = i64::from(self.done) * 100 / i64::from(self.total.max(1));
        i32::try_from(percent).unwrap_or(i32::MAX)
    }
}

/// A deployment in a list, with its standing on the date of the read.
#[derive(Clone, Debug)]
pub struct DeploymentRow {
    pub record: Arc<Deployment>,
    pub standing: Option<DeploymentStanding>,
    /// The agency whose deployment it is.
    pub agency: Option<AgencyName>,
    /// The agency above it.
    pub parent_agency: Option<AgencyName>,
}

impl DeploymentRow {
    /// The row of a record on a date.
    pub fn new(state: &State, record: Arc<Deployment>, date: Date) -> Self {
        let agency = record.name.agency();
        let parent = agency.as_ref().and_then(|it| state.parent_agency(it));
        Self {
            standing: record.standing_on(date),
            parent_agency: parent.cloned(),
            agency,
            record,
        }
    }
}

impl Deref for DeploymentRow {
    type Target = Deployment;

    fn deref(&self) -> &Deployment {
        &self.record
    }
}

impl Queryable for DeploymentRow {
    const ROW_COST: usize = 2;
    const ANSWER_COST: usize = 2;

    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, DeploymentName),
        Field::new("agency", resource::<AgencyName>(), |r: &Self| {
            Values::option(r.agency.as_ref().map(|name| name.as_str()))
        })
        .orderable(),
        Field::new("parent_agency", resource::<AgencyName>(), |r: &Self| {
            Values::option(r.parent_agency.as_ref().map(|name| name.as_str()))
        })
        .orderable(),
        Field::new("standing.stage", words::<DeploymentStage>(), |r: &Self| {
            let stage = r.standing.as_ref().and_then(DeploymentStanding::stage);
            Values::option(stage.map(DeploymentStage::as_str))
        })
        .orderable(),
        Field::new("standing.freshness", words::<Freshness>(), |r: &Self| {
            let filing = r.standing.as_ref().and_then(|it| it.filing);
            Values::option(filing.map(|it| it.freshness.as_str()))
        })
        .orderable(),
        Field::new("standing.late", Type::Boolean, |r: &Self| {
            Values::option(r.standing.as_ref().map(|it| it.late.is_some()))
        }),
        Field::new("standing.confirmed", Type::Boolean, |r: &Self| {
            Values::option(r.standing.as_ref().map(|it| it.confirmed))
        }),
        Field::new("standing.duplicate_system", Type::Boolean, |r: &Self| {
            Values::option(r.standing.as_ref().map(|it| it.duplicate_since.is_some()))
        }),
        Field::new("coverages.unit", words::<CoverageUnit>(), |r: &Self| {
            Values::many(r.fields.coverages.iter().map(|it| it.unit.as_str()))
        })
        .repeated(),
        Field::new("legacy_systems.display_name", Type::Name, |r: &Self| {
            let systems = r.fields.legacy_systems.iter();
            Values::many(systems.map(|it| &*it.display_name))
        })
        .repeated(),
        Field::new("report_date", Type::Date, |r: &Self| {
            Values::option(r.fields.report_date)
        })
        .orderable(),
        Field::new("transcribed", Type::Boolean, |r: &Self| {
            Values::one(r.transcribed)
        }),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.record.name.as_str().into()
    }
}

#[cfg(test)]
mod tests;
