//! The layers around the services: admission, deadlines, authentication, rate limits, logs and
//! metrics, error details, and the web origins that may call.

mod answer;
pub mod browser;
pub mod calls;
mod deadline;
pub mod details;
pub mod entrance;
mod frames;
pub mod guard;
mod metrics;
mod panics;
mod receive;
mod seen;
pub mod stack;
#[cfg(feature = "otlp")]
mod traces;
pub mod web;
