//! What a million tasks of one programme cost: bytes each, to start, in memory; and the cost of the
//! summary of the programme, the reconciliation of its figures and a page of its tasks, compared
//! with a plain read.

use std::{path::Path, time::Instant};

use anyhow::Result;
use ndp_registry::pb;
use serde::Serialize;

use crate::{
    Options,
    bare::GET_PLATFORM,
    generate::{self, Database, HUGE, PROGRAMME, SMALL},
    load::{Call, answers},
    measure::{Question, Seeds, median},
    process::Listening,
};

/// The part's name. It takes minutes, and runs only if it is named.
pub(crate) const TASKS: &str = "tasks";

const COMPUTE_SUMMARY: &str = "/ndp.registry.v1.MonitoringService/ComputeSummary";
const RECONCILE_FIGURES: &str = "/ndp.registry.v1.MonitoringService/ReconcileFigures";
const LIST_TASKS: &str = "/ndp.registry.v1.TaskService/ListTasks";

/// A call compared with GetPlatform on the same server.
#[derive(Debug, Serialize)]
struct Beside {
    part: &'static str,
    /// The first time.
    first_ms: f64,
    call_us: f64,
    get_us: f64,
    /// Time of a call, over that of GetPlatform.
    ratio: f64,
}

/// The results.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Tasks {
    tasks: usize,
    start_ms: f64,
    resident_bytes: u64,
    peak_bytes: u64,
    /// Memory of one task, its own bytes included.
    bytes_each: f64,
    /// One task as a protobuf message.
    own_bytes_each: f64,
    beside: Vec<Beside>,
}

/// Runs the part if it is named, and prints its results.
pub(crate) async fn run(options: &Options, directory: &Path) -> Result<Option<Tasks>> {
    if !options.names(TASKS) {
        return Ok(None);
    }
    let small = generate::database(directory, SMALL).await?;
    let large = generate::with_tasks(directory, HUGE).await?;
    let (_, base, _) = held(&small, options.rounds).await?;
    let (start_ms, resident, peak) = held(&large, options.rounds).await?;
    let mut found = Tasks {
        tasks: HUGE,
        start_ms,
        resident_bytes: resident as u64,
        peak_bytes: peak as u64,
        bytes_each: (resident - base) / HUGE as f64,
        own_bytes_each: (large.own_bytes - small.own_bytes) as f64 / HUGE as f64,
        beside: Vec::new(),
    };
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    println!(
        "\n{HUGE} tasks: start {:.0} ms, memory {:.0} MiB, peak {:.0} MiB; each {:.0} bytes, of \
         which its own {:.0}",
        found.start_ms,
        mib(resident),
        mib(peak),
        found.bytes_each,
        found.own_bytes_each
    );
    let server = Listening::registry(&large.file)?;
    answers(&server.address, &[get(&large)]).await?;
    println!(
        "{:<28} {:>10} {:>12} {:>12} {:>8}",
        "of them", "first", "again", "get", "ratio"
    );
    for (part, call) in questions() {
        let began = Instant::now();
        answers(&server.address, std::slice::from_ref(&call)).await?;
        let first_ms = began.elapsed().as_secs_f64() * 1e3;
        let beside = beside(options, &server, &large, part, first_ms, call)?;
        println!(
            "{part:<28} {:>7.0} ms {:>9.0} us {:>9.0} us {:>8.2}",
            beside.first_ms, beside.call_us, beside.get_us, beside.ratio
        );
        found.beside.push(beside);
    }
    Ok(Some(found))
}

/// Milliseconds to start, bytes held and at the highest.
async fn held(database: &Database, rounds: usize) -> Result<(f64, f64, f64)> {
    let (mut starts, mut residents, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds.min(3) {
        let server = Listening::registry(&database.file)?;
        // counts and indexes are made after the start, and are part of the memory
        let waited = [get(database), summary(""), tasks("code = \"none\"")];
        answers(&server.address, &waited).await?;
        let (resident, peak) = server.memory()?;
        starts.push(server.started_in.as_secs_f64() * 1e3);
        residents.push(resident as f64);
        peaks.push(peak as f64);
    }
    Ok((median(starts), median(residents), median(peaks)))
}

fn get(database: &Database) -> Call {
    let request = pb::GetPlatformRequest {
        name: database.platforms.first().cloned().unwrap_or_default(),
        ..Default::default()
    };
    Call::new(GET_PLATFORM, &request)
}

fn summary(programme: &str) -> Call {
    let request = pb::ComputeSummaryRequest {
        programme: programme.to_owned(),
        ..Default::default()
    };
    Call::new(COMPUTE_SUMMARY, &request)
}

fn tasks(filter: &str) -> Call {
    let request = pb::ListTasksRequest {
        page_size: 50,
        filter: filter.to_owned(),
        ..Default::default()
    };
    Call::new(LIST_TASKS, &request)
}

fn questions() -> [(&'static str, Call); 5] {
    let figures = pb::ReconcileFiguresRequest {
        filter: format!("programme = \"{PROGRAMME}\" AND figure_date = 2025-12-04"),
        ..Default::default()
    };
    [
        ("summary of all", summary("")),
        ("summary of the programme", summary(PROGRAMME)),
        (
            "one figure reconciled",
            Call::new(RECONCILE_FIGURES, &figures),
        ),
        ("page of 50", tasks("")),
        (
            "page of 50 of an agency",
            tasks("agency = \"agencies/bo-tai-chinh\""),
        ),
    ]
}

fn beside(
    options: &Options,
    server: &Listening,
    database: &Database,
    part: &'static str,
    first_ms: f64,
    call: Call,
) -> Result<Beside> {
    let calls = [call, get(database)];
    let mut seeds = Seeds::new();
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..options.rounds.min(3) {
        for (call, times) in calls.iter().zip(&mut times) {
            let question = Question {
                part: TASKS,
                calls: std::slice::from_ref(call),
                own_call: false,
                concurrency: (1, 1),
                rounds: 1,
                measure: options.measure / 2,
            };
            times.push(1e6 / question.ask(server, seeds.next())?.rate);
        }
    }
    let [call_us, get_us] = times.map(median);
    Ok(Beside {
        part,
        first_ms,
        call_us,
        get_us,
        ratio: call_us / get_us,
    })
}
