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
mod plans;
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
    names::{AgencyName, MilestoneName, PlanName, PlatformName, Revision},
    records::{
        agencies::{Agency, AgencyFields, AgencyKind},
        documents::{Document, DocumentKind, Evidence, Source},
        editions::SYNTHETIC,
        plans::Head,
        platforms::Governance,
    },
    rules::{AnyCommand, Request, seed::Seed},
    state::State,
    time::{Clock, Date, Period, Timestamp},
};

/// Number of platforms in the synthetic catalogue: those of the opening edition.
const PLATFORMS: usize = 84;
/// Number of agencies; each governs a share of the platforms.
const AGENCIES: usize = 8;

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
    let written = write(&registry, &clock, first, events).await;
    let made = written.map(|()| {
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

async fn write(
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
    let source = source("bản ghi thử nghiệm, không có thật");
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
        self.plans()?;
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

fn source(note: &str) -> Source {
    Source {
        uri: String::new(),
        note: format!("{note} {SYNTHETIC}"),
    }
}

fn head_of_agency() -> Head {
    Head {
        office: format!("Người đứng đầu cơ quan thử nghiệm {SYNTHETIC}"),
        person: String::new(),
    }
}

fn period(day: Date) -> Period {
    Period::day(day, day.to_string())
}
