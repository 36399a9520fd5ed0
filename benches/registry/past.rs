//! What a read of the past costs at several distances, at first and when repeated; and what other
//! callers' reads take meanwhile.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use anyhow::{Context, Result};
use ndp_registry::pb;
use serde::Serialize;

use crate::{
    Options,
    bare::GET_PLATFORM,
    generate::{self, Database, LARGE, SMALL},
    load::{Call, Job, answer, answers, connect},
    measure::median,
    process::{Listening, client},
};

/// Reads of the past.
pub(crate) const PAST: &str = "past";

/// How far back: the last is before the first plan of either size.
const BACK: [i64; 3] = [10, 80, 90_000];

/// One distance in one size of catalogue.
#[derive(Debug, Serialize)]
pub(crate) struct Past {
    platforms: usize,
    changes_back: i64,
    /// The first read, which has the State made.
    first_ms: f64,
    /// A repeated read, which finds the State.
    again_ms: f64,
}

/// What others feel while the distant past is asked for without a pause.
#[derive(Debug, Serialize)]
pub(crate) struct Meanwhile {
    alone_p50_us: f64,
    alone_p99_us: f64,
    beside_p50_us: f64,
    beside_p99_us: f64,
    /// Reads of the past in that time, each of a revision of its own.
    past_reads: u64,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Pasts {
    pasts: Vec<Past>,
    meanwhile: Option<Meanwhile>,
}

/// Runs the part where it is asked for, and prints it.
pub(crate) async fn run(options: &Options, directory: &Path) -> Result<Pasts> {
    let mut found = Pasts::default();
    if !options.wants(PAST) {
        return Ok(found);
    }
    println!(
        "\n{:<10} {:>13} {:>11} {:>11}",
        "platforms", "changes back", "first ms", "again ms"
    );
    for size in [SMALL, LARGE] {
        let database = generate::database(directory, size).await?;
        let server = Listening::registry(&database.file)?;
        let newest = newest(&server, &database).await?;
        for back in BACK.into_iter().filter(|back| back + 10 < newest) {
            let past = past(&server, &database, options.rounds.min(3), newest - back).await?;
            let (first_ms, again_ms) = past;
            println!("{size:<10} {back:>13} {first_ms:>11.2} {again_ms:>11.2}");
            found.pasts.push(Past {
                platforms: size,
                changes_back: back,
                first_ms,
                again_ms,
            });
        }
        if size == LARGE {
            let meanwhile = meanwhile(options, &server, &database, newest).await?;
            println!(
                "get beside {} reads of the distant past: p50/p99 {:.0}/{:.0} us, alone {:.0}/{:.0}",
                meanwhile.past_reads,
                meanwhile.beside_p50_us,
                meanwhile.beside_p99_us,
                meanwhile.alone_p50_us,
                meanwhile.alone_p99_us,
            );
            found.meanwhile = Some(meanwhile);
        }
    }
    Ok(found)
}

fn get(database: &Database, read_revision: i64) -> Call {
    let request = pb::GetPlatformRequest {
        name: database.platforms.first().cloned().unwrap_or_default(),
        read_revision,
        ..Default::default()
    };
    Call::new(GET_PLATFORM, &request)
}

async fn newest(server: &Listening, database: &Database) -> Result<i64> {
    let connection = connect(&server.address).await?;
    let prepared = get(database, 0).prepare(&server.address)?;
    let frame = prepared.frame(0, 0, 0);
    let revision = answer(&connection, &prepared, frame, |_| {}).await?;
    revision.context("no ndp-revision")
}

/// Milliseconds of the first read of a revision and of the next: medians over revisions nearby,
/// none of which was asked for before.
async fn past(
    server: &Listening,
    database: &Database,
    rounds: usize,
    revision: i64,
) -> Result<(f64, f64)> {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for nearby in (0..).take(rounds) {
        let call = [get(database, revision - nearby)];
        for times in [&mut first, &mut again] {
            let start = Instant::now();
            answers(&server.address, &call).await?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok((median(first), median(again)))
}

async fn meanwhile(
    options: &Options,
    server: &Listening,
    database: &Database,
    newest: i64,
) -> Result<Meanwhile> {
    let job = Job {
        address: server.address.clone(),
        calls: vec![get(database, 0)],
        connections: 1,
        streams: 1,
        own_call: false,
        seed: 0,
        warm_up_ms: 200,
        measure_ms: u64::try_from(options.measure.as_millis())? * 3,
    };
    let alone = client(&job)?;
    let done = AtomicBool::new(false);
    let reading = async {
        let mut reads = 0;
        // none of them was read before, and each read evicts a State that was kept
        for revision in (newest - 95_000..).take_while(|_| !done.load(Ordering::Relaxed)) {
            answers(&server.address, &[get(database, revision)]).await?;
            reads += 1;
        }
        anyhow::Ok(reads)
    };
    let measuring = async {
        let outcome = tokio::task::spawn_blocking(move || client(&job)).await;
        done.store(true, Ordering::Relaxed);
        outcome
    };
    let (beside, past_reads) = tokio::join!(measuring, reading);
    let (beside, past_reads) = (beside??, past_reads?);
    Ok(Meanwhile {
        alone_p50_us: alone.p50_us,
        alone_p99_us: alone.p99_us,
        beside_p50_us: beside.p50_us,
        beside_p99_us: beside.p99_us,
        past_reads,
    })
}
