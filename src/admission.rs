//! How much a caller may take of what all callers share: calls a second, places, bytes, watches,
//! turns and connections.
//!
//! Nothing waits, buffers or computes for a caller before that caller is charged for it. An address
//! pays until a valid credential is presented; then its principal does. Every pool has a limit in
//! all and a share for each caller, so that nobody can take what the others need. Who may do what
//! is decided elsewhere.

pub mod connection;
pub mod held;
pub mod known;
mod parts;
pub mod pool;
pub mod proxies;
pub mod rates;
pub mod turns;
pub mod who;

use std::sync::Arc;

use connection::Connection;
use held::Held;
use pool::Pool;
use rates::Rates;
use who::Who;

use crate::domain::{error::Error, limits::Limit};

/// Bytes of request bodies that are being received: of all callers, and of one.
const REQUEST_BYTES: (usize, usize) = (64 * MIB, 16 * MIB);

/// Bytes of answers that are not sent yet: of all callers, and of one.
const ANSWER_BYTES: (usize, usize) = (128 * MIB, 32 * MIB);

const MIB: usize = 1024 * 1024;

/// What calls share.
#[derive(Debug)]
pub struct Admission {
    rates: Rates,
    calls: Pool,
    watchers: Pool,
    request_bytes: Pool,
    answer_bytes: Pool,
}

/// How much of it there is, and how much of that for one caller.
#[derive(Clone, Copy, Debug)]
pub struct Amounts {
    /// Calls a second by one caller.
    pub calls_per_second: u32,
    /// Calls that are being answered.
    pub calls: (usize, usize),
    /// Open watches.
    pub watchers: (usize, usize),
}

impl Admission {
    /// Nothing taken yet.
    pub fn new(amounts: Amounts) -> Arc<Self> {
        let pool = |limit, (max, max_per_caller)| Pool::new(limit, max, max_per_caller);
        Arc::new(Self {
            rates: Rates::new(amounts.calls_per_second),
            calls: pool(Limit::CallsInFlight, amounts.calls),
            watchers: pool(Limit::Watchers, amounts.watchers),
            request_bytes: pool(Limit::RequestBytes, REQUEST_BYTES),
            answer_bytes: pool(Limit::AnswerBytes, ANSWER_BYTES),
        })
    }

    /// Charges a caller for a call that came on a connection.
    pub fn enter(
        self: &Arc<Self>,
        who: Who,
        connection: &Arc<Connection>,
    ) -> Result<Arc<Held>, Error> {
        self.rates.check(&who)?;
        let place = self.calls.take(who.clone(), 1)?;
        Ok(Held::new(
            Arc::clone(self),
            Arc::clone(connection),
            who,
            place,
        ))
    }

    /// The pool of bytes that wait for their client.
    pub fn answer_bytes(&self) -> Pool {
        self.answer_bytes.clone()
    }

    /// The pools of calls, to look at.
    pub const fn pools(&self) -> [&Pool; 4] {
        [
            &self.calls,
            &self.watchers,
            &self.request_bytes,
            &self.answer_bytes,
        ]
    }
}
