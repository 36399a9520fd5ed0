//! The records and rules of the registry. Pure: nothing here uses async, IO, a clock,
//! randomness, SQL or protobuf, so the same log gives the same State.

pub mod calendar;
pub mod caller;
pub mod change;
pub mod decimal;
pub mod effort;
pub mod error;
pub mod hex;
pub mod leaf;
pub mod limits;
pub(crate) mod mac;
pub mod messages;
pub mod monitoring;
pub mod names;
pub mod near;
mod parsed;
pub mod personal;
pub mod position;
pub mod query;
pub mod reasons;
pub mod records;
pub mod rules;
pub mod seal;
pub mod state;
pub mod text;
pub mod time;
