//! Page tokens: a cursor that the caller can send back, but cannot change or use with other
//! arguments, or in a log that does not hold the page before.
//!
//! A token is base64url of version, position, marks, cursor as JSON and 16 bytes of HMAC-SHA-256
//! over version, binding, position and cursor. The position is the point of the log that the page
//! before was read at. The binding identifies the request that the cursor belongs to; the token
//! does not contain it. The token contains a mark of the position, so that it can be trusted before
//! the arguments are known, and of each argument, so that an error can say which argument differs.
//! The key is stored in the database, so that every replica opens the tokens of the others.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::{error::Error, mac, messages::Rule, position::Position, query::page::Cursor};

/// Written into each token; another layout gets another number.
const VERSION: u8 = 3;

/// Half of the digest: 128 bits cannot be guessed, and tokens stay short.
const TAG_BYTES: usize = 16;

/// Bytes of a mark. The tag decides whether a token is valid; a mark only refuses it earlier or in
/// other words.
const MARK_BYTES: usize = 4;

/// The name under which the position is marked. No argument has it.
const POSITION: &str = "ndp-position";

/// Where the marks of the arguments begin: after version, position and the position's mark.
const MARKS_AT: usize = 1 + Position::BYTES + MARK_BYTES;

/// The secret that page tokens are sealed with.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// From the 32 random bytes the store keeps.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn empty_mac(&self) -> Hmac<Sha256> {
        mac::keyed(self.0)
    }

    fn mac(&self, binding: &Binding, marked_cursor: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.empty_mac();
        mac.update(&[VERSION]);
        mac.update(&(binding.arguments.len() as u64).to_be_bytes());
        for (_, value) in &binding.arguments {
            mac.update(&(value.len() as u64).to_be_bytes());
            mac.update(value);
        }
        mac.update(marked_cursor);
        mac
    }

    /// The mark of an argument or of the position; no version is 0, so it is the MAC of nothing
    /// else.
    fn mark(&self, name: &str, value: &[u8]) -> [u8; MARK_BYTES] {
        let mut mac = self.empty_mac();
        mac.update(&[0]);
        mac.update(&(name.len() as u64).to_be_bytes());
        mac.update(name.as_bytes());
        mac.update(value);
        let mut mark = [0; MARK_BYTES];
        for (byte, digest) in mark.iter_mut().zip(mac.finalize().into_bytes()) {
            *byte = digest;
        }
        mark
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

/// What a token is bound to: the method and every argument but the page token and page size, and
/// the position that the page is read at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    position: Position,
    /// Each with the name that a request has for it, the method first.
    arguments: Vec<(&'static str, Vec<u8>)>,
}

impl Binding {
    /// A binding to a method, as `ListPlatforms`, whose page is read at a position.
    pub fn new(method: &str, position: Position) -> Self {
        Self {
            position,
            arguments: vec![("", method.as_bytes().to_vec())],
        }
    }

    /// Adds an argument; all callers of one method add the same ones in the same order.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.arguments.push((name, value.as_ref().to_vec()));
        self
    }
}

/// The token of a cursor.
pub fn seal(key: &TokenKey, binding: &Binding, cursor: &Cursor) -> String {
    let position = binding.position.to_bytes();
    let mut token = vec![VERSION];
    token.extend(position);
    token.extend(key.mark(POSITION, &position));
    for (name, value) in &binding.arguments {
        token.extend(key.mark(name, value));
    }
    // strings, numbers and lists of them: writing them as JSON cannot fail
    token.extend(serde_json::to_vec(cursor).unwrap_or_default());
    let sealed = token.get(1..).unwrap_or_default();
    let tag = key.mac(binding, sealed).finalize().into_bytes();
    token.extend(tag.iter().take(TAG_BYTES));
    URL_SAFE_NO_PAD.encode(token)
}

/// The position that the page before was read at. Refuses a token of another log than this one,
/// which a restored backup makes: that log has another key.
pub fn position(key: &TokenKey, log_id: Uuid, token: &str) -> Result<Position, Error> {
    let bytes = decode(token)?;
    let parts = || {
        let (_, rest) = bytes.split_first().filter(|(it, _)| **it == VERSION)?;
        let (position, rest) = rest.split_first_chunk()?;
        let mark = rest.first_chunk()?;
        Some((
            Position::from_bytes(position)?,
            key.mark(POSITION, position) == *mark,
        ))
    };
    match parts() {
        Some((position, _)) if position.log_id != log_id => Err(position.diverged()),
        Some((position, true)) => Ok(position),
        Some((_, false)) | None => Err(malformed()),
    }
}

fn decode(token: &str) -> Result<Vec<u8>, Error> {
    URL_SAFE_NO_PAD.decode(token).map_err(|_| malformed())
}

/// The cursor of a token that was sealed with the same key and arguments, at any position.
fn open(key: &TokenKey, binding: &Binding, token: &str) -> Result<Cursor, Error> {
    let bytes = decode(token)?;
    let cursor = |bytes: &[u8]| {
        let (_, rest) = bytes.split_first().filter(|(it, _)| **it == VERSION)?;
        let (sealed, tag) = rest.split_at_checked(rest.len().checked_sub(TAG_BYTES)?)?;
        key.mac(binding, sealed).verify_truncated_left(tag).ok()?;
        // `sealed` is without the version
        let marks = binding.arguments.len() * MARK_BYTES;
        let cursor = sealed.get(MARKS_AT - 1 + marks..)?;
        serde_json::from_slice(cursor).ok()
    };
    cursor(&bytes).ok_or_else(|| not_of(key, binding, &bytes))
}

/// The place that the page before ended at. `None` for the first page, whose token is empty.
pub fn after(key: &TokenKey, binding: &Binding, page_token: &str) -> Result<Option<Cursor>, Error> {
    if page_token.is_empty() {
        return Ok(None);
    }
    open(key, binding, page_token).map(Some)
}

/// The error for a token that does not open. It names the arguments that differ from those of the
/// first page.
fn not_of(key: &TokenKey, binding: &Binding, bytes: &[u8]) -> Error {
    let marks = bytes.get(MARKS_AT..).unwrap_or_default();
    let marks = marks.chunks_exact(MARK_BYTES);
    let mut changed = Vec::new();
    for ((name, value), mark) in binding.arguments.iter().zip(marks) {
        if key.mark(name, value) != mark {
            changed.push(*name);
        }
    }
    // the empty name is the method: the token is of another method or registry, or not a token
    if changed.is_empty() || changed.contains(&"") {
        return malformed();
    }
    let names: Vec<_> = changed.iter().map(|name| format!("`{name}`")).collect();
    let names = names.join(", ");
    Error::invalid("page_token", Rule::PageTokenOfOthers { names })
}

fn malformed() -> Error {
    Error::invalid("page_token", Rule::PageTokenMalformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        names::Revision,
        query::schema::Constant,
        time::{Date, Timestamp},
    };

    const KEY: TokenKey = TokenKey::new([7; 32]);

    const LOG: Uuid = Uuid::from_u128(0xab);

    fn place() -> Position {
        Position::new(LOG, Revision::new(42).unwrap(), &[7; 32])
    }

    fn binding(argument: impl AsRef<[u8]>) -> Binding {
        Binding::new("ListPlatforms", place()).with("filter", argument)
    }

    fn cursors() -> impl Strategy<Value = Cursor> {
        let value = prop_oneof![
            any::<String>().prop_map(Constant::Text),
            any::<i64>().prop_map(Constant::Integer),
            any::<bool>().prop_map(Constant::Boolean),
            (1900..2200).prop_map(|year| Constant::Date(Date::new(year, 2, 3).unwrap())),
            any::<i32>().prop_map(|micros| {
                Constant::Timestamp(Timestamp::from_micros(micros.into()).unwrap())
            }),
        ];
        (
            prop::collection::vec(prop::option::of(value), 0..4),
            any::<String>(),
        )
            .prop_map(|(values, name)| Cursor { values, name })
    }

    #[test]
    fn a_refusal_names_the_arguments_that_changed() {
        let cursor = Cursor {
            values: vec![],
            name: "a".into(),
        };
        let first = |filter, order| binding(filter).with("order_by", order);
        let token = seal(&KEY, &first("a", "name"), &cursor);
        let message = |binding: &Binding| match open(&KEY, binding, &token) {
            Err(Error::Invalid(violations)) => violations.iter().next().unwrap().rule.english(),
            other => panic!("{other:?}"),
        };
        assert!(message(&first("b", "name")).contains("another value of `filter`;"));
        assert!(message(&first("b", "level")).contains("another value of `filter`, `order_by`;"));
        assert!(message(&first("ana", "me")).contains("another value of `filter`, `order_by`;"));
        let other = Binding::new("ListPlans", place()).with("filter", "a");
        assert!(message(&other.with("order_by", "name")).contains("this method"));
        assert!(message(&binding("a")).contains("this method"));
    }

    #[test]
    fn the_layout_stays() {
        let cursor = Cursor {
            values: vec![Some(Constant::Text("Đất đai".into())), None],
            name: "platforms/a".into(),
        };
        let json = serde_json::to_string(&cursor).unwrap();
        assert_eq!(json, r#"{"v":[{"s":"Đất đai"},null],"n":"platforms/a"}"#);
        let token = seal(&KEY, &binding(""), &cursor);
        let token = URL_SAFE_NO_PAD.decode(token).unwrap();
        assert_eq!(token[0], 3);
        assert_eq!(token[1..33], place().to_bytes());
        // behind the marks of the position, the method and one argument
        assert_eq!(&token[45..token.len() - 16], json.as_bytes());
    }

    #[test]
    fn a_token_says_where_its_page_was_read() {
        let cursor = Cursor {
            values: vec![],
            name: "a".into(),
        };
        let token = seal(&KEY, &binding("x"), &cursor);
        assert_eq!(position(&KEY, LOG, &token).unwrap(), place());
        let reason = |result: Result<Position, Error>| match result {
            Err(Error::Refused(refusal)) => refusal.condition.reason().name(),
            Err(Error::Invalid(_)) => "PAGE_TOKEN_INVALID",
            other => panic!("{other:?}"),
        };
        // a restored log has another id, and another key
        for key in [KEY, TokenKey::new([8; 32])] {
            let result = position(&key, Uuid::from_u128(0xcd), &token);
            assert_eq!(reason(result), "LOG_DIVERGED");
        }
        let result = position(&TokenKey::new([8; 32]), LOG, &token);
        assert_eq!(reason(result), "PAGE_TOKEN_INVALID");
        for short in ["", "Aw", &token[..48]] {
            assert_eq!(
                reason(position(&KEY, LOG, short)),
                "PAGE_TOKEN_INVALID",
                "{short}"
            );
        }
        // all of the position and its mark
        let token = URL_SAFE_NO_PAD.decode(token).unwrap();
        for bit in 0..8 * MARKS_AT {
            let mut flipped = token.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let result = position(&KEY, LOG, &URL_SAFE_NO_PAD.encode(flipped));
            let expected = match bit / 8 {
                1..17 => "LOG_DIVERGED",
                _ => "PAGE_TOKEN_INVALID",
            };
            assert_eq!(reason(result), expected, "{bit}");
        }
    }

    #[test]
    fn every_bit_counts() {
        let cursor = Cursor {
            values: vec![],
            name: "a".into(),
        };
        let sealed = URL_SAFE_NO_PAD
            .decode(seal(&KEY, &binding("x"), &cursor))
            .unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&KEY, &binding("x"), &URL_SAFE_NO_PAD.encode(flipped)).is_err());
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(cursor in cursors(), argument in any::<Vec<u8>>()) {
            let binding = binding(argument);
            let token = seal(&KEY, &binding, &cursor);
            prop_assert_eq!(open(&KEY, &binding, &token).unwrap(), cursor);
        }

        #[test]
        fn another_key_or_binding_refuses(
            cursor in cursors(),
            a in "[a-c]{0,3}",
            b in "[a-c]{0,3}",
        ) {
            let token = seal(&KEY, &binding(&a), &cursor);
            prop_assert_eq!(open(&KEY, &binding(&b), &token).is_ok(), a == b);
            prop_assert!(open(&TokenKey::new([8; 32]), &binding(&a), &token).is_err());
        }

        #[test]
        fn any_flipped_bit_is_refused(cursor in cursors(), bit in any::<prop::sample::Index>()) {
            let token = seal(&KEY, &binding("x"), &cursor);
            let mut sealed = URL_SAFE_NO_PAD.decode(&token).unwrap();
            let at = bit.index(sealed.len() * 8);
            sealed[at / 8] ^= 1 << (at % 8);
            prop_assert!(open(&KEY, &binding("x"), &URL_SAFE_NO_PAD.encode(sealed)).is_err());

            let mut written = token.clone().into_bytes();
            let at = bit.index(written.len() * 7);
            written[at / 7] ^= 1 << (at % 7);
            let written = std::str::from_utf8(&written).unwrap();
            prop_assert!(open(&KEY, &binding("x"), written).is_err());

            let kept = bit.index(token.len());
            prop_assert!(open(&KEY, &binding("x"), token.get(..kept).unwrap()).is_err());
        }

        #[test]
        fn any_text_is_answered(token in any::<String>()) {
            prop_assert!(open(&KEY, &binding(""), &token).is_err());
        }
    }
}
