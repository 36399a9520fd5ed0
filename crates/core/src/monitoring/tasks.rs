//! The standing of tasks on a date, and their counts: of one programme or of all, and of one lead
//! agency or of all. A task is counted once, even if it belongs to several programmes. A task that
//! is split into others is not counted in addition to them.

use std::{collections::BTreeMap, sync::Arc};

use imbl::OrdMap;

use crate::{
    change::{Change, Effect},
    effort::Effort,
    monitoring::{
        kept::{Kept, Shares},
        series::{Series, Sum, indexes_of_change},
        standing::{Obligation, Phase, StandingState, plan_state_on},
    },
    names::{AgencyName, MilestoneName, ProgrammeName, TaskName},
    records::tasks::Task,
    state::State,
    time::Date,
};

/// Counts by month of due date begin this many months before the month of the date.
const MONTHS_BEFORE: i32 = 11;
/// Months in the counts by month of due date.
pub const MONTHS_MAX: i32 = 36;

/// The standing of one task on a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskStanding {
    pub state: StandingState,
    /// The last day by which it is due, as decided by the date.
    pub due: Option<Date>,
    /// Days from the date to the due date; negative after it. `None` if nothing is due.
    pub days_left: Option<i64>,
    /// Days from the first due date to the day it was complete, or is expected to be.
    pub slippage_first: Option<i64>,
    /// The same from the due date in force.
    pub slippage_current: Option<i64>,
    /// Whether a report waits for the assigning side.
    pub awaiting_confirmation: bool,
    /// Whether it is counted: no task below it is counted instead.
    pub counted: bool,
}

impl TaskStanding {
    /// Whether it is neither complete nor dropped.
    pub const fn is_owed(&self) -> bool {
        matches!(
            self.state,
            StandingState::OnSchedule
                | StandingState::Overdue
                | StandingState::NotYetDue
                | StandingState::Regular
        )
    }
}

/// One thing that is counted of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskCount {
    /// Tasks that were not dropped: the sum of the counts by state.
    Tasks,
    /// Tasks in a state; those DROPPED are not part of the total.
    State(StandingState),
    /// Tasks with a report that waits for the assigning side.
    Awaiting,
    /// Tasks whose completion is read from a milestone, which is counted as a milestone too.
    Linked,
    /// Tasks that are not counted, because tasks below them are.
    Split,
}

const SIZE: usize = 1 + 7 + 3;

impl TaskCount {
    const fn index(self) -> usize {
        match self {
            Self::Tasks => 0,
            Self::State(state) => 1 + state.ordinal(),
            Self::Awaiting => 8,
            Self::Linked => 9,
            Self::Split => 10,
        }
    }
}

/// Numbers of tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskNumbers([i32; SIZE]);

impl TaskNumbers {
    /// No tasks.
    pub const NONE: Self = Self([0; SIZE]);

    /// One number.
    pub fn get(&self, count: TaskCount) -> i32 {
        self.0.get(count.index()).copied().unwrap_or_default()
    }

    /// Tasks that are complete, in time or late.
    pub fn completed(&self) -> i32 {
        let state = |state| self.get(TaskCount::State(state));
        state(StandingState::CompletedOnTime) + state(StandingState::CompletedLate)
    }

    fn add(&mut self, count: TaskCount, number: i32) {
        if let Some(cell) = self.0.get_mut(count.index()) {
            *cell += number;
        }
    }

    /// Adds other numbers, multiplied by `times`: 1 adds them, -1 subtracts them.
    pub fn merge(&mut self, other: &Self, times: i32) {
        for (cell, other) in self.0.iter_mut().zip(other.0) {
            *cell += other * times;
        }
    }
}

/// A month of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(i32);

impl Month {
    fn of(date: Date) -> Self {
        Self(date.year() * 12 + date.month() - 1)
    }

    pub const fn year(self) -> i32 {
        self.0.div_euclid(12)
    }

    /// Its number, 1 to 12.
    pub const fn number(self) -> i32 {
        self.0.rem_euclid(12) + 1
    }
}

/// Counts of tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskCounts {
    pub numbers: TaskNumbers,
    /// Tasks that are not completed, by the month of their due date.
    due: BTreeMap<Month, i32>,
}

/// Tasks that are not completed, by the month of their due date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DueMonths {
    /// Those due before the first month that is listed.
    pub earlier: i32,
    /// Months with tasks, in order.
    pub months: Vec<(Month, i32)>,
    /// Those due after the last month that is listed.
    pub later: i32,
}

impl TaskCounts {
    /// One number.
    pub fn get(&self, count: TaskCount) -> i32 {
        self.numbers.get(count)
    }

    /// The tasks that are not completed, by the month of their due date, around a date.
    pub fn due_months(&self, on: Date) -> DueMonths {
        let first = Month(Month::of(on).0 - MONTHS_BEFORE);
        let end = Month(first.0 + MONTHS_MAX);
        let mut due = DueMonths::default();
        for (month, count) in &self.due {
            if *month < first {
                due.earlier += count;
            } else if *month < end {
                due.months.push((*month, *count));
            } else {
                due.later += count;
            }
        }
        due
    }

    /// Adds other counts, multiplied by `times`: 1 adds them, -1 subtracts them.
    pub fn merge(&mut self, other: &Self, times: i32) {
        self.numbers.merge(&other.numbers, times);
        for (month, count) in &other.due {
            self.add_due(*month, count * times);
        }
    }

    fn add_due(&mut self, month: Month, number: i32) {
        let count = self.due.entry(month).or_default();
        *count += number;
        if *count == 0 {
            self.due.remove(&month);
        }
    }

    fn is_zero(&self) -> bool {
        self.numbers == TaskNumbers::default() && self.due.is_empty()
    }
}

/// Which lead agency's tasks are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskLead {
    /// All tasks.
    #[default]
    Any,
    /// Those that no agency leads.
    Nobody,
    /// Those of one agency.
    Agency(AgencyName),
}

impl TaskLead {
    /// Of one agency, or of all.
    pub fn of(agency: Option<&AgencyName>) -> Self {
        agency.map_or(Self::Any, |agency| Self::Agency(agency.clone()))
    }

    fn covers(&self, lead: Option<&AgencyName>) -> bool {
        match self {
            Self::Any => true,
            Self::Nobody => lead.is_none(),
            Self::Agency(agency) => lead == Some(agency),
        }
    }
}

/// Which tasks are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskScope {
    /// Those of one programme; all when absent.
    pub programme: Option<ProgrammeName>,
    /// Those of a lead agency.
    pub lead: TaskLead,
}

impl State {
    /// The standing of a task on a date; `None` before it was assigned, or if it was entered in
    /// error.
    pub fn task_standing(&self, task: &Task, on: Date) -> Option<TaskStanding> {
        if task.is_error() || task.assign_date() > on {
            return None;
        }
        let end = |period: Option<&crate::time::Period>| period.and_then(|period| period.end);
        let due = end(task.due_on(on));
        let obligation = Obligation {
            phase: Phase::InForce,
            due,
            start: task.fields.start_date,
            completed: self.completed(task, on),
            dropped: task.dropping.as_ref().map(|it| it.drop_date),
        };
        let mut standing = TaskStanding {
            state: obligation.state_on(on),
            due,
            days_left: None,
            slippage_first: obligation.slippage_on(end(task.first_due()), on),
            slippage_current: obligation.slippage_on(due, on),
            awaiting_confirmation: false,
            counted: !self.is_split(task, on),
        };
        if standing.is_owed() {
            standing.awaiting_confirmation = task.awaits_on(on);
            standing.days_left = due.map(|due| on.days_until(due));
        }
        Some(standing)
    }

    /// The day on which a task was complete: that of its confirmed report, or of its milestone as
    /// far as everyone may see it.
    fn completed(&self, task: &Task, on: Date) -> Option<Date> {
        let Some(name) = &task.fields.milestone else {
            task.confirmation.as_ref()?;
            return Some(task.report.as_ref()?.completion_date);
        };
        let plan = self.plan(&name.parent())?;
        let issued = plan_state_on(plan, on).is_some_and(|it| it.was_issued());
        let shown = issued && plan.is_public_on(on);
        let milestone = self.milestone(name).filter(|_| shown)?;
        Some(milestone.completion.as_ref()?.completion_date)
    }

    /// Whether tasks below a task are counted instead of it on a date.
    fn is_split(&self, task: &Task, on: Date) -> bool {
        self.children_of(&task.name)
            .any(|child| is_live(child, on) || self.is_split(child, on))
    }

    /// The counts of tasks on a date: of one programme or of all, and of one lead agency or of all.
    /// Reads each task of the programme.
    pub fn task_counts(
        &self,
        programme: Option<&ProgrammeName>,
        agency: Option<&AgencyName>,
        on: Date,
    ) -> TaskCounts {
        let mut counts = TaskCounts::default();
        let mut count = |task: &Arc<Task>| {
            if agency.is_none_or(|agency| task.lead_on(on) == Some(agency)) {
                counts.merge(&self.counts_of_task(task, on), 1);
            }
        };
        match programme {
            Some(programme) => self.tasks_of_programme(programme).for_each(&mut count),
            None => self.tasks().values().for_each(&mut count),
        }
        counts
    }

    /// What a task adds to the counts of a date.
    fn counts_of_task(&self, task: &Task, on: Date) -> TaskCounts {
        let mut counts = TaskCounts::default();
        let Some(standing) = self.task_standing(task, on) else {
            return counts;
        };
        let numbers = &mut counts.numbers;
        if !standing.counted {
            numbers.add(TaskCount::Split, 1);
            return counts;
        }
        numbers.add(TaskCount::State(standing.state), 1);
        if standing.state == StandingState::Dropped {
            return counts;
        }
        numbers.add(TaskCount::Tasks, 1);
        let awaiting = i32::from(standing.awaiting_confirmation);
        numbers.add(TaskCount::Awaiting, awaiting);
        let linked = task.fields.milestone.is_some();
        numbers.add(TaskCount::Linked, i32::from(linked));
        if let (Some(due), true) = (standing.due, standing.is_owed()) {
            counts.add_due(Month::of(due), 1);
        }
        counts
    }

    /// The tasks of a scope on a date, counted or not.
    pub(super) fn tasks_in<'a>(
        &'a self,
        count_scope: &'a TaskScope,
        on: Date,
        effort: &'a Effort,
    ) -> impl Iterator<Item = &'a Arc<Task>> {
        let tasks: Box<dyn Iterator<Item = _>> = match &count_scope.programme {
            Some(programme) => Box::new(self.tasks_of_programme(programme)),
            None => Box::new(self.tasks().values()),
        };
        let tasks = effort.rows(tasks, 1);
        tasks.filter(move |task| count_scope.lead.covers(task.lead_on(on)))
    }

    /// What a task adds to the numbers of a date.
    pub(super) fn numbers_of_task(&self, task: &Task, on: Date) -> TaskNumbers {
        self.counts_of_task(task, on).numbers
    }

    /// The numbers of tasks on dates in order, equal to those of [`State::task_counts`] on each.
    pub fn task_timeline(
        &self,
        count_scope: &TaskScope,
        dates: &[Date],
        effort: &Effort,
    ) -> Vec<TaskNumbers> {
        let mut series = Series::new(dates, effort);
        let mut add = |task: &Arc<Task>| {
            let mut days = Vec::new();
            self.task_days(task, &mut days);
            series.add(indexes_of_change(days, dates), 1, |date| {
                if count_scope.lead.covers(task.lead_on(date)) {
                    self.counts_of_task(task, date).numbers
                } else {
                    TaskNumbers::default()
                }
            });
        };
        match &count_scope.programme {
            Some(programme) => effort
                .rows(self.tasks_of_programme(programme), 1)
                .for_each(&mut add),
            None => effort.rows(self.tasks().values(), 1).for_each(&mut add),
        }
        series.sums()
    }

    /// Every day on which the counts of a task may change; in no order, and some may repeat.
    fn task_days(&self, task: &Task, days: &mut Vec<Date>) {
        days.push(task.assign_date());
        days.extend(task.fields.start_date);
        days.extend(task.leads.iter().filter_map(|lead| lead.start_date));
        days.extend(task.due_moves.iter().map(|moved| moved.effective_date));
        let moved = task.due_moves.iter();
        let moved = moved.flat_map(|moved| [moved.from.as_ref(), moved.to.as_ref()]);
        let due = moved.chain([task.fields.due.as_ref()]);
        days.extend(due.filter_map(|due| Some(due?.end?.plus_days(1))));
        if let Some(report) = &task.report {
            days.push(report.completion_date);
            days.push(report.record_time.date_in_vietnam());
        }
        if let Some(confirmation) = &task.confirmation {
            days.push(confirmation.record_time.date_in_vietnam());
        }
        for returned in &task.returns {
            days.push(returned.report_time.date_in_vietnam());
            days.push(returned.record_time.date_in_vietnam());
        }
        if let Some(dropping) = &task.dropping {
            days.push(dropping.drop_date);
            days.push(dropping.record_time.date_in_vietnam());
        }
        if let Some(name) = &task.fields.milestone {
            self.milestone_days(name, days);
        }
        self.family_days(task, days);
    }

    /// The days on which what is read of a milestone may change.
    fn milestone_days(&self, name: &MilestoneName, days: &mut Vec<Date>) {
        let completion = self.milestone(name).and_then(|it| it.completion.as_ref());
        days.extend(completion.map(|it| it.completion_date));
        if let Some(plan) = self.plan(&name.parent()) {
            days.extend(plan.state_history.iter().map(|it| it.effective_date));
            let visibilities = plan.fields.visibilities.iter();
            days.extend(visibilities.filter_map(|entry| entry.start_date));
        }
    }

    /// The days on which tasks below a task begin or cease to count instead of it.
    fn family_days(&self, task: &Task, days: &mut Vec<Date>) {
        for child in self.children_of(&task.name) {
            days.push(child.assign_date());
            days.extend(child.dropping.as_ref().map(|it| it.drop_date));
            self.family_days(child, days);
        }
    }

    /// The tasks whose counts a change may alter.
    fn touched_tasks(&self, change: &Change) -> Vec<TaskName> {
        let mut names = Vec::new();
        for effect in &change.effects {
            let name = match effect {
                Effect::Put(image) => image.name(),
                Effect::Remove { name } => name,
                Effect::Notice(_) | Effect::Redaction(_) => continue,
            };
            if let Some(name) = TaskName::parse(name) {
                names.push(name);
            } else if name.starts_with("platforms/") && name.contains("/plans/") {
                // this is also a prefix of other names, whose counts then turn out not to change
                names.extend(self.tasks_linked_to(name));
            }
            if let Effect::Put(crate::change::Image::Task(task)) = effect {
                names.extend(self.tasks_above(task).map(|it| it.name.clone()));
            }
        }
        let above = |name: &TaskName| self.task(name).map(|task| self.tasks_above(task));
        let above = names.iter().filter_map(above).flatten();
        let above: Vec<_> = above.map(|it| it.name.clone()).collect();
        names.extend(above);
        names
    }
}

/// Whether a task counts on a date instead of those above it.
fn is_live(task: &Task, on: Date) -> bool {
    let dropped = task.dropping.as_ref().is_some_and(|it| it.drop_date <= on);
    !task.is_error() && task.assign_date() <= on && !dropped
}

/// What one task adds to a tally, and in which scopes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Share {
    counts: TaskCounts,
    lead: Option<AgencyName>,
    programmes: Vec<ProgrammeName>,
}

impl Share {
    fn of(state: &State, task: &Task, on: Date) -> Self {
        Self {
            counts: state.counts_of_task(task, on),
            lead: task.lead_on(on).cloned(),
            programmes: task.fields.programmes.clone(),
        }
    }
}

/// The counts of the tasks of one date, for every programme and lead agency.
#[derive(Clone, Debug)]
pub struct TaskTally {
    date: Date,
    parts: OrdMap<TaskScope, Arc<TaskCounts>>,
}

/// The cost of counting one task, in units of work.
const COUNT_COST: usize = 2;

impl TaskTally {
    /// Counts all tasks.
    pub fn new(state: &State, date: Date, effort: &Effort) -> Self {
        let mut tally = Self {
            date,
            parts: OrdMap::new(),
        };
        for task in effort.rows(state.tasks().values(), COUNT_COST) {
            tally.count(&Share::of(state, task, date), 1);
        }
        tally
    }

    /// The counts of a scope.
    pub fn counts(&self, count_scope: &TaskScope) -> TaskCounts {
        let counts = self.parts.get(count_scope);
        counts.map_or_else(TaskCounts::default, |counts| (**counts).clone())
    }

    /// What a change may alter, taken from the State before it.
    pub(super) fn before(&self, state: &State, change: &Change) -> Shares<Self> {
        self.shares(state, state.touched_tasks(change))
    }

    fn add(&mut self, count_scope: TaskScope, counts: &TaskCounts, times: i32) {
        if counts.is_zero() {
            return;
        }
        let sum = self.parts.entry(count_scope.clone()).or_default();
        Arc::make_mut(sum).merge(counts, times);
        if sum.is_zero() {
            self.parts.remove(&count_scope);
        }
    }
}

impl Kept for TaskTally {
    type Name = TaskName;
    type Share = Share;

    fn share(&self, state: &State, name: &TaskName) -> Option<Share> {
        Some(Share::of(state, state.task(name)?, self.date))
    }

    fn count(&mut self, share: &Share, times: i32) {
        let programmes = share.programmes.iter().cloned().map(Some);
        for programme in programmes.chain([None]) {
            let lead = share.lead.clone();
            for lead in [
                TaskLead::Any,
                lead.map_or(TaskLead::Nobody, TaskLead::Agency),
            ] {
                let programme = programme.clone();
                self.add(TaskScope { programme, lead }, &share.counts, times);
            }
        }
    }
}

impl Sum for TaskNumbers {
    fn add(&mut self, other: &Self, times: i32) {
        self.merge(other, times);
    }
}
