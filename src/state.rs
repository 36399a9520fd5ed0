//! The whole catalogue in memory, and the queries over it. Pure: nothing here knows of async, a
//! clock, SQL or protobuf.

pub mod query;
