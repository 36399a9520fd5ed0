//! Traces of calls over OTLP, to the collector that the standard variable
//! `OTEL_EXPORTER_OTLP_ENDPOINT` names; none where it names none. Only in a build with the feature
//! `otlp`.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::{Layer, registry::LookupSpan};

/// The variable of the OpenTelemetry specification.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Sends spans in the background; what waits is sent at the end.
#[derive(Clone, Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// To the collector that the environment names; sampled as it says, too.
    pub(super) fn from_environment() -> anyhow::Result<Option<Self>> {
        if std::env::var_os(ENDPOINT).is_none_or(|it| it.is_empty()) {
            return Ok(None);
        }
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .build()?;
        let service = Resource::builder().with_service_name("ndp-registry");
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(service.build())
            .build();
        Ok(Some(Self(provider)))
    }

    /// What hands spans over.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        tracing_opentelemetry::layer().with_tracer(self.0.tracer("ndp-registry"))
    }

    /// Sends what waits; the collector may be gone, and nothing depends on it.
    pub(super) fn finish(&self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}
