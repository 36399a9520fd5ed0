//! The two engines: how connections to each are opened and set, and the one macro that lets the
//! same SQL text and the same Rust serve both.
//!
//! An enum of the concrete sqlx types, not `sqlx::Any` (it cannot carry both engines' types) and
//! not generics over `Database` (whose bounds every function would repeat).

use std::{io, str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection,
    SqlitePool, Transaction,
    pool::{PoolConnection, PoolOptions},
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::errors::{During, Failure, is_busy, is_lost_connection};
use crate::domain::error::Error;

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

/// A connection to run statements on, within a transaction or not.
pub(super) type Link<'c> = On<&'c mut SqliteConnection, &'c mut PgConnection>;

/// A write transaction; rolled back when dropped.
pub(super) type Tx<'c> = On<Transaction<'c, Sqlite>, Transaction<'c, Postgres>>;

/// What writes, and what only reads.
#[derive(Clone, Debug)]
pub(super) struct Pools<P> {
    pub(super) writer: P,
    pub(super) reader: P,
}

/// Connections to one database.
pub(super) type Engine = On<Pools<SqlitePool>, Pools<PgPool>>;

/// SQLite has one writer at a time. One more on PostgreSQL, to find out on a new connection what
/// became of a commit.
const SQLITE_WRITERS_MAX: u32 = 1;
const POSTGRES_WRITERS_MAX: u32 = 2;
/// Requests are answered from memory; what reads the database is the poll for the head, watchers
/// that fell behind and loading.
const READERS_MAX: u32 = 4;
/// Rows that SQLite's thread may be ahead of whoever reads them: at the default of 50 the two wait
/// for each other all the time.
const SQLITE_ROWS_AHEAD: usize = 256;
/// Longer than a commit of a full group takes, shorter than a caller waits.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long SQLite waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements are many rows long and few in shape; a row count of its own is a shape of its own.
const STATEMENT_CACHE_CAPACITY: usize = 256;
/// Connections are found broken by using them, not by asking first: a question before each
/// statement costs 7 to 19 % of it. One attempt for each that may have broken at once, one more
/// on a new one.
const ATTEMPTS_MAX: u32 = READERS_MAX + 1;
/// How long a write waits for the database to answer. Above every limit that the database itself
/// keeps: only one that a broken network has cut off is silent for so long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(35);
/// How long a connection may take to show, on its way back to the pool, that it is sound.
const SOUND_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages that the write-ahead log grows to before they are copied into the file, 16 MiB: a page
/// written by group after group is then copied once for many of them.
const WAL_PAGES: &str = "4000";
/// Two processes that make the same file: turning on the write-ahead log is refused at once, not
/// after the busy timeout.
const OPEN_ATTEMPTS_MAX: u32 = 50;
const OPEN_PAUSE: Duration = Duration::from_millis(100);

/// How a write begins on SQLite.
const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// Settings of every PostgreSQL session, whatever the server's own configuration says.
const POSTGRES_SESSION: &[(&str, &str)] = &[
    // an acknowledged change is on disk
    ("synchronous_commit", "on"),
    // the head's row is held for one group; another replica's takes well under a second
    ("lock_timeout", "5s"),
    // a client that stopped in mid-transaction lets go of the head's row
    ("idle_in_transaction_session_timeout", "30s"),
];
/// A group is a few statements of milliseconds each.
const POSTGRES_WRITER: &[(&str, &str)] = &[("statement_timeout", "30s")];
/// Loading streams whole tables; and no reader writes.
const POSTGRES_READER: &[(&str, &str)] = &[
    ("statement_timeout", "300s"),
    ("default_transaction_read_only", "on"),
];

impl Engine {
    /// Opens `sqlite:path` or `postgres://…`.
    pub(super) async fn open(url: &str) -> Result<Self, Error> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            "sqlite" if !url.contains(":memory:") && !url.contains("mode=memory") => {
                open_sqlite(url).await
            }
            "postgres" | "postgresql" => open_postgres(url).await,
            _ => Err(wrong_url()),
        }
    }

    /// The engine and where the database is, for a human; no password.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Sqlite(pools) => {
                let options = pools.writer.connect_options();
                format!("SQLite, file {}", options.get_filename().display())
            }
            Self::Postgres(pools) => {
                let options = pools.writer.connect_options();
                let place = match options.get_socket() {
                    Some(socket) => socket.display().to_string(),
                    None => format!("{}:{}", options.get_host(), options.get_port()),
                };
                let database = options.get_database().unwrap_or(options.get_username());
                format!("PostgreSQL, database {database} at {place}")
            }
        }
    }

    /// A connection to read with, by [`reading!`].
    pub(super) async fn reader(&self) -> Result<Pooled, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pools) => On::Sqlite(pools.reader.acquire().await?),
            Self::Postgres(pools) => On::Postgres(pools.reader.acquire().await?),
        })
    }

    /// A connection to write with, group after group.
    pub(super) async fn writer(&self) -> Result<Pooled, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pools) => On::Sqlite(pools.writer.acquire().await?),
            Self::Postgres(pools) => On::Postgres(pools.writer.acquire().await?),
        })
    }

    /// Begins a write transaction that holds the write lock on SQLite, and none yet on
    /// PostgreSQL, whose lock is the head's row.
    pub(super) async fn begin(&self) -> Result<Tx<'static>, sqlx::Error> {
        Ok(match self {
            // a deferred BEGIN that reads and then writes is refused at once where another
            // writer is busy, whatever the busy timeout says
            Self::Sqlite(pools) => On::Sqlite(pools.writer.begin_with(BEGIN_WRITE).await?),
            Self::Postgres(pools) => On::Postgres(pools.writer.begin().await?),
        })
    }

    /// Begins a transaction that sees one state of the database throughout.
    pub(super) async fn snapshot(&self) -> Result<Tx<'static>, sqlx::Error> {
        Ok(match self {
            // with the write-ahead log, a transaction reads what its first statement saw
            Self::Sqlite(pools) => On::Sqlite(pools.reader.begin().await?),
            Self::Postgres(pools) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                On::Postgres(pools.reader.begin_with(begin).await?)
            }
        })
    }

    pub(super) async fn close(&self) {
        on_engine!(self, pools => {
            pools.reader.close().await;
            pools.writer.close().await;
        });
    }
}

/// Runs a read on one connection, and again on another while connections turn out to be broken:
/// `reading!(engine, "reading the head", link => log::head(link))`.
///
/// A macro, because the future of a function that takes an async closure of a borrowed connection
/// is not `Send`.
macro_rules! reading {
    ($engine:expr, $operation:expr, $link:ident => $ask:expr) => {{
        let mut attempt = 1;
        loop {
            let outcome = match $engine.reader().await {
                Ok(mut reader) => {
                    let $link = reader.link();
                    $ask.await.map_err($crate::store::errors::Failure::from)
                }
                Err(error) => Err(error.into()),
            };
            if !$crate::store::engine::try_again(&mut attempt, &outcome) {
                break $crate::store::errors::During::during(outcome, $operation);
            }
        }
    }};
}
pub(super) use reading;

/// Waits for an answer, but not for ever.
pub(super) async fn answered<T, E: From<sqlx::Error>>(
    asking: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, asking).await;
    answer.unwrap_or_else(|_| Err(silent(ANSWER_TIMEOUT).into()))
}

fn silent(timeout: Duration) -> sqlx::Error {
    let message = format!("no answer in {} s", timeout.as_secs());
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, message))
}

/// Whether to do on another connection what failed because the connection was broken.
pub(super) fn try_again<T>(attempt: &mut u32, outcome: &Result<T, Failure>) -> bool {
    let broken = outcome.as_ref().is_err_and(is_broken);
    *attempt += 1;
    broken && *attempt <= ATTEMPTS_MAX
}

/// Whether something failed because its connection was broken.
pub(super) fn is_broken(failure: &Failure) -> bool {
    matches!(failure, Failure::Sql(error) if is_lost_connection(error))
}

/// A connection of a pool.
pub(super) type Pooled = On<PoolConnection<Sqlite>, PoolConnection<Postgres>>;

impl Pooled {
    /// As [`Engine::begin`], on this connection, which is kept.
    pub(super) async fn begin(&mut self) -> Result<Tx<'_>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(connection) => On::Sqlite(connection.begin_with(BEGIN_WRITE).await?),
            Self::Postgres(connection) => On::Postgres(connection.begin().await?),
        })
    }

    pub(super) fn link(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(connection) => On::Sqlite(connection),
            Self::Postgres(connection) => On::Postgres(connection),
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

async fn open_sqlite(url: &str) -> Result<Engine, Error> {
    let options = SqliteConnectOptions::from_str(url).map_err(|_| wrong_url())?;
    let options = options
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .statement_cache_capacity(STATEMENT_CACHE_CAPACITY)
        .disable_statement_logging();
    let writer = options
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // every commit is on disk before it is acknowledged
        .synchronous(SqliteSynchronous::Full)
        // what a statement of many rows would undo, if it failed, is kept in memory: it never
        // outlives the statement
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", WAL_PAGES);
    let mut attempt = 1;
    let writer = loop {
        match pool(SQLITE_WRITERS_MAX).connect_with(writer.clone()).await {
            Err(error) if attempt < OPEN_ATTEMPTS_MAX && is_busy(&error) => {
                attempt += 1;
                tokio::time::sleep(OPEN_PAUSE).await;
            }
            outcome => break outcome.during("opening the SQLite file")?,
        }
    };
    // a file that was removed under the server is not made anew, and empty, in its place
    let again = SqliteConnectOptions::clone(&writer.connect_options());
    writer.set_connect_options(again.create_if_missing(false));
    let reader = options.read_only(true).row_buffer_size(SQLITE_ROWS_AHEAD);
    let reader = pool(READERS_MAX).connect_lazy_with(reader);
    Ok(On::Sqlite(Pools { writer, reader }))
}

async fn open_postgres(url: &str) -> Result<Engine, Error> {
    let options = PgConnectOptions::from_str(url).map_err(|_| wrong_url())?;
    let options = options
        .application_name("ndp-registry")
        .statement_cache_capacity(STATEMENT_CACHE_CAPACITY)
        .options(POSTGRES_SESSION.iter().copied())
        // a statement of hundreds of rows is not for a log to print
        .disable_statement_logging();
    let writer = options.clone().options(POSTGRES_WRITER.iter().copied());
    let reader = options.options(POSTGRES_READER.iter().copied());
    let writer = pool(POSTGRES_WRITERS_MAX)
        .connect_with(writer)
        .await
        .during("connecting to PostgreSQL")?;
    let reader = pool(READERS_MAX).connect_lazy_with(reader);
    Ok(On::Postgres(Pools { writer, reader }))
}

fn pool<DB: sqlx::Database>(connections_max: u32) -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .after_release(|connection: &mut DB::Connection, _| {
            Box::pin(async move {
                // after whatever is queued, the rollback of a dropped transaction above all
                let sound = tokio::time::timeout(SOUND_TIMEOUT, connection.ping()).await;
                sound.map_err(|_| silent(SOUND_TIMEOUT))??;
                // SQLite ends a transaction by itself when the disk is full, and sqlx, which is
                // not told, would refuse every BEGIN on this connection from then on
                // (`a_transaction_that_sqlite_ended_by_itself_costs_one_connection`)
                Ok(!connection.is_in_transaction())
            })
        })
}

// the URL itself is not repeated: it may hold a password
fn wrong_url() -> Error {
    Error::invalid(
        "store",
        "PATTERN",
        "give the database as `sqlite:registry.db` or `postgres://user@host/database`",
        "hãy ghi cơ sở dữ liệu theo dạng `sqlite:registry.db` hoặc `postgres://user@host/database`",
    )
}
