//! Limits on what a caller may use of shared resources: calls a second, concurrent calls, bytes,
//! watches, turns and connections.
//!
//! The server charges a caller before it waits, buffers or computes for that caller. Until a
//! request presents a valid credential, the charge goes to the network address; after that, to the
//! principal. Every pool has a total limit and a limit for each caller, so one caller cannot use up
//! a pool. Permissions are decided elsewhere.

mod allowance;
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

use ndp_core::{error::Error, limits::Limit};

/// Bytes of request bodies being received: the total limit, and the limit for one caller.
const REQUEST_BYTES: (usize, usize) = (64 * MIB, 16 * MIB);

/// Bytes of answers not sent yet: the total limit, and the limit for one caller.
const ANSWER_BYTES: (usize, usize) = (128 * MIB, 32 * MIB);

/// Wrong secrets a second for one API key, from all addresses together.
const WRONG_KEYS_PER_SECOND: u32 = 5;

/// What a further one costs its address, in calls.
const WRONG_KEY_CALLS: usize = 20;

/// What a TLS handshake costs, in calls: its cryptography takes the time of about ten reads.
const HANDSHAKE_CALLS: usize = 10;

const MIB: usize = 1024 * 1024;

/// The shared resources of all calls.
#[derive(Debug)]
pub struct Admission {
    rates: Rates,
    wrong_keys: Rates<Box<str>>,
    calls: Pool,
    watchers: Pool,
    request_bytes: Pool,
    answer_bytes: Pool,
}

/// Sizes of the shared resources: the total limit first, then the limit for one caller.
#[derive(Clone, Copy, Debug)]
pub struct Amounts {
    /// Calls a second by one caller.
    pub calls_per_second: u32,
    /// Calls being answered.
    pub calls: (usize, usize),
    /// Open watches.
    pub watchers: (usize, usize),
}

impl Admission {
    /// Creates the pools, all of them unused.
    pub fn new(amounts: Amounts) -> Arc<Self> {
        let pool = |limit, (max, max_per_caller)| Pool::new(limit, max, max_per_caller);
        Arc::new(Self {
            rates: Rates::new(Limit::CallRate, amounts.calls_per_second),
            wrong_keys: Rates::new(Limit::WrongKeys, WRONG_KEYS_PER_SECOND),
            calls: pool(Limit::CallsInFlight, amounts.calls),
            watchers: pool(Limit::Watchers, amounts.watchers),
            request_bytes: pool(Limit::RequestBytes, REQUEST_BYTES),
            answer_bytes: pool(Limit::AnswerBytes, ANSWER_BYTES),
        })
    }

    /// Charges a caller for a call that arrived on a connection.
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

    /// Charges for a wrong secret of the key with this id, whether there is such a key or not. The
    /// right secret is never charged, so that whoever has it is not kept out by those who guess.
    fn charge_wrong_key(&self, id: &str, address: &Who) -> Result<(), Error> {
        self.wrong_keys.check(&id.into()).inspect_err(|_| {
            // the refusal is the same whether the address could pay or not
            drop(self.rates.check_many(address, WRONG_KEY_CALLS));
        })
    }

    /// Charges an address for a TLS handshake. Returns whether it is admitted.
    pub fn admits_handshake(&self, who: &Who) -> bool {
        self.rates.check_many(who, HANDSHAKE_CALLS).is_ok()
    }

    /// The pool of answer bytes that wait to be sent.
    pub fn answer_bytes(&self) -> Pool {
        self.answer_bytes.clone()
    }

    /// The pools, for reading metrics.
    pub const fn pools(&self) -> [&Pool; 4] {
        [
            &self.calls,
            &self.watchers,
            &self.request_bytes,
            &self.answer_bytes,
        ]
    }
}
