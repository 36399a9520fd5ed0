//! A pool of a limited resource, with a total limit and a limit for each caller.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    parts::Parts,
    who::{ByCaller, Who},
};
use ndp_core::{
    error::Error,
    limits::{Limit, Scope},
};

/// A pool. Clones share one pool.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: Limit,
    max: usize,
    max_per_caller: usize,
    taken: AtomicUsize,
    /// The amount that each caller holds. Only callers that hold something have an entry, so there
    /// are never more than `max` entries.
    held: Parts<ByCaller<usize>>,
}

/// A caller's share of a pool. Dropping it returns the share to the pool.
#[derive(Debug)]
pub struct Share {
    pool: Pool,
    who: Who,
    amount: usize,
}

impl Pool {
    /// Creates a pool of `max`, of which one caller may hold `max_per_caller`.
    pub fn new(limit: Limit, max: usize, max_per_caller: usize) -> Self {
        Self(Arc::new(Inner {
            limit,
            max,
            max_per_caller,
            taken: AtomicUsize::new(0),
            held: Parts::default(),
        }))
    }

    /// Takes an amount for a caller, or returns the limit that refuses it.
    pub fn take(&self, who: Who, amount: usize) -> Result<Share, Error> {
        self.add(&who, amount)?;
        Ok(Share {
            pool: self.clone(),
            who,
            amount,
        })
    }

    /// Refuses an amount that the caller could not take now.
    pub fn check(&self, who: &Who, amount: usize) -> Result<(), Error> {
        let held = self.0.held.of(who).get(who).copied().unwrap_or_default();
        for (scope, taken) in [(Scope::Caller, held), (Scope::All, self.taken())] {
            if self.with(scope, taken, amount).is_none() {
                return Err(self.exhausted(scope));
            }
        }
        Ok(())
    }

    /// The amount that all callers hold together.
    pub fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// The total limit.
    pub fn max(&self) -> usize {
        self.0.max
    }

    /// The limit that this pool enforces.
    pub fn limit(&self) -> Limit {
        self.0.limit
    }

    fn add(&self, who: &Who, amount: usize) -> Result<(), Error> {
        let inner = &*self.0;
        let mut part = inner.held.of(who);
        let held = part.get(who).copied().unwrap_or_default();
        let Some(with) = self.with(Scope::Caller, held, amount) else {
            return Err(self.exhausted(Scope::Caller));
        };
        let take = |taken| self.with(Scope::All, taken, amount);
        let all = &inner.taken;
        all.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .map_err(|_| self.exhausted(Scope::All))?;
        match part.get_mut(who) {
            Some(held) => *held = with,
            None => {
                part.insert(who.clone(), with);
            }
        }
        Ok(())
    }

    fn most(&self, scope: Scope) -> usize {
        match scope {
            Scope::All => self.0.max,
            Scope::Caller => self.0.max_per_caller,
        }
    }

    /// What is taken together with another amount; `None` if the limit has no room for it.
    fn with(&self, scope: Scope, taken: usize, amount: usize) -> Option<usize> {
        let has_room = amount <= self.most(scope).saturating_sub(taken);
        has_room.then(|| taken + amount)
    }

    fn exhausted(&self, scope: Scope) -> Error {
        Error::Exhausted {
            limit: self.0.limit,
            scope,
            most: self.most(scope) as u64,
        }
    }

    fn remove(&self, who: &Who, amount: usize) {
        let mut part = self.0.held.of(who);
        if let Some(held) = part.get_mut(who) {
            *held = held.saturating_sub(amount);
            if *held == 0 {
                part.remove(who);
            }
        }
        self.0.taken.fetch_sub(amount, Ordering::Relaxed);
    }
}

impl Share {
    /// Takes more for the same caller. A refusal leaves the current amount unchanged.
    pub fn grow(&mut self, amount: usize) -> Result<(), Error> {
        self.pool.add(&self.who, amount)?;
        self.amount += amount;
        Ok(())
    }

    /// Transfers the share to another caller, if that caller's limit allows it.
    pub fn pass_to(&mut self, who: Who) -> Result<(), Error> {
        if who == self.who {
            return Ok(());
        }
        // both callers hold the amount for a moment, so a refusal loses nothing
        self.pool.add(&who, self.amount)?;
        self.pool.remove(&self.who, self.amount);
        self.who = who;
        Ok(())
    }

    /// Returns part of the share to the pool.
    pub fn shrink(&mut self, amount: usize) {
        let amount = amount.min(self.amount);
        self.pool.remove(&self.who, amount);
        self.amount -= amount;
    }

    /// The amount held.
    pub const fn amount(&self) -> usize {
        self.amount
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.remove(&self.who, self.amount);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn who(number: u8) -> Who {
        Who::Address(std::net::IpAddr::V4(u32::from(number).into()))
    }

    fn scope<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Option<Scope> {
        match outcome {
            Ok(_) => None,
            Err(Error::Exhausted { scope, .. }) => Some(scope),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_caller_has_its_share_and_no_more() {
        let pool = Pool::new(Limit::Watchers, 5, 3);
        let mut one = pool.take(who(1), 2).unwrap();
        assert_eq!(scope(pool.take(who(1), 2)), Some(Scope::Caller));
        assert_eq!(scope(one.grow(1)), None);
        assert_eq!(scope(one.grow(1)), Some(Scope::Caller));
        let two = pool.take(who(2), 2).unwrap();
        assert_eq!(scope(pool.take(who(3), 1)), Some(Scope::All));
        assert_eq!(pool.taken(), 5);
        drop(one);
        assert_eq!(pool.taken(), 2);
        drop(two);
        assert_eq!(pool.taken(), 0);
    }

    #[test]
    fn what_is_passed_on_counts_for_the_other() {
        let pool = Pool::new(Limit::CallsInFlight, 10, 2);
        let mut passed = pool.take(who(1), 2).unwrap();
        passed.pass_to(who(2)).unwrap();
        assert_eq!(scope(pool.take(who(2), 1)), Some(Scope::Caller));
        let own = pool.take(who(1), 2).unwrap();
        assert_eq!(scope(passed.pass_to(who(1))), Some(Scope::Caller));
        assert_eq!(pool.taken(), 4);
        drop((own, passed));
        assert_eq!(pool.taken(), 0);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_invented(
            steps in prop::collection::vec((0_u8..4, 0_usize..6, any::<bool>()), 0..60),
        ) {
            let pool = Pool::new(Limit::RequestBytes, 20, 8);
            let mut held: Vec<Share> = Vec::new();
            for (caller, amount, release) in steps {
                if release {
                    held.pop();
                } else if let Ok(share) = pool.take(who(caller), amount) {
                    held.push(share);
                }
                let all: usize = held.iter().map(|share| share.amount).sum();
                prop_assert_eq!(pool.taken(), all);
                prop_assert!(all <= 20);
                for caller in 0..4 {
                    let own = held.iter().filter(|share| share.who == who(caller));
                    prop_assert!(own.map(|share| share.amount).sum::<usize>() <= 8);
                }
            }
            held.clear();
            prop_assert_eq!(pool.taken(), 0);
            prop_assert!(pool.0.held.iter().all(|part| part.is_empty()));
        }
    }
}
