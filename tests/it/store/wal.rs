//! SQLite's write-ahead log does not stay as large as it once was.

use ndp_registry::registry::{Registry, entropy::OsEntropy};

use super::{append, bare, change, open};
use crate::harness::{
    Engine,
    server::{MORNING, ManualClock},
    sql::Sql,
    until,
};

/// What is not worth cutting off.
const SMALL: u64 = 1024 * 1024;
/// What it grows to in the test.
const LARGE: u64 = 32 * SMALL;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_shrinks_after_a_burst() {
    let engine = Engine::sqlite();
    let store = open(&engine).await;
    let clock = ManualClock::at(MORNING);
    let started = Registry::start(store.clone(), clock, Box::new(OsEntropy)).await;
    let (registry, writer) = started.unwrap();
    let wal = || registry.wal_bytes().unwrap();
    // a reader that was there before keeps all of it
    let mut reader = Sql::connect(&engine.url()).await;
    reader.run("BEGIN; SELECT count(*) FROM changes").await;
    let mut number = 0;
    while wal() < LARGE {
        number += 1;
        let images = (0..2_000).map(|i| bare(&format!("synthetic-{i}"), number));
        append(&store, &[change(number, images.collect())]).await;
    }
    reader.run("COMMIT").await;
    until("the write-ahead log is cut off", async || wal() <= SMALL).await;
    drop(registry);
    writer.await.unwrap().unwrap();
    store.close().await;
}
