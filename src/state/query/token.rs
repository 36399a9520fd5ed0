//! Page tokens: a cursor that its caller can hand back but not read the meaning of, nor change,
//! nor use with other arguments.
//!
//! base64url of version, cursor as JSON and 16 bytes of HMAC-SHA-256 over version, binding and
//! cursor. The binding says which request the cursor belongs to; it is not sent. The key is the
//! database's, so that every replica opens what another has sealed.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::page::Cursor;
use crate::domain::error::Error;

/// Longest token: orderable texts are names and symbols, of which several fit.
pub const MAX_BYTES: usize = 16_384;

/// Written into each token; another layout gets another number.
const VERSION: u8 = 1;

/// Half of the digest: nobody guesses 128 bits, and tokens stay short.
const TAG_BYTES: usize = 16;

/// The secret that page tokens are sealed with.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// From the 32 random bytes the store keeps.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn mac(&self, binding: &[u8], cursor: &[u8]) -> Hmac<Sha256> {
        // a key shorter than a block is filled with zeros, by the definition of HMAC
        let mut block = [0; 64];
        for (filled, byte) in block.iter_mut().zip(self.0) {
            *filled = byte;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(&[VERSION]);
        mac.update(&(binding.len() as u64).to_be_bytes());
        mac.update(binding);
        mac.update(cursor);
        mac
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

/// What a token is bound to: the method and every argument but the page token and page size, each
/// with its length, so that no two requests give the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding(Vec<u8>);

impl Binding {
    /// A binding to a method, as `ListPlatforms`.
    pub fn new(method: &str) -> Self {
        Self(Vec::new()).with(method)
    }

    /// Adds an argument; all callers of one method add the same ones in the same order.
    #[must_use]
    pub fn with(mut self, argument: impl AsRef<[u8]>) -> Self {
        let argument = argument.as_ref();
        self.0.extend((argument.len() as u64).to_be_bytes());
        self.0.extend(argument);
        self
    }

    /// The bytes to seal with.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The token of a cursor.
pub fn seal(key: &TokenKey, binding: &[u8], cursor: &Cursor) -> String {
    // strings, numbers and lists of them: writing them as JSON cannot fail
    let cursor = serde_json::to_vec(cursor).unwrap_or_default();
    let tag = key.mac(binding, &cursor).finalize().into_bytes();
    let mut token = Vec::with_capacity(1 + cursor.len() + TAG_BYTES);
    token.push(VERSION);
    token.extend(&cursor);
    token.extend(tag.iter().take(TAG_BYTES));
    URL_SAFE_NO_PAD.encode(token)
}

/// The cursor of a token that was sealed with the same key and binding.
pub fn open(key: &TokenKey, binding: &[u8], token: &str) -> Result<Cursor, Error> {
    let read = || {
        if token.len() > MAX_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (version, rest) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let (cursor, tag) = rest.split_at_checked(rest.len().checked_sub(TAG_BYTES)?)?;
        key.mac(binding, cursor).verify_truncated_left(tag).ok()?;
        serde_json::from_slice(cursor).ok()
    };
    read().ok_or_else(|| {
        Error::invalid(
            "page_token",
            "PAGE_TOKEN_INVALID",
            "malformed, or given out for other arguments; repeat the arguments of the first \
             page, or start again without a token",
            "sai dạng, hoặc được cấp cho các tham số khác; hãy giữ nguyên các tham số của trang \
             đầu, hoặc bắt đầu lại không kèm mã trang",
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::time::{Date, Timestamp},
        state::query::schema::Constant,
    };

    const KEY: TokenKey = TokenKey::new([7; 32]);

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
    fn bindings_tell_arguments_apart() {
        let binding = Binding::new("ListPlatforms");
        assert_ne!(
            binding.clone().with("ab").with("c"),
            binding.clone().with("a").with("bc")
        );
        assert_ne!(binding.clone().with(""), binding);
    }

    #[test]
    fn the_layout_stays() {
        let cursor = Cursor {
            values: vec![Some(Constant::Text("Đất đai".into())), None],
            name: "platforms/a".into(),
        };
        let json = serde_json::to_string(&cursor).unwrap();
        assert_eq!(json, r#"{"v":[{"s":"Đất đai"},null],"n":"platforms/a"}"#);
        assert!(seal(&KEY, b"", &cursor).starts_with("AXsidiI6"));
    }

    #[test]
    fn every_bit_counts() {
        let cursor = Cursor {
            values: vec![],
            name: "a".into(),
        };
        let sealed = URL_SAFE_NO_PAD.decode(seal(&KEY, b"x", &cursor)).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&KEY, b"x", &URL_SAFE_NO_PAD.encode(flipped)).is_err());
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(cursor in cursors(), binding in any::<Vec<u8>>()) {
            let token = seal(&KEY, &binding, &cursor);
            prop_assert_eq!(open(&KEY, &binding, &token).unwrap(), cursor);
        }

        #[test]
        fn another_key_or_binding_refuses(
            cursor in cursors(),
            a in "[a-c]{0,3}",
            b in "[a-c]{0,3}",
        ) {
            let token = seal(&KEY, a.as_bytes(), &cursor);
            prop_assert_eq!(open(&KEY, b.as_bytes(), &token).is_ok(), a == b);
            prop_assert!(open(&TokenKey::new([8; 32]), a.as_bytes(), &token).is_err());
        }

        #[test]
        fn any_flipped_bit_is_refused(cursor in cursors(), bit in any::<prop::sample::Index>()) {
            let token = seal(&KEY, b"x", &cursor);
            let mut sealed = URL_SAFE_NO_PAD.decode(&token).unwrap();
            let at = bit.index(sealed.len() * 8);
            sealed[at / 8] ^= 1 << (at % 8);
            prop_assert!(open(&KEY, b"x", &URL_SAFE_NO_PAD.encode(sealed)).is_err());

            let mut written = token.clone().into_bytes();
            let at = bit.index(written.len() * 7);
            written[at / 7] ^= 1 << (at % 7);
            prop_assert!(open(&KEY, b"x", std::str::from_utf8(&written).unwrap()).is_err());

            let kept = bit.index(token.len());
            prop_assert!(open(&KEY, b"x", token.get(..kept).unwrap()).is_err());
        }

        #[test]
        fn any_text_is_answered(token in any::<String>()) {
            prop_assert!(open(&KEY, b"", &token).is_err());
        }
    }
}
