//! What the disk allows: a plain loop of SQLite transactions, each one upsert of a group of rows
//! with `synchronous=FULL`, with no server, log or index around it. Durable updates cannot be
//! faster; the difference is the registry's own cost.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde::Serialize;
use sqlx::{
    ConnectOptions as _, Connection as _, QueryBuilder,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::{Options, measure::median};

/// The part's name.
pub(crate) const FLOOR: &str = "floor";

/// Rows in one transaction: the groups that 1, 32 and 128 calls at once make at the most.
const GROUPS: [usize; 3] = [1, 32, 128];
/// Bytes of a row's text: about what the image of a synthetic plan has.
const TEXT_BYTES: usize = 1500;

/// The rate of one group size.
#[derive(Debug, Serialize)]
pub(crate) struct Floor {
    /// Rows in each transaction.
    group: usize,
    /// Rows a second, the median over rounds.
    rows_per_second: f64,
    /// Microseconds a transaction took, the median over rounds.
    transaction_us: f64,
}

/// Measures it, if it is asked for, beside the databases of the other parts.
pub(crate) async fn run(options: &Options, directory: &Path) -> Result<Vec<Floor>> {
    let mut floors = Vec::new();
    if !options.wants(FLOOR) {
        return Ok(floors);
    }
    println!(
        "\n{:<14} {:>5} {:>9} {:>9}",
        "part", "rows", "rows/s", "us a commit"
    );
    for group in GROUPS {
        let mut rates = Vec::new();
        for _ in 0..options.rounds {
            rates.push(rate(directory, group, options.measure).await?);
        }
        let rows_per_second = median(rates);
        let floor = Floor {
            group,
            rows_per_second,
            transaction_us: group as f64 * 1e6 / rows_per_second,
        };
        println!(
            "{FLOOR:<14} {group:>5} {rows_per_second:>9.0} {:>9.0}",
            floor.transaction_us
        );
        floors.push(floor);
    }
    Ok(floors)
}

/// Rows a second.
async fn rate(directory: &Path, group: usize, measure: Duration) -> Result<f64> {
    let place = tempfile::tempdir_in(directory)?;
    let mut connection = SqliteConnectOptions::new()
        .filename(place.path().join("floor.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
        .connect()
        .await?;
    sqlx::query("CREATE TABLE rows (name TEXT NOT NULL PRIMARY KEY, image TEXT NOT NULL) STRICT")
        .execute(&mut connection)
        .await?;
    let names: Vec<_> = (0..group).map(|n| format!("synthetic-{n}")).collect();
    let text = "x".repeat(TEXT_BYTES);
    let begun = Instant::now();
    let mut transactions = 0;
    while begun.elapsed() < measure {
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        let mut upsert = QueryBuilder::new("INSERT INTO rows (name, image) ");
        upsert.push_values(&names, |mut row, name| {
            row.push_bind(name).push_bind(&text);
        });
        upsert.push(" ON CONFLICT (name) DO UPDATE SET image = excluded.image");
        upsert.build().execute(&mut *tx).await?;
        tx.commit().await?;
        transactions += 1;
    }
    let rate = f64::from(transactions) * group as f64 / begun.elapsed().as_secs_f64();
    connection.close().await?;
    Ok(rate)
}
