//! Rounds that alternate between two servers, and what they come to.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::{
    load::{Call, Job},
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
        let ratio = |value: fn(&Side) -> f64| {
            let pairs = of_ours.iter().zip(&of_theirs);
            Ratio::of(pairs.map(|(a, b)| value(a) / value(b)).collect())
        };
        Ok(Comparison {
            part: self.part.to_owned(),
            concurrency: self.concurrency.0 * self.concurrency.1,
            rate_ratio: ratio(|side| side.rate),
            cpu_ratio: ratio(|side| side.cpu_us),
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
    fn of(ratios: Vec<f64>) -> Self {
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
