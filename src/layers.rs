//! Around our services: what is let in and for how long, who calls, how often, what is logged and
//! counted of it, details on errors, and which web pages may call.

mod answer;
pub mod calls;
mod deadline;
pub mod details;
pub mod entrance;
pub mod guard;
pub mod methods;
mod metrics;
mod panics;
mod receive;
mod seen;
pub mod stack;
#[cfg(feature = "otlp")]
mod traces;
pub mod web;
