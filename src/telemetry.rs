//! What a process tells of itself: its log, on standard error, one line an event, for a person or
//! as JSON; and its metrics.

mod lines;
pub mod metrics;
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

/// What this process writes to standard error, once there is something.
static LINES: OnceLock<Lines> = OnceLock::new();

/// The format of its log, once it has one.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

fn lines() -> io::Result<&'static Lines> {
    if LINES.get().is_none() {
        // whoever comes second starts a thread in vain
        drop(LINES.set(Lines::start()?));
    }
    LINES.get().ok_or_else(|| io::ErrorKind::Other.into())
}

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

/// Writes a line to standard error, after what was logged before it. As with the log, nobody waits
/// until it is read.
pub fn say(line: &str) {
    let line = format!("{line}\n");
    match lines() {
        Ok(lines) => lines.add(line.as_bytes(), true),
        // no thread is to be had; and there is nowhere to say that it could not be written
        Err(_) => drop(write_whole(&mut io::stderr(), line.as_bytes())),
    }
}

/// Whether the log is there for programs to read, and takes errors.
pub fn is_json() -> bool {
    FORMAT.get() == Some(&LogFormat::Json) && tracing::enabled!(tracing::Level::ERROR)
}

/// Waits until what was logged is written, but not for ever: a process that ends calls this last.
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
            if thread::current().name() == Some("main") {
                // the process ends with it
                flush();
            }
        }));
    }
}
