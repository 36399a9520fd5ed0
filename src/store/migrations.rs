//! Bringing the schema up to this release, also when two processes start at once.

use sqlx::{
    Executor as _, PgConnection,
    migrate::{MigrateError, Migrator},
};
use uuid::Uuid;

use super::{
    engine::{Engine, On, Tx},
    errors::During,
    log,
};
use crate::domain::error::Error;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Any number, as long as nobody else takes it; sqlx's own lock ends before the transaction does.
const LOCK: i64 = 0x6e64_705f_7265_6769;

/// Runs what has not run yet, and makes the head of a new log, all in one transaction.
pub(super) async fn run(engine: &Engine, log_id: Uuid) -> Result<(), Error> {
    let operation = "migrating the database";
    let mut tx = engine.begin().await.during(operation)?;
    // on SQLite, BEGIN IMMEDIATE keeps a second process waiting
    if let On::Postgres(tx) = &mut tx {
        lock(tx).await.during(operation)?;
    }
    migrate(&mut tx).await.during(operation)?;
    let made = log::make_head(tx.link(), log_id).await;
    made.during(operation)?;
    tx.commit().await.during(operation)
}

async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // a migration may rewrite a large table, and whoever comes second waits for it
    connection
        .execute("SET LOCAL lock_timeout = '600s'; SET LOCAL statement_timeout = '600s'")
        .await?;
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
    lock.execute(connection).await.map(|_| ())
}

async fn migrate(tx: &mut Tx<'_>) -> Result<(), MigrateError> {
    match tx {
        On::Sqlite(tx) => SQLITE.run_direct(None, &mut **tx, false).await,
        On::Postgres(tx) => POSTGRES.run_direct(None, &mut **tx, false).await,
    }
}
