//! Traces of calls over OTLP, to the collector that the standard variable
//! `OTEL_EXPORTER_OTLP_ENDPOINT` names; none where it names none. Only in a build with the feature
//! `otlp`.
//!
//! The process exports one span per call. It holds only the method and the result: no principal, no
//! metadata and no message contents.

use std::time::Duration;

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_sdk::{
    Resource,
    resource::{EnvResourceDetector, TelemetryResourceDetector},
    trace::SdkTracerProvider,
};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::{
    Layer,
    filter::{FilterExt, filter_fn},
    layer::Filter,
    registry::LookupSpan,
};

use super::TRACED;

/// The variables of the OpenTelemetry specification. One of them is enough.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
];

const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// How long the end of the process may be delayed by a collector that does not answer.
const FINISH_TIME: Duration = Duration::from_secs(2);

/// Sends spans in the background, and the remaining ones at the end.
#[derive(Clone, Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Exports to the collector that the environment names, with its sampling settings.
    pub(super) fn from_environment() -> anyhow::Result<Option<Self>> {
        if ENDPOINTS.iter().all(|name| variable(name).is_none()) {
            return Ok(None);
        }
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .build()?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource())
            .build();
        Ok(Some(Self(provider)))
    }

    /// The layer that exports the spans of calls and nothing else, regardless of the log level.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("ndp-registry"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_traced))
    }

    /// Sends the remaining spans. A failure is only logged: nothing depends on the collector.
    pub(super) fn finish(&self) {
        if let Err(error) = self.0.shutdown_with_timeout(FINISH_TIME) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// The filter of the log, without the spans for the collector.
pub(super) fn logged<S>(filter: impl Filter<S> + Send + Sync) -> impl Filter<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    filter.and(filter_fn(|it| !is_traced(it)))
}

fn is_traced(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TRACED
}

/// The resource that sends the spans, unless the environment overrides it.
fn resource() -> Resource {
    let resource = Resource::builder_empty()
        .with_service_name("ndp-registry")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(EnvResourceDetector::new()));
    match variable(SERVICE_NAME) {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}

/// The value of a variable. An empty one counts as unset, as the specification requires.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|it| !it.is_empty())
}
