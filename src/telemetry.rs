//! What a process tells of itself: its log, on standard error, one line an event, for a person or
//! as JSON; and its metrics.

mod lines;
pub mod metrics;
#[cfg(feature = "otlp")]
mod traces;

use std::{io::IsTerminal, sync::OnceLock};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt,
    layer::{Filter, SubscriberExt},
    util::SubscriberInitExt,
};

use crate::config::LogFormat;
use lines::Lines;

/// Where the log of this process goes, once it has one.
static LINES: OnceLock<Lines> = OnceLock::new();

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
    // A level alone is compared; looking for directives would cost every call locks.
    match level.parse::<LevelFilter>() {
        Ok(level) => telemetry.log(level, format)?,
        Err(_) => {
            let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
            telemetry.log(filter, format)?;
        }
    }
    Ok(telemetry)
}

/// Writes what was logged and waits to be written: a process that ends calls this last.
pub fn flush() {
    if let Some(lines) = LINES.get() {
        lines.end();
    }
}

impl Telemetry {
    fn log<F>(&self, filter: F, format: LogFormat) -> anyhow::Result<()>
    where
        F: Filter<Registry> + Layer<Registry> + Send + Sync + 'static,
    {
        if LINES.get().is_some() {
            return Ok(());
        }
        let lines = Lines::start()?;
        let writer = LINES.get_or_init(|| lines).clone();
        let layer = fmt::layer().with_writer(writer);
        match format {
            LogFormat::Human if std::io::stderr().is_terminal() => {
                self.log_to(filter, layer.with_target(false));
            }
            LogFormat::Human => {
                let layer = layer.with_ansi(false).event_format(lines::Plain);
                self.log_to(filter, layer);
            }
            LogFormat::Json => self.log_to(
                filter,
                layer
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    // the call's span is the current one; the list would hold it twice
                    .with_span_list(false),
            ),
        }
        Ok(())
    }

    /// A filter of the whole costs each call less than one of a layer does.
    #[cfg(not(feature = "otlp"))]
    fn log_to<F, L>(&self, filter: F, layer: L)
    where
        F: Layer<Registry> + Send + Sync,
        L: Layer<tracing_subscriber::layer::Layered<F, Registry>> + Send + Sync,
    {
        begin(Registry::default().with(filter).with(layer));
    }

    #[cfg(feature = "otlp")]
    fn log_to<F, L>(&self, filter: F, layer: L)
    where
        F: Filter<Registry> + Send + Sync + 'static,
        L: Layer<Registry> + Send + Sync,
    {
        let log = layer.with_filter(traces::logged(filter));
        let traces = self.traces.as_ref().map(traces::Traces::layer);
        begin(Registry::default().with(log).with(traces));
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

fn begin(subscriber: impl SubscriberInitExt) {
    if subscriber.try_init().is_ok() {
        // a panic is a line of the log like any other
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string);
            let said = panic.payload_as_str();
            tracing::error!(place, said, "panicked");
        }));
    }
}
