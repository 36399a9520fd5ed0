//! What a piece of text is: a UUID, a URI. Pure functions over `&str`.

use std::net::Ipv6Addr;

/// Whether this is a UUID of any version in its usual form: 8-4-4-4-12 hexadecimal digits.
pub(super) fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether this is a URI of RFC 3986: a scheme, then authority and path or path alone, then
/// perhaps query and fragment. Non-ASCII letters have to be percent-encoded.
pub(super) fn is_uri(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once(':') else {
        return false;
    };
    if !is_scheme(scheme) {
        return false;
    }
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (hier_part, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path_is_valid = match hier_part.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = match rest.find('/') {
                Some(slash) => rest.split_at(slash),
                None => (rest, ""),
            };
            is_authority(authority) && made_of(path, b":@/")
        }
        None => made_of(hier_part, b":@/"),
    };
    path_is_valid && made_of(query, b":@/?") && made_of(fragment, b":@/?")
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// `[userinfo@]host[:port]`; the host may be empty, as in `file:///etc`.
fn is_authority(authority: &str) -> bool {
    let (userinfo, host_port) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host_is_valid, port) = match host_port.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, rest)) => (is_ip_literal(address), rest),
            None => return false,
        },
        None => {
            let colon = host_port.find(':').unwrap_or(host_port.len());
            let (host, rest) = host_port.split_at(colon);
            (made_of(host, b"") && is_utf8(host), rest)
        }
    };
    let port_is_valid = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|it| it.is_ascii_digit()),
        None => port.is_empty(),
    };
    host_is_valid && port_is_valid && made_of(userinfo, b":")
}

fn is_ip_literal(address: &str) -> bool {
    // RFC 6874: a zone follows `%25`
    let (ip, zone) = match address.split_once("%25") {
        Some((ip, zone)) => (ip, Some(zone)),
        None => (address, None),
    };
    if ip.parse::<Ipv6Addr>().is_ok() {
        return zone.is_none_or(|zone| !zone.is_empty() && is_unreserved(zone) && is_utf8(zone));
    }
    let Some((version, rest)) = address
        .strip_prefix(['v', 'V'])
        .and_then(|v| v.split_once('.'))
    else {
        return false;
    };
    let hexadecimal = !version.is_empty() && version.bytes().all(|b| b.is_ascii_hexdigit());
    hexadecimal && !rest.is_empty() && !rest.contains('%') && made_of(rest, b":")
}

/// Whether the percent-encoded bytes are UTF-8, as in a host.
fn is_utf8(text: &str) -> bool {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .is_ok()
}

/// Whether the text holds only unreserved characters and percent-encoded bytes.
fn is_unreserved(text: &str) -> bool {
    made_of(text, b"") && !text.bytes().any(|byte| b"!$&'()*+,;=".contains(&byte))
}

/// Whether the text holds only unreserved characters, sub-delimiters, percent-encoded bytes
/// and those of `others`.
fn made_of(text: &str, others: &[u8]) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => {
                let digits = [bytes.next(), bytes.next()];
                digits
                    .iter()
                    .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
            }
            _ => {
                byte.is_ascii_alphanumeric()
                    || b"-._~!$&'()*+,;=".contains(&byte)
                    || others.contains(&byte)
            }
        };
        if !fits {
            return false;
        }
    }
    true
}
