//! The only place that classifies database errors: who must act, what to do, and which domain error
//! results, with the name of the operation.
//!
//! An error that may pass by itself (no connection, a lock, a full disk, a restart) or that a
//! database operator must fix (a password, a permission, a file) is `Unavailable`: the same call
//! may succeed later. The caller gets no details. The log gets the whole error chain, once until
//! the operation succeeds again. Any other error is a defect and carries its chain to the place
//! that logs defects. Conflicts are decided before any SQL, so a constraint violation is a defect
//! too.

use ndp_core::messages::Unavailable;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    error::Error as _,
    fmt::Write as _,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use sqlx::{error::DatabaseError, postgres::PgDatabaseError};

use ndp_core::error::Error;

/// Why a function that runs statements failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database returned this error.
    Sql(sqlx::Error),
    /// There was no connection, for this reason.
    NoConnection(sqlx::Error),
    /// The database answered, but the answer is not valid for a store.
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

/// A stored value that this release cannot have written, identified by its address.
pub(super) fn corrupt(address: impl std::fmt::Display, what: impl std::fmt::Display) -> Error {
    Error::Bug(format!("corrupt: {address}: {what}").into())
}

// === what an error means ===

/// Who must act on an error of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is lost; another one may work.
    Lost,
    /// It may pass by itself.
    Passing,
    /// The database refuses this role, file or setting until an operator acts.
    Refused,
    /// The program or the data is wrong.
    Defect,
}

/// The class of an error and the advice for the operator; the advice is empty where none is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) fault: Fault,
    pub(super) advice: &'static str,
}

const fn verdict(fault: Fault, advice: &'static str) -> Verdict {
    Verdict { fault, advice }
}

/// Classifies any error of the database or its driver.
pub(super) fn judge(error: &sqlx::Error) -> Verdict {
    match error {
        // a database that does not answer has already used up its time limit
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            verdict(Fault::Passing, "")
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::BeginFailed
        | sqlx::Error::WorkerCrashed => verdict(Fault::Lost, ""),
        sqlx::Error::Tls(_) => verdict(
            Fault::Refused,
            "see that `sslmode` and the certificates are those that the server wants",
        ),
        sqlx::Error::Configuration(_) => {
            verdict(Fault::Refused, "mend the parameters of the database's URL")
        }
        sqlx::Error::PoolTimedOut => verdict(Fault::Passing, "every connection is in use"),
        sqlx::Error::PoolClosed => verdict(Fault::Passing, ""),
        sqlx::Error::Database(error) => match code(error.as_ref()) {
            Code::Postgres(state) => postgres(state),
            Code::Sqlite(code) => sqlite(code),
            Code::None => verdict(Fault::Defect, ""),
        },
        _ => verdict(Fault::Defect, ""),
    }
}

/// Classifies by SQLSTATE, or by its class.
fn postgres(state: &str) -> Verdict {
    let class = state.get(..2).unwrap_or_default();
    match (class, state) {
        (_, "28P01") => verdict(Fault::Refused, "give the password that the role has now"),
        ("28", _) => verdict(
            Fault::Refused,
            "see that the role exists, may log in, and that pg_hba.conf lets it in from here",
        ),
        (_, "3D000") => verdict(
            Fault::Refused,
            "name a database that exists, or create it: the registry makes its tables only",
        ),
        ("3F", _) => verdict(
            Fault::Refused,
            "create a schema for the registry's tables and grant the role USAGE and CREATE on it",
        ),
        ("0P", _) => verdict(Fault::Refused, "name a role that exists"),
        (_, "42501") => verdict(
            Fault::Refused,
            "grant the role CREATE on the schema until the tables are made, USAGE on it, and \
             SELECT, INSERT, UPDATE and DELETE on its tables",
        ),
        ("F0", _) => verdict(Fault::Refused, "mend the server's configuration"),
        // a plan made before the tables changed is made again on another connection
        (_, "0A000") => verdict(
            Fault::Lost,
            "if the server is a standby, connect to the primary",
        ),
        (_, "25006") => verdict(
            Fault::Passing,
            "if the server is a standby, connect to the primary; else let it write again",
        ),
        (_, "26000" | "42P05") => verdict(
            Fault::Lost,
            "a pooler hands out connections differently than it did when the registry was \
             started: start the registry again",
        ),
        (_, "53300") => verdict(
            Fault::Passing,
            "raise `max_connections`, or the role's or database's CONNECTION LIMIT: each registry \
             uses up to 6",
        ),
        (_, "53100") => verdict(Fault::Passing, "free space on the server's disk"),
        // terminated by an operator, when idle, or because of a time limit
        ("08", _) | (_, "25P03" | "25P04") => verdict(Fault::Lost, ""),
        ("57", _) if state.starts_with("57P") => verdict(Fault::Lost, ""),
        // rolled back because of another transaction, resources, objects in use or locked, operator
        // intervention, the system
        ("40" | "53" | "55" | "57" | "58" | "72", _) => verdict(Fault::Passing, ""),
        (_, "XX001" | "XX002") => verdict(
            Fault::Defect,
            "the database is damaged: stop the registry and restore a backup",
        ),
        _ => verdict(Fault::Defect, ""),
    }
}

/// Classifies by SQLite's primary result code.
fn sqlite(code: i32) -> Verdict {
    match code {
        // busy, locked, locking protocol: another process
        5 | 6 | 15 => verdict(
            Fault::Passing,
            "see which other process keeps the file locked",
        ),
        // aborted, out of memory, interrupted, schema changed meanwhile
        4 | 7 | 9 | 17 => verdict(Fault::Passing, ""),
        10 => verdict(Fault::Passing, "see whether the disk is sound"),
        13 => verdict(Fault::Passing, "free space on the disk of the file"),
        14 => verdict(
            Fault::Refused,
            "see that the file's directory exists and that this user may write both",
        ),
        3 | 8 | 23 => verdict(
            Fault::Refused,
            "let this user write the file, its directory, and the files beside it that end in \
             -wal and -shm",
        ),
        22 => verdict(Fault::Refused, "keep the file on a local disk"),
        26 => verdict(
            Fault::Refused,
            "name the file of a registry, or one that does not exist yet",
        ),
        11 => verdict(
            Fault::Defect,
            "the file is damaged: stop the registry and restore a backup",
        ),
        _ => verdict(Fault::Defect, ""),
    }
}

/// The error code of a database.
enum Code<'e> {
    /// SQLSTATE.
    Postgres(&'e str),
    /// The primary result code.
    Sqlite(i32),
    None,
}

fn code(error: &dyn DatabaseError) -> Code<'_> {
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        return Code::Postgres(error.code());
    }
    // the extended code; its low byte is the primary one
    match error.code().and_then(|code| code.parse::<i32>().ok()) {
        Some(code) => Code::Sqlite(code & 0xff),
        None => Code::None,
    }
}

/// Whether the connection failed, rather than the statement.
pub(super) fn is_lost_connection(error: &sqlx::Error) -> bool {
    judge(error).fault == Fault::Lost
}

/// Whether another process holds SQLite's lock.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().map(code);
    matches!(code, Some(Code::Sqlite(5 | 6)))
}

/// Whether this is PostgreSQL's error with the given SQLSTATE.
pub(super) fn is_state(error: &sqlx::Error, state: &str) -> bool {
    let code = error.as_database_error().map(code);
    matches!(code, Some(Code::Postgres(it)) if it == state)
}

/// An error with its causes, its code and, if there is one, the database's hint. Details are left
/// out, because they may quote a row.
pub(super) fn chain(error: &sqlx::Error) -> String {
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
    let database = error.as_database_error();
    if let Some(error) = database.and_then(|it| it.try_downcast_ref::<PgDatabaseError>()) {
        let _ = write!(text, " (SQLSTATE {})", error.code());
        if let Some(hint) = error.hint() {
            let _ = write!(text, "; hint: {hint}");
        }
    }
    text
}

// === how an error is reported ===

const COMMITTING: &str = "committing";

/// Distinguishes a commit that certainly failed from one that may have succeeded.
fn commit_error(failure: Failure, outages: &Outages) -> CommitError {
    let refused = match &failure {
        Failure::Sql(error) => match error.as_database_error().map(code) {
            // 5: another writer; 19: a constraint, also a deferred one; the others: a statement
            // that was sent with the commit, before it. The transaction was still open.
            Some(Code::Sqlite(1 | 5 | 17..=20 | 25)) => true,
            // class 23: a deferred constraint; 40: rolled back; 25: no transaction to commit. Any
            // other error may have come after the commit was written.
            Some(Code::Postgres(state)) => matches!(state.get(..2), Some("23" | "25" | "40")),
            _ => false,
        },
        Failure::NoConnection(_) => false,
        // found before anything was sent
        Failure::Other(_) => true,
    };
    let error = outages.error(failure, COMMITTING);
    if refused {
        CommitError::RolledBack(error)
    } else {
        CommitError::Unknown(error)
    }
}

/// Maximum number of different reasons logged for one operation until it succeeds again.
const REASONS_MAX: usize = 8;

/// The current failures and their reasons, so that each reason is logged once and not for each
/// call.
#[derive(Clone, Debug, Default)]
pub(super) struct Outages(Arc<Mutex<BTreeMap<&'static str, Vec<String>>>>);

impl Outages {
    /// Converts the result of an operation for the domain.
    pub(super) fn during<T, F: Into<Failure>>(
        &self,
        outcome: Result<T, F>,
        operation: &'static str,
    ) -> Result<T, Error> {
        match outcome {
            Ok(done) => {
                self.over(operation);
                Ok(done)
            }
            Err(failure) => Err(self.error(failure.into(), operation)),
        }
    }

    /// As [`Outages::during`], of a commit.
    pub(super) fn at_commit<T>(&self, outcome: Result<T, Failure>) -> Result<(), CommitError> {
        match outcome {
            Ok(_) => {
                self.over(COMMITTING);
                Ok(())
            }
            Err(failure) => Err(commit_error(failure, self)),
        }
    }

    fn error(&self, failure: Failure, operation: &'static str) -> Error {
        let error = match failure {
            Failure::Sql(error) | Failure::NoConnection(error) => error,
            Failure::Other(error) => return error,
        };
        let Verdict { fault, advice } = judge(&error);
        let chain = with_advice(chain(&error), advice);
        if fault == Fault::Defect {
            return Error::Bug(Cow::Owned(format!("{operation}: {chain}")));
        }
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reasons = reported.entry(operation).or_default();
        if reasons.len() < REASONS_MAX && !reasons.contains(&chain) {
            tracing::warn!(operation, error = %chain, "the store cannot be reached");
            reasons.push(chain);
        }
        Error::Unavailable(Unavailable::Store)
    }

    fn over(&self, operation: &'static str) {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.remove(operation).is_some() {
            tracing::info!(operation, "the store can be reached again");
        }
    }
}

/// A text with the advice appended.
pub(super) fn with_advice(mut text: String, advice: &str) -> String {
    if !advice.is_empty() {
        text.push_str("; ");
        text.push_str(advice);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_of_sqlstate_has_its_fault() {
        for (states, fault) in [
            (
                &[
                    "08006", "08P01", "57P01", "57P03", "57P05", "25P03", "26000", "42P05", "0A000",
                ][..],
                Fault::Lost,
            ),
            (
                &[
                    "40001", "53100", "53200", "53300", "55P03", "55006", "57014", "58030", "25006",
                ],
                Fault::Passing,
            ),
            (
                &[
                    "28000", "28P01", "3D000", "3F000", "42501", "0P000", "F0000",
                ],
                Fault::Refused,
            ),
            (
                &[
                    "22021", "23505", "42601", "42P01", "XX000", "XX001", "P0001", "",
                ],
                Fault::Defect,
            ),
        ] {
            for state in states {
                assert_eq!(postgres(state).fault, fault, "{state}");
            }
        }
    }

    #[test]
    fn each_code_of_sqlite_has_its_fault() {
        for (codes, fault) in [
            (&[4, 5, 6, 7, 9, 10, 13, 15, 17][..], Fault::Passing),
            (&[3, 8, 14, 22, 23, 26], Fault::Refused),
            (&[1, 2, 11, 12, 18, 19, 20, 21, 25], Fault::Defect),
        ] {
            for code in codes {
                assert_eq!(sqlite(*code).fault, fault, "{code}");
            }
        }
    }
}
