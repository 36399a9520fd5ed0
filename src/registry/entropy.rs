//! Randomness from the operating system: ids, salts and secrets.

use rand::RngExt;

use super::writer::Entropy;
use ndp_core::rules::Ids;

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const CHARACTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A cryptographic generator that the operating system seeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl OsEntropy {
    /// 256 bits for a secret.
    pub fn secret(self) -> [u8; 32] {
        rand::rng().random()
    }
}

impl Ids for OsEntropy {
    fn id(&mut self, length: usize) -> String {
        let mut rng = rand::rng();
        (0..length)
            .map(|place| {
                let from = if place == 0 { LETTERS } else { CHARACTERS };
                let byte = from.get(rng.random_range(0..from.len())).copied();
                char::from(byte.unwrap_or(b'x'))
            })
            .collect()
    }
}

impl Entropy for OsEntropy {
    fn salt(&mut self) -> [u8; 16] {
        rand::rng().random()
    }
}
