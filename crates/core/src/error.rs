//! The errors that every module returns.
//!
//! Each variant of [`Error`] names who has to act; `wire/status.rs` maps it to one gRPC code with
//! google.rpc details. Its texts are in `messages.rs`, its reasons in `reasons.rs`.

use std::{borrow::Cow, fmt, time::Duration};

use crate::{
    limits::{Limit, Scope},
    messages::{Condition, Rule, Unauthenticated, Unavailable},
    names::Noun,
};

/// One field of a request that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field from the request message, as `plan.budget.price_year` or `names[3]`;
    /// empty when the rule is about the whole request.
    pub field: String,
    pub rule: Box<Rule>,
}

impl Violation {
    /// A rule that a field breaks.
    pub fn new(field: impl Into<String>, rule: Rule) -> Self {
        Self {
            field: field.into(),
            rule: Box::new(rule),
        }
    }
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
    pub fn add(&mut self, field: impl Into<String>, rule: Rule) {
        self.0.push(Violation::new(field, rule));
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
    /// Resource name the rule is about.
    pub subject: String,
    /// What would have to hold.
    pub condition: Condition,
}

/// Every way in which a command or a query can fail.
#[derive(Clone, Debug)]
pub enum Error {
    /// The caller's request breaks field rules: correct the fields named.
    Invalid(Violations),
    /// No such resource, or the caller may not know that it exists.
    NotFound {
        /// Resource type.
        kind: Noun,
        /// Resource name asked for.
        name: String,
    },
    /// The id is taken, perhaps by a record that was retired: choose another.
    AlreadyExists {
        /// Resource type.
        kind: Noun,
        /// Resource name that exists.
        name: String,
    },
    /// The etag is not the current one: read again, decide again.
    Stale {
        /// Resource type.
        kind: Noun,
        /// Resource name.
        name: String,
        /// The current etag.
        etag: String,
    },
    /// A rule forbids it in the present state: do what the refusal says first.
    Refused(Box<Refusal>),
    /// A request id came back with another body: the client's retry logic is at fault.
    RequestIdReused {
        /// The id.
        request_id: String,
    },
    /// No valid credentials where some are needed, or credentials that are not valid.
    Unauthenticated(Unauthenticated),
    /// The caller is known and may not do this.
    Denied {
        /// What was asked, as `IssuePlan`.
        action: &'static str,
        /// Who could do it, in English, as "an `ROLE_AGENCY_APPROVER` of `agencies/bo-y-te`".
        needs: String,
        /// The same in Vietnamese.
        needs_vi: String,
    },
    /// A page of another site made a signed-in browser send a request that is not a read.
    CrossSite,
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
    OutOfRange(Violation),
    /// The store cannot be reached or is busy: the same request may succeed later.
    Unavailable(Unavailable),
    /// A defect in the server, with its whole error chain. The caller sees only an incident id.
    Bug(Cow<'static, str>),
}

impl Error {
    /// One violated field.
    pub fn invalid(field: impl Into<String>, rule: Rule) -> Self {
        Self::Invalid(Violation::new(field, rule).into())
    }

    /// A field that would be in range at another time.
    pub fn out_of_range(field: &str, rule: Rule) -> Self {
        Self::OutOfRange(Violation::new(field, rule))
    }

    /// A refusal of the rules.
    pub fn refused(subject: impl Into<String>, condition: Condition) -> Self {
        let subject = subject.into();
        Self::Refused(Box::new(Refusal { subject, condition }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.english())
    }
}

impl std::error::Error for Error {}
