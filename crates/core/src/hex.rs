//! Bytes as lower-case hexadecimal digits.

use std::fmt::Write as _;

/// Reads a digest of 32 bytes, 64 digits.
pub fn read_digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let mut digits = text.bytes().map(|byte| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    });
    for byte in &mut digest {
        *byte = digits.next()?? << 4 | digits.next()??;
    }
    digits.next().is_none().then_some(digest)
}

/// The digits of bytes.
pub fn write(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // writing to a String cannot fail
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
