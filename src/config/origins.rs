//! Web origins as a person writes them, in the form in which a browser sends them: the two are
//! compared byte by byte.

use http::HeaderValue;
use url::Url;

/// Reads a list of origins, with commas between them.
pub(super) fn origins(text: &str) -> Result<Vec<HeaderValue>, String> {
    let mut origins = Vec::new();
    for one in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        let origin = origin(one).map_err(|problem| {
            format!(
                "`{one}` {problem}; write an origin, as https://dashboard.example or \
                 http://127.0.0.1:8080"
            )
        })?;
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    Ok(origins)
}

/// Reads the origin of the server itself. Cookies of a sign-in are sent over https only.
pub(super) fn public_url(text: &str) -> Result<Option<HeaderValue>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = origin(text).and_then(|origin| match origin.as_bytes().starts_with(b"https:") {
        true => Ok(Some(origin)),
        false => Err("is not https"),
    });
    read.map_err(|problem| {
        format!("`{text}` {problem}; write an origin with https, as https://registry.example")
    })
}

/// Lower case, a host of other letters in its ASCII form, no port where it is the scheme's own
/// (the serialisation of an origin in the HTML standard).
fn origin(text: &str) -> Result<HeaderValue, &'static str> {
    if text.eq_ignore_ascii_case("null") {
        return Err("stands for every page without an origin, and cannot be let in");
    }
    if text.contains('*') {
        return Err("has a wildcard, and every site has to be named");
    }
    let (scheme, rest) = text.split_once("://").ok_or("has no scheme")?;
    if !["http", "https"]
        .iter()
        .any(|it| scheme.eq_ignore_ascii_case(it))
    {
        return Err("is neither http nor https");
    }
    if rest.contains('@') {
        return Err("has a user");
    }
    if rest.contains(['/', '\\']) {
        return Err("has a path");
    }
    if rest.contains(['?', '#']) {
        return Err("has a query or a fragment");
    }
    if rest.contains(|it: char| it.is_whitespace() || it.is_control()) {
        return Err("has a space");
    }
    let url = Url::parse(text).map_err(|_| "has no host, or one that is malformed")?;
    let origin = url.origin().ascii_serialization();
    HeaderValue::from_str(&origin).map_err(|_| "has a host that is malformed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_send_them() {
        for (text, expected) in [
            ("https://dashboard.example", "https://dashboard.example"),
            ("HTTPS://Dashboard.Example", "https://dashboard.example"),
            ("https://a.vn:443", "https://a.vn"),
            ("http://a.vn:80", "http://a.vn"),
            ("http://a.vn:443", "http://a.vn:443"),
            ("https://a.vn:", "https://a.vn"),
            ("https://a.vn:08443", "https://a.vn:8443"),
            ("https://bộ.vn", "https://xn--b-8xm.vn"),
            ("https://BỘ.vn", "https://xn--b-8xm.vn"),
            // the same letters decomposed
            ("https://bo\u{323}\u{302}.vn", "https://xn--b-8xm.vn"),
            ("https://xn--b-8xm.vn", "https://xn--b-8xm.vn"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://[0:0::1]", "http://[::1]"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://localhost", "http://localhost"),
            (" https://a.vn , https://A.vn:443 ", "https://a.vn"),
            ("https://a.vn,http://b.vn", "https://a.vn http://b.vn"),
            ("", ""),
        ] {
            let read = origins(text).unwrap();
            let read: Vec<_> = read.iter().map(|it| it.to_str().unwrap()).collect();
            assert_eq!(read.join(" "), expected, "{text}");
        }
    }

    #[test]
    fn what_no_browser_sends_is_refused_with_the_reason() {
        for (text, reason) in [
            ("null", "without an origin"),
            ("*", "wildcard"),
            ("https://*.a.vn", "wildcard"),
            ("a.vn", "no scheme"),
            ("file:///page", "neither http"),
            ("ftp://a.vn", "neither http"),
            ("https://a.vn/", "path"),
            ("https://a.vn/page", "path"),
            ("https://a.vn\\page", "path"),
            ("https://a.vn?x", "query"),
            ("https://a.vn#x", "fragment"),
            ("https://user@a.vn", "user"),
            ("https://a .vn", "space"),
            ("https://", "no host"),
            ("https://:443", "no host"),
            ("https://a.vn:99999", "no host"),
            ("https://a.vn:x", "no host"),
            ("https://[::1", "no host"),
        ] {
            let problem = origins(text).unwrap_err();
            assert!(problem.contains(reason), "{text}: {problem}");
            assert!(problem.contains(text), "{text}: {problem}");
        }
    }

    #[test]
    fn the_servers_own_origin_has_https() {
        for (text, expected) in [
            ("", Ok(None)),
            (
                "https://Registry.example:443",
                Ok(Some("https://registry.example")),
            ),
            ("https://localhost:8443", Ok(Some("https://localhost:8443"))),
            ("http://localhost", Err(())),
            ("https://registry.example/", Err(())),
            ("registry.example", Err(())),
        ] {
            let read = public_url(text).map_err(drop);
            assert_eq!(
                read,
                expected.map(|it| it.map(HeaderValue::from_static)),
                "{text}"
            );
        }
    }
}
