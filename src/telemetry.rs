//! What a process tells of itself: its log, on standard error, one line an event, for a person or as
//! JSON; and its metrics.

pub mod metrics;

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::LogFormat;

/// Sends what is traced to standard error from now on. A second call in one process changes
/// nothing.
pub fn start(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Human => builder
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .try_init(),
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(true)
            // the call's span is the current one; the list would hold it twice
            .with_span_list(false)
            .try_init(),
    };
    if started.is_ok() {
        // a panic is a line of the log like any other
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string);
            let said = panic.payload_as_str();
            tracing::error!(place, said, "panicked");
        }));
    }
}
