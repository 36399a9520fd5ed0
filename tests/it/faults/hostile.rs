//! Hostile clients against the real binary: each stays within its share, and honest callers beside
//! it are served as before.
//!
//! Attackers call from 127.0.0.2. Honest callers call from 127.0.0.3, and one with a key from
//! 127.0.0.2 as well; all but one open a connection for every call. During each attack is asserted
//! what the server holds for callers (its own gauges), its memory as the kernel counts it, the
//! refusals it counts, and that every honest call is answered; after it, that everything is given
//! back. How fast is the bench's to say: `cargo bench -- hostile`.
//!
//! The limits in all are lower than the defaults, so that a few hundred connections overfill them;
//! the shares of a caller are the defaults.

mod attack;
mod calls;
mod floods;
mod honest;
mod kept;
mod line;
mod logged;
mod refusals;
mod server;
mod sockets;

use std::{fmt::Write as _, net::Ipv4Addr, time::Instant};

use attack::{Attack, FAMILIES};
use honest::Honest;
use server::{Attacked, Seen};

use crate::harness::{Engine, frames};

/// Where attackers call from, and one who has a key.
const HOSTILE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Where other honest callers call from.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// How often the server is looked at during an attack, each time after every honest caller was
/// served once more.
const LOOKS: usize = 2;

/// What attackers send in a second once they are in place. A debug build, on a machine that runs
/// other tests as well, would be busy with more; the bench sets no bound.
const RATE: f64 = 300.0;

/// Limits in all that a few hundred connections overfill.
const LOW_LIMITS: &[&str] = &["--connections", "512", "--calls-in-flight", "1024"];

/// The server under attack, and the honest callers beside it.
struct Scene {
    server: Attacked,
    honest: Honest,
    /// Memory before the first attack.
    calm: u64,
    faults: Vec<String>,
}

impl Scene {
    async fn set(engine: &Engine, options: &[&str]) -> Self {
        let server = Attacked::start(engine, options).await;
        let mut faults = Vec::new();
        let mut honest = Honest::begin(&server);
        // a new client has no share of the connections that are reserved
        honest.is_served(1, &mut faults).await;
        Self {
            calm: server.calm(),
            server,
            honest,
            faults,
        }
    }

    /// Runs the attacks together, each with its number of connections, and records the faults.
    async fn stand(
        &mut self,
        what: &str,
        attacks: &[&Attack],
        connections: impl Fn(&Attack) -> usize,
    ) {
        let first_calm = self.calm;
        let Self { server, honest, .. } = self;
        let mut faults = Vec::new();
        let calm = server.calm();
        let before = server.page().await;
        honest.forget();
        let began = Instant::now();
        let running: Vec<_> = attacks
            .iter()
            .map(|attack| attack.begin(server.target(), connections(attack), Some(RATE)))
            .collect();
        for running in &running {
            running.in_place().await;
        }
        let placed_in = began.elapsed();
        let mut seen = Seen::default();
        for _ in 0..LOOKS {
            honest.is_served(1, &mut faults).await;
            seen.add(&server.page().await);
        }
        let peak = server.peak();
        let mut got = String::new();
        for (attack, running) in attacks.iter().zip(running) {
            let tally = running.tally();
            let (connected, sent, cut) = (tally.connected(), tally.sent(), tally.cut());
            running.end().await;
            if attacks.len() > 1 {
                continue;
            }
            write!(got, " {connected} connected, {sent} sent, {cut} cut;").unwrap();
            let counted = |limit: &&str| seen.refusals(limit) > before.refusals(limit);
            if !attack.limits.is_empty() && !attack.limits.iter().any(counted) {
                faults.push(format!("no refusal by {:?} was counted", attack.limits));
            }
        }
        let latencies = honest.latencies(&mut faults);
        faults.extend(seen.beyond_the_shares());
        faults.extend(server::beyond_memory(calm, peak));
        let ended = Instant::now();
        faults.extend(server.is_calm_again(first_calm).await);
        println!(
            "{what}: in place in {placed_in:.1?};{got} {seen}; memory {} MB calm, {} at most, {} \
             after {:.1?}; honest {latencies}",
            calm / 1_000_000,
            peak / 1_000_000,
            server.memory() / 1_000_000,
            ended.elapsed(),
        );
        let faults = faults.into_iter().map(|fault| format!("{what}: {fault}"));
        self.faults.extend(faults);
    }

    async fn end(self) {
        self.honest.end().await;
        assert!(self.faults.is_empty(), "{}", self.faults.join("\n"));
    }
}

/// Every attack of a family, one after another.
async fn family(name: &str) {
    let family = FAMILIES.iter().find(|family| family.name == name);
    let family = family.expect("a family of attacks");
    let engine = Engine::sqlite();
    let mut scene = Scene::set(&engine, LOW_LIMITS).await;
    for attack in family.attacks {
        scene.stand(attack.name, &[attack], |it| it.few).await;
    }
    scene.end().await;
}

/// A test of each family of attacks.
macro_rules! families {
    ($($test:ident $name:literal)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "takes minutes; tests/run --long runs it"]
            async fn $test() {
                family($name).await;
            }
        )+

        #[test]
        fn every_family_has_a_test() {
            let names: Vec<_> = FAMILIES.iter().map(|family| family.name).collect();
            assert_eq!(names, [$($name),+]);
            // tests let loose no more than the bench does
            let attacks = FAMILIES.iter().flat_map(|family| family.attacks);
            assert!(attacks.into_iter().all(|it| it.few <= it.connections));
        }
    };
}

families! {
    calls_that_never_end "calls that never end"
    bodies_that_are_almost_whole "bodies that are almost whole"
    streams_that_are_counted_nowhere "streams that are counted nowhere"
    answers_that_are_not_read "answers that are not read"
    connections_that_do_nothing "connections that do nothing"
    frames_without_end "frames without end"
    calls_that_cost_much "calls that cost much"
    headers "headers"
}

/// A few connections of every attack.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; tests/run --long runs it"]
async fn all_at_once() {
    let engine = Engine::sqlite();
    let mut scene = Scene::set(&engine, LOW_LIMITS).await;
    let attacks: Vec<_> = FAMILIES.iter().flat_map(|family| family.attacks).collect();
    scene
        .stand("all at once", &attacks, |it| it.few.min(2))
        .await;
    scene.end().await;
}
