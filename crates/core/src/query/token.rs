//! Page tokens: a cursor that the caller can send back, but cannot change or use with other
//! arguments.
//!
//! A token is base64url of version, marks, cursor as JSON and 16 bytes of HMAC-SHA-256 over
//! version, binding and cursor. The binding identifies the request that the cursor belongs to; the
//! token does not contain it. The token contains a mark of each argument, so that an error can say
//! which argument differs. The key is stored in the database, so that every replica opens the
//! tokens of the others.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::messages::Rule;
use crate::{error::Error, query::page::Cursor};
/// Longest token: orderable texts are names and symbols, of which several fit.
pub const MAX_BYTES: usize = 16_384;

/// Written into each token; another layout gets another number.
const VERSION: u8 = 2;

/// Half of the digest: 128 bits cannot be guessed, and tokens stay short.
const TAG_BYTES: usize = 16;

/// Bytes of an argument's mark, which is used only for the text of an error.
const MARK_BYTES: usize = 4;

/// The secret that page tokens are sealed with.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// From the 32 random bytes the store keeps.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn empty_mac(&self) -> Hmac<Sha256> {
        // a key shorter than a block is filled with zeros, by the definition of HMAC
        let mut block = [0; 64];
        for (filled, byte) in block.iter_mut().zip(self.0) {
            *filled = byte;
        }
        Hmac::<Sha256>::new(&block.into())
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

    /// The mark of an argument; no version is 0, so it is the MAC of nothing else.
    fn mark(&self, (name, value): &(&'static str, Vec<u8>)) -> [u8; MARK_BYTES] {
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

/// What a token is bound to: the method and every argument but the page token and page size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Each with the name that a request has for it, the method first.
    arguments: Vec<(&'static str, Vec<u8>)>,
}

impl Binding {
    /// A binding to a method, as `ListPlatforms`.
    pub fn new(method: &str) -> Self {
        let arguments = vec![("", method.as_bytes().to_vec())];
        Self { arguments }
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
    let mut token = vec![VERSION];
    for argument in &binding.arguments {
        token.extend(key.mark(argument));
    }
    // strings, numbers and lists of them: writing them as JSON cannot fail
    token.extend(serde_json::to_vec(cursor).unwrap_or_default());
    let sealed = token.get(1..).unwrap_or_default();
    let tag = key.mac(binding, sealed).finalize().into_bytes();
    token.extend(tag.iter().take(TAG_BYTES));
    URL_SAFE_NO_PAD.encode(token)
}

/// The cursor of a token that was sealed with the same key and binding.
pub fn open(key: &TokenKey, binding: &Binding, token: &str) -> Result<Cursor, Error> {
    if token.len() > MAX_BYTES {
        return Err(malformed());
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| malformed())?;
    let cursor = |bytes: &[u8]| {
        let (_, rest) = bytes.split_first().filter(|(it, _)| **it == VERSION)?;
        let (sealed, tag) = rest.split_at_checked(rest.len().checked_sub(TAG_BYTES)?)?;
        key.mac(binding, sealed).verify_truncated_left(tag).ok()?;
        let cursor = sealed.get(binding.arguments.len() * MARK_BYTES..)?;
        serde_json::from_slice(cursor).ok()
    };
    cursor(&bytes).ok_or_else(|| not_of(key, binding, &bytes))
}

/// The error for a token that does not open. It names the arguments that differ from those of the
/// first page.
fn not_of(key: &TokenKey, binding: &Binding, bytes: &[u8]) -> Error {
    let marks = bytes.get(1..).unwrap_or_default().chunks_exact(MARK_BYTES);
    let mut changed = Vec::new();
    for (argument, mark) in binding.arguments.iter().zip(marks) {
        if key.mark(argument) != mark {
            changed.push(argument.0);
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
        query::schema::Constant,
        time::{Date, Timestamp},
    };

    const KEY: TokenKey = TokenKey::new([7; 32]);

    fn binding(argument: impl AsRef<[u8]>) -> Binding {
        Binding::new("ListPlatforms").with("filter", argument)
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
        let told = |binding: &Binding| match open(&KEY, binding, &token) {
            Err(Error::Invalid(violations)) => violations.iter().next().unwrap().rule.english(),
            other => panic!("{other:?}"),
        };
        assert!(told(&first("b", "name")).contains("another value of `filter`;"));
        assert!(told(&first("b", "level")).contains("another value of `filter`, `order_by`;"));
        assert!(told(&first("ana", "me")).contains("another value of `filter`, `order_by`;"));
        let other = Binding::new("ListPlans").with("filter", "a");
        assert!(told(&other.with("order_by", "name")).contains("this method"));
        assert!(told(&binding("a")).contains("this method"));
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
        assert_eq!(token[0], 2);
        // behind the marks of the method and of one argument
        assert_eq!(&token[9..token.len() - 16], json.as_bytes());
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
