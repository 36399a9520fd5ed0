//! What a summary costs beside a plain read: of 84 platforms and of 100,000, now and 100,000
//! changes back; and in memory, with ten milestones a platform, what a full recount, an update by
//! one change and a timeline take.

use std::{path::Path, sync::Arc, time::Instant};

use anyhow::{Context, Result};
use ndp_core::{
    change::{Change, Effect, Image},
    effort::Effort,
    monitoring::tally::{Clearance, CountScope, Tally},
    names::{MilestoneName, PlanName, PlatformName, Revision},
    records::{
        meta::Meta,
        milestones::{Milestone, MilestoneFields},
        plans::{Plan, PlanFields, PlanState, StateEntry},
        platforms::{Governance, Platform, PlatformFields},
    },
    state::State,
    time::{Date, Period, Timestamp},
};
use ndp_registry::pb;
use serde::Serialize;

use crate::{
    Options,
    bare::GET_PLATFORM,
    generate::{self, Database, LARGE, SMALL},
    load::{Call, answers},
    measure::{Question, Seeds, median},
    process::Listening,
};

/// The part's name.
pub(crate) const SUMMARY: &str = "summary";

const COMPUTE_SUMMARY: &str = "/ndp.registry.v1.MonitoringService/ComputeSummary";
/// Milestones of each plan.
const MILESTONES: usize = 10;

/// A summary beside GetPlatform on the same server.
#[derive(Debug, Serialize)]
struct Beside {
    platforms: usize,
    summary_us: f64,
    get_us: f64,
    /// Time of a call, the summary's over GetPlatform's.
    ratio: f64,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Summaries {
    beside: Vec<Beside>,
    /// The first summary after a start, of each size.
    first_ms: Vec<f64>,
    start_ms: f64,
    back_first_ms: f64,
    back_again_us: f64,
    milestones: usize,
    count_ms: f64,
    advance_us: f64,
    lookup_us: f64,
    timeline_ms: f64,
}

/// Runs the part where it is asked for, and prints it.
pub(crate) async fn run(options: &Options, directory: &Path) -> Result<Option<Summaries>> {
    if !options.wants(SUMMARY) {
        return Ok(None);
    }
    let mut found = Summaries::default();
    println!(
        "\n{:<26} {:>12} {:>12} {:>7}",
        "platforms", "summary", "get", "ratio"
    );
    for count in [SMALL, LARGE] {
        let database = generate::database(directory, count).await?;
        let server = Listening::registry(&database.file)?;
        // the first answer waits until everything was counted once
        let began = Instant::now();
        answers(&server.address, &[summary(0)]).await?;
        found.first_ms.push(began.elapsed().as_secs_f64() * 1e3);
        let beside = beside(options, &server, &database, count)?;
        println!(
            "{count:<26} {:>9.0} us {:>9.0} us {:>7.2}",
            beside.summary_us, beside.get_us, beside.ratio
        );
        found.beside.push(beside);
        if count == LARGE {
            found.start_ms = server.started_in.as_secs_f64() * 1e3;
            let (first, again) = back(&server).await?;
            (found.back_first_ms, found.back_again_us) = (first, again);
        }
    }
    println!(
        "100,000 changes back: {:.0} ms the first time, {:.0} us again; a cold start {:.0} ms",
        found.back_first_ms, found.back_again_us, found.start_ms
    );
    in_memory(&mut found)?;
    println!(
        "{} platforms and {} milestones in memory: counted anew in {:.0} ms, moved on by a change \
         in {:.1} us, looked up in {:.2} us; 52 weeks in {:.0} ms",
        LARGE,
        found.milestones,
        found.count_ms,
        found.advance_us,
        found.lookup_us,
        found.timeline_ms
    );
    Ok(Some(found))
}

fn summary(read_revision: i64) -> Call {
    let request = pb::ComputeSummaryRequest {
        read_revision,
        ..Default::default()
    };
    Call::new(COMPUTE_SUMMARY, &request)
}

fn beside(
    options: &Options,
    server: &Listening,
    database: &Database,
    platforms: usize,
) -> Result<Beside> {
    let request = pb::GetPlatformRequest {
        name: database.platforms.first().cloned().unwrap_or_default(),
        ..Default::default()
    };
    let calls = [summary(0), Call::new(GET_PLATFORM, &request)];
    let mut seeds = Seeds::new();
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..options.rounds.min(3) {
        for (call, times) in calls.iter().zip(&mut times) {
            let question = Question {
                part: SUMMARY,
                calls: std::slice::from_ref(call),
                own_call: false,
                concurrency: (1, 1),
                rounds: 1,
                measure: options.measure / 2,
            };
            times.push(1e6 / question.ask(server, seeds.next())?.rate);
        }
    }
    let [summary_us, get_us] = times.map(median);
    Ok(Beside {
        platforms,
        summary_us,
        get_us,
        ratio: summary_us / get_us,
    })
}

/// Milliseconds of the first summary 100,000 changes back, and microseconds of the next ones.
async fn back(server: &Listening) -> Result<(f64, f64)> {
    // after the seed, the principal and its key, before any plan
    let call = [summary(3)];
    let began = Instant::now();
    answers(&server.address, &call).await?;
    let first = began.elapsed().as_secs_f64() * 1e3;
    let mut again = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        answers(&server.address, &call).await?;
        again.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Ok((first, median(again)))
}

// === in memory ===

fn in_memory(found: &mut Summaries) -> Result<()> {
    let mut images = Vec::new();
    for number in 0..LARGE {
        add(number, &mut images)?;
    }
    found.milestones = LARGE * MILESTONES;
    let last = images.last().cloned().context("no image")?;
    let moment = Timestamp::parse("2026-01-01T00:00:00Z")?;
    let revision = Revision::new(1).context("a revision")?;
    let mut state = State::load(revision, Some(moment), images);
    let today = Date::parse("2026-01-01")?;
    let began = Instant::now();
    let mut tally = Tally::new(&state, today, &Effort::unlimited());
    found.count_ms = began.elapsed().as_secs_f64() * 1e3;
    let change = Change {
        revision: revision.next(),
        record_time: moment,
        person: generate::editor()?,
        agency: None,
        method: "UpdateMilestone".into(),
        request_id: None,
        reason: String::new(),
        effects: vec![Effect::Put(last)],
        key_hashes: Vec::new(),
        redaction: None,
    };
    let mut advances = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        let before = tally.before(&state, &change);
        state.apply(&change);
        assert!(
            tally.advance(before, &state),
            "a milestone is of one platform"
        );
        advances.push(began.elapsed().as_secs_f64() * 1e6);
    }
    found.advance_us = median(advances);
    let count_scope = CountScope::default();
    let began = Instant::now();
    for _ in 0..1000 {
        std::hint::black_box(tally.counts(&count_scope, &Clearance::All));
    }
    found.lookup_us = began.elapsed().as_secs_f64() * 1e3;
    let dates: Vec<_> = (0..52)
        .map(|week| today.plus_days((week - 51) * 7))
        .collect();
    let began = Instant::now();
    std::hint::black_box(state.timeline(
        &count_scope,
        &Clearance::All,
        &dates,
        &Effort::unlimited(),
    ));
    found.timeline_ms = began.elapsed().as_secs_f64() * 1e3;
    Ok(())
}

/// A synthetic platform with a plan in force and its milestones.
fn add(number: usize, images: &mut Vec<Image>) -> Result<()> {
    let revision = Revision::new(1).context("a revision")?;
    let meta = Meta::created(Timestamp::parse("2025-01-01T00:00:00Z")?, revision);
    let agency = ndp_core::names::AgencyName::from_id(&format!("a{}", number % 100));
    let agency = agency.context("an agency")?;
    let name = PlatformName::from_id(&format!("ndp-synthetic-{number:06}")).context("a name")?;
    images.push(Image::Platform(Arc::new(Platform {
        name: name.clone(),
        fields: PlatformFields {
            governance: vec![Governance {
                agency: Some(agency.clone()),
                ..Governance::default()
            }],
            ..PlatformFields::default()
        },
        stage_records: Vec::new(),
        exit: None,
        past_exits: Vec::new(),
        moved_listings: Vec::new(),
        public_write: None,
        meta,
    })));
    let plan = PlanName::from_id(&name, "2025").context("a name")?;
    let day = |offset: usize| -> Result<Date> {
        Ok(Date::parse("2025-01-01")?.plus_days(i32::try_from(offset)?))
    };
    let made = Plan {
        name: plan.clone(),
        agency,
        fields: PlanFields::default(),
        issuing_document: None,
        state: PlanState::Issued,
        state_history: vec![StateEntry {
            state: PlanState::Issued,
            effective_date: day(number % 300)?,
            record_time: meta.create_time,
            agency: None,
            person: None,
            document: None,
            reason: String::new(),
        }],
        superseding_plan: None,
        transcription: None,
        public_write: None,
        published: None,
        redacted: false,
        meta,
    };
    images.push(Image::Plan(Arc::new(made)));
    for which in 0..MILESTONES {
        let due = day(number % 300 + which * 30)?;
        images.push(Image::Milestone(Arc::new(Milestone {
            name: MilestoneName::from_id(&plan, &format!("m{which}")).context("a name")?,
            fields: MilestoneFields {
                due: Some(Period::day(due, "")),
                ..MilestoneFields::default()
            },
            completion: None,
            dropping: None,
            reopening: None,
            meta,
        })));
    }
    Ok(())
}
