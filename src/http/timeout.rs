//! The deadline of a call in HTTP/JSON: the header `x-server-timeout`, the system parameter of
//! Google's APIs, in seconds.

use http::{HeaderMap, HeaderName, HeaderValue};
use ndp_core::messages::Rule;

use super::errors::Refusal;
use crate::call::deadline::GRPC_TIMEOUT;
use ndp_core::error::Violation;

static X_SERVER_TIMEOUT: HeaderName = HeaderName::from_static("x-server-timeout");

/// The maximum number of milliseconds in `grpc-timeout`, which has eight digits.
const MILLIS_MAX: u128 = 99_999_999;

/// The most characters that are read.
const TEXT_MAX: usize = 30;

/// Converts the caller's header to `grpc-timeout`. A value of 0 means that the time is over, as in
/// gRPC. A point separates a fraction.
pub(super) fn understand(headers: &mut HeaderMap) -> Result<(), Refusal> {
    let mut lines = headers.get_all(&X_SERVER_TIMEOUT).into_iter();
    let Some(first) = lines.next() else {
        return Ok(());
    };
    let only = lines.next().is_none();
    let millis = first.to_str().ok().filter(|_| only).and_then(millis);
    let time = millis.and_then(|millis| HeaderValue::from_str(&format!("{millis}m")).ok());
    let time = time.ok_or_else(|| {
        Refusal::malformed(Violation::new(X_SERVER_TIMEOUT.as_str(), Rule::SecondsMalformed).into())
    })?;
    headers.remove(&X_SERVER_TIMEOUT);
    headers.insert(&GRPC_TIMEOUT, time);
    Ok(())
}

/// Whole milliseconds; at least one if the time is not 0.
fn millis(text: &str) -> Option<u128> {
    let text = text.trim();
    let (seconds, part) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some((seconds, part)) => (seconds, part),
        None => (text, ""),
    };
    let digits = |text: &str| text.bytes().all(|it| it.is_ascii_digit());
    if seconds.is_empty() || text.len() > TEXT_MAX || !digits(seconds) || !digits(part) {
        return None;
    }
    let seconds: u128 = seconds.parse().ok()?;
    let thousandths: u128 = format!("{part:0<3}").get(..3)?.parse().ok()?;
    let millis = seconds * 1000 + thousandths;
    let is_over = millis == 0 && part.bytes().all(|it| it == b'0');
    Some(if is_over {
        0
    } else {
        millis.clamp(1, MILLIS_MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_a_point_or_none() {
        for (text, expected) in [
            ("2", Some(2000)),
            (" 2 ", Some(2000)),
            ("2.5", Some(2500)),
            ("0.0501", Some(50)),
            ("0.0001", Some(1)),
            ("0", Some(0)),
            ("0.000", Some(0)),
            ("007", Some(7000)),
            ("99999999999", Some(MILLIS_MAX)),
            ("2,5", None),
            ("abc", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("inf", None),
            ("NaN", None),
            ("", None),
            (".5", None),
            ("5.", None),
            ("1.2.3", None),
            ("2s", None),
            ("1 2", None),
            ("999999999999999999999999999999999999999999", None),
        ] {
            assert_eq!(millis(text), expected, "{text}");
        }
    }
}
