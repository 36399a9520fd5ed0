//! Tasks (nhiệm vụ): what an agency is assigned to do under a programme, by when, and the result.
//! The lead agency reports, and the side that assigned the task confirms. Whether a task is late is
//! not recorded: it is computed, for any date asked about.

use std::borrow::Cow;

use crate::{
    caller::{Caller, Person},
    error::Violations,
    messages::Rule,
    names::{AgencyName, MilestoneName, PlatformName, ProgrammeName, TaskName},
    query::{
        fields::{created, named, resource, updated, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        documents::{Document, Evidence, Needs},
        meta::{Meta, record_fields},
        plans::Head,
        stored::stored,
        undoings::{Undoing, withhold_person},
        words::words,
    },
    state::{
        State,
        visible::{Parents, Visible, sees_all_of},
    },
    time::{Date, Period, Timestamp, check_period},
};

/// Most steps from a task to the highest task above it.
pub const DEPTH_MAX: usize = 5;
/// Most times that the due date of one task can be moved.
pub(crate) const DUE_MOVES_MAX: usize = 50;
/// Most reports of one task that can be returned.
pub(crate) const RETURNS_MAX: usize = 50;
/// Most lead agencies that one task can have had.
pub(crate) const LEADS_MAX: usize = 50;

record_fields! {
    /// The fields of a task that the assigning side writes.
    pub struct TaskFields {
        /// The assigner's own code.
        pub code: String,
        /// Title in Vietnamese.
        pub display_name: String,
        /// The programmes that it belongs to.
        pub programmes: Vec<ProgrammeName>,
        /// The document that assigned it.
        pub assigning_document: Option<Box<Document>>,
        /// The agency that assigned it.
        pub assigning_agency: Option<AgencyName>,
        /// The lead agency; `None` while there is none.
        pub agency: Option<AgencyName>,
        pub coordinating_agencies: Vec<AgencyName>,
        /// The accountable head, by office.
        pub accountable_head: Option<Box<Head>>,
        /// When it is due; `None` for a regular task, which has no due date.
        pub due: Option<Period>,
        /// The day on which work begins.
        pub start_date: Option<Date>,
        /// The task that it is a part of.
        pub parent: Option<TaskName>,
        /// The platform that it is about.
        pub platform: Option<PlatformName>,
        /// The milestone whose completion completes it.
        pub milestone: Option<MilestoneName>,
        /// The result that completes it.
        pub required_result: String,
    }
}

words! {
    /// The states of a task.
    pub enum TaskState {
        /// Still to be done.
        Open = 1 "OPEN",
        /// The lead agency reports that it is done.
        Reported = 2 "REPORTED",
        /// The assigning side confirmed that it is done.
        Completed = 3 "COMPLETED",
        /// Dropped, or entered in error.
        Dropped = 4 "DROPPED",
    }
}

stored! {
    /// A report of the lead agency that a task is done.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TaskReport {
        /// The Vietnamese civil date on which it was complete, as the lead agency says.
        pub completion_date: Date,
        /// The evidence; empty where it was only claimed.
        pub evidence: Vec<Evidence>,
        /// The result.
        pub note: String,
        /// Who reported; `None` if withheld.
        pub person: Option<Person>,
        /// When the registry recorded it.
        pub record_time: Timestamp,
    }
}

stored! {
    /// The confirmation of a report by the assigning side.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Confirmation {
        /// The assigning agency; `None` if the steward confirmed.
        pub agency: Option<AgencyName>,
        /// When the registry recorded it.
        pub record_time: Timestamp,
    }
}

stored! {
    /// The return of a report by the assigning side.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Return {
        pub reason: String,
        /// When the report was recorded.
        pub report_time: Timestamp,
        /// When the registry recorded the return.
        pub record_time: Timestamp,
    }
}

stored! {
    /// A move of the due date of a task.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct DueMove {
        /// When it was due before.
        pub from: Option<Period>,
        /// When it is due after the move.
        pub to: Option<Period>,
        /// The document that decided it.
        pub document: Box<Document>,
        /// The civil date from which the new due date holds: the document's day of issue.
        pub effective_date: Date,
        /// When the registry recorded it.
        pub record_time: Timestamp,
    }
}

stored! {
    /// An earlier lead agency of a task.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Lead {
        /// The agency; `None` for a time without a lead agency.
        pub agency: Option<AgencyName>,
        /// The civil date of recording from which it led; `None` for the first.
        pub start_date: Option<Date>,
    }
}

stored! {
    /// The dropping of a task.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TaskDropping {
        /// The civil date from which it no longer counts: the document's day of issue, else the day
        /// of recording.
        pub drop_date: Date,
        pub reason: String,
        /// The document that decided it.
        pub document: Option<Box<Document>>,
        /// Whether the task was entered in error. It then counts on no date.
        pub erroneous: bool,
        /// When the registry recorded it.
        pub record_time: Timestamp,
    }
}

stored! {
    /// What a document assigns to an agency, by when, and the result (nhiệm vụ).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Task {
        /// Resource name.
        pub name: TaskName,
        /// The fields that the assigning side writes.
        pub fields: TaskFields,
        /// The agencies that led it, the newest last; empty while it has had only one.
        pub leads: Vec<Lead>,
        /// The moves of its due date, the newest last.
        pub due_moves: Vec<DueMove>,
        /// The report of its lead agency that it is done.
        pub report: Option<Box<TaskReport>>,
        /// The confirmation of the report.
        pub confirmation: Option<Box<Confirmation>>,
        /// The reports that were returned, the newest last.
        pub returns: Vec<Return>,
        /// How it was dropped.
        pub dropping: Option<Box<TaskDropping>>,
        /// The last time that its confirmation was taken back.
        pub reopening: Option<Box<Undoing>>,
        /// Book-keeping.
        pub meta: Meta,
    }
}

impl TaskReport {
    /// Whether some of the evidence can be checked.
    pub fn is_substantiated(&self) -> bool {
        self.evidence.iter().any(Evidence::is_substantiated)
    }
}

impl Task {
    /// A new task.
    pub const fn new(name: TaskName, fields: TaskFields, meta: Meta) -> Self {
        Self {
            name,
            fields,
            leads: Vec::new(),
            due_moves: Vec::new(),
            report: None,
            confirmation: None,
            returns: Vec::new(),
            dropping: None,
            reopening: None,
            meta,
        }
    }

    /// The state it is in.
    pub const fn state(&self) -> TaskState {
        match (&self.dropping, &self.report, &self.confirmation) {
            (Some(_), _, _) => TaskState::Dropped,
            (None, Some(_), Some(_)) => TaskState::Completed,
            (None, Some(_), None) => TaskState::Reported,
            (None, None, _) => TaskState::Open,
        }
    }

    /// Whether it was entered in error.
    pub fn is_error(&self) -> bool {
        self.dropping.as_ref().is_some_and(|it| it.erroneous)
    }

    /// The day since which it counts: that of its assigning document, else that of recording.
    pub fn assign_date(&self) -> Date {
        let document = self.fields.assigning_document.as_ref();
        let issued = document.and_then(|document| document.issue_date);
        issued.unwrap_or_else(|| self.meta.create_time.date_in_vietnam())
    }

    /// When it was due at first.
    pub fn first_due(&self) -> Option<&Period> {
        match self.due_moves.first() {
            Some(first) => first.from.as_ref(),
            None => self.fields.due.as_ref(),
        }
    }

    /// When it is due, as decided by a date.
    pub fn due_on(&self, on: Date) -> Option<&Period> {
        let mut newest_first = self.due_moves.iter().rev();
        match newest_first.find(|it| it.effective_date <= on) {
            Some(moved) => moved.to.as_ref(),
            None => self.first_due(),
        }
    }

    /// Who led it on a date.
    pub fn lead_on(&self, on: Date) -> Option<&AgencyName> {
        let mut newest_first = self.leads.iter().rev();
        let lead = newest_first.find(|it| it.start_date.is_none_or(|start| start <= on));
        match lead {
            Some(lead) => lead.agency.as_ref(),
            None => self.fields.agency.as_ref(),
        }
    }

    /// Whether a report waits for the assigning side at the end of a day.
    pub fn awaits_on(&self, on: Date) -> bool {
        self.waiting_since(on).is_some()
    }

    /// The day of the report that waits for the assigning side at the end of a day.
    pub fn waiting_since(&self, on: Date) -> Option<Date> {
        let day = Timestamp::date_in_vietnam;
        let ended = |time: Timestamp| day(time) <= on;
        if let Some(report) = &self.report
            && day(report.record_time) <= on
        {
            let confirmed = self.confirmation.as_ref();
            let dropped = self.dropping.as_ref();
            let is_over = confirmed.is_some_and(|it| ended(it.record_time))
                || dropped.is_some_and(|it| ended(it.record_time));
            return (!is_over).then(|| day(report.record_time));
        }
        let waited = |it: &&Return| day(it.report_time) <= on && !ended(it.record_time);
        let returned = self.returns.iter().find(waited);
        returned.map(|it| day(it.report_time))
    }

    fn withheld(&self, whole: bool) -> Cow<'_, Self> {
        let mut shown = Cow::Borrowed(self);
        if whole {
            return shown;
        }
        if self.report.as_ref().is_some_and(|it| it.person.is_some())
            && let Some(report) = &mut shown.to_mut().report
        {
            report.person = None;
        }
        let undoing = self.reopening.as_deref();
        withhold_person(shown, |it| &mut it.reopening, undoing)
    }
}

impl TaskFields {
    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, path: &str, violations: &mut Violations) {
        let mut require = |present: bool, field: &str, rule: Rule| {
            if !present {
                violations.add(format!("{path}.{field}"), rule);
            }
        };
        require(!self.code.trim().is_empty(), "code", Rule::TaskCodeMissing);
        let named = !self.display_name.trim().is_empty();
        require(named, "display_name", Rule::TaskNameMissing);
        let assigned = self.assigning_agency.is_some();
        require(assigned, "assigning_agency", Rule::AssigningAgencyMissing);
        require(
            !self.programmes.is_empty(),
            "programmes",
            Rule::TaskProgrammeMissing,
        );
        self.assigning_document
            .as_deref()
            .unwrap_or(&Document::default())
            .check(
                Needs::Identity,
                &format!("{path}.assigning_document"),
                violations,
            );
        check_due(self.due.as_ref(), &format!("{path}.due"), violations);
        for (i, agency) in self.coordinating_agencies.iter().enumerate() {
            let before = self.coordinating_agencies.get(..i).unwrap_or_default();
            if before.contains(agency) || self.agency.as_ref() == Some(agency) {
                let field = format!("{path}.coordinating_agencies[{i}]");
                violations.add(field, Rule::AgencyRepeated);
            }
        }
        for (i, programme) in self.programmes.iter().enumerate() {
            let before = self.programmes.get(..i).unwrap_or_default();
            if before.contains(programme) {
                violations.add(format!("{path}.programmes[{i}]"), Rule::ProgrammeRepeated);
            }
        }
    }
}

/// Adds a violation for each rule that a due date breaks.
pub(crate) fn check_due(due: Option<&Period>, path: &str, violations: &mut Violations) {
    check_period(due, path, violations);
    if due.is_some_and(|due| due.end.is_none()) {
        violations.add(format!("{path}.end"), Rule::DueEndMissing);
    }
}

impl Visible for Task {
    /// Everyone sees tasks. Who acted is shown to the lead agency, the steward and auditors.
    fn visible(&self, caller: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        Some(self.withheld(sees_all_of(caller, self.fields.agency.as_ref())))
    }

    fn visible_since(
        &self,
        _: &dyn Parents,
        record: &Self,
        _: &State,
        caller: &Caller,
    ) -> Option<Cow<'_, Self>> {
        let shows = |task: &Self| sees_all_of(caller, task.fields.agency.as_ref());
        Some(self.withheld(shows(self) && shows(record)))
    }

    fn agency(&self, _: &dyn Parents) -> Option<AgencyName> {
        self.fields.agency.clone()
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.fields.agency == other.fields.agency
    }
}

impl Queryable for Task {
    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, TaskName),
        Field::new("code", Type::Text, |r: &Self| Values::one(&*r.fields.code)).orderable(),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("programmes", resource::<ProgrammeName>(), |r: &Self| {
            Values::many(r.fields.programmes.iter().map(|name| name.as_str()))
        })
        .repeated(),
        Field::new("assigning_document.symbol", Type::Text, |r: &Self| {
            Values::option(r.fields.assigning_document.as_ref().map(|it| &*it.symbol))
        }),
        Field::new("assigning_agency", resource::<AgencyName>(), |r: &Self| {
            Values::option(r.fields.assigning_agency.as_ref().map(|it| it.as_str()))
        })
        .orderable(),
        Field::new("agency", resource::<AgencyName>(), |r: &Self| {
            Values::option(r.fields.agency.as_ref().map(|it| it.as_str()))
        })
        .orderable(),
        Field::new(
            "coordinating_agencies",
            resource::<AgencyName>(),
            |r: &Self| {
                let agencies = r.fields.coordinating_agencies.iter();
                Values::many(agencies.map(|name| name.as_str()))
            },
        )
        .repeated(),
        Field::new("accountable_head.office", Type::Name, |r: &Self| {
            Values::option(r.fields.accountable_head.as_ref().map(|it| &*it.office))
        })
        .orderable(),
        Field::new("due.start", Type::Date, |r: &Self| {
            Values::option(r.fields.due.as_ref().and_then(|due| due.start))
        }),
        Field::new("due.end", Type::Date, |r: &Self| {
            Values::option(r.fields.due.as_ref().and_then(|due| due.end))
        })
        .orderable(),
        Field::new("start_date", Type::Date, |r: &Self| {
            Values::option(r.fields.start_date)
        })
        .orderable(),
        Field::new("parent", resource::<TaskName>(), |r: &Self| {
            Values::option(r.fields.parent.as_ref().map(|it| it.as_str()))
        }),
        Field::new("platform", resource::<PlatformName>(), |r: &Self| {
            Values::option(r.fields.platform.as_ref().map(|it| it.as_str()))
        })
        .orderable(),
        Field::new("milestone", resource::<MilestoneName>(), |r: &Self| {
            Values::option(r.fields.milestone.as_ref().map(|it| it.as_str()))
        }),
        Field::new("state", words::<TaskState>(), |r: &Self| {
            Values::one(r.state().as_str())
        })
        .orderable(),
        Field::new("report.completion_date", Type::Date, |r: &Self| {
            Values::option(r.report.as_ref().map(|it| it.completion_date))
        })
        .orderable(),
        Field::new("report.substantiated", Type::Boolean, |r: &Self| {
            Values::option(r.report.as_ref().map(|it| it.is_substantiated()))
        }),
        Field::new("report.record_time", Type::Timestamp, |r: &Self| {
            Values::option(r.report.as_ref().map(|it| it.record_time))
        })
        .orderable(),
        Field::new("return_count", Type::Integer, |r: &Self| {
            Values::one(i64::try_from(r.returns.len()).unwrap_or(i64::MAX))
        })
        .orderable()
        .set_where(|r| !r.returns.is_empty()),
        Field::new("dropping.drop_date", Type::Date, |r: &Self| {
            Values::option(r.dropping.as_ref().map(|it| it.drop_date))
        }),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}
