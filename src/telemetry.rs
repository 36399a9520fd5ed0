//! Telemetry of the process: its metrics, and its log on standard error, with one line per event
//! as text or as JSON.

mod lines;
pub mod metrics;
mod progress;
#[cfg(feature = "otlp")]
mod traces;

use std::{
    io::{self, IsTerminal},
    sync::OnceLock,
    thread,
};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt,
    layer::{Filter, SubscriberExt},
    util::SubscriberInitExt,
};

use crate::config::LogFormat;
use lines::Lines;
pub(crate) use lines::write_whole;
pub(crate) use progress::{Measure, Progress, cut};

/// The writer to standard error, created with the first line.
static LINES: OnceLock<Lines> = OnceLock::new();

/// The format of the log, once it is set.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

fn lines() -> io::Result<&'static Lines> {
    if LINES.get().is_none() {
        // if two threads race here, the second one starts a thread that is not used
        drop(LINES.set(Lines::start()?));
    }
    LINES.get().ok_or_else(|| io::ErrorKind::Other.into())
}

/// The target of spans that are sent to the collector and not logged.
#[cfg(feature = "otlp")]
pub const TRACED: &str = "ndp_registry::traced";

/// The running telemetry, which must be finished when the process ends.
#[derive(Clone, Debug)]
pub struct Telemetry {
    #[cfg(feature = "otlp")]
    traces: Option<traces::Traces>,
}

/// Starts the log on standard error and, in a build with the feature `otlp`, the traces to the
/// collector that the environment names. A second call in one process does not change the log.
pub fn start(format: LogFormat, level: &str) -> anyhow::Result<Telemetry> {
    let telemetry = Telemetry {
        #[cfg(feature = "otlp")]
        traces: traces::Traces::from_environment()?,
    };
    // A plain level needs only a comparison; a filter with directives takes locks on every call.
    match level.parse::<LevelFilter>() {
        Ok(level) => telemetry.log(level, format)?,
        Err(_) => {
            let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
            telemetry.log(filter, format)?;
        }
    }
    Ok(telemetry)
}

/// Queues a line for standard error, after all earlier log lines. It does not wait until the line
/// is written.
pub fn say(line: &str) {
    let line = format!("{line}\n");
    match lines() {
        Ok(lines) => lines.add(line.as_bytes(), true),
        // the writer thread cannot start, and a failed write cannot be reported anywhere
        Err(_) => drop(write_whole(&mut io::stderr(), line.as_bytes())),
    }
}

/// Whether the log is JSON and includes errors.
pub fn is_json() -> bool {
    FORMAT.get() == Some(&LogFormat::Json) && tracing::enabled!(tracing::Level::ERROR)
}

/// Erases what is shown of work that runs, and shows no more of it, as when a signal ends it.
pub fn end_progress() {
    if let Some(lines) = LINES.get() {
        lines.end_lowest();
    }
}

/// Waits, up to a time limit, until the log is written. The process calls this last.
pub fn flush() {
    if let Some(lines) = LINES.get() {
        lines.flush();
    }
}

impl Telemetry {
    fn log<F>(&self, filter: F, format: LogFormat) -> anyhow::Result<()>
    where
        F: Filter<Registry> + Layer<Registry> + Send + Sync + 'static,
    {
        if FORMAT.set(format).is_err() {
            return Ok(());
        }
        let writer = lines()?.clone();
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
                    // a call's line has its fields itself
                    .with_current_span(false)
                    .with_span_list(false),
            ),
        }
        Ok(())
    }

    /// A filter on the whole subscriber costs each call less than a filter on one layer.
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

    /// Sends the remaining traces.
    pub async fn finish(self) {
        #[cfg(feature = "otlp")]
        if let Some(traces) = self.traces {
            // this blocks on the collector, so it runs on its own thread
            drop(tokio::task::spawn_blocking(move || traces.finish()).await);
        }
    }
}

fn begin(subscriber: impl SubscriberInitExt) {
    if subscriber.try_init().is_ok() {
        // a panic is logged like any other event
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string);
            let said = panic.payload_as_str();
            tracing::error!(place, said, "panicked");
            if thread::current().name() == Some("main") {
                // this panic ends the process
                flush();
            }
        }));
    }
}
