//! Every test of the registry that crosses a room, in one binary.
//!
//! `tests/run` runs them all; plain `cargo test` leaves out, and says so, those whose tools
//! (PostgreSQL, grpcurl, buf, those of other languages) the machine does not have.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod access;
mod catalogue;
mod changes;
mod contract;
mod faults;
mod harness;
mod monitoring;
mod operations;
mod plans;
mod repository;
mod store;
mod tasks;
mod transfer;
mod transport;
mod web;
