//! How much a caller may take of what all callers share: places, bytes, watches, turns.
//!
//! Every pool has a limit in all and a share for each caller, so that nobody can take what the
//! others need. Who a caller is, is said once, in [`who`]; what it may do is decided elsewhere.

pub mod pool;
pub mod rates;
pub mod who;
