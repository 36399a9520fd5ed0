//! What honest callers feel beside each attack of `tests/it/faults/hostile`, at its full size and
//! against the default limits. Runs only where it is named, for it takes minutes.
//!
//! An attack takes processor time of its own, on a machine that all share. So each runs twice: on
//! the server, and on a sink that reads and discards the same connections, calls and frames, at the
//! rate that they were sent to the server. The ratio says what the server itself adds.

#[expect(dead_code, reason = "tests use all of it")]
#[path = "../../tests/it/faults/hostile/attack.rs"]
mod attack;
#[expect(dead_code, reason = "tests use all of it")]
#[path = "../../tests/it/faults/hostile/calls.rs"]
mod calls;
#[expect(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests use all of it, and fail by panicking"
)]
#[path = "../../tests/it/harness/frames.rs"]
mod frames;
#[path = "../../tests/it/faults/hostile/line.rs"]
mod line;
#[path = "../../tests/it/faults/hostile/sockets.rs"]
mod sockets;

use std::{
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::ChildStdout,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use ndp_registry::pb;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpSocket};

use self::{
    attack::{Attack, FAMILIES},
    line::Target,
};
use crate::{
    Options,
    bare::GET_PLATFORM,
    generate::{self, Database},
    load::{Call, answer, greet, percentile},
    process::{self, Listening},
};

/// Honest callers beside hostile ones.
pub(crate) const HOSTILE: &str = "hostile";

/// The roles of processes that only this part has.
pub(crate) const ATTACKERS: &str = "attackers";
pub(crate) const SINK: &str = "sink";
pub(crate) const HONEST: &str = "honest";

/// A failure guard of the frames by hand.
const BOUND: Duration = Duration::from_secs(60);

/// Enough platforms for a costly filter to take measurable time.
const PLATFORMS: usize = 14_500;

/// A few connections of every attack.
const ALL_AT_ONCE: &str = "all at once";
const OF_ALL: usize = 2;

/// Where attackers call from and one who has a key, and where others do.
const FROM_HOSTILE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const FROM_ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Between two honest calls of one caller.
const PAUSE: Duration = Duration::from_millis(2);

/// How long attackers may take to get in place.
const PLACING: Duration = Duration::from_secs(20);

/// How long an attack is measured, in terms of `--milliseconds`.
const MEASURES: u32 = 3;

/// What an honest caller met with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Felt {
    p50_us: f64,
    p99_us: f64,
    calls: usize,
    errors: usize,
    first_error: Option<String>,
}

/// Both honest callers, at one time.
#[derive(Clone, Debug, Default, Serialize)]
struct Both {
    /// Without a key, from another address, on one connection.
    elsewhere: Felt,
    /// With a key, from the attackers' address, on a connection for each call.
    beside: Felt,
}

/// One attack.
#[derive(Debug, Serialize)]
pub(crate) struct Attacked {
    attack: &'static str,
    connections: usize,
    /// Calls or packs of frames a second.
    rate: f64,
    control: Both,
    attacked: Both,
    /// Resident memory before it and at its highest, in bytes.
    memory: (u64, u64),
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Found {
    calm: Vec<Both>,
    attacks: Vec<Attacked>,
}

/// The names of attacks to measure, where the command line names some or their family.
fn attacks(parts: &[String]) -> Vec<&'static str> {
    let named = |part: &String| {
        let families = FAMILIES.iter().filter(|it| it.name.contains(part.as_str()));
        let of_families = families.flat_map(|family| family.attacks);
        let all = FAMILIES.iter().flat_map(|family| family.attacks);
        let by_name = all.filter(|attack| attack.name.contains(part.as_str()));
        let names = of_families.chain(by_name).map(|attack| attack.name);
        let names = names.chain(
            [ALL_AT_ONCE]
                .into_iter()
                .filter(|it| it.contains(part.as_str())),
        );
        names.collect::<Vec<_>>()
    };
    parts.iter().flat_map(named).collect()
}

/// Whether a part of the command line names an attack or a family of them.
pub(crate) fn knows(part: &str) -> bool {
    !attacks(&[part.to_owned()]).is_empty()
}

/// The attacks of a name, with the number of connections of each.
fn of_name(name: &str) -> Vec<(&'static Attack, usize)> {
    let all = FAMILIES.iter().flat_map(|family| family.attacks);
    match name {
        ALL_AT_ONCE => all.map(|attack| (attack, OF_ALL)).collect(),
        name => all
            .filter(|attack| attack.name == name)
            .map(|attack| (attack, attack.connections))
            .collect(),
    }
}

/// Runs the part where it is named, and prints it.
pub(crate) async fn run(options: &Options, directory: &Path) -> Result<Found> {
    let mut found = Found::default();
    if options.parts.is_empty() || !options.wants(HOSTILE) {
        return Ok(found);
    }
    let database = generate::database(directory, PLATFORMS).await?;
    let server = Listening::with_default_limits(&database.file)?;
    let sink = Listening::in_role(SINK)?;
    let bench = Bench {
        server,
        sink,
        database,
        time: options.measure * MEASURES,
    };
    println!(
        "\np50/p99 in us of one without a key from elsewhere, and of one with a key from the \
         attackers' address with a new connection for each call; the ratio is of the p50s, attack \
         over control; `!n` calls failed"
    );
    found.calm.push(bench.calm()?);
    println!(
        "{:<42} {:>5} {:>8}  {:^33} {:^33} {:>11}",
        "attack", "conns", "sent/s", "elsewhere: control, attack", "beside: control, attack", "MB"
    );
    let mut names = attacks(&options.parts);
    if names.is_empty() {
        let all = FAMILIES.iter().flat_map(|family| family.attacks);
        names.extend(all.map(|attack| attack.name).chain([ALL_AT_ONCE]));
    }
    for name in names {
        found.attacks.push(bench.attack(name)?);
    }
    found.calm.push(bench.calm()?);
    Ok(found)
}

struct Bench {
    server: Listening,
    sink: Listening,
    database: Database,
    time: Duration,
}

impl Bench {
    fn calm(&self) -> Result<Both> {
        let calm = self.feel()?;
        println!("calm: elsewhere {}, beside {}", calm.elsewhere, calm.beside);
        Ok(calm)
    }

    /// What both honest callers feel now.
    fn feel(&self) -> Result<Both> {
        let mut get = Call::new(
            GET_PLATFORM,
            &pb::GetPlatformRequest {
                name: self.database.platforms.first().cloned().unwrap_or_default(),
                ..Default::default()
            },
        );
        let mut job = HonestJob {
            address: self.server.address.clone(),
            call: get.clone(),
            from: FROM_ELSEWHERE,
            connects_anew: false,
            ms: u64::try_from(self.time.as_millis())?,
        };
        let elsewhere = process::begin(HONEST, &job)?;
        get.authorization = Some(format!("Bearer {}", self.database.key));
        job.call = get;
        job.from = FROM_HOSTILE;
        job.connects_anew = true;
        let beside = process::begin(HONEST, &job)?;
        let felt = |child: std::process::Child| -> Result<Felt> {
            let output = child.wait_with_output()?;
            ensure!(
                output.status.success(),
                "an honest caller: {}",
                output.status
            );
            Ok(serde_json::from_slice(&output.stdout)?)
        };
        Ok(Both {
            elsewhere: felt(elsewhere)?,
            beside: felt(beside)?,
        })
    }

    fn attack(&self, name: &'static str) -> Result<Attacked> {
        let job = |is_sink, address: &str, rate| -> Result<AttackJob> {
            Ok(AttackJob {
                name: name.to_owned(),
                server: address.parse()?,
                is_sink,
                rate,
                ms: u64::try_from((self.time * 2).as_millis())?,
            })
        };
        let (calm, _) = self.server.memory()?;
        self.server.forget_peak()?;
        let (attacked, rate) = self.beside(&job(false, &self.server.address, None)?)?;
        let (_, peak) = self.server.memory()?;
        let (control, _) = self.beside(&job(true, &self.sink.address, Some(rate))?)?;
        let row = Attacked {
            attack: name,
            connections: of_name(name)
                .iter()
                .map(|(_, connections)| connections)
                .sum(),
            rate,
            control,
            attacked,
            memory: (calm, peak),
        };
        println!("{row}");
        Ok(row)
    }

    /// What both feel while attackers are at work, and how much these send in a second.
    fn beside(&self, job: &AttackJob) -> Result<(Both, f64)> {
        let mut attackers = process::begin(ATTACKERS, job)?;
        let stdout = attackers.stdout.take().context("its standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        line(&mut lines, "in place")?;
        let felt = self.feel();
        let rate = line(&mut lines, "rate ");
        drop(attackers.kill());
        attackers.wait()?;
        Ok((felt?, rate?.parse()?))
    }
}

/// The rest of the next line that begins so.
fn line(lines: &mut std::io::Lines<BufReader<ChildStdout>>, begins: &str) -> Result<String> {
    for line in lines {
        if let Some(rest) = line?.strip_prefix(begins) {
            return Ok(rest.to_owned());
        }
    }
    anyhow::bail!("attackers ended without `{begins}`")
}

impl std::fmt::Display for Felt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0}/{:.0}", self.p50_us, self.p99_us)?;
        match self.errors {
            0 => Ok(()),
            errors => write!(f, " !{errors}"),
        }
    }
}

impl std::fmt::Display for Attacked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, connections, rate) = (self.attack, self.connections, self.rate);
        write!(f, "{name:<42} {connections:>5} {rate:>8.0} ")?;
        for of in [
            |it: &Both| it.elsewhere.clone(),
            |it: &Both| it.beside.clone(),
        ] {
            let (control, attacked) = (of(&self.control), of(&self.attacked));
            let ratio = attacked.p50_us / control.p50_us;
            let (control, attacked) = (control.to_string(), attacked.to_string());
            write!(f, " {control:>11} {attacked:>14} {ratio:>5.2}x")?;
        }
        let (calm, peak) = self.memory;
        write!(f, " {:>5}-{}", calm / 1_000_000, peak / 1_000_000)?;
        let felt = [&self.attacked.elsewhere, &self.attacked.beside];
        for error in felt.into_iter().filter_map(|it| it.first_error.as_ref()) {
            write!(f, "\n    {error}")?;
        }
        Ok(())
    }
}

// === the other processes ===

/// What attackers are to do.
#[derive(Debug, Serialize, Deserialize)]
struct AttackJob {
    name: String,
    server: SocketAddr,
    is_sink: bool,
    rate: Option<f64>,
    /// How long they go on once they are in place.
    ms: u64,
}

/// Attackers: say when they are in place, and how much they sent.
pub(crate) fn attackers() -> Result<()> {
    let job: AttackJob = process::job()?;
    let attacks = of_name(&job.name);
    ensure!(!attacks.is_empty(), "no attack `{}`", job.name);
    let target = Target {
        server: job.server,
        from: FROM_HOSTILE,
        is_sink: job.is_sink,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let count = attacks.len() as f64;
        let running: Vec<_> = attacks
            .into_iter()
            .map(|(attack, connections)| {
                // together they make as many calls as they made to the server
                attack.begin(target, connections, job.rate.map(|rate| rate / count))
            })
            .collect();
        let in_place = async {
            for running in &running {
                running.in_place().await;
            }
        };
        drop(tokio::time::timeout(PLACING, in_place).await);
        println!("in place");
        let sent = || running.iter().map(|it| it.tally().sent()).sum::<u64>();
        let (before, began) = (sent(), Instant::now());
        tokio::time::sleep(Duration::from_millis(job.ms)).await;
        let sent = sent() - before;
        println!("rate {}", sent as f64 / began.elapsed().as_secs_f64());
        for running in running {
            running.end().await;
        }
        anyhow::Ok(())
    })
}

/// A listener that reads and discards.
pub(crate) fn sink() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("a sink is listening on {}", listener.local_addr()?);
        loop {
            let (mut socket, _) = listener.accept().await?;
            tokio::spawn(async move {
                drop(tokio::io::copy(&mut socket, &mut tokio::io::sink()).await);
            });
        }
    })
}

/// What an honest caller is to do.
#[derive(Debug, Serialize, Deserialize)]
struct HonestJob {
    address: String,
    call: Call,
    from: Ipv4Addr,
    connects_anew: bool,
    ms: u64,
}

/// An honest caller.
pub(crate) fn honest() -> Result<()> {
    let job: HonestJob = process::job()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let felt = runtime.block_on(job.call())?;
    println!("{}", serde_json::to_string(&felt)?);
    Ok(())
}

impl HonestJob {
    async fn call(self) -> Result<Felt> {
        let call = self.call.prepare(&self.address)?;
        let (mut felt, mut latencies) = (Felt::default(), Vec::new());
        let end = Instant::now() + Duration::from_millis(self.ms);
        let mut kept = None;
        while Instant::now() < end {
            let began = Instant::now();
            let calling = async {
                let connection = match kept.take() {
                    Some(connection) => connection,
                    None => self.connect().await?,
                };
                answer(&connection, &call, call.frame(0, 0, 0), |_| {}).await?;
                anyhow::Ok(connection)
            };
            match calling.await {
                Ok(connection) => {
                    latencies.push(began.elapsed());
                    kept = Some(connection).filter(|_| !self.connects_anew);
                }
                Err(error) => {
                    felt.errors += 1;
                    felt.first_error.get_or_insert(format!("{error:#}"));
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        latencies.sort_unstable();
        felt.calls = latencies.len();
        felt.p50_us = percentile(&latencies, 50);
        felt.p99_us = percentile(&latencies, 99);
        Ok(felt)
    }

    async fn connect(&self) -> Result<h2::client::SendRequest<bytes::Bytes>> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((self.from, 0).into())?;
        greet(socket.connect(self.address.parse()?).await?).await
    }
}
