//! A synthetic year: 84 platforms, their plans and their results, written through the ordinary
//! rules with past times, so that a new user quickly sees a registry with data. Every record states
//! that it is synthetic, no real agency appears in it, and a registry with this data states so in
//! its responses.
//!
//! It is written as the year to 31 October 2025, with the two numbers that officials published for
//! the real catalogue: 21 platforms with a plan issued by 23 September, 28 in operation by
//! 31 October. A demo moves all its days alike, so that it ends a month ago at most.

mod deployments;
mod flows;
mod indicators;
mod recommendations;
mod tasks;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::{
    catalogue,
    registry::{Registry, entropy::OsEntropy},
    store::Store,
};
use ndp_core::{
    caller::Caller,
    names::{AgencyName, MilestoneName, PlanName, PlatformName, ReportName, Revision},
    records::{
        agencies::{Agency, AgencyFields, AgencyKind},
        assessments::AssessmentFields,
        baselines::{MilestoneChange, Rebaseline},
        documents::{Document, DocumentKind, Evidence, Source},
        editions::SYNTHETIC,
        milestones::MilestoneFields,
        plans::{
            CycleEntry, Head, PlanFields, PlanMove, ReportingCycle, Visibility, VisibilityEntry,
        },
        platforms::{Governance, OperationStage, PlatformFields, Stage},
        proposals::ProposalState,
        reports::{Rating, ReportFields},
    },
    rules::{
        AnyCommand, Request,
        assessments::CreateAssessment,
        baselines::RebaselinePlan,
        milestones::{CompleteMilestone, CreateMilestone},
        plans::{CreatePlan, MovePlan},
        platforms::UpdatePlatform,
        proposals::{DecideProposal, Decision},
        reports::CreateReport,
        seed::Seed,
    },
    state::State,
    time::{Clock, Date, Period, Timestamp},
};

/// Number of platforms in the synthetic catalogue: those of the opening edition.
const PLATFORMS: usize = 84;
/// Number of agencies; each governs a share of the platforms.
const AGENCIES: usize = 8;
/// Days between two milestones of a plan.
const STEP_DAYS: i32 = 40;
/// Number of milestones of a plan that have a due date.
const STEPS: i32 = 4;

const EDITOR: &str = "synthetic-editor";
const APPROVER: &str = "synthetic-approver";
const STEWARD: &str = "synthetic-steward";

/// The size of the result.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// The last revision.
    pub revision: Revision,
    /// Number of platforms.
    pub platforms: usize,
    /// Number of plans.
    pub plans: usize,
    /// Number of milestones.
    pub milestones: usize,
}

/// The clock of the synthetic year.
#[derive(Debug)]
struct StoryClock(AtomicI64);

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        let micros = self.0.load(Ordering::SeqCst);
        Timestamp::from_micros(micros).unwrap_or(Timestamp::MIN)
    }
}

type Make = Box<dyn Fn(&State) -> Result<Box<dyn AnyCommand>> + Send + Sync>;

/// An event of the synthetic year: its day, its actor, and a function that makes the command from
/// the records at that time.
struct Event {
    day: Date,
    who: &'static str,
    reason: &'static str,
    make: Make,
}

/// The last day of the year as it is written here.
const END: &str = "2025-10-31";

/// The last day of a demo that is made on a day: that of the month before.
pub fn end_before(today: Date) -> Result<Date> {
    let first = Date::new(today.year(), today.month(), 1);
    Ok(first.context("a month has a first day")?.plus_days(-1))
}

/// Writes the synthetic year that ends on this day into an empty database.
pub async fn make(store: Store, end: Date) -> Result<Made> {
    let clock = Arc::new(StoryClock(AtomicI64::new(0)));
    let mut story = Story::ending(end)?;
    story.tell()?;
    let first = story.date("2024-11-01")?;
    let mut events = story.events;
    // A stable sort, so that events of one day keep their order.
    events.sort_by_key(|event| event.day);
    clock.0.store(morning(first), Ordering::SeqCst);
    let (registry, writer) =
        Registry::start(store, Arc::clone(&clock) as _, Box::new(OsEntropy)).await?;
    let told = tell(&registry, &clock, first, events).await;
    let made = told.map(|()| {
        let snapshot = registry.read();
        Made {
            revision: snapshot.state.revision(),
            platforms: snapshot.state.platforms().len(),
            plans: snapshot.state.plans().len(),
            milestones: snapshot.state.milestones().len(),
        }
    });
    drop(registry);
    writer.await??;
    made
}

async fn tell(
    registry: &Registry,
    clock: &StoryClock,
    first: Date,
    events: Vec<Event>,
) -> Result<()> {
    if registry.revision() != Revision::ZERO || !registry.seed(seed(first)?).await? {
        bail!(
            "the database is not empty; a synthetic history goes into a database of its own, \
             `--database sqlite:demo.db`"
        );
    }
    for event in events {
        let next = morning(event.day).max(clock.0.load(Ordering::SeqCst) + 60_000_000);
        clock.0.store(next, Ordering::SeqCst);
        let command = (event.make)(&registry.read().state)?;
        let method = command.method();
        let caller = Caller::System {
            actor: Some(event.who.to_owned()),
        };
        let request = Request {
            command,
            request_id: None,
            reason: event.reason.to_owned(),
        };
        let submitted = registry.submit(caller, request).await;
        submitted.with_context(|| format!("{method} on {}", event.day))?;
    }
    Ok(())
}

/// Eight in the morning in Vietnam, in microseconds.
fn morning(day: Date) -> i64 {
    Timestamp::parse(&format!("{day}T08:00:00+07:00")).map_or(0, Timestamp::as_micros)
}

// === the records at the start of the year ===

fn seed(first: Date) -> Result<Seed> {
    let mut seed = catalogue::seed([catalogue::OPENING_EDITION])?;
    let source = Source {
        uri: String::new(),
        note: format!("bản ghi thử nghiệm, không có thật {SYNTHETIC}"),
    };
    seed.agencies = (0..AGENCIES)
        .map(|number| {
            Ok(Agency {
                name: agency(number)?,
                fields: AgencyFields {
                    display_name: format!("Cơ quan thử nghiệm {} {SYNTHETIC}", number + 1),
                    display_name_en: format!("Agency {} {SYNTHETIC}", number + 1),
                    kind: kind_of(number),
                    ..AgencyFields::default()
                },
                meta: catalogue::UNWRITTEN,
            })
        })
        .collect::<Result<_>>()?;
    for edition in &mut seed.editions {
        edition.synthetic = true;
        let name = &edition.fields.display_name;
        edition.fields.display_name = format!("{name} {SYNTHETIC}");
        edition.fields.note = format!("Danh mục thử nghiệm {SYNTHETIC}");
        // The synthetic year begins on a day of its own, and nothing follows its edition.
        let fields = &mut edition.fields;
        fields.repealing_edition = None;
        if edition.name.id() == catalogue::OPENING_EDITION {
            fields.effective_start_date = Some(first);
            fields.effective_end_date = None;
        } else {
            fields.effective_start_date = Some(first.plus_days(-300));
            fields.effective_end_date = Some(first.plus_days(-1));
        }
    }
    for (number, platform) in seed.platforms.iter_mut().enumerate() {
        let governing = agency(number % AGENCIES)?;
        let fields = &mut platform.fields;
        fields.display_name = format!("Nền tảng thử nghiệm {:02} {SYNTHETIC}", number + 1);
        fields.display_name_en = format!("Platform {:02} {SYNTHETIC}", number + 1);
        fields.governance = vec![Governance {
            agency: Some(governing),
            ..Governance::default()
        }];
        fields.sources = vec![source.clone()];
        fields.labels = [("synthetic".to_owned(), "true".to_owned())].into();
        for listing in &mut fields.listings {
            listing.display_name.clone_from(&fields.display_name);
            listing.sources = vec![source.clone()];
        }
    }
    // The published figures are real, for comparison with the synthetic records.
    for figure in &mut seed.figures {
        figure.statement = format!(
            "real figure, beside records that are not: {}",
            figure.statement
        );
    }
    // So are the published values, except those of an agency that does not exist here.
    seed.observations.retain(|it| it.agency.is_none());
    for value in &mut seed.observations {
        if let Some(grounds) = &mut value.grounds {
            grounds.statement = format!(
                "real value, beside records that are not: {}",
                grounds.statement
            );
        }
    }
    Ok(seed)
}

/// The kinds of the agencies: some ministries, some provinces, and one other.
const fn kind_of(number: usize) -> AgencyKind {
    match number {
        0..4 => AgencyKind::Ministry,
        4..7 => AgencyKind::ProvincialPeoplesCommittee,
        _ => AgencyKind::Other,
    }
}

// === the events ===

struct Story {
    events: Vec<Event>,
    /// Days from the year as it is written here to the year that is made.
    later: i32,
    /// The id of most plans: the year in which it ends.
    year: String,
}

impl Story {
    fn ending(end: Date) -> Result<Self> {
        let written = parsed(END)?;
        let days = morning(end) - morning(written);
        Ok(Self {
            events: Vec::new(),
            later: i32::try_from(days / 86_400_000_000)?,
            year: end.year().to_string(),
        })
    }

    /// A day of the year as it is written here, moved to the year that is made.
    fn date(&self, text: &str) -> Result<Date> {
        Ok(parsed(text)?.plus_days(self.later))
    }

    fn tell(&mut self) -> Result<()> {
        let year = &*self.year.clone();
        // 21 platforms with a plan issued by 23 September, and three more in October.
        let first = self.date("2024-11-18")?;
        for number in 0..21 {
            let day = first.plus_days(i32::try_from(number)? * 15);
            self.issued_plan(number, year, day)?;
        }
        for number in 21..24 {
            let day = self
                .date("2025-10-02")?
                .plus_days(i32::try_from(number - 21)? * 7);
            self.issued_plan(number, year, day)?;
        }
        // One plan is superseded by a second, and one is completed.
        let day = self.date("2025-06-16")?;
        self.issued_plan(0, &format!("{year}-second"), day)?;
        let done = plan(1, year)?;
        let day = self.date("2025-09-22")?;
        self.step(day, APPROVER, done, PlanMove::Complete, Some("HT"));
        // A plan that was issued earlier and is no longer in force on 23 September.
        let day = self.date("2025-02-10")?;
        self.issued_plan(30, "revoked", day)?;
        let revoked = plan(30, "revoked")?;
        let day = self.date("2025-07-10")?;
        self.step(day, APPROVER, revoked, PlanMove::Revoke, Some("BB"));
        let day = self.date("2025-08-05")?;
        self.issued_plan(31, "mistaken", day)?;
        let mistaken = plan(31, "mistaken")?;
        let day = self.date("2025-09-10")?;
        self.step(day, STEWARD, mistaken, PlanMove::Annul, None);
        // Plans that are not issued yet.
        for number in 24..30 {
            let day = self
                .date("2025-08-20")?
                .plus_days(i32::try_from(number - 24)? * 9);
            self.draft(number, year, day)?;
            if number < 27 {
                let name = plan(number, year)?;
                self.step(
                    day.plus_days(2),
                    EDITOR,
                    name.clone(),
                    PlanMove::Submit,
                    None,
                );
                if number == 26 {
                    self.step(day.plus_days(4), STEWARD, name, PlanMove::Return, None);
                }
            }
        }
        let day = self.date("2025-03-03")?;
        self.draft(32, "given-up", day)?;
        let given_up = plan(32, "given-up")?;
        let day = self.date("2025-04-07")?;
        self.step(day, EDITOR, given_up, PlanMove::Withdraw, None);
        // 28 in operation by 31 October.
        for number in 0..28 {
            let day = self
                .date("2024-12-02")?
                .plus_days(i32::try_from(number)? * 12);
            self.in_operation(number + 3, day)?;
        }
        self.rebaseline(4)?;
        self.tasks()?;
        self.indicators()?;
        self.deployments()?;
        self.recommendations()?;
        self.data_flows()
    }

    fn event(
        &mut self,
        day: Date,
        who: &'static str,
        reason: &'static str,
        make: impl Fn(&State) -> Result<Box<dyn AnyCommand>> + Send + Sync + 'static,
    ) {
        self.events.push(Event {
            day,
            who,
            reason,
            make: Box::new(make),
        });
    }

    fn step(
        &mut self,
        day: Date,
        who: &'static str,
        name: PlanName,
        step: PlanMove,
        document: Option<&'static str>,
    ) {
        let reason = "lịch sử thử nghiệm (synthetic)";
        self.event(day, who, reason, move |state| {
            let plan = state.plan(&name).context("no such plan")?;
            Ok(Box::new(MovePlan {
                name: name.clone(),
                step,
                document: document.map(|symbol| Box::new(decision(symbol, day))),
                etag: state.plan_etag(plan),
            }))
        });
    }

    fn draft(&mut self, number: usize, id: &str, day: Date) -> Result<()> {
        let name = plan(number, id)?;
        let last = day.plus_days(STEP_DAYS * STEPS + 21);
        let fields = PlanFields {
            display_name: format!("Kế hoạch thử nghiệm {:02} {SYNTHETIC}", number + 1),
            objectives: format!("Mục tiêu thử nghiệm {SYNTHETIC}"),
            accountable_head: Some(Box::new(Head {
                office: format!("Người đứng đầu cơ quan thử nghiệm {SYNTHETIC}"),
                person: String::new(),
            })),
            lead_unit: format!("Đơn vị thử nghiệm {SYNTHETIC}"),
            planned_start: Some(Period::day(day, day.to_string())),
            planned_end: Some(Period::day(last, last.to_string())),
            visibilities: (number == 2)
                .then(|| VisibilityEntry {
                    visibility: Visibility::Restricted,
                    ..VisibilityEntry::default()
                })
                .into_iter()
                .collect(),
            reporting_cycles: vec![CycleEntry {
                cycle: ReportingCycle {
                    filing_days: 5,
                    ..ReportingCycle::default()
                },
                ..CycleEntry::default()
            }],
            ..PlanFields::default()
        };
        let of = name.clone();
        self.event(day, EDITOR, "", move |_| {
            Ok(Box::new(CreatePlan {
                platform: of.parent(),
                name: Some(of.clone()),
                fields: fields.clone(),
                source: None,
            }))
        });
        for step in 0..=STEPS {
            let milestone = milestone(&name, step)?;
            let fields = step_fields(number, step, day);
            let name = name.clone();
            self.event(day, EDITOR, "", move |_| {
                Ok(Box::new(CreateMilestone {
                    plan: name.clone(),
                    name: Some(milestone.clone()),
                    fields: fields.clone(),
                }))
            });
        }
        Ok(())
    }

    /// A plan that is drafted, submitted and issued on a day, and its later events until the end of
    /// the year, or until it is superseded or revoked.
    fn issued_plan(&mut self, number: usize, id: &str, issued: Date) -> Result<()> {
        let name = plan(number, id)?;
        let drafted = issued.plus_days(-14);
        self.draft(number, id, drafted)?;
        self.step(
            drafted.plus_days(5),
            EDITOR,
            name.clone(),
            PlanMove::Submit,
            None,
        );
        self.step(issued, APPROVER, name.clone(), PlanMove::Issue, Some("BH"));
        let last = match (number, id) {
            (0, id) if id == self.year => self.date("2025-06-15")?,
            (1, _) => self.date("2025-09-21")?,
            (30, _) => self.date("2025-07-09")?,
            (31, _) => self.date("2025-09-09")?,
            _ => self.date("2025-10-31")?,
        };
        self.completions(number, &name, drafted, last)?;
        self.reports(number, &name, issued, last)?;
        if number.is_multiple_of(3) {
            self.assessments(number, &name, issued, last);
        }
        Ok(())
    }

    /// Alternates between milestones that are completed on time, completed late, and left open.
    fn completions(
        &mut self,
        number: usize,
        name: &PlanName,
        drafted: Date,
        last: Date,
    ) -> Result<()> {
        for step in 1..=STEPS {
            let turn = (number + usize::try_from(step)?) % 5;
            let late = match turn {
                0 | 1 => -3,
                2 => 0,
                3 => 12,
                // Left open, and overdue later.
                _ => continue,
            };
            let day = due(drafted, step).plus_days(late);
            if day > last {
                continue;
            }
            let milestone = milestone(name, step)?;
            let evidence = (turn != 1).then(|| evidence(day));
            self.event(day, EDITOR, "", move |state| {
                let record = state.milestone(&milestone).context("no such milestone")?;
                Ok(Box::new(CompleteMilestone {
                    name: milestone.clone(),
                    completion_date: Some(day),
                    evidence: evidence.clone().into_iter().collect(),
                    etag: record.meta.etag(),
                }))
            });
        }
        Ok(())
    }

    /// Monthly reports. Some agencies stop reporting, some report late, and one corrects a report.
    fn reports(&mut self, number: usize, name: &PlanName, issued: Date, last: Date) -> Result<()> {
        let cycle = ReportingCycle::default();
        let mut end = cycle.period_end(issued).context("no reporting period")?;
        let mut count = 0;
        loop {
            let filed = end.plus_days(if number % 4 == 1 { 9 } else { 3 });
            if filed > last || (number % 7 == 3 && count >= 2) {
                return Ok(());
            }
            count += 1;
            let id = format!("{:04}-{:02}", end.year(), end.month());
            let report = ReportName::from_id(name, &id).context("no report's name")?;
            let fields = ReportFields {
                period_end_date: Some(end),
                rating: Some(if number % 5 == 2 && count > 3 {
                    Rating::AtRisk
                } else {
                    Rating::OnTrack
                }),
                percent: if number % 6 == 5 {
                    40
                } else {
                    (count * 12).min(100)
                },
                results: format!("Kết quả thử nghiệm kỳ {id} {SYNTHETIC}"),
                evidence: if number.is_multiple_of(2) {
                    vec![evidence(end)]
                } else {
                    Vec::new()
                },
                ..ReportFields::default()
            };
            let first = (report.clone(), fields.clone());
            let plan = name.clone();
            self.event(filed, EDITOR, "", move |_| {
                Ok(Box::new(CreateReport {
                    plan: plan.clone(),
                    name: Some(first.0.clone()),
                    fields: first.1.clone(),
                }))
            });
            if number == 6 && count == 3 {
                let corrected = ReportFields {
                    rating: Some(Rating::OffTrack),
                    corrects: Some(report),
                    ..fields
                };
                let plan = name.clone();
                self.event(
                    filed.plus_days(4),
                    EDITOR,
                    "đính chính (synthetic)",
                    move |_| {
                        Ok(Box::new(CreateReport {
                            plan: plan.clone(),
                            name: ReportName::from_id(&plan, &format!("{id}-corrected")),
                            fields: corrected.clone(),
                        }))
                    },
                );
            }
            end = cycle
                .period_end(end.plus_days(1))
                .context("no reporting period")?;
        }
    }

    /// The steward assesses a plan every hundred days.
    fn assessments(&mut self, number: usize, name: &PlanName, issued: Date, last: Date) {
        let mut day = issued.plus_days(60);
        let mut count = 0;
        while day <= last {
            count += 1;
            let fields = AssessmentFields {
                assessment_date: Some(day),
                rating: Some(match (number / 3 + count) % 3 {
                    0 => Rating::OffTrack,
                    1 => Rating::OnTrack,
                    _ => Rating::AtRisk,
                }),
                rubric_version: "thử nghiệm 1 (synthetic)".to_owned(),
                findings: format!("Nhận xét thử nghiệm {SYNTHETIC}"),
                evidence: vec![evidence(day)],
            };
            let plan = name.clone();
            self.event(day, STEWARD, "", move |_| {
                Ok(Box::new(CreateAssessment {
                    plan: plan.clone(),
                    name: None,
                    fields: fields.clone(),
                }))
            });
            day = day.plus_days(100);
        }
    }

    fn in_operation(&mut self, number: usize, day: Date) -> Result<()> {
        let name = platform(number)?;
        self.event(day, STEWARD, "", move |state| {
            let record = state.platform(&name).context("no such platform")?;
            let fields = PlatformFields {
                operation_stages: vec![OperationStage {
                    stage: Stage::Operation,
                    planned: None,
                    reached: Some(Period::day(day, day.to_string())),
                    document: None,
                    sources: vec![Source {
                        uri: String::new(),
                        note: format!("thử nghiệm {SYNTHETIC}"),
                    }],
                }],
                ..PlatformFields::default()
            };
            Ok(Box::new(UpdatePlatform {
                name: name.clone(),
                fields,
                mask: vec!["operation_stages".to_owned()],
                etag: Some(record.meta.etag()),
            }))
        });
        Ok(())
    }

    /// A rebaseline that moves the last milestone of a plan to a later date: proposed by one person
    /// and approved by another.
    fn rebaseline(&mut self, number: usize) -> Result<()> {
        let name = plan(number, &self.year)?;
        let later = self.date("2025-12-15")?;
        let day = self.date("2025-06-09")?;
        let of = name.clone();
        let reason = "điều chỉnh tiến độ thử nghiệm (synthetic)";
        self.event(day, EDITOR, reason, move |state| {
            let plan = state.plan(&of).context("no such plan")?;
            let milestone = milestone(&of, STEPS)?;
            let later = Some(Period::day(later, later.to_string()));
            Ok(Box::new(RebaselinePlan {
                rebaseline: Rebaseline {
                    plan: of.clone(),
                    milestone_changes: vec![MilestoneChange::Update {
                        milestone,
                        fields: MilestoneFields {
                            due: later.clone(),
                            ..MilestoneFields::default()
                        },
                        mask: vec!["due".to_owned()],
                    }],
                    fields: PlanFields {
                        planned_end: later,
                        ..PlanFields::default()
                    },
                    mask: vec!["planned_end".to_owned()],
                    document: decision("DC", day),
                },
                etag: state.plan_etag(plan),
            }))
        });
        self.event(day.plus_days(3), APPROVER, reason, move |state| {
            let proposal = state
                .proposals_of(&name.parent())
                .find(|proposal| proposal.state == ProposalState::Pending)
                .context("no proposal")?;
            Ok(Box::new(DecideProposal {
                name: proposal.name.clone(),
                decision: Decision::Approve,
                etag: proposal.meta.etag(),
            }))
        });
        Ok(())
    }
}

// === helpers ===

fn parsed(text: &str) -> Result<Date> {
    Date::parse(text).map_err(|error| anyhow!("`{text}`: {error}"))
}

fn agency(number: usize) -> Result<AgencyName> {
    let id = format!("co-quan-thu-nghiem-{}", number + 1);
    AgencyName::from_id(&id).context("no agency's name")
}

fn platform(number: usize) -> Result<PlatformName> {
    ensure!(number < PLATFORMS, "there are {PLATFORMS} platforms");
    PlatformName::from_id(&format!("ndp-{:03}", number + 1)).context("no platform's name")
}

fn plan(number: usize, id: &str) -> Result<PlanName> {
    PlanName::from_id(&platform(number)?, id).context("no plan's name")
}

fn milestone(plan: &PlanName, step: i32) -> Result<MilestoneName> {
    MilestoneName::from_id(plan, &format!("m{step}")).context("no milestone's name")
}

/// The due date of a step of a plan that was drafted on a day.
fn due(drafted: Date, step: i32) -> Date {
    drafted.plus_days(14 + STEP_DAYS * step)
}

/// The fields of a step. Step 0 is a regular task.
fn step_fields(number: usize, step: i32, drafted: Date) -> MilestoneFields {
    let day = due(drafted, step);
    MilestoneFields {
        display_name: format!("Nhiệm vụ thử nghiệm {:02}.{step} {SYNTHETIC}", number + 1),
        required_result: format!("Sản phẩm thử nghiệm {SYNTHETIC}"),
        due: (step > 0).then(|| Period::day(day, day.to_string())),
        weight: step.max(1),
        accountable_unit: format!("Đơn vị thử nghiệm {SYNTHETIC}"),
        ..MilestoneFields::default()
    }
}

fn decision(what: &str, day: Date) -> Document {
    Document {
        kind: DocumentKind::Decision,
        symbol: format!("{day}/{what}-THU-NGHIEM"),
        title: format!("Văn bản thử nghiệm {SYNTHETIC}"),
        issuer: format!("Cơ quan thử nghiệm {SYNTHETIC}"),
        signatory: format!("Người ký thử nghiệm {SYNTHETIC}"),
        issue_date: Some(day),
        sha256: "0".repeat(64),
        ..Document::default()
    }
}

fn evidence(day: Date) -> Evidence {
    Evidence {
        file: None,
        document: Some(Box::new(decision("NT", day))),
        note: format!("minh chứng thử nghiệm {SYNTHETIC}"),
    }
}
