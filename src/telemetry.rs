//! What a process tells of itself: its log, on standard error, one line an event, for a person or
//! as JSON; and its metrics.

pub mod metrics;
#[cfg(feature = "otlp")]
mod traces;

use std::io::IsTerminal;

use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::config::LogFormat;

/// The target of spans that are there for the collector, and stay out of the log.
#[cfg(feature = "otlp")]
pub const TRACED: &str = "ndp_registry::traced";

/// What was started, to be ended with the process.
#[derive(Clone, Debug)]
pub struct Telemetry {
    #[cfg(feature = "otlp")]
    traces: Option<traces::Traces>,
}

/// Sends what is traced to standard error from now on, and in a build with the feature `otlp` to
/// the collector that the environment names. A second call in one process changes nothing.
pub fn start(format: LogFormat, level: &str) -> anyhow::Result<Telemetry> {
    let telemetry = Telemetry {
        #[cfg(feature = "otlp")]
        traces: traces::Traces::from_environment()?,
    };
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let layer = fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Human => telemetry.log_to(
            filter,
            layer
                .with_ansi(std::io::stderr().is_terminal())
                .with_target(false),
        ),
        LogFormat::Json => telemetry.log_to(
            filter,
            layer
                .json()
                .flatten_event(true)
                .with_current_span(true)
                // the call's span is the current one; the list would hold it twice
                .with_span_list(false),
        ),
    }
    Ok(telemetry)
}

impl Telemetry {
    fn log_to(&self, filter: EnvFilter, layer: impl Layer<Registry> + Send + Sync) {
        #[cfg(not(feature = "otlp"))]
        let subscriber = tracing_subscriber::registry().with(layer).with(filter);
        #[cfg(feature = "otlp")]
        let subscriber = tracing_subscriber::registry()
            .with(layer.with_filter(traces::logged(filter)))
            .with(self.traces.as_ref().map(traces::Traces::layer));
        if subscriber.try_init().is_ok() {
            // a panic is a line of the log like any other
            std::panic::set_hook(Box::new(|panic| {
                let place = panic.location().map(ToString::to_string);
                let said = panic.payload_as_str();
                tracing::error!(place, said, "panicked");
            }));
        }
    }

    /// Sends what has not been sent.
    pub async fn finish(self) {
        #[cfg(feature = "otlp")]
        if let Some(traces) = self.traces {
            // it waits for the collector, in its own time and on a thread of its own
            drop(tokio::task::spawn_blocking(move || traces.finish()).await);
        }
    }
}
