//! Limits the calls a second of each caller, and the wrong secrets a second for each key.

use std::{collections::HashMap, hash::Hash, time::Instant};

use foldhash::fast::RandomState;

use super::{parts::Parts, who::Who};
use ndp_core::{
    error::Error,
    limits::{Limit, Scope},
};

/// Maximum number of callers in one part. Further new callers of that part share one bucket.
const CALLERS_MAX: usize = 4096;

/// Burst size of an idle caller, in seconds of its rate.
const BURST_SECONDS: u64 = 2;

const SECOND: u64 = 1_000_000_000;

/// Counts calls a second by caller. Each caller has a token bucket, stored as the time at which the
/// bucket is full.
#[derive(Debug)]
pub struct Rates<K = Who> {
    limit: Limit,
    per_second: u32,
    started: Instant,
    parts: Parts<Shard<K>>,
}

#[derive(Debug)]
struct Shard<K> {
    full_at: HashMap<K, u64, RandomState>,
    /// The bucket shared by all callers that have no room in the table.
    others_full_at: u64,
    /// Before this time, a search for callers to forget would find too few.
    crowded_until: u64,
}

impl<K> Default for Shard<K> {
    fn default() -> Self {
        Self {
            full_at: HashMap::default(),
            others_full_at: 0,
            crowded_until: 0,
        }
    }
}

impl<K: Clone + Eq + Hash> Rates<K> {
    /// Allows each caller at most this many calls a second.
    pub fn new(limit: Limit, per_second: u32) -> Self {
        Self {
            limit,
            per_second: per_second.max(1),
            started: Instant::now(),
            parts: Parts::default(),
        }
    }

    /// Refuses a caller that exceeds its rate.
    pub fn check(&self, who: &K) -> Result<(), Error> {
        self.check_many(who, 1)
    }

    /// Counts several calls of a caller, at most those of one second. Refuses them if they exceed
    /// the rate.
    pub fn check_many(&self, who: &K, calls: usize) -> Result<(), Error> {
        let most = usize::try_from(self.per_second).unwrap_or(usize::MAX);
        if self.spend(who, calls.min(most)) {
            return Ok(());
        }
        Err(Error::Exhausted {
            limit: self.limit,
            scope: Scope::Caller,
            most: self.per_second.into(),
        })
    }

    /// Whether the caller has this many calls left. If it has, spends them.
    fn spend(&self, who: &K, calls: usize) -> bool {
        let now = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.spend_at(who, calls, now)
    }

    fn spend_at(&self, who: &K, calls: usize, now: u64) -> bool {
        let mut part = self.parts.of(who);
        let full_at = part.of(who, now);
        let cost = (SECOND / u64::from(self.per_second)).saturating_mul(calls as u64);
        let after = (*full_at).max(now).saturating_add(cost);
        let spent = after - now <= BURST_SECONDS * SECOND;
        if spent {
            *full_at = after;
        }
        spent
    }
}

impl<K: Clone + Eq + Hash> Shard<K> {
    fn of(&mut self, who: &K, now: u64) -> &mut u64 {
        let full = self.full_at.len() >= CALLERS_MAX && !self.full_at.contains_key(who);
        if full && self.crowded_until <= now {
            // a full bucket holds the same information as no bucket
            self.full_at.retain(|_, full_at| *full_at > now);
            self.crowded_until = now + SECOND;
        }
        if full && self.full_at.len() >= CALLERS_MAX {
            &mut self.others_full_at
        } else {
            self.full_at.entry(who.clone()).or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::parts::PARTS, *};

    fn who(number: u32) -> Who {
        Who::Address(std::net::IpAddr::V4(number.into()))
    }

    #[test]
    fn a_caller_spends_what_it_has_and_gets_it_back() {
        let rates = Rates::new(Limit::CallRate, 10);
        let spent = |number, now| {
            (0..100)
                .filter(|_| rates.spend_at(&who(number), 1, now))
                .count()
        };
        assert_eq!(spent(1, 0), 20);
        assert_eq!(spent(1, 0), 0);
        // another caller has its own bucket
        assert_eq!(spent(2, 0), 20);
        assert_eq!(spent(1, SECOND / 2), 5);
        // a bucket never holds more than two seconds' worth
        assert_eq!(spent(1, 100 * SECOND), 20);
    }

    #[test]
    fn however_many_callers_there_are_the_table_stays_small() {
        let rates = Rates::new(Limit::CallRate, 1);
        let remembered = || {
            let parts = rates.parts.iter();
            parts.map(|part| part.full_at.len()).sum::<usize>()
        };
        for number in 0..200_000 {
            rates.spend_at(&who(number), 1, 0);
        }
        assert_eq!(remembered(), PARTS * CALLERS_MAX);
        // a remembered caller keeps its own bucket
        assert!(rates.spend_at(&who(0), 1, 0));
        // a caller without room shares a bucket with others of its part
        assert!(!rates.spend_at(&who(300_000), 1, 0));
        // idle callers are forgotten and make room
        for number in 300_000..300_100 {
            assert!(rates.spend_at(&who(number), 1, 10 * SECOND));
            assert!(rates.spend_at(&who(number), 1, 10 * SECOND));
        }
        assert!(remembered() < PARTS * CALLERS_MAX);
    }
}
