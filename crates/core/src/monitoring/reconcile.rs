//! Reconciliation: compares published figures with what the registry computes for the same date.
//! Where nothing can be compared, a note of a closed set says why.

pub mod observations;

use std::collections::BTreeMap;

use crate::{
    effort::Effort,
    monitoring::{standing::StandingState, tally::CountScope, tasks::TaskStanding},
    names::{PlanName, ProgrammeName, Revision},
    records::{
        data_flows::{FlowState, Party, PartyClass, Side},
        figures::{Figure, Part, Subject},
        observations::Scope,
        plans::PlanState,
        platforms::{Platform, Stage},
        words::words,
    },
    state::{State, on_date::stage_on},
    text,
    time::{Date, Period, Timestamp},
};

words! {
    /// What a reader must know of a comparison, mainly why nothing can be compared.
    pub enum Note {
        /// A figure of tasks that does not name a programme.
        NoProgramme = 1 "NO_PROGRAMME",
        /// The registry has no records of what was counted, for example no task of the programme.
        NotRecorded = 2 "NOT_RECORDED",
        /// The registry holds no platform of the figure's edition.
        EditionNotHeld = 3 "EDITION_NOT_HELD",
        /// The figure's date is after that of the read.
        DateAhead = 4 "DATE_AHEAD",
        /// The registry does not count by the figure's scope.
        ScopeNotCounted = 5 "SCOPE_NOT_COUNTED",
        /// A figure of events or due dates within a period that does not name the period.
        NoPeriod = 6 "NO_PERIOD",
        /// A figure of connections that does not name a system.
        NoSystem = 7 "NO_SYSTEM",
        /// A bound, within which the computed value is.
        BoundReached = 8 "BOUND_REACHED",
    }
}

impl Note {
    /// The note in words, in English.
    pub const fn english(self) -> &'static str {
        match self {
            Self::NoProgramme => {
                "not compared: the figure names no programme, and counts of tasks are comparable \
                 only within one"
            }
            Self::NotRecorded => "not compared: the registry has no records of what was counted",
            Self::EditionNotHeld => {
                "not compared: the registry holds no platform of the figure's edition"
            }
            Self::DateAhead => "not compared: the figure's date is after that of the read",
            Self::ScopeNotCounted => {
                "not compared: the registry does not count the ministries or the localities \
                 together"
            }
            Self::NoPeriod => "not compared: the figure does not say for which period",
            Self::NoSystem => "not compared: the figure names no system",
            Self::BoundReached => {
                "no difference: the figure is a bound, and the computed value is within it"
            }
        }
    }

    /// The same in Vietnamese.
    pub const fn vietnamese(self) -> &'static str {
        match self {
            Self::NoProgramme => {
                "không đối chiếu: số liệu không nêu chương trình, mà số nhiệm vụ chỉ so sánh được \
                 trong cùng một chương trình"
            }
            Self::NotRecorded => "không đối chiếu: hệ thống chưa có dữ liệu về nội dung được tính",
            Self::EditionNotHeld => {
                "không đối chiếu: hệ thống chưa có nền tảng nào của danh mục mà số liệu nêu"
            }
            Self::DateAhead => "không đối chiếu: ngày của số liệu sau ngày đọc",
            Self::ScopeNotCounted => {
                "không đối chiếu: hệ thống không tính gộp các bộ hoặc các địa phương"
            }
            Self::NoPeriod => "không đối chiếu: số liệu không nêu kỳ",
            Self::NoSystem => "không đối chiếu: số liệu không nêu hệ thống được kết nối",
            Self::BoundReached => {
                "không chênh lệch: số liệu chỉ nêu một giới hạn và số tính được nằm trong giới hạn \
                 đó"
            }
        }
    }
}

/// The basis of a computed number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// A record as of this revision.
    Record(Revision),
    /// The issue of a plan, recorded at this time.
    Issue(PlanName, Timestamp),
}

/// What the registry computes for one part of a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ComputedPart {
    /// The number; `None` if the registry does not know the publisher's category.
    pub value: Option<i64>,
    /// The states of tasks that were taken for the category.
    pub states: &'static [StandingState],
}

/// The values that the registry computes for a figure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Computed {
    /// The number; `None` if nothing can be compared, and then `note` says why.
    pub value: Option<i64>,
    /// The registry's own total, for figures of platforms that have one.
    pub total: Option<i64>,
    /// One for each part of the figure, in the same order.
    pub parts: Vec<ComputedPart>,
    /// The basis of the number.
    pub grounds: Vec<Ground>,
    /// What a reader must know.
    pub note: Option<Note>,
}

impl State {
    /// Computes the value of a figure for its date, from public records only. `today` is the date
    /// of the read.
    pub fn reconcile(&self, figure: &Figure, today: Date, effort: &Effort) -> Computed {
        let mut computed = match self.computed(figure, today, effort) {
            Ok(computed) => computed,
            Err(note) => Computed {
                parts: vec![ComputedPart::default(); figure.breakdown.len()],
                note: Some(note),
                ..Computed::default()
            },
        };
        if let Some(value) = computed.value
            && figure.difference(figure.value, value).is_none()
        {
            computed.note = Some(Note::BoundReached);
        }
        computed
    }

    fn computed(&self, figure: &Figure, today: Date, effort: &Effort) -> Result<Computed, Note> {
        if figure.figure_date > today {
            return Err(Note::DateAhead);
        }
        if let Some(Scope::Ministries | Scope::Localities) = figure.scope {
            return Err(Note::ScopeNotCounted);
        }
        match figure.subject {
            Subject::PlatformsListed | Subject::PlansIssued | Subject::PlatformsOperating => {
                self.platforms_behind(figure, effort)
            }
            Subject::Tasks | Subject::TasksDue | Subject::TasksOverdue | Subject::TasksLate => {
                self.tasks_behind(figure, effort)
            }
            Subject::Recommendations => self.recommendations_behind(figure, effort),
            Subject::Connections if figure.system.is_empty() => Err(Note::NoSystem),
            Subject::Connections => self.connections_behind(figure, effort),
        }
    }

    fn platforms_behind(&self, figure: &Figure, effort: &Effort) -> Result<Computed, Note> {
        let edition = figure.edition.as_ref();
        if edition.is_some_and(|name| self.edition_counts(name).held == 0) {
            return Err(Note::EditionNotHeld);
        }
        let count_scope = CountScope {
            edition: edition.cloned(),
            agency: figure.agency.clone(),
            ..CountScope::default()
        };
        let on = figure.figure_date;
        let groups: Vec<_> = figure.breakdown.iter().map(group).collect();
        let mut values = vec![0; groups.len()];
        let mut computed = Computed::default();
        let (mut listed, mut counted) = (0, 0);
        for platform in self.active_in(&count_scope, on, effort) {
            listed += 1;
            let Some(ground) = self.counts_for(figure.subject, platform, on) else {
                continue;
            };
            counted += 1;
            computed.grounds.push(ground);
            let listing = edition.and_then(|name| platform.listing(name));
            for (value, group) in values.iter_mut().zip(&groups) {
                *value += i64::from(
                    listing
                        .zip(*group)
                        .is_some_and(|(it, group)| it.group == group),
                );
            }
        }
        computed.value = Some(counted);
        computed.total = figure.total.map(|_| listed);
        let known = |group: Option<&str>| edition.and(group).is_some();
        let parts = values.into_iter().zip(groups);
        computed.parts = parts
            .map(|(value, group)| ComputedPart {
                value: known(group).then_some(value),
                states: &[],
            })
            .collect();
        Ok(computed)
    }

    /// Why a platform is counted on a date; `None` if it is not.
    fn counts_for(&self, subject: Subject, platform: &Platform, on: Date) -> Option<Ground> {
        let record = Ground::Record(platform.public_meta().revision);
        match subject {
            Subject::PlatformsListed => Some(record),
            Subject::PlatformsOperating => {
                (stage_on(platform, on) == Some(Stage::Operation)).then_some(record)
            }
            Subject::PlansIssued => {
                let own = self.plans_in_force(&platform.name, on).next();
                let plan = own.or_else(|| self.covering_plan_on(&platform.name, on))?;
                let mut entries = plan.state_history.iter();
                let entry = entries.find(|entry| entry.state == PlanState::Issued);
                Some(entry.map_or(record, |entry| {
                    Ground::Issue(plan.name.clone(), entry.record_time)
                }))
            }
            Subject::Tasks
            | Subject::TasksDue
            | Subject::TasksOverdue
            | Subject::TasksLate
            | Subject::Recommendations
            | Subject::Connections => None,
        }
    }

    /// The recommendations that everyone may see, received by the date or within the period.
    fn recommendations_behind(&self, figure: &Figure, effort: &Effort) -> Result<Computed, Note> {
        let on = figure.figure_date;
        let records = self.recommendations();
        if records.is_empty() {
            return Err(Note::NotRecorded);
        }
        let start = figure.period.as_ref().and_then(|period| period.start);
        let counted = effort.rows(records.values(), RECORD_COST).filter(|record| {
            let received = record.received();
            let in_time = received <= on && start.is_none_or(|start| start <= received);
            let holder = record.holder_on(on);
            let held = figure.agency.is_none() || figure.agency.as_ref() == holder;
            in_time && held && record.is_public_on(on)
        });
        let grounds: Vec<_> = counted
            .map(|record| Ground::Record(record.meta.revision))
            .collect();
        Ok(Computed {
            value: i64::try_from(grounds.len()).ok(),
            parts: vec![ComputedPart::default(); figure.breakdown.len()],
            grounds,
            ..Computed::default()
        })
    }

    /// The parties that take data from a system by flows that are ACTIVE, each counted once.
    fn connections_behind(&self, figure: &Figure, effort: &Effort) -> Result<Computed, Note> {
        let on = figure.figure_date;
        let is_provider = |party: &Party| {
            let platform = party.platform.as_ref().and_then(|name| self.platform(name));
            let name = platform.map_or(&party.system, |it| &it.fields.display_name);
            text::same_name(name, &figure.system)
        };
        let mut parties: BTreeMap<String, PartyClass> = BTreeMap::new();
        let mut grounds = Vec::new();
        let mut is_known = false;
        for flow in effort.rows(self.data_flows().values(), RECORD_COST) {
            if !is_provider(flow.party(Side::Provider)) {
                continue;
            }
            is_known = true;
            if flow.state_on(on) != Some(FlowState::Active) {
                continue;
            }
            let consumer = flow.party(Side::Consumer);
            let agency = consumer.agency_on(self, on);
            let agency = agency.as_ref();
            if figure.agency.is_none() || figure.agency.as_ref() == agency {
                parties.insert(consumer.identity(agency), consumer.class(agency, self));
                grounds.push(Ground::Record(flow.meta.revision));
            }
        }
        if !is_known {
            return Err(Note::NotRecorded);
        }
        let count = |class: Option<PartyClass>| {
            let of = parties.values().filter(|it| class == Some(**it));
            class.and(i64::try_from(of.count()).ok())
        };
        let parts = figure.breakdown.iter().map(|part| ComputedPart {
            value: count(class(&part.category)),
            states: &[],
        });
        Ok(Computed {
            value: i64::try_from(parties.len()).ok(),
            parts: parts.collect(),
            grounds,
            ..Computed::default()
        })
    }

    fn tasks_behind(&self, figure: &Figure, effort: &Effort) -> Result<Computed, Note> {
        let programme = figure.programme.as_ref().ok_or(Note::NoProgramme)?;
        let tasks = self.tasks_on(programme, figure, effort);
        let tasks = tasks.ok_or(Note::NotRecorded)?;
        let value = match figure.subject {
            Subject::TasksDue => tasks.due(figure.period.as_ref().ok_or(Note::NoPeriod)?),
            Subject::TasksOverdue => tasks.sum(OVERDUE),
            Subject::TasksLate => tasks.sum(LATE),
            _ => tasks.sum(ALL),
        };
        let parts = figure.breakdown.iter().map(|part| tasks.part(part));
        let grounds = tasks.written.iter().copied().map(Ground::Record);
        Ok(Computed {
            value: Some(value),
            parts: parts.collect(),
            grounds: grounds.collect(),
            ..Computed::default()
        })
    }

    /// The tasks of a programme on the date of a figure; `None` if the programme has no task at
    /// all.
    fn tasks_on(
        &self,
        programme: &ProgrammeName,
        figure: &Figure,
        effort: &Effort,
    ) -> Option<Tasks> {
        let on = figure.figure_date;
        let mut tasks = Tasks::default();
        let mut is_empty = true;
        for task in effort.rows(self.tasks_of_programme(programme), TASK_COST) {
            is_empty = false;
            let led = task.lead_on(on);
            if figure.agency.is_some() && figure.agency.as_ref() != led {
                continue;
            }
            let standing = self.task_standing(task, on).filter(|it| it.counted);
            if let Some(standing) = standing {
                tasks.count(&standing, task.meta.revision);
            }
        }
        (!is_empty).then_some(tasks)
    }
}

/// The class of parties that a publisher's category means.
fn class(category: &str) -> Option<PartyClass> {
    match category {
        "MINISTRIES" => Some(PartyClass::Ministry),
        "LOCALITIES" => Some(PartyClass::Locality),
        "STATE_ENTERPRISES" => Some(PartyClass::StateEnterprise),
        "TELECOMS" => Some(PartyClass::Telecom),
        _ => None,
    }
}

/// The cost of reading one recommendation or data flow, in units of work.
const RECORD_COST: usize = 2;

/// The cost of counting one task, in units of work.
const TASK_COST: usize = 4;

/// Tasks of one programme on one date, counted as [`State::task_counts`] counts them.
#[derive(Default)]
struct Tasks {
    /// How many are in each state.
    states: [i64; StandingState::ALL.len()],
    /// Those not completed yet, by the last day of their due period.
    due: BTreeMap<Date, i64>,
    /// The changes that last wrote them, without those of dropped tasks.
    written: Vec<Revision>,
}

const COMPLETED: &[StandingState] = &[StandingState::CompletedOnTime, StandingState::CompletedLate];
const ON_TIME: &[StandingState] = &[StandingState::CompletedOnTime];
const COMPLETED_LATE: &[StandingState] = &[StandingState::CompletedLate];
const ON_SCHEDULE: &[StandingState] = &[StandingState::OnSchedule, StandingState::NotYetDue];
const OVERDUE: &[StandingState] = &[StandingState::Overdue];
const REGULAR: &[StandingState] = &[StandingState::Regular];
const LATE: &[StandingState] = &[StandingState::CompletedLate, StandingState::Overdue];
/// A publisher's "in progress" does not say what is late.
const NOT_COMPLETED: &[StandingState] = &[
    StandingState::OnSchedule,
    StandingState::Overdue,
    StandingState::NotYetDue,
    StandingState::Regular,
];
/// All tasks that were assigned and not dropped.
const ALL: &[StandingState] = &[
    StandingState::CompletedOnTime,
    StandingState::CompletedLate,
    StandingState::OnSchedule,
    StandingState::Overdue,
    StandingState::NotYetDue,
    StandingState::Regular,
];

/// The states of tasks that a publisher's category means.
fn states(category: &str) -> &'static [StandingState] {
    match category {
        "COMPLETED" => COMPLETED,
        "COMPLETED_ON_TIME" => ON_TIME,
        "COMPLETED_LATE" => COMPLETED_LATE,
        "NOT_COMPLETED" | "IN_PROGRESS" => NOT_COMPLETED,
        "ON_SCHEDULE" => ON_SCHEDULE,
        "OVERDUE" => OVERDUE,
        "REGULAR" => REGULAR,
        _ => &[],
    }
}

/// The group that a category such as `GROUP_A` means.
fn group(part: &Part) -> Option<&str> {
    part.category.strip_prefix("GROUP_")
}

/// The month that a category such as `DUE_2025_09` means.
fn month(category: &str) -> Option<Period> {
    let (year, month) = category.strip_prefix("DUE_")?.split_once('_')?;
    let is_number =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(year, 4) || !is_number(month, 2) {
        return None;
    }
    Period::month(year.parse().ok()?, month.parse().ok()?, "").ok()
}

impl Tasks {
    fn count(&mut self, standing: &TaskStanding, written: Revision) {
        if let Some(count) = self.states.get_mut(standing.state.ordinal()) {
            *count += 1;
        }
        if standing.state != StandingState::Dropped {
            self.written.push(written);
        }
        if let Some(due) = standing.due.filter(|_| standing.is_owed()) {
            *self.due.entry(due).or_default() += 1;
        }
    }

    fn sum(&self, of: &[StandingState]) -> i64 {
        let counts = of
            .iter()
            .filter_map(|state| self.states.get(state.ordinal()));
        counts.sum()
    }

    fn due(&self, within: &Period) -> i64 {
        let due = self.due.iter();
        let within = due.filter(|(day, _)| {
            within.start.is_none_or(|start| start <= **day)
                && within.end.is_none_or(|end| **day <= end)
        });
        within.map(|(_, count)| count).sum()
    }

    fn part(&self, part: &Part) -> ComputedPart {
        if let Some(month) = month(&part.category) {
            return ComputedPart {
                value: Some(self.due(&month)),
                states: &[],
            };
        }
        let states = states(&part.category);
        ComputedPart {
            value: (!states.is_empty()).then(|| self.sum(states)),
            states,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::{collection::vec, option::of, prelude::*};

    use super::*;
    use crate::{
        change::Image,
        monitoring::tasks::TaskCount,
        names::{AgencyName, FigureName, TaskName},
        records::{
            meta::Meta,
            observations::Qualifier,
            tasks::{Confirmation, Task, TaskDropping, TaskFields, TaskReport},
        },
    };

    /// 2 in time, 3 late, 5 on schedule, 7 overdue, 11 not yet due, 13 regular, 17 dropped.
    fn tasks() -> Tasks {
        let day = |day| Date::new(2025, 9, day).unwrap();
        Tasks {
            states: [2, 3, 5, 7, 11, 13, 17],
            due: BTreeMap::from([
                (day(1), 4),
                (day(30), 8),
                (Date::new(2025, 10, 1).unwrap(), 16),
            ]),
            written: Vec::new(),
        }
    }

    fn part(category: &str) -> ComputedPart {
        let category = category.to_owned();
        tasks().part(&Part { category, value: 0 })
    }

    #[test]
    fn a_publishers_category_is_a_sum_of_states() {
        for (category, value) in [
            ("COMPLETED", 5),
            ("COMPLETED_ON_TIME", 2),
            ("COMPLETED_LATE", 3),
            ("IN_PROGRESS", 36),
            ("NOT_COMPLETED", 36),
            ("ON_SCHEDULE", 16),
            ("OVERDUE", 7),
            ("REGULAR", 13),
        ] {
            assert_eq!(part(category).value, Some(value), "{category}");
            assert!(!part(category).states.is_empty(), "{category}");
        }
        assert_eq!(part("Đang làm"), ComputedPart::default());
        assert_eq!(tasks().sum(ALL), 41, "all but the dropped");
        assert_eq!(tasks().sum(LATE), 10);
    }

    #[test]
    fn tasks_fall_due_by_the_last_day_of_a_month() {
        assert_eq!(part("DUE_2025_09").value, Some(12));
        assert_eq!(part("DUE_2025_10").value, Some(16));
        assert_eq!(part("DUE_2025_11").value, Some(0));
        for no_month in [
            "DUE_2025_13",
            "DUE_2025_9",
            "DUE_2025-09",
            "DUE_",
            "DUE_+025_01",
        ] {
            assert_eq!(part(no_month).value, None, "{no_month}");
        }
    }

    /// A synthetic task of the programme: its due date, its start and its completion, as days of
    /// 2025, whether it was dropped, and which of two agencies leads it.
    type Made = (Option<i32>, Option<i32>, Option<i32>, bool, bool);

    fn day(of_year: i32) -> Date {
        Date::new(2025, 1, 1).unwrap().plus_days(of_year)
    }

    fn agency(first: bool) -> AgencyName {
        AgencyName::from_id(if first { "one" } else { "two" }).unwrap()
    }

    fn state(made: &[Made]) -> State {
        let moment = Timestamp::parse("2025-01-01T01:00:00Z").unwrap();
        let revision = Revision::new(1).unwrap();
        let image = |(number, made): (usize, &Made)| {
            let (due, start, completed, dropped, first) = *made;
            let name = TaskName::from_id(&format!("t{number}")).unwrap();
            let fields = TaskFields {
                code: number.to_string(),
                programmes: ProgrammeName::parse("programmes/p").into_iter().collect(),
                agency: Some(agency(first)),
                due: due.map(|due| Period::day(day(due), "")),
                start_date: start.map(day),
                ..TaskFields::default()
            };
            let mut task = Task::new(name, fields, Meta::created(moment, revision));
            if let Some(completed) = completed {
                task.report = Some(Box::new(TaskReport {
                    completion_date: day(completed),
                    evidence: Vec::new(),
                    note: String::new(),
                    person: None,
                    record_time: moment,
                }));
                task.confirmation = Some(Box::new(Confirmation {
                    agency: None,
                    record_time: moment,
                }));
            } else if dropped {
                task.dropping = Some(Box::new(TaskDropping {
                    drop_date: day(200),
                    reason: String::new(),
                    document: None,
                    erroneous: false,
                    record_time: moment,
                }));
            }
            Image::Task(Arc::new(task))
        };
        let images = made.iter().enumerate().map(image);
        State::load(revision, Some(moment), images)
    }

    fn figure(subject: Subject, on: Date) -> Figure {
        Figure {
            name: FigureName::from_id("f").unwrap(),
            figure_date: on,
            subject,
            edition: None,
            programme: ProgrammeName::parse("programmes/p"),
            system: String::new(),
            scope: None,
            agency: None,
            period: None,
            value: 0,
            qualifier: Qualifier::Exact,
            total: None,
            breakdown: Vec::new(),
            statement: String::new(),
            sources: Vec::new(),
            meta: Meta::created(Timestamp::MIN, Revision::ZERO),
        }
    }

    proptest! {
        /// Figures of tasks agree with the counts of tasks, and with what each task's own dates
        /// say.
        #[test]
        fn figures_compare_with_the_counts_of_tasks(
            made in vec(
                (of(0..365), of(0..365), of(0..365), any::<bool>(), any::<bool>()),
                1..20,
            ),
            on in 0..365,
            first in 0..365,
            length in 0..200,
            led in of(any::<bool>()),
        ) {
            let (state, on) = (state(&made), day(on));
            let effort = Effort::unlimited();
            let mut figure = figure(Subject::Tasks, on);
            if let Some(led) = led {
                figure.agency = Some(agency(led));
            }
            figure.breakdown = ["COMPLETED_ON_TIME", "COMPLETED_LATE", "ON_SCHEDULE", "OVERDUE",
                "REGULAR", "COMPLETED", "NOT_COMPLETED"]
                .map(|category| Part { category: category.to_owned(), value: 0 })
                .into();
            let counts = state.task_counts(figure.programme.as_ref(), figure.agency.as_ref(), on);
            let count = |count| Some(i64::from(counts.get(count)));
            let computed = state.reconcile(&figure, on, &effort);
            prop_assert_eq!(computed.value, count(TaskCount::Tasks));
            for part in &computed.parts {
                let states = part.states.iter().map(|it| counts.get(TaskCount::State(*it)));
                prop_assert_eq!(part.value, Some(i64::from(states.sum::<i32>())));
            }
            let value = |at: usize| computed.parts.get(at).and_then(|it| it.value).unwrap();
            prop_assert_eq!(value(0) + value(1), value(5));
            prop_assert_eq!(Some(value(5) + value(6)), computed.value);

            let mut late = figure.clone();
            late.subject = Subject::TasksLate;
            let late = state.reconcile(&late, on, &effort).value;
            prop_assert_eq!(late, Some(value(1) + value(3)));

            figure.subject = Subject::TasksDue;
            figure.breakdown = Vec::new();
            let (start, end) = (day(first), day(first + length));
            figure.period = Some(Period::range(Some(start), Some(end), "").unwrap());
            let owed = made.iter().filter(|(due, _, completed, dropped, first)| {
                let is_completed = completed.is_some_and(|it| day(it) <= on);
                let is_dropped = completed.is_none() && *dropped && day(200) <= on;
                let within = due.is_some_and(|due| start <= day(due) && day(due) <= end);
                within && !is_completed && !is_dropped && led.is_none_or(|led| led == *first)
            });
            let due = state.reconcile(&figure, on, &effort).value;
            prop_assert_eq!(due, i64::try_from(owed.count()).ok());
        }
    }

    #[test]
    fn notes_say_something_in_both_languages() {
        for note in Note::ALL {
            assert!(note.english().is_ascii(), "{note}");
            assert!(!note.vietnamese().is_ascii(), "{note}");
        }
    }
}
