//! Errors as gRPC statuses, with google.rpc details: the one place where a code is chosen.
//!
//! Every status carries ErrorInfo (a stable reason, and in its metadata the values that the message
//! depends on), LocalizedMessage in Vietnamese, and the details that its code requires. A defect is
//! logged here, once, under an incident id; the client sees only the id.

pub mod transport;

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, LocalizedMessage, StatusExt};
use uuid::Uuid;

use ndp_core::{
    error::{Error, Violation, Violations},
    limits::{Limit, Scope},
    records::Kind,
};

/// The domain of the reasons in ErrorInfo.
const DOMAIN: &str = "ndp.registry";
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
    status(Error::Unavailable {
        reason: "SHUTTING_DOWN",
    })
}

/// A method panicked. The panic message is logged under the incident id that the client sees.
pub fn panicked(said: &str) -> Status {
    status(Error::Bug(format!("panicked: {said}").into()))
}

/// A malformed `grpc-timeout`.
pub fn timeout_malformed() -> Status {
    status(Error::invalid(
        "grpc-timeout",
        "MALFORMED",
        "must be at most 8 digits and a unit (H, M, S, m, u or n), for example `250m`",
        "phải gồm tối đa 8 chữ số và một đơn vị (H, M, S, m, u hoặc n), ví dụ `250m`",
    ))
}

/// A refusal without an [`Error`] variant, made before a method is reached.
pub fn refused(code: Code, reason: &str, english: &str, vietnamese: &str) -> Status {
    let mut details = ErrorDetails::new();
    details
        .set_error_info(reason, DOMAIN, HashMap::new())
        .set_localized_message(VIETNAMESE, vietnamese);
    Status::with_error_details(code, english, details)
}

/// A message of more than `limit` bytes; tonic says OUT_OF_RANGE, the gRPC specification
/// RESOURCE_EXHAUSTED.
pub fn message_too_large(limit: usize) -> Status {
    refused(
        Code::ResourceExhausted,
        "MESSAGE_TOO_LARGE",
        &format!("the message is larger than {limit} bytes; send less in one call"),
        &format!("thông điệp lớn hơn {limit} byte; hãy gửi ít hơn trong một lần gọi"),
    )
}

/// A message that holds more than `most` others.
pub fn too_many_messages(most: usize) -> Status {
    refused(
        Code::InvalidArgument,
        "MESSAGE_TOO_COMPLEX",
        &format!("the request holds more than {most} messages; send fewer in one call"),
        &format!("yêu cầu chứa hơn {most} thông điệp con; hãy gửi ít hơn trong một lần gọi"),
    )
}

/// The parts of a status.
struct Explanation {
    code: Code,
    reason: &'static str,
    english: String,
    vietnamese: String,
    /// The values that the texts depend on.
    metadata: Vec<(&'static str, String)>,
    details: ErrorDetails,
}

fn explain(error: Error, incident: impl FnOnce() -> Uuid) -> Status {
    let explanation = explanation(error, incident);
    let Explanation {
        code,
        reason,
        english,
        vietnamese,
        metadata,
        mut details,
    } = explanation;
    let english = cut(&english, MESSAGE_BYTES);
    let metadata: HashMap<_, _> = metadata
        .into_iter()
        .map(|(key, value)| (key.to_owned(), cut(&value, VALUE_BYTES)))
        .collect();
    details
        .set_error_info(reason, DOMAIN, metadata)
        .set_localized_message(VIETNAMESE, cut(&vietnamese, LOCALIZED_BYTES));
    Status::with_error_details(code, english, details)
}

fn explanation(error: Error, incident: impl FnOnce() -> Uuid) -> Explanation {
    let mut english = error.to_string();
    let mut details = ErrorDetails::new();
    let (code, reason, vietnamese, metadata) = match error {
        Error::Invalid(violations) => {
            let list = Listed::new(&violations);
            english = list.english;
            details.set_bad_request(list.violations);
            let mut metadata = vec![("violation_count", violations.iter().len().to_string())];
            if list.omitted > 0 {
                metadata.push(("omitted_violation_count", list.omitted.to_string()));
            }
            let reason = "INVALID_REQUEST";
            (Code::InvalidArgument, reason, list.vietnamese, metadata)
        }
        Error::NotFound { kind, name } => {
            resource(&mut details, kind, &name, &english);
            let vietnamese = format!("không tìm thấy {} `{name}`", noun_vi(kind));
            let metadata = vec![("resource", name)];
            (Code::NotFound, "RESOURCE_NOT_FOUND", vietnamese, metadata)
        }
        Error::AlreadyExists { kind, name } => {
            resource(&mut details, kind, &name, &english);
            let vietnamese = format!("{} `{name}` đã tồn tại", noun_vi(kind));
            let reason = "RESOURCE_ALREADY_EXISTS";
            let metadata = vec![("resource", name)];
            (Code::AlreadyExists, reason, vietnamese, metadata)
        }
        Error::Stale { kind, name, etag } => {
            let reason = "ETAG_NOT_CURRENT";
            resource(&mut details, kind, &name, "");
            precondition(&mut details, reason, &name, &english);
            let vietnamese = format!(
                "{} `{name}` đã thay đổi kể từ khi etag được đọc; hãy đọc lại",
                noun_vi(kind)
            );
            let metadata = vec![("resource", name), ("etag", etag)];
            (Code::Aborted, reason, vietnamese, metadata)
        }
        Error::Refused(refusal) => {
            precondition(&mut details, refusal.reason, &refusal.subject, &english);
            let metadata = vec![("resource", refusal.subject)];
            let code = Code::FailedPrecondition;
            (code, refusal.reason, refusal.vietnamese, metadata)
        }
        Error::RequestIdReused { request_id } => {
            let reason = "REQUEST_ID_REUSED";
            let vietnamese =
                format!("mã yêu cầu `{request_id}` đã dùng cho một yêu cầu khác; hãy dùng mã mới");
            field(&mut details, "request_id", reason, &english, &vietnamese);
            let metadata = vec![("request_id", request_id)];
            (Code::InvalidArgument, reason, vietnamese, metadata)
        }
        Error::Unauthenticated { reason } => {
            let vietnamese = unauthenticated_vi(reason).to_owned();
            (Code::Unauthenticated, reason, vietnamese, Vec::new())
        }
        Error::Denied {
            action,
            needs,
            needs_vi,
        } => {
            let vietnamese = format!("`{action}` cần {needs_vi}");
            let metadata = vec![("action", action.to_owned()), ("needs", needs)];
            let reason = "PERMISSION_DENIED";
            (Code::PermissionDenied, reason, vietnamese, metadata)
        }
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
            let reason = "LIMIT_REACHED";
            (
                Code::ResourceExhausted,
                reason,
                limit.vietnamese(scope, most),
                metadata,
            )
        }
        Error::Stalled { seconds } => {
            details.set_retry_info(Some(RETRY_AFTER));
            let vietnamese = format!(
                "bên gọi không đọc luồng này trong {seconds} giây; hãy tiếp tục sau phiên bản cuối \
                 cùng đã nhận"
            );
            (
                Code::ResourceExhausted,
                "READER_STALLED",
                vietnamese,
                Vec::new(),
            )
        }
        Error::DeadlineExceeded { given } => {
            let milliseconds = given.as_millis().to_string();
            let vietnamese = format!(
                "đã quá thời hạn {milliseconds} ms của lần gọi; lệnh ghi vẫn có thể đã được thực \
                 hiện: hãy gửi lại với cùng mã yêu cầu (`request_id`) để biết kết quả"
            );
            let metadata = vec![("given_ms", milliseconds)];
            let reason = "DEADLINE_EXCEEDED";
            (Code::DeadlineExceeded, reason, vietnamese, metadata)
        }
        Error::OutOfRange {
            field: path,
            english: told,
            vietnamese: told_vi,
        } => {
            let reason = "OUT_OF_RANGE";
            field(&mut details, path, reason, &told, &told_vi);
            let vietnamese = format!("`{path}`: {told_vi}");
            let metadata = vec![("field", path.to_owned())];
            (Code::OutOfRange, reason, vietnamese, metadata)
        }
        Error::Unavailable { reason } => {
            details.set_retry_info(Some(RETRY_AFTER));
            let vietnamese = unavailable_vi(reason).to_owned();
            (Code::Unavailable, reason, vietnamese, Vec::new())
        }
        Error::Bug(chain) => {
            let incident = incident().to_string();
            tracing::error!(incident, %chain, "internal error");
            details.set_request_info(&*incident, "");
            english = format!("internal error; report it with the incident id `{incident}`");
            let vietnamese = format!("lỗi nội bộ; hãy báo lỗi kèm mã sự cố `{incident}`");
            let metadata = vec![("incident", incident)];
            (Code::Internal, "INTERNAL", vietnamese, metadata)
        }
    };
    Explanation {
        code,
        reason,
        english,
        vietnamese,
        metadata,
        details,
    }
}

// === details ===

fn resource(details: &mut ErrorDetails, kind: &str, name: &str, description: &str) {
    details.set_resource_info(
        resource_type(kind),
        cut(name, VALUE_BYTES),
        "",
        cut(description, VIOLATION_BYTES),
    );
}

fn precondition(details: &mut ErrorDetails, reason: &str, subject: &str, description: &str) {
    details.add_precondition_failure_violation(
        reason,
        cut(subject, VALUE_BYTES),
        cut(description, VIOLATION_BYTES),
    );
}

fn field(details: &mut ErrorDetails, path: &str, reason: &str, english: &str, vietnamese: &str) {
    details.set_bad_request(vec![violation(path, reason, english, vietnamese)]);
}

fn violation(path: &str, reason: &str, english: &str, vietnamese: &str) -> FieldViolation {
    FieldViolation {
        field: cut(path, VALUE_BYTES),
        description: cut(english, VIOLATION_BYTES),
        reason: reason.to_owned(),
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
            let told = violation(&one.field, one.reason, &one.english, &one.vietnamese);
            let localized = told.localized_message.as_ref();
            let size = told.field.len()
                + told.description.len()
                + told.reason.len()
                + localized.map_or(0, |text| text.message.len());
            // the first one always fits, because its texts are cut to less than the room
            let Some(rest) = room.checked_sub(size) else {
                break;
            };
            room = rest;
            violations.push(told);
        }
        let omitted = all.iter().len() - violations.len();
        Self {
            violations,
            omitted,
            english: summed_up(
                all,
                MESSAGE_BYTES,
                |one| &one.english,
                |rest| format!("; and {rest} more"),
            ),
            vietnamese: summed_up(
                all,
                LOCALIZED_BYTES,
                |one| &one.vietnamese,
                |rest| format!("; và {rest} lỗi khác"),
            ),
        }
    }
}

/// The violations in one line, as many whole ones as fit. The first one is cut if necessary.
fn summed_up(
    all: &Violations,
    max_bytes: usize,
    text: impl Fn(&Violation) -> &str,
    more: impl Fn(usize) -> String,
) -> String {
    let count = all.iter().len();
    // the note on the omitted violations must fit too
    let room = max_bytes.saturating_sub(more(count).len());
    let mut line = String::new();
    for (told, one) in all.iter().enumerate() {
        let separator = if told == 0 { "" } else { "; " };
        let next = if one.field.is_empty() {
            format!("{separator}{}", text(one))
        } else {
            format!("{separator}`{}`: {}", one.field, text(one))
        };
        if told == 0 {
            line = cut(&next, room);
        } else if line.len() + next.len() <= room {
            line.push_str(&next);
        } else {
            line.push_str(&more(count - told));
            break;
        }
    }
    line
}

/// The text, or as much of its start as fits, with an ellipsis.
fn cut(text: &str, max_bytes: usize) -> String {
    const ELLIPSIS: &str = "…";
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(max_bytes.saturating_sub(ELLIPSIS.len()));
    let kept = text.get(..end).unwrap_or_default();
    format!("{kept}{ELLIPSIS}")
}

// === words ===

/// The type of a resource in the protos.
fn resource_type(noun: &str) -> String {
    match Kind::of_noun(noun) {
        Some(kind) => format!("{DOMAIN}/{}", kind.type_name()),
        None => noun.to_owned(),
    }
}

fn noun_vi(noun: &str) -> &'static str {
    Kind::of_noun(noun).map_or("tài nguyên", Kind::noun_vi)
}

fn unauthenticated_vi(reason: &str) -> &'static str {
    match reason {
        "CREDENTIALS_MISSING" => {
            "phương thức này cần khóa API: hãy gửi metadata `authorization: Bearer <khóa>`"
        }
        "KEY_EXPIRED" => "khóa API đã hết hạn; hãy tạo khóa mới",
        "KEY_REVOKED" => "khóa API đã bị thu hồi; hãy tạo khóa mới",
        "PRINCIPAL_DISABLED" => {
            "chủ thể của khóa API này đã bị vô hiệu hóa; quản trị viên có thể kích hoạt lại"
        }
        _ => "thông tin xác thực không hợp lệ; hãy kiểm tra khóa API",
    }
}

fn unavailable_vi(reason: &str) -> &'static str {
    match reason {
        "OUTCOME_UNKNOWN" => {
            "chưa rõ kết quả: hãy gửi lại với cùng mã yêu cầu (`request_id`) để biết kết quả"
        }
        "REVISION_NOT_REACHED" => {
            "máy chủ này chưa cập nhật đến phiên bản được yêu cầu; hãy thử lại"
        }
        "SHUTTING_DOWN" => "máy chủ đang dừng; hãy thử lại",
        "CLOCK_BEHIND_LOG" => {
            "đồng hồ chậm hơn bản ghi thay đổi mới nhất trên một phút nên tạm thời không ghi thay \
             đổi nào: người vận hành cần chỉnh lại đồng hồ, sau đó hãy thử lại"
        }
        "CLOCK_JUMPED" => {
            "đồng hồ đã thay đổi đột ngột nên tạm thời không ghi thay đổi nào: người vận hành cần \
             chỉnh lại đồng hồ, hoặc khởi động lại máy chủ nếu đồng hồ đã đúng, sau đó hãy thử lại"
        }
        "CREDENTIALS_NOT_CHECKED" => {
            "máy chủ mất kết nối với cơ sở dữ liệu quá lâu nên không kiểm tra được khóa; hãy thử \
             lại, hoặc đọc dữ liệu công khai mà không dùng khóa"
        }
        _ => "tạm thời không kết nối được cơ sở dữ liệu; hãy thử lại",
    }
}

#[cfg(test)]
mod tests;
