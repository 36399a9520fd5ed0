//! The errors that every module returns.
//!
//! Each variant of [`Error`] names who has to act; `wire/status.rs` maps it to one gRPC code
//! with google.rpc details. Messages are lower case, without a full stop, and never carry a
//! secret, SQL or a path of the machine.

use std::{borrow::Cow, fmt, time::Duration};

use crate::limits::{Limit, Scope};

/// One field of a request that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field from the request message, as `plan.budget.price_year` or
    /// `names[3]`; empty when the rule is about the whole request.
    pub field: String,
    /// Stable identifier of the rule, `SCREAMING_SNAKE_CASE`, as `TOO_LONG`.
    pub reason: &'static str,
    /// What is wrong and how to mend it, in English.
    pub english: String,
    /// The same in Vietnamese.
    pub vietnamese: String,
}

/// All violations of one request, in the order of its fields; collected so that a caller
/// learns of every mistake at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// No violations yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one.
    pub fn add(
        &mut self,
        field: impl Into<String>,
        reason: &'static str,
        english: impl Into<String>,
        vietnamese: impl Into<String>,
    ) {
        self.0.push(Violation {
            field: field.into(),
            reason,
            english: english.into(),
            vietnamese: vietnamese.into(),
        });
    }

    /// Whether nothing was wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The violations, first field first.
    pub fn iter(&self) -> std::slice::Iter<'_, Violation> {
        self.0.iter()
    }

    /// Appends another list.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// `Ok` when nothing was wrong, else [`Error::Invalid`] with everything that was.
    pub fn into_result(self) -> Result<(), Error> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(self))
        }
    }
}

impl From<Violation> for Violations {
    fn from(one: Violation) -> Self {
        Self(vec![one])
    }
}

/// A refusal by a rule: the request is well formed, but the registry's state forbids it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable reason, `SCREAMING_SNAKE_CASE`, as `PLAN_IS_FROZEN`.
    pub reason: &'static str,
    /// Resource name the rule is about.
    pub subject: String,
    /// What forbids it and what to do instead, in English.
    pub english: String,
    /// The same in Vietnamese.
    pub vietnamese: String,
}

/// Every way in which a command or a query can fail.
#[derive(Clone, Debug)]
pub enum Error {
    /// The caller's request breaks field rules: mend the fields named.
    Invalid(Violations),
    /// No such resource, or the caller may not know that it exists.
    NotFound {
        /// Resource type, as `platform`.
        kind: &'static str,
        /// Resource name asked for.
        name: String,
    },
    /// The id is taken, perhaps by a record that was retired: choose another.
    AlreadyExists {
        /// Resource type.
        kind: &'static str,
        /// Resource name that exists.
        name: String,
    },
    /// The etag is not the current one: read again, decide again.
    Stale {
        /// Resource type.
        kind: &'static str,
        /// Resource name.
        name: String,
        /// The current etag.
        etag: String,
    },
    /// A rule forbids it in the present state: do what the refusal says first.
    Refused(Refusal),
    /// A request id came back with another body: the client's retry logic is at fault.
    RequestIdReused {
        /// The id.
        request_id: String,
    },
    /// No valid credentials where some are needed, or credentials that are not valid.
    Unauthenticated {
        /// Stable reason, as `KEY_REVOKED`.
        reason: &'static str,
    },
    /// The caller is known and may not do this.
    Denied {
        /// What was asked, as `IssuePlan`.
        action: &'static str,
        /// Who could do it, in English, as "an `agency_approver` of `agencies/bo-y-te`".
        needs: String,
        /// The same in Vietnamese.
        needs_vi: String,
    },
    /// A limit was reached: send less, or later.
    Exhausted {
        /// The limit that was reached.
        limit: Limit,
        /// Whether the limit applies to all callers together or to each caller.
        scope: Scope,
        /// The value of the limit.
        most: u64,
    },
    /// A stream was not read for too long: read faster, and resume where it ended.
    Stalled {
        /// The time without reading, in seconds.
        seconds: u64,
    },
    /// The deadline of the call passed before it had an answer: allow more time, or ask for less.
    DeadlineExceeded {
        /// The time that the call was given.
        given: Duration,
    },
    /// The revision or time asked for lies outside what the registry holds.
    OutOfRange {
        /// Path of the field.
        field: &'static str,
        /// What would be in range, in English.
        english: String,
        /// The same in Vietnamese.
        vietnamese: String,
    },
    /// The store cannot be reached or is busy: the same request may succeed later.
    Unavailable {
        /// Stable reason: `STORE_UNAVAILABLE`, `OUTCOME_UNKNOWN`, `CREDENTIALS_NOT_CHECKED`, …
        reason: &'static str,
    },
    /// A defect in the server, with its whole error chain. The caller sees only an incident id.
    Bug(Cow<'static, str>),
}

impl Error {
    /// One violated field.
    pub fn invalid(
        field: impl Into<String>,
        reason: &'static str,
        english: impl Into<String>,
        vietnamese: impl Into<String>,
    ) -> Self {
        let mut violations = Violations::new();
        violations.add(field, reason, english, vietnamese);
        Self::Invalid(violations)
    }

    /// A refusal of the rules.
    pub fn refused(
        reason: &'static str,
        subject: impl Into<String>,
        english: impl Into<String>,
        vietnamese: impl Into<String>,
    ) -> Self {
        Self::Refused(Refusal {
            reason,
            subject: subject.into(),
            english: english.into(),
            vietnamese: vietnamese.into(),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(violations) => {
                let mut separator = "";
                for violation in violations.iter() {
                    write!(f, "{separator}`{}`: {}", violation.field, violation.english)?;
                    separator = "; ";
                }
                Ok(())
            }
            Self::NotFound { kind, name } => write!(f, "{kind} `{name}` was not found"),
            Self::AlreadyExists { kind, name } => write!(f, "{kind} `{name}` already exists"),
            Self::Stale { kind, name, .. } => {
                write!(
                    f,
                    "{kind} `{name}` has changed since its etag was read; read it again"
                )
            }
            Self::Refused(refusal) => f.write_str(&refusal.english),
            Self::RequestIdReused { request_id } => {
                write!(
                    f,
                    "request id `{request_id}` was used for another request; use a new one"
                )
            }
            Self::Unauthenticated { reason } => match *reason {
                "CREDENTIALS_MISSING" => f.write_str(
                    "this method needs an API key: send metadata `authorization: Bearer <key>`",
                ),
                "KEY_EXPIRED" => f.write_str("the API key has expired; create a new one"),
                "KEY_REVOKED" => f.write_str("the API key was revoked; create a new one"),
                "PRINCIPAL_DISABLED" => f.write_str(
                    "the principal of this API key is disabled; an administrator can enable it",
                ),
                _ => f.write_str("the credentials are not valid; check the API key"),
            },
            Self::Denied { action, needs, .. } => write!(f, "`{action}` requires {needs}"),
            Self::Exhausted { limit, scope, most } => f.write_str(&limit.english(*scope, *most)),
            Self::Stalled { seconds } => write!(
                f,
                "the client read nothing from this stream for {seconds} s; resume after the last \
                 revision received"
            ),
            Self::DeadlineExceeded { given } => write!(
                f,
                "the deadline of {} ms has passed; a write may still have been made: send it again \
                 with the same request id to learn the outcome",
                given.as_millis()
            ),
            Self::OutOfRange { field, english, .. } => write!(f, "`{field}`: {english}"),
            Self::Unavailable { reason } => match *reason {
                "OUTCOME_UNKNOWN" => f.write_str(
                    "the outcome is unknown: send the request again with the same request id to \
                     learn it",
                ),
                "REVISION_NOT_REACHED" => {
                    f.write_str("this server has not reached the revision asked for yet; retry")
                }
                "SHUTTING_DOWN" => f.write_str("the server is shutting down; retry"),
                "CLOCK_BEHIND_LOG" => f.write_str(
                    "the clock is more than a minute behind the newest change, so nothing is \
                     recorded: an operator must set the clock right; retry then",
                ),
                "CLOCK_JUMPED" => f.write_str(
                    "the clock has jumped, so nothing is recorded: an operator must set the clock \
                     right or, if it is right now, restart the server; retry then",
                ),
                "CREDENTIALS_NOT_CHECKED" => f.write_str(
                    "this server has lost its database for so long that it cannot tell whether \
                     credentials still hold; retry, or read without credentials what is public",
                ),
                _ => f.write_str("the database cannot be reached at the moment; retry"),
            },
            Self::Bug(_) => f.write_str("internal error"),
        }
    }
}

impl std::error::Error for Error {}
