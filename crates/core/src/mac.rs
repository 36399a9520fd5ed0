//! HMAC-SHA-256 with a key of 32 bytes that the store keeps.

use hmac::{Hmac, KeyInit};
use sha2::Sha256;

/// An empty MAC.
pub(crate) fn keyed(key: [u8; 32]) -> Hmac<Sha256> {
    // a key shorter than a block is filled with zeros, by the definition of HMAC
    let mut block = [0; 64];
    for (filled, byte) in block.iter_mut().zip(key) {
        *filled = byte;
    }
    Hmac::<Sha256>::new(&block.into())
}
