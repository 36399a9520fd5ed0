//! Why a command failed: what is said about it, and the exit code. docs/cli.md lists the codes.

use std::{fmt::Write as _, io::ErrorKind};

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{
    flags::Flag,
    language::{Language, Words},
};
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

const ROWS_REFUSED: &str = "rows are refused; nothing, or not all of the file, is written";
const ROWS_REFUSED_VI: &str = "có dòng bị từ chối; chưa ghi gì, hoặc chỉ ghi được một phần tệp";

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The arguments make no request.
    #[error("{0}")]
    Usage(Words),
    /// The same, found by the reader that the server has too.
    #[error("{0}")]
    Malformed(Box<Status>),
    /// The server refused.
    #[error("{0}")]
    Refused(Box<Status>),
    /// The server cannot be reached.
    #[error("{0}")]
    Unreachable(Words),
    /// A proof does not hold.
    #[error("{0}")]
    NotProven(Words),
    /// Rows of a file are refused; the answer says which and why.
    #[error("{}", ROWS_REFUSED)]
    NotWritten,
    /// Someone was asked, and said no.
    #[error("{0}")]
    NotConfirmed(Words),
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
    /// The arguments make no request.
    pub(super) fn usage(english: impl Into<String>, vietnamese: impl Into<String>) -> Self {
        Self::Usage(Words::new(english, vietnamese))
    }

    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Malformed(_) => USAGE,
            Self::Refused(status) => of(status.code()),
            Self::Unreachable(_) => UNAVAILABLE,
            Self::NotProven(_) | Self::NotWritten => REFUSED,
            Self::NotConfirmed(_) | Self::Here(_) => 1,
        }
    }

    /// Whether it leaves open what the server did.
    pub(super) fn is_unsure(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused(status) => matches!(
                status.code(),
                Code::DeadlineExceeded
                    | Code::Unavailable
                    | Code::Cancelled
                    | Code::Unknown
                    | Code::Internal
            ),
            _ => false,
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

    /// What is wrong, in one language.
    pub(super) fn message(&self, language: Language) -> String {
        match self {
            Self::Malformed(status) | Self::Refused(status) => match language {
                Language::Vietnamese => in_vietnamese(status).message().to_owned(),
                Language::English => status.message().to_owned(),
            },
            Self::Usage(words)
            | Self::Unreachable(words)
            | Self::NotProven(words)
            | Self::NotConfirmed(words) => words.text(language).to_owned(),
            Self::NotWritten => language.of(ROWS_REFUSED, ROWS_REFUSED_VI).to_owned(),
            Self::Here(error) => here(error, language),
        }
    }

    /// What to say: the message, then each field with the flag that sets it.
    pub(super) fn text(&self, language: Language, flags: &[Flag], verbose: bool) -> String {
        let mut text = format!("{}: {}", language.error(), self.message(language));
        let (Self::Malformed(status) | Self::Refused(status)) = self else {
            return text;
        };
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

/// That the contract has no such method; a test looks.
pub(super) fn no_method(name: &str) -> Failure {
    Failure::usage(format!("no {name}"), format!("không có {name}"))
}

/// What went wrong on this machine, with its causes.
fn here(error: &anyhow::Error, language: Language) -> String {
    let words = error.downcast_ref::<Words>();
    let (Language::Vietnamese, Some(words)) = (language, words) else {
        return format!("{error:#}");
    };
    let causes = error.chain().skip(1).map(|cause| {
        let of_system = cause.downcast_ref::<std::io::Error>();
        let translated = of_system.and_then(|it| in_words(it.kind()));
        translated.map_or_else(|| cause.to_string(), str::to_owned)
    });
    let mut text = words.text(language).to_owned();
    for cause in causes {
        text.push_str(": ");
        text.push_str(&cause);
    }
    text
}

/// What the system says of files in Vietnamese, as far as people meet it.
const fn in_words(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NotFound => "không có tệp hoặc thư mục này",
        ErrorKind::PermissionDenied => "không có quyền",
        ErrorKind::IsADirectory => "đây là thư mục",
        ErrorKind::NotADirectory => "đây không phải là thư mục",
        ErrorKind::StorageFull => "hết chỗ trên đĩa",
        ErrorKind::InvalidData => "nội dung không phải là UTF-8",
        _ => return None,
    })
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
