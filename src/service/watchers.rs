//! How many watches are open, in all and of one caller: each is a task and a queue.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::who::Who;
use crate::domain::error::Error;

/// Counts open watches.
#[derive(Clone, Debug)]
pub struct Watchers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    max: usize,
    max_per_caller: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    /// Callers with an open watch, so never more than there are watches.
    by_caller: HashMap<Who, usize>,
}

/// One open watch; it is over when this is dropped.
#[derive(Debug)]
pub(super) struct Watching {
    inner: Arc<Inner>,
    who: Who,
}

impl Watchers {
    /// None open yet; at most so many.
    pub fn new(max: usize, max_per_caller: usize) -> Self {
        Self(Arc::new(Inner {
            max,
            max_per_caller,
            open: Mutex::default(),
        }))
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.0.lock(|open| open.total)
    }

    /// Opens one, or says which limit stands against it.
    pub(super) fn enter(&self, who: Who) -> Result<Watching, Error> {
        let inner = &self.0;
        let refuse = |what, limit: usize| {
            let limit = limit as u64;
            Err(Error::Exhausted { what, limit })
        };
        inner.lock(|open| {
            if open.total >= inner.max {
                return refuse("watchers", inner.max);
            }
            let own = open.by_caller.get(&who).copied().unwrap_or_default();
            if own >= inner.max_per_caller {
                return refuse("watchers of one caller", inner.max_per_caller);
            }
            open.total += 1;
            open.by_caller.insert(who.clone(), own + 1);
            Ok(())
        })?;
        Ok(Watching {
            inner: Arc::clone(inner),
            who,
        })
    }
}

impl Inner {
    fn lock<T>(&self, with: impl FnOnce(&mut Open) -> T) -> T {
        // nothing in here panics half way
        with(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.inner.lock(|open| {
            open.total = open.total.saturating_sub(1);
            let left = open.by_caller.get(&self.who).copied().unwrap_or_default();
            if left > 1 {
                open.by_caller.insert(self.who.clone(), left - 1);
            } else {
                open.by_caller.remove(&self.who);
            }
        });
    }
}
