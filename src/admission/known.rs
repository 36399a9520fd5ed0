//! Addresses that lately presented a valid credential: part of the connections is kept for them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::who::Who;

/// How long an address is remembered after its last connection with a valid credential.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// Addresses that are remembered; those of more ministries than there are.
const ADDRESSES_MAX: usize = 4096;

/// The addresses; clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Known(Arc<Mutex<HashMap<Who, Instant>>>);

impl Known {
    /// A valid credential came from this address.
    pub fn note(&self, address: &Who) {
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ADDRESSES_MAX && !known.contains_key(address) {
            known.retain(|_, noted| now - *noted < REMEMBERED);
        }
        if known.len() < ADDRESSES_MAX || known.contains_key(address) {
            known.insert(address.clone(), now);
        }
    }

    /// Whether one came lately.
    pub fn has(&self, address: &Who) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = known.get(address);
        noted.is_some_and(|noted| noted.elapsed() < REMEMBERED)
    }
}
