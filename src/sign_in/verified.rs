//! Tokens that were verified, by their digests, in bounded memory.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use foldhash::fast::RandomState;
use ndp_core::records::identities::Proof;

use super::TokenDigest;

/// Most tokens in each of the two halves. An entry takes about 300 bytes.
const HALF_MAX: usize = 8192;

/// What is known of a token.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// What it proves.
    pub(super) proof: Arc<Proof>,
    /// The place of its issuer in the list.
    pub(super) issuer: usize,
    /// How often its issuer had withdrawn keys.
    pub(super) withdrawals: u64,
}

/// The tokens. When the newer half is full, the older one is dropped with what was not used since.
#[derive(Default)]
pub(super) struct Verified(Mutex<Halves>);

#[derive(Default)]
struct Halves {
    newer: HashMap<TokenDigest, Known, RandomState>,
    older: HashMap<TokenDigest, Known, RandomState>,
}

impl Halves {
    fn insert(&mut self, digest: TokenDigest, known: Known) {
        if self.newer.len() >= HALF_MAX {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(digest, known);
    }
}

impl Verified {
    pub(super) fn get(&self, digest: &TokenDigest) -> Option<Known> {
        let mut halves = self.halves();
        if let Some(known) = halves.newer.get(digest) {
            return Some(known.clone());
        }
        let known = halves.older.remove(digest)?;
        halves.insert(*digest, known.clone());
        Some(known)
    }

    pub(super) fn insert(&self, digest: TokenDigest, known: Known) {
        self.halves().insert(digest, known);
    }

    fn halves(&self) -> MutexGuard<'_, Halves> {
        // code under this lock does not panic half way
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndp_core::{records::identities::Means, time::Timestamp};

    #[test]
    fn what_is_used_stays_and_the_rest_is_bounded() {
        let verified = Verified::default();
        let digest = |number: usize| {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&(number as u64).to_be_bytes());
            digest
        };
        let known = Known {
            proof: Arc::new(Proof {
                means: Means::Token,
                identities: Vec::new(),
                expire_time: Timestamp::from_micros(0).unwrap(),
            }),
            issuer: 0,
            withdrawals: 0,
        };
        for number in 0..4 * HALF_MAX {
            verified.insert(digest(number), known.clone());
            assert!(verified.get(&digest(0)).is_some(), "{number}");
        }
        assert!(verified.get(&digest(1)).is_none());
        assert!(verified.get(&digest(4 * HALF_MAX - 1)).is_some());
        let halves = verified.halves();
        assert!(halves.newer.len() + halves.older.len() <= 2 * HALF_MAX);
    }
}
