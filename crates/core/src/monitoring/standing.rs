//! Standing: the state of plans, milestones and tasks on a date. A state is never entered. The
//! rules in this file compute it from what was promised, what was done and the date asked about.
//!
//! The rules use the dates that the registry knows now: what was promised on a date is the baseline
//! in force on that date, and what was done includes what was recorded later.

use crate::{
    monitoring::freshness::{Filing, filing},
    records::{
        assessments::Assessment,
        baselines::{Baseline, BaselineMilestone},
        milestones::Milestone,
        plans::{Plan, PlanState, ReportingCycle},
        reports::{Rating, Report},
        words::words,
    },
    time::Date,
};

/// Version of the rubric of [`PlanStanding::computed`]; another one gets another number.
pub const RUBRIC_VERSION: i32 = 1;
/// A plan is OFF_TRACK if at least this percentage, by weight, of what is due is overdue.
pub(crate) const OFF_TRACK_PERCENT: i64 = 25;
/// A plan is OFF_TRACK if a milestone is overdue by more than this many days.
pub(crate) const OFF_TRACK_DAYS: i32 = 90;

words! {
    /// The standing of a milestone or a task on a date.
    pub enum StandingState {
        /// Complete by its due date; a regular task that is complete is, too.
        CompletedOnTime = 1 "COMPLETED_ON_TIME",
        /// Complete, after the last day of its due period.
        CompletedLate = 2 "COMPLETED_LATE",
        /// Being worked on: its plan is in force and has begun, the due date has not passed.
        OnSchedule = 3 "ON_SCHEDULE",
        /// Not complete, and the last day of its due period has passed.
        Overdue = 4 "OVERDUE",
        /// Nothing is owed yet: its plan is not in force, or its work has not begun.
        NotYetDue = 5 "NOT_YET_DUE",
        /// A task without a due date, which is never late.
        Regular = 6 "REGULAR",
        /// Dropped, by itself or with its plan.
        Dropped = 7 "DROPPED",
    }
}

impl StandingState {
    /// Whether it is complete, in time or late.
    pub(crate) const fn is_completed(self) -> bool {
        matches!(self, Self::CompletedOnTime | Self::CompletedLate)
    }
}

/// Whether a plan binds on a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not issued by then.
    Before,
    /// ISSUED or COMPLETED.
    InForce,
    /// Withdrawn, superseded, revoked or annulled by then.
    Ended,
}

/// The state of a plan on a date, as it is known now: of the states that hold from that date or
/// an earlier one, the one recorded last. None before its first state.
pub fn plan_state_on(plan: &Plan, on: Date) -> Option<PlanState> {
    let mut entries = plan.state_history.iter().rev();
    Some(entries.find(|entry| entry.effective_date <= on)?.state)
}

impl Phase {
    /// The phase that a state belongs to.
    pub const fn of(state: Option<PlanState>) -> Self {
        match state {
            None | Some(PlanState::Draft | PlanState::Submitted | PlanState::Returned) => {
                Self::Before
            }
            Some(PlanState::Issued | PlanState::Completed) => Self::InForce,
            Some(
                PlanState::Withdrawn
                | PlanState::Superseded
                | PlanState::Revoked
                | PlanState::Annulled,
            ) => Self::Ended,
        }
    }
}

/// What decides the standing of a milestone or a task on a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Obligation {
    /// Whether it binds on the date.
    pub phase: Phase,
    /// The last day by which it is due, as decided by the date.
    pub due: Option<Date>,
    /// The day on which work begins; none where it begins at once.
    pub start: Option<Date>,
    /// The day on which it was complete.
    pub completed: Option<Date>,
    /// The day on which it was dropped.
    pub dropped: Option<Date>,
}

impl Obligation {
    /// Its state on a date.
    pub(crate) fn state_on(&self, on: Date) -> StandingState {
        let by = |day: Option<Date>| day.filter(|day| *day <= on);
        if by(self.dropped).is_some() {
            return StandingState::Dropped;
        }
        if let Some(date) = by(self.completed) {
            return if self.due.is_some_and(|due| date > due) {
                StandingState::CompletedLate
            } else {
                StandingState::CompletedOnTime
            };
        }
        let begun = self.start.is_none_or(|day| day <= on);
        match (self.phase, self.due) {
            (Phase::Ended, _) => StandingState::Dropped,
            (Phase::Before, _) => StandingState::NotYetDue,
            (Phase::InForce, None) => StandingState::Regular,
            (Phase::InForce, Some(due)) if on > due => StandingState::Overdue,
            (Phase::InForce, Some(_)) if begun => StandingState::OnSchedule,
            (Phase::InForce, Some(_)) => StandingState::NotYetDue,
        }
    }

    /// Days from `from` to the day it was complete, or is expected to be: its due date, or the date
    /// asked about where that has passed. None where it was dropped.
    pub(crate) fn slippage_on(&self, from: Option<Date>, on: Date) -> Option<i64> {
        let expected = match self.state_on(on) {
            StandingState::Dropped => None,
            StandingState::Overdue => Some(on),
            _ => self.completed.filter(|day| *day <= on).or(self.due),
        };
        Some(from?.days_until(expected?))
    }
}

/// A plan with all that is recorded below it.
#[derive(Clone, Debug)]
pub struct PlanRecords<'a> {
    pub plan: &'a Plan,
    pub milestones: Vec<&'a Milestone>,
    pub reports: Vec<&'a Report>,
    pub assessments: Vec<&'a Assessment>,
    /// Its baselines, by number.
    pub baselines: Vec<&'a Baseline>,
}

/// The standing of one milestone on a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MilestoneStanding {
    pub state: StandingState,
    /// The last day by which it was promised, by the baseline in force on the date.
    pub due: Option<Date>,
    /// Its weight by that baseline.
    pub weight: i32,
    /// Days from the due date of baseline 1 to the day it was complete, or is expected to be:
    /// its due date, or the date asked about where that has passed.
    pub slippage_first: Option<i64>,
    /// The same from the due date of the baseline in force.
    pub slippage_current: Option<i64>,
}

/// The standing of a plan on a date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStanding {
    /// Its state on the date; none before its first.
    pub state: Option<PlanState>,
    /// Its milestones that were promised by then, with the standing of each.
    pub milestones: Vec<MilestoneStanding>,
    /// The rating that its agency declares: that of the latest report, corrections applied, on a
    /// period that was over by the date.
    pub declared: Option<Rating>,
    /// The rating that the steward assures: that of the latest assessment of the date or an earlier
    /// date.
    pub assured: Option<Rating>,
    /// The rating that the registry computes from its milestones, by the rubric.
    pub computed: Option<Rating>,
    /// Which reports it still owes; none unless it is ISSUED on the date.
    pub filing: Option<Filing>,
    /// The end of the latest period reported on by the date.
    pub last_report: Option<Date>,
    /// The largest slippage of its milestones against baseline 1.
    pub slippage_first: Option<i64>,
    /// The same against the baseline in force.
    pub slippage_current: Option<i64>,
    /// Completions, reports and assessments by the date.
    pub claims: i32,
    /// Those without evidence that can be checked.
    pub unsubstantiated: i32,
}

impl PlanStanding {
    /// Whether the available ratings disagree.
    pub fn is_diverging(&self) -> bool {
        let mut ratings = [self.declared, self.assured, self.computed]
            .into_iter()
            .flatten();
        let first = ratings.next();
        ratings.any(|rating| Some(rating) != first)
    }
}

impl<'a> PlanRecords<'a> {
    /// The baseline in force on a date.
    fn baseline_on(&self, on: Date) -> Option<&'a Baseline> {
        let mut newest_first = self.baselines.iter().copied().rev();
        newest_first.find(|baseline| baseline.effective_date <= on)
    }

    /// The first baseline, which the plan was issued with.
    fn first_baseline(&self) -> Option<&'a Baseline> {
        self.baselines.first().copied()
    }

    /// The report that declares the standing of the plan on a date.
    pub(crate) fn declaration_on(&self, on: Date) -> Option<&'a Report> {
        self.declarations_until(on).max_by_key(|report| {
            (
                report.fields.period_end_date,
                report.meta.create_time,
                report.name.as_str(),
            )
        })
    }

    /// The reports on periods that were over by a date, corrections in place of what they correct.
    pub(crate) fn declarations_until(
        &self,
        on: Date,
    ) -> impl Iterator<Item = &'a Report> + use<'a, '_> {
        self.reports.iter().copied().filter(move |report| {
            report.corrected_by.is_none()
                && report.fields.period_end_date.is_some_and(|end| end <= on)
        })
    }

    /// The assessments of a date or an earlier date.
    pub(crate) fn assessments_until(
        &self,
        on: Date,
    ) -> impl Iterator<Item = &'a Assessment> + use<'a, '_> {
        self.assessments
            .iter()
            .copied()
            .filter(move |it| it.fields.assessment_date.is_some_and(|date| date <= on))
    }

    /// The assessment that assures the standing of the plan on a date.
    pub(crate) fn assurance_on(&self, on: Date) -> Option<&'a Assessment> {
        self.assessments_until(on).max_by_key(|assessment| {
            (
                assessment.fields.assessment_date,
                assessment.meta.create_time,
                assessment.name.as_str(),
            )
        })
    }

    /// The standing of a milestone of the plan on a date; none where it was not promised by then.
    pub fn milestone_on(&self, milestone: &Milestone, on: Date) -> Option<MilestoneStanding> {
        let phase = Phase::of(plan_state_on(self.plan, on));
        milestone_on(
            self.plan,
            phase,
            self.first_baseline(),
            self.baseline_on(on),
            milestone,
            on,
        )
        // A milestone dropped while the plan was a draft was never promised.
        .or_else(|| {
            let dropping = milestone.dropping.as_ref()?;
            (dropping.drop_date <= on).then_some(MilestoneStanding {
                state: StandingState::Dropped,
                due: None,
                weight: 0,
                slippage_first: None,
                slippage_current: None,
            })
        })
    }

    /// The end of the latest period reported on by a date. A report counts as filed even if it was
    /// corrected later.
    pub(crate) fn last_report_on(&self, on: Date) -> Option<Date> {
        let reports = self.reports.iter();
        reports
            .filter(|report| report.meta.create_time.date_in_vietnam() <= on)
            .filter_map(|report| report.fields.period_end_date)
            .max()
    }

    /// Which reports the plan still owes on a date; none unless it is ISSUED then.
    pub(crate) fn filing_on(&self, on: Date) -> Option<Filing> {
        let state = plan_state_on(self.plan, on);
        self.filing_after(state, self.last_report_on(on), on)
    }

    fn filing_after(
        &self,
        state: Option<PlanState>,
        last_report: Option<Date>,
        on: Date,
    ) -> Option<Filing> {
        if state != Some(PlanState::Issued) {
            return None;
        }
        let cycle = self.plan.cycle_on(on);
        filing(cycle, self.plan.issue_date()?, last_report, on)
    }

    /// The standing of the plan on a date.
    pub fn standing_on(&self, on: Date) -> PlanStanding {
        let state = plan_state_on(self.plan, on);
        let phase = Phase::of(state);
        let (first, current) = (self.first_baseline(), self.baseline_on(on));
        let milestones: Vec<_> = self
            .milestones
            .iter()
            .filter_map(|it| milestone_on(self.plan, phase, first, current, it, on))
            .collect();
        let declaration = self.declaration_on(on);
        let last_report = self.last_report_on(on);
        let (mut claims, mut unsubstantiated) = (0, 0);
        let mut claim = |substantiated: bool| {
            claims += 1;
            unsubstantiated += i32::from(!substantiated);
        };
        for milestone in &self.milestones {
            if let Some(completion) = &milestone.completion
                && completion.completion_date <= on
            {
                claim(completion.is_substantiated());
            }
        }
        for report in self.declarations_until(on) {
            claim(report.is_substantiated());
        }
        for assessment in self.assessments_until(on) {
            claim(assessment.is_substantiated());
        }
        PlanStanding {
            state,
            declared: declaration.and_then(|report| report.fields.rating),
            assured: self.assurance_on(on).and_then(|it| it.fields.rating),
            computed: (phase == Phase::InForce)
                .then(|| rate(&milestones, on))
                .flatten(),
            filing: self.filing_after(state, last_report, on),
            last_report,
            slippage_first: milestones.iter().filter_map(|it| it.slippage_first).max(),
            slippage_current: milestones.iter().filter_map(|it| it.slippage_current).max(),
            milestones,
            claims,
            unsubstantiated,
        }
    }

    /// Every date from `first` to `last` on which the result of [`Self::standing_on`] may differ
    /// from that of the day before. Slippage is not considered, because it grows day by day. The
    /// dates are in no order and may repeat.
    pub(crate) fn days_of_change(&self, first: Date, last: Date) -> Vec<Date> {
        let mut days = Vec::new();
        let entries = self.plan.state_history.iter();
        days.extend(entries.map(|entry| entry.effective_date));
        let start = self.plan.fields.planned_start.as_ref();
        days.extend(start.and_then(|start| start.start));
        for baseline in &self.baselines {
            days.push(baseline.effective_date);
            days.extend(baseline.planned_start.as_ref().and_then(|it| it.start));
        }
        for milestone in &self.milestones {
            days.extend(milestone.completion.as_ref().map(|it| it.completion_date));
            days.extend(milestone.dropping.as_ref().map(|it| it.drop_date));
        }
        // For each due date, written or promised: the first day on which the milestone is overdue,
        // and the first day on which that alone makes the plan OFF_TRACK.
        let promised = self.baselines.iter().flat_map(|it| &it.milestones);
        let promised = promised.map(|it| &it.due);
        let written = self.milestones.iter().map(|it| &it.fields.due);
        for due in written.chain(promised).filter_map(|due| due.as_ref()?.end) {
            days.push(due.plus_days(1));
            days.push(due.plus_days(OFF_TRACK_DAYS + 1));
        }
        for report in &self.reports {
            days.extend(report.fields.period_end_date);
            days.push(report.meta.create_time.date_in_vietnam());
        }
        let assessed = self.assessments.iter();
        days.extend(assessed.filter_map(|it| it.fields.assessment_date));
        let visibilities = self.plan.fields.visibilities.iter();
        days.extend(visibilities.filter_map(|entry| entry.start_date));
        // The reporting calendar, from the first period that may still have filing days left.
        let cycles = &self.plan.fields.reporting_cycles;
        days.extend(cycles.iter().filter_map(|entry| entry.start_date));
        let mut calendars: Vec<_> = cycles.iter().map(|entry| entry.cycle).collect();
        if cycles
            .first()
            .is_none_or(|first| first.start_date.is_some())
        {
            calendars.push(ReportingCycle::default());
        }
        let issued = self.plan.issue_date();
        for (cycle, issued) in calendars.into_iter().zip(std::iter::repeat(issued)) {
            let Some(issued) = issued else { break };
            let from = issued.max(first).plus_days(-cycle.filing_days - 1);
            let mut end = cycle.period_end(from);
            while let Some(period_end) = end.filter(|end| *end <= last) {
                days.push(period_end.plus_days(1));
                days.push(cycle.filing_due(period_end).plus_days(1));
                end = cycle.period_end(period_end.plus_days(1));
            }
        }
        days.retain(|day| (first..=last).contains(day));
        days
    }
}

/// What a baseline promises for a milestone.
fn promised<'a>(baseline: &'a Baseline, milestone: &Milestone) -> Option<&'a BaselineMilestone> {
    let found = baseline
        .milestones
        .binary_search_by(|it| it.milestone.cmp(&milestone.name));
    baseline.milestones.get(found.ok()?)
}

fn milestone_on(
    plan: &Plan,
    phase: Phase,
    first: Option<&Baseline>,
    current: Option<&Baseline>,
    milestone: &Milestone,
    on: Date,
) -> Option<MilestoneStanding> {
    // Before the first baseline, the milestone's own fields apply.
    let (due, weight) = match current {
        Some(baseline) => {
            let promised = promised(baseline, milestone)?;
            (promised.due.as_ref(), promised.weight)
        }
        None => (milestone.fields.due.as_ref(), milestone.fields.weight()),
    };
    let due = due.and_then(|due| due.end);
    let start = current.map_or(plan.fields.planned_start.as_ref(), |it| {
        it.planned_start.as_ref()
    });
    let obligation = Obligation {
        phase,
        due,
        start: start.and_then(|start| start.start),
        completed: milestone.completion.as_ref().map(|it| it.completion_date),
        dropped: milestone.dropping.as_ref().map(|it| it.drop_date),
    };
    let first_due = first
        .and_then(|baseline| promised(baseline, milestone))
        .and_then(|promised| promised.due.as_ref()?.end);
    Some(MilestoneStanding {
        state: obligation.state_on(on),
        due,
        weight,
        slippage_first: obligation.slippage_on(first_due, on),
        slippage_current: obligation.slippage_on(due, on),
    })
}

/// The rubric, version 1, over the milestones of a plan in force that have a due date and were
/// not dropped, by weight: OFF_TRACK where a quarter or more of what is due by the date is
/// overdue, or one milestone is overdue by more than 90 days; AT_RISK where anything else is
/// overdue; ON_TRACK otherwise. None where no milestone has a due date: there is nothing to
/// compute from.
fn rate(milestones: &[MilestoneStanding], on: Date) -> Option<Rating> {
    let (mut dated, mut due, mut overdue, mut longest) = (false, 0, 0, 0);
    for milestone in milestones {
        let (Some(day), false) = (milestone.due, milestone.state == StandingState::Dropped) else {
            continue;
        };
        dated = true;
        let weight = i64::from(milestone.weight);
        if day < on {
            due += weight;
        }
        if milestone.state == StandingState::Overdue {
            overdue += weight;
            longest = longest.max(day.days_until(on));
        }
    }
    if !dated {
        return None;
    }
    Some(if overdue == 0 {
        Rating::OnTrack
    } else if overdue * 100 >= due * OFF_TRACK_PERCENT || longest > i64::from(OFF_TRACK_DAYS) {
        Rating::OffTrack
    } else {
        Rating::AtRisk
    })
}
