//! Maintenance of the store between calls: tests whether it is writable, and truncates a
//! write-ahead log that has grown.

use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool};

use super::{
    Store,
    engine::{Engine, On, Tx, answered},
    errors::{Failure, is_busy},
    opening::beside,
};
use ndp_core::error::Error;

/// Size up to which the write-ahead log is not worth truncating, in bytes.
const WAL_KEPT: u64 = 1024 * 1024;

/// Whether the store can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writable {
    /// A test write succeeded, or none was needed.
    Yes,
    /// Another writer holds the lock, so no test was possible.
    InUse,
}

impl Store {
    /// Tests whether the store is writable, and leaves the log and the records unchanged. After
    /// failed writes, the test commits, because only a commit detects a full disk.
    pub async fn try_to_write(&self, commit: bool) -> Result<Writable, Error> {
        let tried = match &self.engine {
            On::Sqlite(_) if !commit => Ok(Writable::Yes),
            On::Sqlite(pools) => match write_version(&pools.writer).await {
                Err(error) if is_busy(&error) => Ok(Writable::InUse),
                tried => tried.map(|()| Writable::Yes).map_err(Failure::from),
            },
            On::Postgres(_) => answered(write_head(&self.engine, commit)).await,
        };
        self.outages.during(tried, "trying to write")
    }

    /// Bytes of the write-ahead log, on SQLite.
    pub fn wal_bytes(&self) -> Option<u64> {
        let On::Sqlite(pools) = &self.engine else {
            return None;
        };
        let options = pools.writer.connect_options();
        let wal = std::fs::metadata(beside(options.get_filename(), "-wal"));
        Some(wal.map_or(0, |it| it.len()))
    }

    /// Checkpoints SQLite's write-ahead log into the file and truncates it, unless it is small or
    /// another reader or writer uses it.
    pub async fn cut_wal(&self) -> Result<(), Error> {
        if self.wal_bytes().is_none_or(|bytes| bytes <= WAL_KEPT) {
            return Ok(());
        }
        let On::Sqlite(pools) = &self.engine else {
            return Ok(());
        };
        let cut = async {
            let mut connection = at_once(&pools.writer).await?;
            let cut = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
            cut.execute(&mut connection).await?;
            connection.close().await
        };
        let cut = match cut.await {
            Err(error) if is_busy(&error) => Ok(()),
            cut => cut,
        };
        self.outages.during(cut, "cutting the write-ahead log")
    }
}

/// A connection without a busy timeout, so that it neither waits nor delays other connections.
async fn at_once(pool: &SqlitePool) -> Result<SqliteConnection, sqlx::Error> {
    let options = pool.connect_options();
    let options = sqlx::sqlite::SqliteConnectOptions::clone(&options);
    options.busy_timeout(Duration::ZERO).connect().await
}

/// Commits a page without registry data: the file's user version, which the registry does not use.
async fn write_version(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    let mut connection = at_once(pool).await?;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let version: i32 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *tx)
        .await?;
    let next = version.wrapping_add(1);
    let write = sqlx::raw_sql(AssertSqlSafe(format!("PRAGMA user_version = {next}")));
    write.execute(&mut *tx).await?;
    tx.commit().await?;
    connection.close().await
}

/// Takes the log's lock if it is free. If `commit` is set, writes the head back unchanged.
async fn write_head(engine: &Engine, commit: bool) -> Result<Writable, Failure> {
    let Tx::Postgres(mut tx) = engine.begin().await? else {
        return Ok(Writable::Yes);
    };
    let lock = sqlx::query("SELECT one FROM log_head FOR UPDATE SKIP LOCKED");
    if lock.fetch_optional(&mut *tx).await?.is_none() {
        return Ok(Writable::InUse);
    }
    if commit {
        let write = sqlx::query("UPDATE log_head SET format = format");
        write.execute(&mut *tx).await?;
        tx.commit().await?;
    }
    Ok(Writable::Yes)
}
