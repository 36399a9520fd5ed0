//! The program as an operator meets it: the command line, the process, its metrics, the sandbox and
//! the synthetic year.

pub(crate) mod cli;
mod client;
pub(crate) mod demo;
mod metrics;
mod process;
mod sandbox;
mod shutdown;
