//! The digest of a file, by which it is recognised.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use ndp_core::hex;
use sha2::{Digest as _, Sha256};

/// Bytes read at a time.
const BUFFER_BYTES: usize = 64 * 1024;

/// SHA-256 of a file, in hexadecimal digits, and its size.
pub(crate) fn of_file(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut bytes = 0;
    loop {
        let count = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..count).filter(|part| !part.is_empty()) else {
            break;
        };
        hasher.update(part);
        bytes += count as u64;
    }
    Ok((hex::write(&hasher.finalize()), bytes))
}
