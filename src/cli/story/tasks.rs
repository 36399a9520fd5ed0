//! The tasks of the synthetic year: one programme, with tasks in every state.

use anyhow::{Context, Result};

use super::{
    APPROVER, EDITOR, STEWARD, Story, agency, decision, evidence, head_of_agency, milestone,
    period, plan, source,
};
use ndp_core::{
    names::{ProgrammeName, TaskName},
    records::{
        editions::SYNTHETIC,
        programmes::ProgrammeFields,
        tasks::{Task, TaskFields},
    },
    rules::{
        programmes::CreateProgramme,
        tasks::{ConfirmTask, CreateTask, DropTask, MoveTaskDue, ReportTask, ReturnTask},
    },
    state::State,
    time::Date,
};

/// The course of a task, with its days as they are in the written year.
enum Fate {
    /// Not reported.
    Open,
    /// Reported, and not yet confirmed.
    Reported(&'static str),
    /// Reported, and confirmed a week later.
    Completed(&'static str),
    /// Reported, and returned three days later.
    Returned(&'static str),
    /// Due on another day, by a document of the first day.
    Moved(&'static str, &'static str),
    /// Dropped by a document.
    Dropped(&'static str),
    /// Entered in error.
    Mistaken(&'static str),
}

/// One task, by the columns below.
type TaskColumns = (Option<usize>, Option<&'static str>, Option<usize>, Fate);

/// The tasks: the number of the lead agency, the due date, the task above, and its course.
const TASKS: [TaskColumns; 16] = [
    (
        Some(1),
        Some("2025-03-31"),
        None,
        Fate::Completed("2025-03-20"),
    ),
    (
        Some(2),
        Some("2025-03-31"),
        None,
        Fate::Completed("2025-04-15"),
    ),
    (
        Some(3),
        Some("2025-06-30"),
        None,
        Fate::Completed("2025-06-27"),
    ),
    (
        Some(4),
        Some("2025-06-30"),
        None,
        Fate::Completed("2025-08-04"),
    ),
    (
        Some(5),
        Some("2025-09-30"),
        None,
        Fate::Reported("2025-09-29"),
    ),
    (
        Some(6),
        Some("2025-10-31"),
        None,
        Fate::Reported("2025-10-30"),
    ),
    (
        Some(7),
        Some("2025-09-30"),
        None,
        Fate::Returned("2025-09-26"),
    ),
    (Some(1), Some("2025-08-31"), None, Fate::Open),
    (Some(2), Some("2025-11-03"), None, Fate::Open),
    (Some(3), Some("2025-12-31"), None, Fate::Open),
    (Some(4), None, None, Fate::Open),
    (None, Some("2025-12-31"), None, Fate::Open),
    (
        Some(5),
        Some("2025-07-31"),
        None,
        Fate::Moved("2025-07-14", "2025-12-15"),
    ),
    (
        Some(6),
        Some("2025-12-31"),
        None,
        Fate::Dropped("2025-05-12"),
    ),
    (Some(7), Some("2025-12-31"), Some(9), Fate::Open),
    (
        Some(7),
        Some("2025-12-31"),
        None,
        Fate::Mistaken("2025-02-03"),
    ),
];

/// The day of the document that assigns the tasks.
const ASSIGNED: &str = "2025-01-06";

impl Story {
    /// A programme and its tasks.
    pub(super) fn tasks(&mut self) -> Result<()> {
        let assigned = self.date(ASSIGNED)?;
        let made = assigned.plus_days(7);
        let name = programme()?;
        let fields = ProgrammeFields {
            display_name: format!("Chương trình thử nghiệm {SYNTHETIC}"),
            display_name_en: format!("Programme {SYNTHETIC}"),
            documents: vec![decision("CT", assigned)],
            assigning_agency: Some(agency(0)?),
            declared_task_count: Some(18),
            withheld_task_count: Some(3),
            sources: vec![source("thử nghiệm")],
            ..ProgrammeFields::default()
        };
        self.event(made, STEWARD, "", move |_| {
            Ok(Box::new(CreateProgramme {
                name: name.clone(),
                fields: fields.clone(),
            }))
        });
        for (number, (lead, due, parent, fate)) in TASKS.iter().enumerate() {
            let due = due.map(|due| self.date(due)).transpose()?;
            let fields = TaskFields {
                agency: lead.map(agency).transpose()?,
                due: due.map(period),
                parent: parent.map(task).transpose()?,
                ..task_fields(number, assigned)?
            };
            self.create_task(task(number)?, fields, made);
            self.fate(&task(number)?, fate)?;
        }
        // a task whose completion is read from a milestone
        let number = TASKS.len();
        let milestone = milestone(&plan(3, &self.year)?, 1)?;
        let fields = TaskFields {
            agency: Some(agency(3)?),
            due: Some(period(self.date("2025-12-31")?)),
            milestone: Some(milestone),
            ..task_fields(number, assigned)?
        };
        let linked = self.date("2025-10-01")?;
        self.create_task(task(number)?, fields, linked);
        Ok(())
    }

    fn create_task(&mut self, name: TaskName, fields: TaskFields, day: Date) {
        self.event(day, APPROVER, "", move |_| {
            Ok(Box::new(CreateTask {
                name: Some(name.clone()),
                fields: fields.clone(),
            }))
        });
    }

    fn fate(&mut self, name: &TaskName, fate: &Fate) -> Result<()> {
        match fate {
            Fate::Open => {}
            Fate::Reported(day) => self.report(name, self.date(day)?),
            Fate::Completed(day) => {
                let day = self.date(day)?;
                self.report(name, day);
                let name = name.clone();
                self.event(day.plus_days(7), APPROVER, "", move |state| {
                    let etag = read(state, &name)?.meta.etag();
                    let name = name.clone();
                    Ok(Box::new(ConfirmTask { name, etag }))
                });
            }
            Fate::Returned(day) => {
                let day = self.date(day)?;
                self.report(name, day);
                let name = name.clone();
                let reason = "minh chứng chưa đủ, thử nghiệm (synthetic)";
                self.event(day.plus_days(3), APPROVER, reason, move |state| {
                    let etag = read(state, &name)?.meta.etag();
                    let name = name.clone();
                    Ok(Box::new(ReturnTask { name, etag }))
                });
            }
            Fate::Moved(day, due) => {
                let (day, due) = (self.date(day)?, self.date(due)?);
                let name = name.clone();
                self.event(day, APPROVER, "", move |state| {
                    Ok(Box::new(MoveTaskDue {
                        name: name.clone(),
                        due: Some(period(due)),
                        document: Some(Box::new(decision("DC", day))),
                        etag: read(state, &name)?.meta.etag(),
                    }))
                });
            }
            Fate::Dropped(day) => self.drop_task(name, self.date(day)?, false),
            Fate::Mistaken(day) => self.drop_task(name, self.date(day)?, true),
        }
        Ok(())
    }

    fn report(&mut self, name: &TaskName, day: Date) {
        let name = name.clone();
        self.event(day, EDITOR, "", move |state| {
            Ok(Box::new(ReportTask {
                name: name.clone(),
                completion_date: Some(day),
                evidence: vec![evidence(day)],
                note: format!("Kết quả thử nghiệm {SYNTHETIC}"),
                etag: read(state, &name)?.meta.etag(),
            }))
        });
    }

    fn drop_task(&mut self, name: &TaskName, day: Date, erroneous: bool) {
        let name = name.clone();
        let reason = "thử nghiệm (synthetic)";
        self.event(day, APPROVER, reason, move |state| {
            let document = (!erroneous).then(|| Box::new(decision("HB", day)));
            Ok(Box::new(DropTask {
                name: name.clone(),
                document,
                erroneous,
                etag: read(state, &name)?.meta.etag(),
            }))
        });
    }
}

fn programme() -> Result<ProgrammeName> {
    ProgrammeName::from_id("chuong-trinh-thu-nghiem").context("no programme's name")
}

fn task(number: usize) -> Result<TaskName> {
    TaskName::from_id(&format!("nhiem-vu-{:02}", number + 1)).context("no task's name")
}

fn read<'a>(state: &'a State, name: &TaskName) -> Result<&'a Task> {
    Ok(state.task(name).context("no such task")?)
}

fn task_fields(number: usize, assigned: Date) -> Result<TaskFields> {
    Ok(TaskFields {
        code: format!("TN_{:03}", number + 1),
        display_name: format!("Nhiệm vụ thử nghiệm {:02} {SYNTHETIC}", number + 1),
        programmes: vec![programme()?],
        assigning_document: Some(Box::new(decision("CT", assigned))),
        assigning_agency: Some(agency(0)?),
        accountable_head: Some(Box::new(head_of_agency())),
        required_result: format!("Sản phẩm thử nghiệm {SYNTHETIC}"),
        ..TaskFields::default()
    })
}
