//! Errors as gRPC statuses, with google.rpc details: the one place where a code is chosen.
//!
//! Every status carries ErrorInfo (a stable reason, and in its metadata the values that the message
//! depends on), LocalizedMessage in Vietnamese, and the details that its code requires. A defect is
//! logged here, once, under an incident id; the client sees only the id.

pub mod language;
pub mod transport;

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, LocalizedMessage, StatusExt};
use uuid::Uuid;

use ndp_core::{
    error::{Error, Violation, Violations},
    limits::{Limit, Scope},
    messages::{Protocol, Rule, Unavailable, and_more},
    names::Noun,
    reasons::Reason,
};

/// The domain of the reasons in ErrorInfo.
const DOMAIN: &str = "ndp.registry";
/// The key of a resource name in the metadata of ErrorInfo.
const RESOURCE: &str = "resource";
const VIETNAMESE: &str = "vi";
/// The delay after which to retry a call that may succeed later.
const RETRY_AFTER: Duration = Duration::from_secs(1);

// A status travels in the trailers, and clients take 8 KiB of them in all (grpc-java, grpc-core):
// the details in base64 and the message percent-encoded have to stay below 7 KiB together. The
// limits are in bytes of UTF-8; `statuses_are_bounded` adds them up.
const MESSAGE_BYTES: usize = 480;
const LOCALIZED_BYTES: usize = 640;
/// Of one value in the metadata, a name or a path.
const VALUE_BYTES: usize = 160;
/// Of one text of a violation.
const VIOLATION_BYTES: usize = 400;
/// Of all violations.
const VIOLATIONS_BYTES: usize = 2_300;

/// The status of an error.
pub fn status(error: Error) -> Status {
    explain(error, Uuid::new_v4)
}

/// The same of a write that names this resource, which the status of a refused caller holds.
pub fn status_on(error: Error, resource: &str) -> Status {
    explain_on(error, resource, Uuid::new_v4)
}

/// The status of a refused attempt: of a caller that is unknown, or may not do what it asked for.
pub fn denied_attempt(status: &Status) -> Option<DeniedAttempt> {
    if !matches!(
        status.code(),
        Code::Unauthenticated | Code::PermissionDenied | Code::ResourceExhausted
    ) {
        return None;
    }
    let mut info = status.get_details_error_info()?;
    let limit = info.metadata.get("limit");
    if status.code() == Code::ResourceExhausted
        && limit.is_none_or(|limit| limit != Limit::WrongKeys.name())
    {
        return None;
    }
    Some(DeniedAttempt {
        resource: info.metadata.remove(RESOURCE).unwrap_or_default(),
        reason: info.reason,
    })
}

/// What the details of a refused attempt's status say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedAttempt {
    /// The resource that a write named.
    pub resource: String,
    /// The stable reason.
    pub reason: String,
}

// === for layers, which handle calls and not domain errors ===

/// The deadline of the call passed.
pub fn deadline_exceeded(given: Duration) -> Status {
    status(Error::DeadlineExceeded { given })
}

/// A limit of the server was reached.
pub fn limit_reached(limit: Limit, scope: Scope, most: u64) -> Status {
    status(Error::Exhausted { limit, scope, most })
}

/// The server takes no more calls.
pub fn shutting_down() -> Status {
    status(Error::Unavailable(Unavailable::ShuttingDown))
}

/// A method panicked. The panic message is logged under the incident id that the client sees.
pub fn panicked(said: &str) -> Status {
    status(Error::Bug(format!("panicked: {said}").into()))
}

/// A malformed `grpc-timeout`.
pub fn timeout_malformed() -> Status {
    status(Error::invalid("grpc-timeout", Rule::TimeoutMalformed))
}

/// A refusal before a method is reached.
pub fn protocol(refused: &Protocol) -> Status {
    let mut details = ErrorDetails::new();
    details
        .set_error_info(refused.reason().name(), DOMAIN, HashMap::new())
        .set_localized_message(VIETNAMESE, refused.vietnamese());
    Status::with_error_details(code(refused), refused.english(), details)
}

const fn code(refused: &Protocol) -> Code {
    match refused {
        // tonic says OUT_OF_RANGE, the gRPC specification RESOURCE_EXHAUSTED
        Protocol::MessageTooLarge { .. } | Protocol::TooManyRequests { .. } => {
            Code::ResourceExhausted
        }
        Protocol::CompressionUnsupported
        | Protocol::MethodUnknown
        | Protocol::VerbUnknown { .. } => Code::Unimplemented,
        // as gRPC's document on compression has it
        Protocol::CompressionUndeclared | Protocol::Incident { .. } => Code::Internal,
        Protocol::MessageTooComplex { .. }
        | Protocol::FlagMalformed
        | Protocol::CompressionMalformed
        | Protocol::MessageCutOff
        | Protocol::MessageUnreadable { .. }
        | Protocol::WebMalformed
        | Protocol::MessageMissing
        | Protocol::UrlTooLong { .. }
        | Protocol::MediaTypeUnsupported { .. }
        | Protocol::CodingUnsupported
        | Protocol::HostMalformed
        | Protocol::NotAcceptable { .. } => Code::InvalidArgument,
        Protocol::RequestCutOff | Protocol::BodyLate => Code::Cancelled,
        Protocol::ServiceUnknown | Protocol::PathUnknown => Code::NotFound,
        Protocol::IfMatchFails => Code::Aborted,
    }
}

fn explain(error: Error, incident: impl FnOnce() -> Uuid) -> Status {
    explain_on(error, "", incident)
}

fn explain_on(error: Error, named: &str, incident: impl FnOnce() -> Uuid) -> Status {
    // a refused caller learns nothing from it: it named the resource itself
    let named = (!named.is_empty()).then(|| (RESOURCE, named.to_owned()));
    let mut details = ErrorDetails::new();
    let reason = error.reason();
    let (mut english, mut vietnamese) = (error.english(), error.vietnamese());
    // the values that the texts depend on
    let (code, metadata) = match error {
        Error::Invalid(violations) => {
            let list = Listed::new(&violations);
            (english, vietnamese) = (list.english, list.vietnamese);
            details.set_bad_request(list.violations);
            let mut metadata = vec![("violation_count", violations.iter().len().to_string())];
            if list.omitted > 0 {
                metadata.push(("omitted_violation_count", list.omitted.to_string()));
            }
            (Code::InvalidArgument, metadata)
        }
        Error::NotFound { kind, name } => {
            resource(&mut details, kind, &name, &english);
            (Code::NotFound, vec![(RESOURCE, name)])
        }
        Error::AlreadyExists { kind, name } => {
            resource(&mut details, kind, &name, &english);
            (Code::AlreadyExists, vec![(RESOURCE, name)])
        }
        Error::Stale { kind, name, etag } => {
            resource(&mut details, kind, &name, "");
            precondition(&mut details, reason, &name, &english);
            (Code::Aborted, vec![(RESOURCE, name), ("etag", etag)])
        }
        Error::Refused(refusal) => {
            let subject = refusal.subject;
            precondition(&mut details, reason, &subject, &english);
            (Code::FailedPrecondition, vec![(RESOURCE, subject)])
        }
        Error::RequestIdReused { request_id } => {
            field(&mut details, "request_id", reason, &english, &vietnamese);
            (Code::InvalidArgument, vec![("request_id", request_id)])
        }
        Error::Unauthenticated(_) => (Code::Unauthenticated, named.into_iter().collect()),
        Error::Denied { action, needs, .. } => {
            let mut metadata = vec![("action", action.to_owned()), ("needs", needs)];
            metadata.extend(named);
            (Code::PermissionDenied, metadata)
        }
        Error::CrossSite => (Code::PermissionDenied, named.into_iter().collect()),
        Error::Exhausted { limit, scope, most } => {
            if limit.passes() {
                details.set_retry_info(Some(RETRY_AFTER));
            }
            details.add_quota_failure_violation(limit.name(), cut(&english, VIOLATION_BYTES));
            let metadata = vec![
                ("limit", limit.name().to_owned()),
                ("scope", scope.name().to_owned()),
                ("most", most.to_string()),
            ];
            (Code::ResourceExhausted, metadata)
        }
        Error::Stalled { .. } => {
            details.set_retry_info(Some(RETRY_AFTER));
            (Code::ResourceExhausted, Vec::new())
        }
        Error::DeadlineExceeded { given } => {
            let metadata = vec![("given_ms", given.as_millis().to_string())];
            (Code::DeadlineExceeded, metadata)
        }
        Error::OutOfRange(one) => {
            details.set_bad_request(vec![violation(&one)]);
            (Code::OutOfRange, vec![("field", one.field)])
        }
        Error::Unavailable(_) => {
            details.set_retry_info(Some(RETRY_AFTER));
            (Code::Unavailable, Vec::new())
        }
        Error::Bug(chain) => {
            let incident = incident().to_string();
            tracing::error!(incident, %chain, "internal error");
            details.set_request_info(&*incident, "");
            let metadata = vec![("incident", incident.clone())];
            let shown = Protocol::Incident { incident };
            (english, vietnamese) = (shown.english(), shown.vietnamese());
            (Code::Internal, metadata)
        }
    };
    let metadata: HashMap<_, _> = metadata
        .into_iter()
        .map(|(key, value)| (key.to_owned(), cut(&value, VALUE_BYTES)))
        .collect();
    details
        .set_error_info(reason.name(), DOMAIN, metadata)
        .set_localized_message(VIETNAMESE, cut(&vietnamese, LOCALIZED_BYTES));
    Status::with_error_details(code, cut(&english, MESSAGE_BYTES), details)
}

// === details ===

fn resource(details: &mut ErrorDetails, kind: Noun, name: &str, description: &str) {
    details.set_resource_info(
        format!("{DOMAIN}/{}", kind.resource),
        cut(name, VALUE_BYTES),
        "",
        cut(description, VIOLATION_BYTES),
    );
}

fn precondition(details: &mut ErrorDetails, reason: Reason, subject: &str, description: &str) {
    details.add_precondition_failure_violation(
        reason.name(),
        cut(subject, VALUE_BYTES),
        cut(description, VIOLATION_BYTES),
    );
}

fn violation(one: &Violation) -> FieldViolation {
    let (english, vietnamese) = (one.rule.english(), one.rule.vietnamese());
    field_violation(&one.field, one.rule.reason(), &english, &vietnamese)
}

fn field(details: &mut ErrorDetails, path: &str, reason: Reason, english: &str, vietnamese: &str) {
    details.set_bad_request(vec![field_violation(path, reason, english, vietnamese)]);
}

fn field_violation(path: &str, reason: Reason, english: &str, vietnamese: &str) -> FieldViolation {
    FieldViolation {
        field: cut(path, VALUE_BYTES),
        description: cut(english, VIOLATION_BYTES),
        reason: reason.name().to_owned(),
        localized_message: Some(LocalizedMessage::new(
            VIETNAMESE,
            cut(vietnamese, VIOLATION_BYTES),
        )),
    }
}

/// As many violations as fit, in order, and the two messages that sum them up.
struct Listed {
    violations: Vec<FieldViolation>,
    omitted: usize,
    english: String,
    vietnamese: String,
}

impl Listed {
    fn new(all: &Violations) -> Self {
        let mut violations = Vec::new();
        let mut room = VIOLATIONS_BYTES;
        for one in all.iter() {
            let shown = violation(one);
            let localized = shown.localized_message.as_ref();
            let size = shown.field.len()
                + shown.description.len()
                + shown.reason.len()
                + localized.map_or(0, |text| text.message.len());
            // the first one always fits, because its texts are cut to less than the room
            let Some(rest) = room.checked_sub(size) else {
                break;
            };
            room = rest;
            violations.push(shown);
        }
        let omitted = all.iter().len() - violations.len();
        Self {
            violations,
            omitted,
            english: summed_up(all, MESSAGE_BYTES, Violation::english, |rest| {
                and_more(rest).0
            }),
            vietnamese: summed_up(all, LOCALIZED_BYTES, Violation::vietnamese, |rest| {
                and_more(rest).1
            }),
        }
    }
}

/// The violations in one line, as many whole ones as fit. The first one is cut if necessary.
fn summed_up(
    all: &Violations,
    max_bytes: usize,
    text: impl Fn(&Violation) -> String,
    more: impl Fn(usize) -> String,
) -> String {
    let count = all.iter().len();
    // the note on the omitted violations must fit too
    let room = max_bytes.saturating_sub(more(count).len());
    let mut line = String::new();
    for (number, one) in all.iter().enumerate() {
        let next = text(one);
        if number == 0 {
            line = cut(&next, room);
        } else if line.len() + "; ".len() + next.len() <= room {
            line.push_str("; ");
            line.push_str(&next);
        } else {
            line.push_str(&more(count - number));
            break;
        }
    }
    line
}

/// The text, or as much of its start as fits, with an ellipsis.
pub fn cut(text: &str, max_bytes: usize) -> String {
    const ELLIPSIS: &str = "…";
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(max_bytes.saturating_sub(ELLIPSIS.len()));
    let kept = text.get(..end).unwrap_or_default();
    format!("{kept}{ELLIPSIS}")
}

#[cfg(test)]
mod tests;
