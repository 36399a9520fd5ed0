//! The `ndp-registry` command.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    ndp_registry::cli::run().await
}
