//! What provable history costs a write: the digests of one change beside the processor time of an
//! update, and updates beside a mirror that follows the log's checkpoints, over updates without
//! one.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use ndp_core::leaf::{self, GENESIS, Header};
use ndp_registry::pb::{self, change_service_client::ChangeServiceClient as Client};
use serde::Serialize;
use tokio::{sync::watch, time::sleep};

use crate::{
    Options,
    compare::{self, UPDATE},
    generate::{self, SMALL},
    measure::{CONCURRENCY, Question, Ratio, Seeds, median},
    process::Listening,
};

/// The part's name.
pub(crate) const TREE: &str = "tree";

/// How often the mirror asks for a checkpoint and its proof. A real one asks every few seconds.
const MIRROR_INTERVAL: Duration = Duration::from_millis(100);

/// Bytes of a synthetic plan's image.
const IMAGE_BYTES: usize = 1500;

/// Changes whose digests are made in one round.
const CHANGES: usize = 20_000;

/// What was found, for a number of calls at once.
#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    concurrency: usize,
    /// Processor time of the server for an update.
    update_cpu_us: f64,
    /// Time that the digests of one change take.
    digests_us: f64,
    /// Updates a second beside a mirror, over those without.
    rate_ratio: Ratio,
    /// Processor time of the server for an update, the mirror's calls included, beside a mirror
    /// over without.
    cpu_ratio: Ratio,
}

/// Runs the part, if it is asked for.
pub(crate) async fn run(options: &Options, directory: &Path) -> Result<Vec<Cost>> {
    let mut costs = Vec::new();
    if !options.wants(TREE) {
        return Ok(costs);
    }
    let digests_us = median((0..options.rounds).map(|_| digests()).collect());
    let database = generate::database(directory, SMALL).await?;
    let (_copy, file) = database.copy(directory)?;
    let registry = Listening::registry(&file)?;
    let calls = compare::calls(UPDATE, &database)?;
    let mut seeds = Seeds::new();
    println!(
        "\n{TREE:<14} {:>5} {:>14} {:>12}  {:<18} {:<18}",
        "calls", "cpu us a call", "digests us", "rate with mirror", "cpu with mirror"
    );
    for concurrency in CONCURRENCY {
        let question = Question {
            part: TREE,
            calls: &calls,
            own_call: true,
            concurrency,
            rounds: 1,
            measure: options.measure,
        };
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            without.push(question.ask(&registry, seeds.next())?);
            let (stop, stopped) = watch::channel(false);
            let mirror = tokio::spawn(mirror(registry.address.clone(), stopped));
            with.push(question.ask(&registry, seeds.next())?);
            stop.send_replace(true);
            let proofs = mirror.await??;
            ensure!(proofs > 0, "the mirror saw nothing new");
        }
        let cost = Cost {
            concurrency: concurrency.0 * concurrency.1,
            update_cpu_us: median(without.iter().map(|side| side.cpu_us).collect()),
            digests_us,
            rate_ratio: Ratio::between(&with, &without, |side| side.rate),
            cpu_ratio: Ratio::between(&with, &without, |side| side.cpu_us),
        };
        println!(
            "{TREE:<14} {:>5} {:>14.1} {digests_us:>12.2}  {:<18} {:<18}",
            cost.concurrency,
            cost.update_cpu_us,
            cost.rate_ratio.to_string(),
            cost.cpu_ratio.to_string(),
        );
        costs.push(cost);
    }
    Ok(costs)
}

/// Microseconds that the digests of a change with one image take.
fn digests() -> f64 {
    let (salt, image) = ([7; 16], "x".repeat(IMAGE_BYTES));
    let begun = Instant::now();
    let mut digest = GENESIS;
    for revision in 0..CHANGES as i64 {
        let header = Header {
            revision,
            record_time: revision,
            principal: "principals/synthetic",
            actor: None,
            agency: Some("agencies/synthetic"),
            method: "ndp.registry.v1.PlanService/UpdatePlan",
            request_id: None,
            request_digest: None,
            reason: "synthetic, for the benchmark",
        };
        let header = leaf::header_digest(&salt, &header);
        let effect = leaf::image_digest(&salt, Some(&image));
        let effect = leaf::effect_digest("put", "platforms/a/plans/b", 1, &effect);
        digest = leaf::chained(&digest, &leaf::leaf_hash(&header, [&effect]));
    }
    std::hint::black_box(digest);
    begun.elapsed().as_secs_f64() * 1e6 / CHANGES as f64
}

/// Asks for each new checkpoint, and for the proof that it follows the one before, until stopped.
/// Returns how many proofs came.
async fn mirror(address: String, mut stop: watch::Receiver<bool>) -> Result<usize> {
    let mut client = Client::connect(format!("http://{address}")).await?;
    let (mut seen, mut proofs) = (0, 0);
    while !*stop.borrow_and_update() {
        let request = pb::GetCheckpointRequest {
            name: "checkpoint".to_owned(),
        };
        let checkpoint = client.get_checkpoint(request).await?.into_inner();
        let size = checkpoint.tree_size;
        if seen > 0 && size > seen {
            let request = pb::ProveConsistencyRequest {
                old_tree_size: seen,
                new_tree_size: size,
            };
            client.prove_consistency(request).await?;
            proofs += 1;
        }
        seen = size;
        tokio::select! {
            () = sleep(MIRROR_INTERVAL) => {}
            changed = stop.changed() => changed.context("the part ended")?,
        }
    }
    Ok(proofs)
}
