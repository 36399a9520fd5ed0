//! From commit to delivery: one writer, and 1, 100 and 1,000 watchers in a process of their own.
//!
//! Each change is timed from the moment its writer gets the answer, which is when it has been
//! committed and published, to the moment a watcher's process has read it; one that arrives
//! earlier counts as zero. Half of the watchers are of the agency that writes and half are the
//! public, who see less. Every watcher must receive every change once and in order.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdout},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use ndp_registry::pb;
use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;

use crate::{
    Options,
    generate::{self, Database, SMALL},
    load::{Call, Prepared, WatchedFrames, answer, connect},
    measure::median,
    process::{Listening, begin, job},
};

/// Commit to delivery.
pub(crate) const WATCH: &str = "watch";
/// The same to ten thousand watchers.
pub(crate) const CROWD: &str = "crowd";

const WATCH_CHANGES: &str = "/ndp.registry.v1.ChangeService/WatchChanges";

const UPDATE_PLATFORM: &str = "/ndp.registry.v1.CatalogueService/UpdatePlatform";

/// Platforms of the key's agency: the first of the shipped ones.
const OURS: usize = 13;

/// Watchers, and the connections that they share.
const WATCHERS: [(usize, usize); 3] = [(1, 1), (100, 4), (1000, 10)];
const MANY_WATCHERS: (usize, usize) = (10_000, 64);

/// Changes that are timed in a round, and those before them that are not.
const CHANGES: usize = 40;
const WARM_UP: usize = 5;

/// From one write to the next, for each thousand watchers and part of it: long enough for all of
/// them to have it.
const PAUSE: Duration = Duration::from_millis(40);

/// How long a process may take for all of it.
const BOUND: Duration = Duration::from_secs(60);

/// What the watchers' process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Watching {
    address: String,
    watchers: usize,
    connections: usize,
    /// Every second watcher has this; the others have none.
    authorization: String,
    changes: usize,
}

/// What one watcher received: revisions, and when.
type Received = Vec<(i64, u64)>;

/// One number of watchers: medians over rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Delivery {
    watchers: usize,
    connections: usize,
    changes: usize,
    /// From the writer's answer.
    p50_us: f64,
    p99_us: f64,
    /// From the writer's request, fsync included.
    from_request_p50_us: f64,
    from_request_p99_us: f64,
    /// Processor time of the server for one delivery.
    cpu_us: f64,
}

/// Runs the part where it is asked for, and prints it.
pub(crate) async fn run(options: &Options, directory: &Path) -> Result<Vec<Delivery>> {
    let mut sizes = Vec::new();
    if options.wants(WATCH) {
        sizes.extend(WATCHERS);
    }
    if options.names(CROWD) {
        sizes.push(MANY_WATCHERS);
    }
    if sizes.is_empty() {
        return Ok(Vec::new());
    }
    let database = generate::database(directory, SMALL).await?;
    let (_copy, file) = database.copy(directory)?;
    let server = Listening::with_many_watchers(&file)?;
    let updates = updates(&database)?;
    println!(
        "\n{:<14} {:>11} {:>21} {:>25} {:>15}",
        "watchers", "connections", "delivered p50/p99 us", "from request p50/p99 us", "cpu us each"
    );
    let mut deliveries = Vec::new();
    for (watchers, connections) in sizes {
        let mut rounds = Vec::new();
        for round in 0..options.rounds {
            let seed = u32::try_from(round)? | 0x5000_0000;
            let watching = Watching {
                address: server.address.clone(),
                watchers,
                connections,
                authorization: format!("Bearer {}", database.key),
                changes: WARM_UP + CHANGES,
            };
            rounds.push(measure(&server, watching, &updates, seed).await?);
        }
        let of = |value: fn(&Delivery) -> f64| median(rounds.iter().map(value).collect());
        let delivery = Delivery {
            watchers,
            connections,
            changes: CHANGES,
            p50_us: of(|it| it.p50_us),
            p99_us: of(|it| it.p99_us),
            from_request_p50_us: of(|it| it.from_request_p50_us),
            from_request_p99_us: of(|it| it.from_request_p99_us),
            cpu_us: of(|it| it.cpu_us),
        };
        println!(
            "{watchers:<14} {connections:>11} {:>21} {:>25} {:>15.1}",
            format!("{:.0}/{:.0}", delivery.p50_us, delivery.p99_us),
            format!(
                "{:.0}/{:.0}",
                delivery.from_request_p50_us, delivery.from_request_p99_us
            ),
            delivery.cpu_us,
        );
        deliveries.push(delivery);
    }
    Ok(deliveries)
}

/// An update of a platform of the key's agency, to another text in each call.
fn updates(database: &Database) -> Result<Vec<Call>> {
    const COUNTER: &str = "0123456789abcdef";
    let platforms = database.platforms.iter().take(OURS);
    let update = |name: &String| {
        let request = pb::UpdatePlatformRequest {
            platform: Some(pb::Platform {
                name: name.clone(),
                operating_unit: format!("Đơn vị giả định {COUNTER}"),
                ..Default::default()
            }),
            ..Default::default()
        };
        let message = prost::Message::encode_to_vec(&request);
        let mut windows = message.windows(COUNTER.len());
        let at = windows.position(|window| window == COUNTER.as_bytes());
        Ok(Call {
            authorization: Some(format!("Bearer {}", database.key)),
            counter_at: Some(at.context("no counter")?),
            ..Call::new(UPDATE_PLATFORM, &request)
        })
    };
    platforms.map(update).collect()
}

async fn measure(
    server: &Listening,
    watching: Watching,
    updates: &[Call],
    seed: u32,
) -> Result<Delivery> {
    let (mut process, mut printed) = start(&watching)?;
    let connection = connect(&server.address).await?;
    let mut written = Vec::new();
    let pause = PAUSE * u32::try_from(watching.watchers.div_ceil(1000))?;
    let before = server.cpu_time()?;
    for (number, call) in (0..watching.changes).zip(updates.iter().cycle()) {
        let prepared = call.prepare(&server.address)?;
        let frame = prepared.frame(seed, number, number as u64);
        let sent = micros();
        let revision = answer(&connection, &prepared, frame, |_| {}).await?;
        written.push((revision.context("no ndp-revision")?, sent, micros()));
        tokio::time::sleep(pause).await;
    }
    let mut line = String::new();
    printed.read_line(&mut line)?;
    let cpu = server.cpu_time()?.saturating_sub(before);
    ensure!(process.wait()?.success(), "the watchers' process failed");
    let received: Vec<Received> = serde_json::from_str(&line)?;
    let (mut delivered, mut from_request) = (Vec::new(), Vec::new());
    for of_one in &received {
        ensure!(of_one.len() == written.len(), "a change is missing");
        for ((revision, time), (expected, sent, committed)) in
            of_one.iter().zip(&written).skip(WARM_UP)
        {
            ensure!(revision == expected, "{revision} came for {expected}");
            delivered.push(time.saturating_sub(*committed));
            from_request.push(time.saturating_sub(*sent));
        }
    }
    ensure!(received.len() == watching.watchers, "a watcher is missing");
    delivered.sort_unstable();
    from_request.sort_unstable();
    Ok(Delivery {
        watchers: watching.watchers,
        connections: watching.connections,
        changes: CHANGES,
        p50_us: percentile(&delivered, 50),
        p99_us: percentile(&delivered, 99),
        from_request_p50_us: percentile(&from_request, 50),
        from_request_p99_us: percentile(&from_request, 99),
        cpu_us: cpu.as_secs_f64() * 1e6 / (watching.watchers * watching.changes) as f64,
    })
}

fn percentile(sorted: &[u64], percent: usize) -> f64 {
    let at = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(at).copied().unwrap_or_default() as f64
}

/// Starts the watchers' process, and waits until all of them watch.
fn start(watching: &Watching) -> Result<(Child, BufReader<ChildStdout>)> {
    let mut process = begin("watchers", watching)?;
    let mut printed = BufReader::new(process.stdout.take().context("its standard output")?);
    let mut line = String::new();
    printed.read_line(&mut line)?;
    ensure!(line.trim() == "watching", "the watchers do not watch");
    Ok((process, printed))
}

fn micros() -> u64 {
    let time = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(time.as_micros()).unwrap_or_default()
}

// === the watchers' process ===

/// Runs the watchers described on standard input; prints what each one received and when.
pub(crate) fn watchers() -> Result<()> {
    let watching: Watching = job()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let received = runtime.block_on(async {
        tokio::time::timeout(BOUND, watching.run())
            .await
            .context("not every change came")?
    })?;
    println!("{}", serde_json::to_string(&received)?);
    Ok(())
}

impl Watching {
    async fn run(self) -> Result<Vec<Received>> {
        let request = pb::WatchChangesRequest {
            start: pb::watch_changes_request::Start::Now.into(),
            ..Default::default()
        };
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            connections.push(connect(&self.address).await?);
        }
        let begun = Arc::new(Barrier::new(self.watchers + 1));
        let mut tasks = Vec::new();
        for (watcher, connection) in (0..self.watchers).zip(connections.iter().cycle()) {
            let mut call = Call::new(WATCH_CHANGES, &request);
            if watcher % 2 == 1 {
                call.authorization = Some(self.authorization.clone());
            }
            let prepared: Prepared = call.prepare(&self.address)?;
            let (connection, begun) = (connection.clone(), Arc::clone(&begun));
            let changes = self.changes;
            tasks.push(tokio::spawn(async move {
                let mut frames = WatchedFrames::open(&connection, &prepared).await?;
                begun.wait().await;
                let mut received = Received::with_capacity(changes);
                while received.len() < changes {
                    let revision = frames.next_change().await?;
                    received.push((revision, micros()));
                }
                anyhow::Ok(received)
            }));
        }
        begun.wait().await;
        println!("watching");
        let mut all = Vec::new();
        for task in tasks {
            all.push(task.await??);
        }
        Ok(all)
    }
}
