//! The `ndp-registry` command.

#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

/// A call is a few dozen short-lived pieces of memory, and the State millions of small ones that
/// are made on one thread and freed on another: the system's allocator would cost a tenth of both.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ndp_registry::cli::main()
}
