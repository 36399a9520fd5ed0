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

mod changes;
mod cli;
mod client;
mod clients;
mod coverage;
mod dashboard;
mod demo;
mod faults;
mod following;
mod gapic;
mod generator;
mod grpcurl;
mod harness;
mod harness_works;
mod hostile;
mod http;
mod law;
mod openapi;
mod position;
mod process;
mod proofs;
mod protos;
mod readme;
mod redaction;
mod reference;
mod release;
mod rpc;
mod sandbox;
mod serving;
mod shutdown;
mod sign_in;
mod smoke;
mod standing;
mod store;
mod stored;
mod stories;
mod task_counts;
mod terminal;
mod tidy;
mod tls;
mod turning;
mod violations;
mod walks;
mod web;
