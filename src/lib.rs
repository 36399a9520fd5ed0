//! The registry of Vietnam's national digital platforms (nền tảng số quốc gia, nền tảng số
//! dùng chung) and their implementation plans (kế hoạch triển khai), over gRPC.

// these macros panic when standard output or standard error is closed; use cli/output.rs and
// telemetry.rs instead
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod admission;
pub mod calendar;
pub mod call;
pub mod catalogue;
pub mod cli;
pub mod client;
pub mod config;
pub mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod http;
pub mod layers;
pub mod pb;
pub mod registry;
pub mod server;
pub mod service;
pub mod sign_in;
pub mod signed;
pub mod store;
pub mod telemetry;
pub mod transfer;
pub mod web;
pub mod wire;
