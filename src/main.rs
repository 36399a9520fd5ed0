//! The `ndp-registry` command.

#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

/// A call makes a few dozen short-lived allocations. The State makes millions of small allocations
/// on one thread and frees them on another. The system's allocator would make both about a tenth
/// slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ndp_registry::cli::main()
}
