//! The server under attack: the real binary, what it says of itself, and what the kernel does.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{HOSTILE, line::Target};
use crate::{
    faults::{AGENCY, BOUND, Served, command},
    harness::{
        Engine,
        http::send,
        process::{Signal, Stream},
        server::As,
        until,
    },
};

/// Gauges of what the server holds for callers: the share of one, and room for the honest ones.
const SHARES: [(&str, f64, f64); 6] = [
    ("ndp_connections", 256.0, 16.0),
    ("ndp_streams", 2048.0 + 16.0 * 256.0, 16.0 * 200.0),
    ("ndp_calls_in_flight", 512.0, 16.0),
    ("ndp_watchers", 1024.0, 4.0),
    ("ndp_request_bytes", 16.0 * MIB, MIB),
    ("ndp_answer_bytes", 32.0 * MIB, 8.0 * MIB),
];
const MIB: f64 = 1024.0 * 1024.0;

/// Memory that an attack may add: to what the server had before it, and, when it is over, to what
/// the server had before the first attack. The allocator keeps part of what is free.
const MEMORY_DURING: u64 = 150_000_000;
const MEMORY_AFTER: u64 = 75_000_000;

/// How long things may take to be given back.
const BACK_WITHIN: Duration = Duration::from_secs(10);

/// A server, and the keys of two who call it.
pub(super) struct Attacked {
    served: Served,
    metrics: String,
    pub(super) steward: As,
    pub(super) editor: As,
}

impl Attacked {
    pub(super) async fn start(engine: &Engine, options: &[&str]) -> Self {
        let url = engine.url();
        let steward = key(&url, "steward", &["--role", "steward"]);
        let role = ["--role", "agency_editor", "--agency", AGENCY];
        let editor = key(&url, "editor", &role);
        let more = ["--metrics-listen", "127.0.0.1:0"];
        let served = Served::start_with(&url, &[&more[..], options].concat()).await;
        let metrics = served.metrics_address();
        let server = Self {
            served,
            metrics,
            steward,
            editor,
        };
        // the harness's own, which calls nothing
        until("its connection is counted", async || {
            server.page().await.value("ndp_connections") == Some(1.0)
        })
        .await;
        server
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.served.address.parse().unwrap()
    }

    /// What attacks go to.
    pub(super) fn target(&self) -> Target {
        Target {
            server: self.address(),
            from: HOSTILE,
            is_sink: false,
        }
    }

    /// Stops it. Answers what it logged.
    pub(super) fn stop(self) -> String {
        let process = self.served.process;
        process.signal(Signal::Term);
        tokio::task::block_in_place(|| process.wait(BOUND));
        process.printed(Stream::Stderr)
    }

    /// Its page of metrics.
    pub(super) async fn page(&self) -> Page {
        let answer = send(&self.metrics, "GET /metrics", &[], "").await;
        let samples = answer.text().lines().filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Page(samples.collect())
    }

    /// Memory before an attack; the peak is counted from now on.
    pub(super) fn calm(&self) -> u64 {
        let peak = format!("/proc/{}/clear_refs", self.served.process.id());
        std::fs::write(peak, "5").unwrap();
        self.memory()
    }

    /// Resident memory.
    pub(super) fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most since it was calm.
    pub(super) fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> u64 {
        let status = format!("/proc/{}/status", self.served.process.id());
        let status = std::fs::read_to_string(status).expect("the server has ended");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.unwrap().split_whitespace().next().unwrap();
        kib.parse::<u64>().unwrap() * 1024
    }

    /// Waits until everything was given back; what was not. `calm` is the memory before the first
    /// attack.
    pub(super) async fn is_calm_again(&self, calm: u64) -> Vec<String> {
        let deadline = Instant::now() + BACK_WITHIN;
        loop {
            let page = self.page().await;
            let mut kept = Vec::new();
            for (gauge, _, room) in SHARES {
                let value = page.value(gauge).unwrap_or_default();
                if value > room {
                    kept.push(format!("{gauge} is {value} when all is over"));
                }
            }
            let memory = self.memory();
            if memory > calm + MEMORY_AFTER {
                kept.push(format!("memory is {memory} when all is over, was {calm}"));
            }
            if kept.is_empty() || Instant::now() > deadline {
                return kept;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What memory has grown by beyond what it may.
pub(super) fn beyond_memory(calm: u64, peak: u64) -> Option<String> {
    let beyond = peak > calm + MEMORY_DURING;
    beyond.then(|| format!("memory grew from {calm} to {peak}"))
}

fn key(url: &str, principal: &str, role: &[&str]) -> As {
    let arguments = [
        &["admin", "key", "create", "--principal", principal][..],
        role,
    ]
    .concat();
    let (code, key, said) = command(&arguments, url);
    assert_eq!(code, Some(0), "{said}");
    As::key(key.trim())
}

/// Samples of a page of metrics, by name and labels as they are written.
pub(super) struct Page(BTreeMap<String, f64>);

impl Page {
    pub(super) fn value(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// Refusals by this limit, over all scopes.
    pub(super) fn refusals(&self, limit: &str) -> f64 {
        let begin = format!("ndp_refusals_total{{limit=\"{limit}\"");
        let of_limit = self.0.iter().filter(|(name, _)| name.starts_with(&begin));
        of_limit.map(|(_, value)| value).sum()
    }
}

/// The most of each gauge that was seen, and the last of each counter.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<String, f64>);

impl Seen {
    pub(super) fn add(&mut self, page: &Page) {
        for (name, value) in &page.0 {
            let most = self.0.entry(name.clone()).or_default();
            *most = most.max(*value);
        }
    }

    pub(super) fn refusals(&self, limit: &str) -> f64 {
        Page(self.0.clone()).refusals(limit)
    }

    /// What a caller held beyond its share.
    pub(super) fn beyond_the_shares(&self) -> Vec<String> {
        let beyond = |(gauge, share, room): &(&str, f64, f64)| match self.0.get(*gauge) {
            None => Some(format!("there is no gauge {gauge}")),
            Some(most) if *most > share + room => Some(format!(
                "{gauge} was {most}, the share of a caller is {share}"
            )),
            Some(_) => None,
        };
        SHARES.iter().filter_map(beyond).collect()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (gauge, ..) in SHARES {
            if let Some(most) = self.0.get(gauge) {
                write!(f, " {} {most}", gauge.trim_start_matches("ndp_"))?;
            }
        }
        for (name, count) in &self.0 {
            if let Some(labels) = name.strip_prefix("ndp_refusals_total")
                && *count > 0.0
            {
                write!(f, " refused{labels} {count}")?;
            }
        }
        Ok(())
    }
}
