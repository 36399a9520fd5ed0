//! The `ndp-registry` command.

use std::process::ExitCode;

/// A call is a few dozen short-lived pieces of memory, and the State millions of small ones that
/// are made on one thread and freed on another: the system's allocator would cost a tenth of both.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    ndp_registry::cli::run().await
}
