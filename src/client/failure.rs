//! Why a command failed: what is said about it, and the exit code. docs/cli.md lists the codes.

use std::fmt::Write as _;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{flags::Flag, language::Language};
use crate::wire::status::language::in_vietnamese;

/// The arguments are wrong, before anything was sent (EX_USAGE of sysexits).
const USAGE: u8 = 64;
/// The server refused what was sent, or a proof does not hold (EX_DATAERR).
const REFUSED: u8 = 65;
/// There is no such thing (EX_NOINPUT).
const NOT_FOUND: u8 = 66;
/// The server cannot be reached, or was too slow (EX_UNAVAILABLE).
const UNAVAILABLE: u8 = 69;
/// A defect of the server (EX_SOFTWARE).
const DEFECT: u8 = 70;
/// It exists already (EX_CANTCREAT).
const EXISTS: u8 = 73;
/// Read it again, or wait, and try again (EX_TEMPFAIL).
const TRY_AGAIN: u8 = 75;
/// The caller is not known, or may not (EX_NOPERM).
const DENIED: u8 = 77;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The arguments make no request.
    #[error("{0}")]
    Usage(String),
    /// The same, found by the reader that the server has too.
    #[error("{0}")]
    Malformed(Box<Status>),
    /// The server refused.
    #[error("{0}")]
    Refused(Box<Status>),
    /// A proof does not hold.
    #[error("{0}")]
    NotProven(String),
    /// Rows of a file are refused; the answer says which and why.
    #[error("rows are refused; nothing, or not all of the file, is written")]
    NotWritten,
    /// Someone was asked, and said no.
    #[error("{0}")]
    NotConfirmed(String),
    /// Something else on this machine.
    #[error("{0:#}")]
    Here(anyhow::Error),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Here(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Here(error.into())
    }
}

impl Failure {
    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Malformed(_) => USAGE,
            Self::Refused(status) => of(status.code()),
            Self::NotProven(_) | Self::NotWritten => REFUSED,
            Self::NotConfirmed(_) | Self::Here(_) => 1,
        }
    }

    /// Whether the reader of the output has closed it, which does not count as a failure.
    pub(super) fn is_broken_pipe(&self) -> bool {
        let Self::Here(error) = self else {
            return false;
        };
        let mut causes = error
            .chain()
            .filter_map(|it| it.downcast_ref::<std::io::Error>());
        causes.any(|it| it.kind() == std::io::ErrorKind::BrokenPipe)
    }

    /// What to say: the message, then each field with the flag that sets it.
    pub(super) fn told(&self, language: Language, flags: &[Flag], verbose: bool) -> String {
        let status = match self {
            Self::Malformed(status) | Self::Refused(status) => status,
            other => return format!("error: {other}"),
        };
        let said = match language {
            Language::Vietnamese => in_vietnamese(status),
            Language::English => status.as_ref().clone(),
        };
        let mut text = format!("error: {}", said.message());
        let details = status.get_error_details();
        let violations = details
            .bad_request()
            .map(|it| it.field_violations.as_slice());
        for violation in violations.unwrap_or_default() {
            let is_within = |path: &str| {
                let rest = violation.field.strip_prefix(path);
                rest.is_some_and(|it| it.is_empty() || it.starts_with(['.', '[']))
            };
            let flag = flags.iter().find(|it| is_within(&it.proto_path()));
            if let Some(flag) = flag {
                let _ = write!(text, "\n  {}: --{}", violation.field, flag.name);
            }
        }
        if verbose {
            let _ = write!(text, "\n  code: {:?}", status.code());
            if let Some(info) = details.error_info() {
                let _ = write!(text, "\n  reason: {}", info.reason);
                let mut metadata: Vec<_> = info.metadata.iter().collect();
                metadata.sort();
                for (name, value) in metadata {
                    let _ = write!(text, "\n  {name}: {value}");
                }
            }
        }
        text
    }
}

const fn of(code: Code) -> u8 {
    match code {
        Code::Ok => 0,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => REFUSED,
        Code::NotFound => NOT_FOUND,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => UNAVAILABLE,
        Code::AlreadyExists => EXISTS,
        Code::Aborted | Code::ResourceExhausted => TRY_AGAIN,
        Code::Unauthenticated | Code::PermissionDenied => DENIED,
        Code::Unknown | Code::Internal | Code::DataLoss | Code::Unimplemented => DEFECT,
    }
}
