//! The language of an error's message: Vietnamese for a caller that asks for it with
//! `accept-language` (RFC 9110 §12.5.4), else English. The details have both either way.

use http::{HeaderMap, Response, header::ACCEPT_LANGUAGE};
use http_body_util::BodyExt as _;
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;

use super::VIETNAMESE;

/// Whether the caller prefers Vietnamese to English: by weight, else by what is named first.
pub fn prefers_vietnamese(headers: &HeaderMap) -> bool {
    let mut preferred = ("en", 0.0);
    for line in headers.get_all(ACCEPT_LANGUAGE) {
        for range in line.to_str().unwrap_or_default().split(',') {
            let (tag, weight) = weighted(range);
            let language = tag.split('-').next().unwrap_or_default();
            for known in [VIETNAMESE, "en"] {
                if language.eq_ignore_ascii_case(known) && weight > preferred.1 {
                    preferred = (known, weight);
                }
            }
        }
    }
    preferred.0 == VIETNAMESE
}

/// A range and its weight, as `vi;q=0.8`.
fn weighted(range: &str) -> (&str, f32) {
    let (tag, rest) = range.split_once(';').unwrap_or((range, ""));
    let weight = rest.trim().strip_prefix("q=").map(str::parse);
    (tag.trim(), weight.map_or(1.0, |it| it.unwrap_or(0.0)))
}

/// The same error with its Vietnamese message first, if it has one.
pub fn in_vietnamese(status: &Status) -> Status {
    let details = status.get_error_details();
    let localized = details.localized_message();
    let Some(text) = localized.filter(|it| it.locale == VIETNAMESE) else {
        return status.clone();
    };
    let (text, metadata) = (text.message.clone(), status.metadata().clone());
    Status::with_error_details_and_metadata(status.code(), text, details, metadata)
}

/// The response with the messages of its errors in Vietnamese, in its headers or its trailers.
pub fn answer_in_vietnamese(mut response: Response<Body>) -> Response<Body> {
    translate(response.headers_mut());
    response.map(|body| {
        Body::new(body.map_frame(|frame| match frame.into_trailers() {
            Ok(mut trailers) => {
                translate(&mut trailers);
                http_body::Frame::trailers(trailers)
            }
            Err(frame) => frame,
        }))
    })
}

fn translate(headers: &mut HeaderMap) {
    let Some(status) = Status::from_header_map(headers) else {
        return;
    };
    if status.code() != Code::Ok {
        // a header that cannot be written leaves the English one
        let _ = in_vietnamese(&status).add_header(headers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vietnamese_is_answered_where_it_is_preferred() {
        for (asked, vietnamese) in [
            (&[][..], false),
            (&["vi"][..], true),
            (&["vi-VN"], true),
            (&["VI"], true),
            (&["vi-VN,vi;q=0.9,en-US;q=0.8,en;q=0.7"], true),
            (&["en-US,en;q=0.9,vi;q=0.8"], false),
            (&["en, vi"], false),
            (&["vi, en"], true),
            (&["fr", "vi;q=0.5"], true),
            (&["vi;q=0"], false),
            (&["vi;q=much"], false),
            (&["*"], false),
            (&["vietnamese"], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in asked {
                headers.append(ACCEPT_LANGUAGE, line.parse().unwrap());
            }
            assert_eq!(prefers_vietnamese(&headers), vietnamese, "{asked:?}");
        }
    }
}
