//! The time that a call has, by the caller's `grpc-timeout`.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

/// The caller's timeout, as the gRPC specification defines it.
pub static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Maximum wait for a revision. A replica that is further behind is not worth waiting for.
const MIN_REVISION_WAIT: Duration = Duration::from_secs(10);

/// Maximum time reserved for sending the error when the revision is not reached in time.
const HEARD_IN: Duration = Duration::from_millis(200);

/// The caller's remaining time. `None` if the caller names none, or not as specified.
pub fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(&GRPC_TIMEOUT)?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let digits = number.len() <= 8 && number.bytes().all(|it| it.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| digits)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// How long a call may wait for a revision: slightly less than the caller's timeout, so that an
/// error still reaches the caller, and at most `MIN_REVISION_WAIT`.
pub fn patience(headers: &HeaderMap) -> Duration {
    deadline(headers)
        .map_or(MIN_REVISION_WAIT, |time| time - (time / 10).min(HEARD_IN))
        .min(MIN_REVISION_WAIT)
}
