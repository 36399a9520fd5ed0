//! The two engines: connections and transactions on each, and the macros that let the same SQL
//! text and the same Rust serve both.
//!
//! An enum of the concrete sqlx types, not `sqlx::Any` (it cannot carry both engines' types) and
//! not generics over `Database` (whose bounds every function would repeat).

use std::{io, sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection as _, Database, FromRow, PgConnection, PgPool, Pool,
    Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction, pool::PoolConnection,
    postgres::PgRow, sqlite::SqliteRow,
};

use super::errors::{Failure, is_lost_connection};

/// The same thing on one of the two engines.
#[derive(Clone, Debug)]
pub(super) enum On<S, P> {
    Sqlite(S),
    Postgres(P),
}

/// Runs one expression on whichever engine it is: `on_engine!(link, connection => …)`.
macro_rules! on_engine {
    ($it:expr, $connection:pat => $body:expr) => {
        match $it {
            $crate::store::engine::On::Sqlite($connection) => $body,
            $crate::store::engine::On::Postgres($connection) => $body,
        }
    };
}
pub(super) use on_engine;

/// The same, for expressions whose result type differs by engine.
macro_rules! on_each {
    ($it:expr, $connection:pat => $body:expr) => {
        match $it {
            $crate::store::engine::On::Sqlite($connection) => On::Sqlite($body),
            $crate::store::engine::On::Postgres($connection) => On::Postgres($body),
        }
    };
}

/// A row that can be read on both engines.
pub(super) trait FetchedRow:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> FetchedRow for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

/// A connection to run statements on, within a transaction or not.
pub(super) type Link<'c> = On<&'c mut SqliteConnection, &'c mut PgConnection>;

/// A write transaction; rolled back when dropped.
pub(super) type Tx<'c> = On<Transaction<'c, Sqlite>, Transaction<'c, Postgres>>;

/// For reads: a connection on SQLite, where each statement sees one state of the database; a
/// transaction on PostgreSQL, where settings apply to one transaction.
pub(super) type Reader = On<PoolConnection<Sqlite>, Transaction<'static, Postgres>>;

/// A connection of a pool.
pub(super) type Pooled = On<PoolConnection<Sqlite>, PoolConnection<Postgres>>;

/// Pools for writing and for reading, and the statements that begin their transactions.
#[derive(Clone, Debug)]
pub(super) struct Pools<P> {
    pub(super) writer: P,
    pub(super) reader: P,
    pub(super) begin_write: Arc<str>,
    pub(super) begin_read: Arc<str>,
}

/// Connections to one database.
pub(super) type Engine = On<Pools<SqlitePool>, Pools<PgPool>>;

/// A broken connection is detected when it is used. It is not tested first, because a test before
/// each statement costs 7 to 19 % of the statement. There is one attempt for each connection that
/// may have broken at the same time, and one more on a new connection.
const ATTEMPTS_MAX: u32 = super::opening::READERS_MAX + 1;
/// How long a write waits for the database to answer. Longer than every limit that the database
/// itself enforces, so only a database that the network cannot reach stays silent for this long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(35);
/// How long to find out why no connection was available.
const REASON_TIMEOUT: Duration = Duration::from_secs(1);

impl Engine {
    /// A connection for reading, for [`reading!`].
    pub(super) async fn reader(&self) -> Result<Reader, Failure> {
        Ok(match self {
            Self::Sqlite(pools) => On::Sqlite(acquire(&pools.reader).await?),
            Self::Postgres(pools) => {
                On::Postgres(begin_on(&pools.reader, &pools.begin_read).await?)
            }
        })
    }

    /// A connection for writing several groups in succession.
    pub(super) async fn writer(&self) -> Result<Pooled, Failure> {
        Ok(match self {
            Self::Sqlite(pools) => On::Sqlite(acquire(&pools.writer).await?),
            Self::Postgres(pools) => On::Postgres(acquire(&pools.writer).await?),
        })
    }

    /// Begins a write transaction that holds the write lock on SQLite, and none yet on
    /// PostgreSQL, whose lock is the head's row.
    pub(super) async fn begin(&self) -> Result<Tx<'static>, Failure> {
        Ok(on_each!(self, pools => begin_on(&pools.writer, &pools.begin_write).await?))
    }

    /// The statement that begins a write transaction.
    pub(super) fn begin_write(&self) -> &str {
        on_engine!(self, pools => &pools.begin_write)
    }

    /// Begins a transaction that sees one state of the database throughout.
    pub(super) async fn snapshot(&self) -> Result<Tx<'static>, Failure> {
        // on SQLite, with the write-ahead log, it is the state that its first statement saw
        Ok(on_each!(self, pools => begin_on(&pools.reader, &pools.begin_read).await?))
    }

    pub(super) async fn close(&self) {
        on_engine!(self, pools => {
            pools.reader.close().await;
            pools.writer.close().await;
        });
    }
}

async fn acquire<DB: Database>(pool: &Pool<DB>) -> Result<PoolConnection<DB>, Failure> {
    match pool.acquire().await {
        Ok(connection) => Ok(connection),
        Err(error) => Err(because(pool, error).await),
    }
}

async fn begin_on<DB: Database>(
    pool: &Pool<DB>,
    begin: &Arc<str>,
) -> Result<Transaction<'static, DB>, Failure> {
    match pool.begin_with(AssertSqlSafe(Arc::clone(begin))).await {
        Ok(tx) => Ok(tx),
        Err(error) => Err(because(pool, error).await),
    }
}

/// A pool that timed out does not report why. A connection attempt outside the pool does.
async fn because<DB: Database>(pool: &Pool<DB>, error: sqlx::Error) -> Failure {
    if !matches!(error, sqlx::Error::PoolTimedOut) {
        return Failure::Sql(error);
    }
    let options = pool.connect_options();
    let attempt = tokio::time::timeout(REASON_TIMEOUT, options.connect()).await;
    Failure::NoConnection(match attempt {
        Ok(Ok(connection)) => {
            drop(connection.close_hard().await);
            error
        }
        Ok(Err(reason)) => reason,
        Err(_) => silent(REASON_TIMEOUT),
    })
}

/// Runs a read on one connection, and repeats it on another when a connection turns out to be
/// broken: `reading!(engine, link => log::head(link))`.
///
/// A macro, because the future of a function that takes an async closure of a borrowed connection
/// is not `Send`.
macro_rules! reading {
    ($engine:expr, $link:ident => $ask:expr) => {{
        let mut attempt = 1;
        loop {
            let outcome = match $engine.reader().await {
                Ok(mut reader) => {
                    let $link = reader.link();
                    $ask.await.map_err($crate::store::errors::Failure::from)
                }
                Err(failure) => Err(failure),
            };
            if !$crate::store::engine::try_again(&mut attempt, &outcome) {
                break outcome;
            }
        }
    }};
}
pub(super) use reading;

/// Waits for an answer, with a time limit.
pub(super) async fn answered<T, E: From<sqlx::Error>>(
    asking: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, asking).await;
    answer.unwrap_or_else(|_| Err(silent(ANSWER_TIMEOUT).into()))
}

pub(super) fn silent(timeout: Duration) -> sqlx::Error {
    let message = format!("no answer in {} s", timeout.as_secs());
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, message))
}

/// Whether to retry on another connection because the connection was broken.
pub(super) fn try_again<T>(attempt: &mut u32, outcome: &Result<T, Failure>) -> bool {
    let broken = outcome.as_ref().is_err_and(is_broken);
    *attempt += 1;
    broken && *attempt <= ATTEMPTS_MAX
}

/// Whether something failed because its connection was broken.
pub(super) fn is_broken(failure: &Failure) -> bool {
    matches!(failure, Failure::Sql(error) if is_lost_connection(error))
}

impl Reader {
    pub(super) fn link(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(connection) => On::Sqlite(connection),
            Self::Postgres(tx) => On::Postgres(tx),
        }
    }
}

/// A connection for one write transaction, whose first and last statement share their round trips
/// with others: those of [`Tx`] take one each. A connection that is dropped within its transaction
/// is closed, which rolls it back.
#[derive(Debug)]
pub(super) struct Writing<'c> {
    at: At<'c>,
    open: bool,
}

#[derive(Debug)]
enum At<'c> {
    Own(Pooled),
    Kept(&'c mut Pooled),
}

impl<'c> Writing<'c> {
    /// On a connection of its own.
    pub(super) const fn on(pooled: Pooled) -> Self {
        Self {
            at: At::Own(pooled),
            open: true,
        }
    }

    /// On a connection that the caller keeps.
    pub(super) const fn within(pooled: &'c mut Pooled) -> Self {
        Self {
            at: At::Kept(pooled),
            open: true,
        }
    }

    fn pooled(&mut self) -> &mut Pooled {
        match &mut self.at {
            At::Own(pooled) => pooled,
            At::Kept(pooled) => pooled,
        }
    }

    pub(super) fn link(&mut self) -> Link<'_> {
        on_each!(self.pooled(), connection => &mut **connection)
    }

    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.end("COMMIT").await
    }

    /// Ends the transaction without a commit.
    pub(super) async fn roll_back(mut self) -> Result<(), sqlx::Error> {
        self.end("ROLLBACK").await
    }

    /// Notes that a statement ended the transaction.
    pub(super) fn ended(mut self) {
        self.open = false;
    }

    async fn end(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        on_engine!(self.pooled(), connection => {
            sqlx::raw_sql(statement).execute(&mut **connection).await.map(|_| ())
        })?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if self.open {
            on_engine!(self.pooled(), connection => connection.close_on_drop());
        }
    }
}

impl Tx<'_> {
    pub(super) fn link(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(tx) => On::Sqlite(tx),
            Self::Postgres(tx) => On::Postgres(tx),
        }
    }

    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        on_engine!(self, tx => tx.commit().await)
    }
}
