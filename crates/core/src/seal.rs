//! Texts that a client keeps for the registry and sends back, such as cookies. A key proves that a
//! text is unchanged and was sealed for the same purpose. The client can read it.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::mac;

/// Bytes of the MAC before the content.
const TAG_BYTES: usize = 32;

/// The secret that texts are sealed with.
#[derive(Clone, PartialEq, Eq)]
pub struct SealKey([u8; 32]);

impl SealKey {
    /// From the 32 random bytes the store keeps.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A text with this content, which opens for this purpose only: letters, digits, `-` and `_`.
    pub fn seal(&self, purpose: &str, content: &[u8]) -> String {
        let mut sealed = self.mac(purpose, content).finalize().into_bytes().to_vec();
        sealed.extend(content);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The content of a text that was sealed with this key for this purpose.
    pub fn open(&self, purpose: &str, text: &str) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (tag, content) = sealed.split_at_checked(TAG_BYTES)?;
        self.mac(purpose, content).verify_slice(tag).ok()?;
        Some(content.to_vec())
    }

    /// A secret that follows from a content, 43 characters long. Computing it needs the key.
    pub fn derive(&self, purpose: &str, content: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(purpose, content).finalize().into_bytes())
    }

    /// Whether a text is the secret that follows from a content, compared in constant time.
    pub fn derives(&self, purpose: &str, content: &[u8], text: &str) -> bool {
        let secret = URL_SAFE_NO_PAD.decode(text);
        secret.is_ok_and(|it| self.mac(purpose, content).verify_slice(&it).is_ok())
    }

    fn mac(&self, purpose: &str, content: &[u8]) -> Hmac<Sha256> {
        let mut mac = mac::keyed(self.0);
        mac.update(&(purpose.len() as u64).to_be_bytes());
        mac.update(purpose.as_bytes());
        mac.update(content);
        mac
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: SealKey = SealKey::new([7; 32]);

    #[test]
    fn what_is_sealed_opens_for_its_purpose_only() {
        for content in [&b""[..], b"a", &[0; 300]] {
            let text = KEY.seal("ab", content);
            assert_eq!(KEY.open("ab", &text).as_deref(), Some(content));
            for purpose in ["", "a", "b", "abc"] {
                assert_eq!(KEY.open(purpose, &text), None);
            }
            assert_eq!(SealKey::new([8; 32]).open("ab", &text), None);
        }
        // purpose and content do not run into each other
        assert_ne!(KEY.derive("ab", b"c"), KEY.derive("a", b"bc"));
    }

    #[test]
    fn every_bit_counts() {
        let text = KEY.seal("purpose", b"content");
        let sealed = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let flipped = URL_SAFE_NO_PAD.encode(flipped);
            assert_eq!(KEY.open("purpose", &flipped), None, "{bit}");
        }
        for length in 0..text.len() {
            assert_eq!(KEY.open("purpose", &text[..length]), None, "{length}");
        }
    }

    #[test]
    fn a_derived_secret_is_only_itself() {
        let secret = KEY.derive("state", b"of one");
        assert_eq!(secret.len(), 43);
        assert!(KEY.derives("state", b"of one", &secret));
        assert!(!KEY.derives("state", b"of another", &secret));
        assert!(!KEY.derives("nonce", b"of one", &secret));
        assert!(!KEY.derives("state", b"of one", ""));
        assert!(!KEY.derives("state", b"of one", &secret[..20]));
    }
}
