//! Addresses that recently presented a valid credential. Part of the connections is reserved for
//! them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::who::Who;

/// How long an address is remembered after its last connection with a valid credential.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// Maximum number of remembered addresses: enough for more ministries than exist.
const ADDRESSES_MAX: usize = 4096;

/// The addresses. Clones share one list.
#[derive(Clone, Debug, Default)]
pub struct Known(Arc<Mutex<HashMap<Who, Instant>>>);

impl Known {
    /// Records that a valid credential came from this address.
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

    /// Whether a valid credential came from this address recently.
    pub fn has(&self, address: &Who) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = known.get(address);
        noted.is_some_and(|noted| noted.elapsed() < REMEMBERED)
    }
}
