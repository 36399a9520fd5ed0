//! The only place that turns a database's error into one of the domain, with the operation
//! named.
//!
//! What may pass by itself (no connection, a lock, a full disk, a restart) is `Unavailable` and
//! logged here once, since the caller learns no more; anything else is a defect and carries its
//! whole chain to where defects are logged. Conflicts are decided before any SQL, so a broken
//! constraint is a defect too.

use std::{borrow::Cow, error::Error as _, fmt::Write as _};

use sqlx::{error::DatabaseError, migrate::MigrateError, postgres::PgDatabaseError};

use crate::domain::error::Error;

/// What a function that runs statements can end in.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database said so.
    Sql(sqlx::Error),
    /// It answered, and the answer is not what a store holds.
    Other(Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// How a commit can fail.
#[derive(Clone, Debug)]
pub enum CommitError {
    /// Nothing of it was stored.
    RolledBack(Error),
    /// It may or may not have been stored: ask the log on a new connection.
    Unknown(Error),
}

/// Names the operation that failed: `.during("appending changes")`.
pub(super) trait During<T> {
    fn during(self, operation: &str) -> Result<T, Error>;
}

impl<T> During<T> for Result<T, sqlx::Error> {
    fn during(self, operation: &str) -> Result<T, Error> {
        self.map_err(|error| convert(&error, operation))
    }
}

impl<T> During<T> for Result<T, Failure> {
    fn during(self, operation: &str) -> Result<T, Error> {
        self.map_err(|failure| match failure {
            Failure::Sql(error) => convert(&error, operation),
            Failure::Other(error) => error,
        })
    }
}

impl<T> During<T> for Result<T, MigrateError> {
    fn during(self, operation: &str) -> Result<T, Error> {
        self.map_err(|error| match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                convert(&error, operation)
            }
            MigrateError::VersionMissing(version) => Error::refused(
                "STORE_IS_NEWER",
                "store",
                format!(
                    "a newer release has changed the database (step {version}); run that release"
                ),
                format!(
                    "cơ sở dữ liệu đã được phiên bản mới hơn thay đổi (bước {version}); hãy chạy \
                     phiên bản đó"
                ),
            ),
            other => Error::Bug(format!("{operation}: {other}").into()),
        })
    }
}

/// A stored value that this release cannot have written, by its address.
pub(super) fn corrupt(address: impl std::fmt::Display, what: impl std::fmt::Display) -> Error {
    Error::Bug(format!("corrupt: {address}: {what}").into())
}

/// Tells a commit that surely failed from one that may have been carried out.
pub(super) fn commit_error(error: &sqlx::Error) -> CommitError {
    let refused = match kind(error) {
        // 19: a deferred constraint; 5: another writer. The transaction was open until now.
        Kind::Sqlite(5 | 19) => true,
        // class 23: a deferred constraint; 40: rolled back; 25: no transaction to commit. Any
        // other error may have come after the commit was written.
        Kind::Postgres(state) => matches!(state.get(..2), Some("23" | "25" | "40")),
        Kind::Sqlite(_) | Kind::Connection | Kind::Other => false,
    };
    let converted = convert(error, "committing");
    if refused {
        CommitError::RolledBack(converted)
    } else {
        CommitError::Unknown(converted)
    }
}

/// Whether the connection, and not the statement, was at fault.
pub(super) fn is_lost_connection(error: &sqlx::Error) -> bool {
    match error {
        // one that does not answer has been waited for long enough
        sqlx::Error::Io(error) => error.kind() != std::io::ErrorKind::TimedOut,
        sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // 57P01 to 57P05: the server ends the session; 25P03: it was idle for too long
        error => match kind(error) {
            Kind::Postgres(state) => {
                state.starts_with("57P") || state.starts_with("08") || state == "25P03"
            }
            Kind::Sqlite(_) | Kind::Connection | Kind::Other => false,
        },
    }
}

/// Whether another process holds SQLite's lock.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(kind(error), Kind::Sqlite(5 | 6))
}

fn convert(error: &sqlx::Error, operation: &str) -> Error {
    let chain = chain(error);
    if may_pass(error) {
        tracing::warn!(operation, error = %chain, "the store cannot be reached");
        Error::Unavailable {
            reason: "STORE_UNAVAILABLE",
        }
    } else {
        Error::Bug(Cow::Owned(format!("{operation}: {chain}")))
    }
}

fn may_pass(error: &sqlx::Error) -> bool {
    match kind(error) {
        Kind::Connection => true,
        // busy, locked, input/output, full, cannot open, file locking
        Kind::Sqlite(code) => matches!(code, 5 | 6 | 10 | 13 | 14 | 15),
        // connection, resources, operator and system errors; serialisation and deadlock; a lock
        // that is not to be had; a session ended for idling; a standby that does not write
        Kind::Postgres(state) => {
            matches!(state.get(..2), Some("08" | "40" | "53" | "57" | "58"))
                || matches!(state, "55P03" | "25P03" | "25006")
        }
        Kind::Other => false,
    }
}

/// An error by what decides about it.
enum Kind<'e> {
    /// No connection, or none any more.
    Connection,
    /// SQLite's primary result code.
    Sqlite(i32),
    /// PostgreSQL's SQLSTATE.
    Postgres(&'e str),
    /// Anything else.
    Other,
}

fn kind(error: &sqlx::Error) -> Kind<'_> {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Kind::Connection,
        sqlx::Error::Database(error) => database_kind(error.as_ref()),
        _ => Kind::Other,
    }
}

fn database_kind(error: &dyn DatabaseError) -> Kind<'_> {
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        return Kind::Postgres(error.code());
    }
    // the extended code; its low byte is the primary one
    match error.code().and_then(|code| code.parse::<i32>().ok()) {
        Some(code) => Kind::Sqlite(code & 0xff),
        None => Kind::Other,
    }
}

fn chain(error: &sqlx::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // sqlx's own messages often end in that of their source
        if !text.ends_with(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        source = cause.source();
    }
    text
}
