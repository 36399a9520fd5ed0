//! Opens a database: checks whether this release can serve it, sets up the connections, and
//! describes any obstacle.
//!
//! A configuration mistake is reported as an [`OpenError`] immediately: which database, what it
//! answered, what to do. For an obstacle that may pass by itself, it waits within limits and logs
//! the wait.

mod postgres;
mod sqlite;

use std::{str::FromStr as _, time::Duration};

use sqlx::{
    ConnectOptions as _, Database, pool::PoolOptions, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};

pub use self::sqlite::beside;
pub(super) use self::sqlite::{Untouched, plain};
use super::{
    engine::{Engine, silent},
    errors::{Failure, Fault, Verdict, chain, judge, with_advice},
    url::{DatabaseUrl, Target},
};
use ndp_core::error::Error;

/// Current records are served from memory. The database is read by the poll of the head, by
/// watchers that fell behind, by reads of the past, and when loading.
pub(super) const READERS_MAX: u32 = 4;
/// How long a read waits for a connection. Short enough that an unreachable database is detected
/// within the follower's time limit.
const READER_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// Longer than the commit of a full group takes, shorter than a caller waits.
const WRITER_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection that returns to the pool may take to prove that it works.
const SOUND_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements have many rows but few shapes; each row count is a shape of its own.
const STATEMENT_CACHE_CAPACITY: usize = 256;

/// The purpose that a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To serve it: a missing database is created, and the schema is migrated to this release.
    Serve,
    /// To read it unchanged; it may also be a standby or a read-only copy.
    Read,
}

/// Why a database was not opened: which one, what it answered, and what to do. Contains no
/// password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct OpenError {
    place: String,
    what: String,
}

impl OpenError {
    /// The URL itself is not repeated: it may hold a password.
    pub(super) fn url(what: &str) -> Self {
        Self {
            place: "the database's URL".into(),
            what: what.into(),
        }
    }

    pub(super) fn new(place: &str, obstacle: &Obstacle) -> Self {
        Self {
            place: place.into(),
            what: obstacle.to_string(),
        }
    }
}

/// Why a database cannot be opened.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// An operation failed.
    Failed(&'static str, Failure),
    /// The database must not be opened.
    Unfit {
        /// What is wrong.
        what: String,
        /// What to do.
        advice: &'static str,
    },
}

impl Obstacle {
    pub(super) fn unfit(what: impl Into<String>, advice: &'static str) -> Self {
        Self::Unfit {
            what: what.into(),
            advice,
        }
    }

    /// Whether the obstacle may pass by itself.
    fn passes(&self) -> bool {
        match self {
            Self::Failed(_, Failure::Sql(error) | Failure::NoConnection(error)) => {
                matches!(judge(error).fault, Fault::Lost | Fault::Passing)
            }
            Self::Failed(_, Failure::Other(_)) | Self::Unfit { .. } => false,
        }
    }
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(operation, Failure::Sql(error) | Failure::NoConnection(error)) => {
                let Verdict { advice, .. } = judge(error);
                write!(f, "{operation}: {}", with_advice(chain(error), advice))
            }
            Self::Failed(operation, Failure::Other(Error::Bug(text))) => {
                write!(f, "{operation}: {text}")
            }
            Self::Failed(operation, Failure::Other(error)) => write!(f, "{operation}: {error}"),
            Self::Unfit { what, advice } => f.write_str(&with_advice(what.clone(), advice)),
        }
    }
}

/// Adds the operation during which an obstacle occurred: `.when("connecting")`.
pub(super) trait When<T> {
    fn when(self, operation: &'static str) -> Result<T, Obstacle>;
}

impl<T, F: Into<Failure>> When<T> for Result<T, F> {
    fn when(self, operation: &'static str) -> Result<T, Obstacle> {
        self.map_err(|failure| Obstacle::Failed(operation, failure.into()))
    }
}

/// An open database.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) engine: Engine,
    /// The engine and the location of the database, for display; no password.
    pub(super) place: String,
    /// Set for a file that is read without locks.
    pub(super) untouched: Option<Untouched>,
}

/// Opens a database.
pub(super) async fn open(url: &DatabaseUrl, purpose: Purpose) -> Result<Opened, OpenError> {
    let (place, opened) = match &url.0 {
        Target::Sqlite(path) => {
            let options = SqliteConnectOptions::new()
                .filename(sqlite::plain(path))
                .statement_cache_capacity(STATEMENT_CACHE_CAPACITY)
                .disable_statement_logging();
            let place = format!("SQLite, file {}", path.display());
            let opened = match purpose {
                Purpose::Serve => sqlite::to_serve(options).await.map(|it| (it, None)),
                Purpose::Read => sqlite::to_read(options).await,
            };
            (place, opened)
        }
        Target::Postgres(url) => {
            let options = PgConnectOptions::from_str(url.as_str());
            let options = options.map_err(|_| OpenError::url("sqlx does not take it"))?;
            let options = options
                .application_name("ndp-registry")
                .statement_cache_capacity(STATEMENT_CACHE_CAPACITY)
                // no column is a float, and poolers refuse unknown parameters
                .extra_float_digits(None)
                // a statement of hundreds of rows is too long for the log
                .disable_statement_logging();
            let place = postgres::place(&options);
            let opened = postgres::open(options, purpose, &place).await;
            (place, opened.map(|it| (it, None)))
        }
    };
    match opened {
        Ok((engine, untouched)) => Ok(Opened {
            engine,
            place,
            untouched,
        }),
        Err(obstacle) => Err(OpenError::new(&place, &obstacle)),
    }
}

fn pool<DB: Database>(connections_max: u32, acquire_timeout: Duration) -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(acquire_timeout)
        .test_before_acquire(false)
}

/// Waits for a connection to prove that it works, after everything queued on it, most importantly
/// the rollback of a dropped transaction.
async fn is_sound(
    asking: impl Future<Output = Result<bool, sqlx::Error>>,
) -> Result<bool, sqlx::Error> {
    let sound = tokio::time::timeout(SOUND_TIMEOUT, asking).await;
    sound.map_err(|_| silent(SOUND_TIMEOUT))?
}
