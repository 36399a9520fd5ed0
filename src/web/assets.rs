//! The files that pages refer to: one style, one script and one icon, within the program.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::Full;
use sha2::{Digest as _, Sha256};
use tonic::body::Body;

use crate::http::harden;
use ndp_core::hex;

/// A file within the program, with its path and its content type.
#[derive(Debug)]
pub struct Asset {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset {
        path: "assets/dashboard.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("assets/dashboard.css"),
    },
    Asset {
        path: "assets/dashboard.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/dashboard.js"),
    },
    Asset {
        path: "assets/icon.svg",
        kind: "image/svg+xml",
        text: include_str!("assets/icon.svg"),
    },
];

/// A digest of all files. It is part of their addresses, so that browsers may keep them.
pub(super) fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let mut hash = Sha256::new();
        ASSETS.iter().for_each(|it| hash.update(it.text.as_bytes()));
        let digest: [u8; 32] = hash.finalize().into();
        let mut digest = hex::write(&digest);
        digest.truncate(12);
        digest
    });
    &VERSION
}

/// The file at a path without its slash.
pub(super) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|it| it.path == path)
}

impl Asset {
    pub(super) fn response(&self) -> Response<Body> {
        let text = Bytes::from_static(self.text.as_bytes());
        let mut response = Response::new(Body::new(Full::new(text)));
        let headers = response.headers_mut();
        harden(headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
        headers.insert(CACHE_CONTROL, kept);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{about, changes::EFFECTS_PRINTED, parts::COLUMN_ITEMS_PRINTED, work},
        *,
    };

    /// What a page says is left out on paper, the style sheet leaves out.
    #[test]
    fn pages_know_how_much_of_a_list_is_printed() {
        let style = find("assets/dashboard.css").unwrap().text;
        for rule in [
            format!(".work li:nth-child(n+{}),", work::PRINTED + 1),
            format!(".columns li:nth-child(n+{}),", COLUMN_ITEMS_PRINTED + 1),
            // a term and its description each
            format!("dl.long > :nth-child(n+{}),", 2 * about::PRINTED + 1),
            format!(", {} {{", [".effect"; EFFECTS_PRINTED + 1].join(" ~ ")),
        ] {
            assert!(style.contains(&rule), "{rule}");
        }
    }
}
