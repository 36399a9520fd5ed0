//! Commands that are tried one after the other on a private copy of the data, to be written
//! together afterwards. What a later one is decided on, and reads, is what those before it would
//! leave.

use std::sync::{Arc, Mutex};

use super::{Outcome, Registry, Snapshot, entropy::OsEntropy, history::lock, outcome_of};
use ndp_core::{
    caller::Caller,
    error::Error,
    rules::{Request, decide},
};

/// A trial; clones share it.
#[derive(Clone, Debug)]
pub struct Trial(Arc<Mutex<Tried>>);

#[derive(Debug)]
struct Tried {
    snapshot: Snapshot,
    requests: Vec<Request>,
}

impl Trial {
    /// A trial on this data.
    pub fn on(snapshot: &Snapshot) -> Self {
        Self(Arc::new(Mutex::new(Tried {
            snapshot: snapshot.bare(),
            requests: Vec::new(),
        })))
    }

    /// The data as the accepted commands would leave it.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::new(lock(&self.0).snapshot.clone())
    }

    /// The accepted commands, in their order. The next begins anew, on the same data.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut lock(&self.0).requests)
    }

    /// Decides a command, and keeps it where it is accepted.
    pub fn decide(
        &self,
        registry: &Registry,
        caller: &Caller,
        request: Request,
    ) -> Result<Outcome, Error> {
        let mut tried = lock(&self.0);
        let now = registry.clock().now();
        let state = &tried.snapshot.state;
        let decided = decide(state, caller, &request, now, &mut OsEntropy)?;
        let mut outcome = outcome_of(&decided.change)?;
        tried.snapshot.state.apply(&decided.change);
        tried.requests.push(request);
        outcome.snapshot = Some(Arc::new(tried.snapshot.clone()));
        Ok(outcome)
    }
}
