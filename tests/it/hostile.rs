//! Hostile clients against the real binary: each stays within its share, and honest callers beside
//! it are served as ever.
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
mod honest;
mod line;
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

/// Rounds that every honest caller is served in during an attack.
const ROUNDS: u64 = 3;

/// Lets attacks loose together, so many connections of each at most, and says what went wrong.
async fn stand(server: &Attacked, what: &str, attacks: &[&Attack], most: usize) -> Vec<String> {
    let mut faults = Vec::new();
    let before = server.page().await;
    let mut honest = Honest::begin(server);
    // one who was never there before has no part of the connections that are kept
    honest.is_served(1, &mut faults).await;
    let calm = server.calm();
    let began = Instant::now();
    let running: Vec<_> = attacks
        .iter()
        .map(|attack| attack.begin(server.target(), attack.few.min(most), None))
        .collect();
    for running in &running {
        running.in_place().await;
    }
    let placed_in = began.elapsed();
    let mut seen = Seen::default();
    for _ in 0..ROUNDS {
        honest.is_served(1, &mut faults).await;
        seen.add(&server.page().await);
    }
    let peak = server.peak();
    let mut told = String::new();
    for (attack, running) in attacks.iter().zip(running) {
        let tally = running.tally();
        let (connected, sent, cut) = (tally.connected(), tally.sent(), tally.cut());
        write!(told, " {connected} connected, {sent} sent, {cut} cut;").unwrap();
        running.end().await;
        if let (Some(limit), true) = (attack.limits.first(), attacks.len() == 1) {
            let counted = |limit: &&str| seen.refusals(limit) > before.refusals(limit);
            if !attack.limits.iter().any(counted) {
                faults.push(format!("no refusal by `{limit}` or the like was counted"));
            }
        }
    }
    let latencies = honest.end(&mut faults).await;
    faults.extend(seen.beyond_the_shares());
    faults.extend(server::beyond_memory(calm, peak));
    let ended = Instant::now();
    faults.extend(server.is_calm_again(&before, calm).await);
    if attacks.len() > 3 {
        told.clear();
    }
    println!(
        "{what}: in place in {placed_in:.1?};{told} {seen}; memory {} MB calm, {} at most, \
         {} after {:.1?}; honest {latencies}",
        calm / 1_000_000,
        peak / 1_000_000,
        server.memory() / 1_000_000,
        ended.elapsed(),
    );
    faults.iter_mut().for_each(|it| *it = format!("{what}: {it}"));
    faults
}

/// Every attack of a family, one after another.
async fn family(name: &str) {
    let family = FAMILIES.iter().find(|family| family.name == name);
    let family = family.expect("a family of attacks");
    let engine = Engine::sqlite();
    let server = Attacked::start(&engine).await;
    let mut faults = Vec::new();
    for attack in family.attacks {
        faults.extend(stand(&server, attack.name, &[attack], attack.few).await);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A test of each family of attacks.
macro_rules! families {
    ($($test:ident $name:literal)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                family($name).await;
            }
        )+

        #[test]
        fn every_family_has_a_test() {
            let names: Vec<_> = FAMILIES.iter().map(|family| family.name).collect();
            assert_eq!(names, [$($name),+]);
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
async fn all_at_once() {
    let engine = Engine::sqlite();
    let server = Attacked::start(&engine).await;
    let attacks: Vec<_> = FAMILIES.iter().flat_map(|family| family.attacks).collect();
    let faults = stand(&server, "all at once", &attacks, 4).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
