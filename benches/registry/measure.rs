//! Rounds that alternate between two servers, and what they come to.

use std::time::{Duration, Instant};

use anyhow::Result;
use ndp_registry::pb;
use serde::Serialize;

use crate::{
    Options,
    bare::GET_PLATFORM,
    generate::Database,
    load::{Call, Job, answers},
    process::{Listening, client},
};

/// How long calls are made before they count.
const WARM_UP: Duration = Duration::from_millis(200);

/// Calls at once: connections, and streams on each.
pub(crate) const CONCURRENCY: [(usize, usize); 3] = [(1, 1), (4, 8), (8, 16)];

/// One server's side of a comparison: medians over rounds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Side {
    pub(crate) rate: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Processor time of the server for one call.
    pub(crate) cpu_us: f64,
    pub(crate) answer_bytes: f64,
}

/// A ratio over rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

/// Two servers under the same calls.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) part: String,
    pub(crate) concurrency: usize,
    pub(crate) ours: Side,
    pub(crate) theirs: Side,
    /// Calls a second, ours over theirs.
    pub(crate) rate_ratio: Ratio,
    /// Processor time a call, ours over theirs.
    pub(crate) cpu_ratio: Ratio,
}

/// What is asked of both servers.
pub(crate) struct Question<'a> {
    pub(crate) part: &'a str,
    pub(crate) calls: &'a [Call],
    pub(crate) own_call: bool,
    pub(crate) concurrency: (usize, usize),
    pub(crate) rounds: usize,
    pub(crate) measure: Duration,
}

impl Question<'_> {
    /// Asks one server once.
    pub(crate) fn ask(&self, server: &Listening, seed: u32) -> Result<Side> {
        let (connections, streams) = self.concurrency;
        let before = server.cpu_time()?;
        let outcome = client(&Job {
            address: server.address.clone(),
            calls: self.calls.to_vec(),
            connections,
            streams,
            own_call: self.own_call,
            seed,
            warm_up_ms: u64::try_from(WARM_UP.as_millis())?,
            measure_ms: u64::try_from(self.measure.as_millis())?,
        })?;
        let cpu = server.cpu_time()?.saturating_sub(before);
        Ok(Side {
            rate: outcome.rate,
            p50_us: outcome.p50_us,
            p99_us: outcome.p99_us,
            cpu_us: cpu.as_secs_f64() * 1e6 / outcome.all_calls.max(1) as f64,
            answer_bytes: outcome.answer_bytes,
        })
    }

    /// Asks both in turn, round after round.
    pub(crate) fn compare(
        &self,
        ours: &Listening,
        theirs: &Listening,
        seeds: &mut Seeds,
    ) -> Result<Comparison> {
        self.compare_with(ours, self.calls, theirs, seeds)
    }

    /// The same, where the other server is asked by calls of its own.
    pub(crate) fn compare_with(
        &self,
        ours: &Listening,
        their_calls: &[Call],
        theirs: &Listening,
        seeds: &mut Seeds,
    ) -> Result<Comparison> {
        let other = Question {
            part: self.part,
            calls: their_calls,
            own_call: self.own_call,
            concurrency: self.concurrency,
            rounds: self.rounds,
            measure: self.measure,
        };
        let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            of_ours.push(self.ask(ours, seeds.next())?);
            of_theirs.push(other.ask(theirs, seeds.next())?);
        }
        Ok(Comparison {
            part: self.part.to_owned(),
            concurrency: self.concurrency.0 * self.concurrency.1,
            rate_ratio: Ratio::between(&of_ours, &of_theirs, |side| side.rate),
            cpu_ratio: Ratio::between(&of_ours, &of_theirs, |side| side.cpu_us),
            ours: Side::median(&of_ours),
            theirs: Side::median(&of_theirs),
        })
    }
}

/// A number for each client process that no other of any run has: texts and request ids are made
/// of it.
pub(crate) struct Seeds(u32);

impl Seeds {
    pub(crate) fn new() -> Self {
        let time = std::time::SystemTime::UNIX_EPOCH.elapsed();
        let seconds = time.map_or(0, |time| time.as_secs());
        // two thousand processes a second before a number comes back
        Self(u32::try_from(seconds % (1 << 20)).unwrap_or_default() << 11)
    }

    pub(crate) fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(1);
        self.0
    }
}

impl Side {
    fn median(rounds: &[Self]) -> Self {
        let of = |value: fn(&Self) -> f64| median(rounds.iter().map(value).collect());
        Self {
            rate: of(|side| side.rate),
            p50_us: of(|side| side.p50_us),
            p99_us: of(|side| side.p99_us),
            cpu_us: of(|side| side.cpu_us),
            answer_bytes: of(|side| side.answer_bytes),
        }
    }
}

impl Ratio {
    /// Of a value of both sides, round by round.
    pub(crate) fn between(ours: &[Side], theirs: &[Side], value: fn(&Side) -> f64) -> Self {
        let pairs = ours.iter().zip(theirs);
        let ratios: Vec<_> = pairs.map(|(a, b)| value(a) / value(b)).collect();
        Self {
            least: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            greatest: ratios.iter().copied().fold(0.0, f64::max),
            median: median(ratios),
        }
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (median, least, greatest) = (self.median, self.least, self.greatest);
        write!(f, "{median:.2} ({least:.2}–{greatest:.2})")
    }
}

/// The middle one, the lower of two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied().unwrap_or_default()
}

// === beside a plain read ===

/// A call compared with GetPlatform on the same server.
#[derive(Debug, Serialize)]
pub(crate) struct Beside {
    part: &'static str,
    /// The first time.
    first_ms: f64,
    call_us: f64,
    get_us: f64,
    /// Time of a call, over that of GetPlatform.
    ratio: f64,
}

/// The plain read: of the first platform.
pub(crate) fn get(database: &Database) -> Call {
    let request = pb::GetPlatformRequest {
        name: database.platforms.first().cloned().unwrap_or_default(),
        ..Default::default()
    };
    Call::new(GET_PLATFORM, &request)
}

/// Makes each call once and then again and again, in turn with the plain read, and prints it.
pub(crate) async fn beside<const N: usize>(
    options: &Options,
    database: &Database,
    questions: [(&'static str, Call); N],
) -> Result<Vec<Beside>> {
    let server = Listening::registry(&database.file)?;
    answers(&server.address, &[get(database)]).await?;
    println!(
        "{:<28} {:>10} {:>12} {:>12} {:>8}",
        "of them", "first", "again", "get", "ratio"
    );
    let mut seeds = Seeds::new();
    let mut all = Vec::new();
    for (part, call) in questions {
        let began = Instant::now();
        answers(&server.address, std::slice::from_ref(&call)).await?;
        let first = began.elapsed();
        let first_ms = first.as_secs_f64() * 1e3;
        let calls = [call, get(database)];
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..options.rounds.min(3) {
            for (call, times) in calls.iter().zip(&mut times) {
                let question = Question {
                    part,
                    calls: std::slice::from_ref(call),
                    own_call: false,
                    concurrency: (1, 1),
                    rounds: 1,
                    // long enough for a call that takes long
                    measure: (options.measure / 2).max(first * 4),
                };
                times.push(1e6 / question.ask(&server, seeds.next())?.rate);
            }
        }
        let [call_us, get_us] = times.map(median);
        let ratio = call_us / get_us;
        println!("{part:<28} {first_ms:>7.0} ms {call_us:>9.0} us {get_us:>9.0} us {ratio:>8.2}");
        all.push(Beside {
            part,
            first_ms,
            call_us,
            get_us,
            ratio,
        });
    }
    Ok(all)
}

/// What it costs to hold many records of one kind.
#[derive(Debug, Serialize)]
pub(crate) struct Held {
    records: usize,
    start_ms: f64,
    resident_bytes: f64,
    peak_bytes: f64,
    /// Memory of one record, its own bytes included.
    bytes_each: f64,
    /// One record as a protobuf message.
    own_bytes_each: f64,
}

impl Held {
    /// Starts the server with these many records and without them, and prints what they cost.
    /// `waited` are the calls after which everything is in memory: counts and indexes, which are
    /// made after the start, are part of it.
    pub(crate) async fn measure(
        options: &Options,
        kind: &str,
        records: usize,
        (without, with): (&Database, &Database),
        waited: &[Call],
    ) -> Result<Self> {
        let (_, base, _) = held(without, options.rounds, waited).await?;
        let (start_ms, resident_bytes, peak_bytes) = held(with, options.rounds, waited).await?;
        let found = Self {
            records,
            start_ms,
            resident_bytes,
            peak_bytes,
            bytes_each: (resident_bytes - base) / records as f64,
            own_bytes_each: (with.own_bytes - without.own_bytes) as f64 / records as f64,
        };
        let mib = |bytes: f64| bytes / f64::from(1 << 20);
        println!(
            "\n{records} {kind}: start {start_ms:.0} ms, memory {:.0} MiB, peak {:.0} MiB; each \
             {:.0} bytes, of which its own {:.0}",
            mib(resident_bytes),
            mib(peak_bytes),
            found.bytes_each,
            found.own_bytes_each
        );
        Ok(found)
    }
}

/// Milliseconds to start, bytes held and at the highest.
async fn held(database: &Database, rounds: usize, waited: &[Call]) -> Result<(f64, f64, f64)> {
    let (mut starts, mut residents, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds.min(3) {
        let server = Listening::registry(&database.file)?;
        answers(&server.address, &[get(database)]).await?;
        answers(&server.address, waited).await?;
        let (resident, peak) = server.memory()?;
        starts.push(server.started_in.as_secs_f64() * 1e3);
        residents.push(resident as f64);
        peaks.push(peak as f64);
    }
    Ok((median(starts), median(residents), median(peaks)))
}
