//! Traces, sent to an OpenTelemetry collector by OTLP over HTTP where an environment variable names one: a span for each
//! reconciliation, and within it one for each request to an API. Spans have operations, outcomes and keys of resources as
//! attributes, never content; what is logged within them is not sent.

use super::targets::is_own;
use crate::build_info::VERSION;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// The variables of the OpenTelemetry specification that name a collector, for traces or for everything.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
/// The name of this service, unless `OTEL_SERVICE_NAME` has another.
const SERVICE: &str = "metorial-operator";

/// Returns what sends spans to the collector; `None` if no variable names one.
///
/// # Errors
/// The settings in the environment are invalid. The message doesn't repeat them: they may hold credentials.
pub fn provider() -> Result<Option<SdkTracerProvider>, String> {
    let set = |name: &&&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let Some(variable) = ENDPOINTS.iter().find(set) else {
        return Ok(None);
    };
    let exporter = SpanExporter::builder().with_http().build();
    let exporter = exporter.map_err(|_| format!("{variable}: not the URL of an OTLP endpoint"))?;
    let resource = Resource::builder().with_attribute(KeyValue::new("service.version", VERSION));
    let resource = match std::env::var_os("OTEL_SERVICE_NAME") {
        Some(_) => resource,
        None => resource.with_service_name(SERVICE),
    };
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.build())
        .with_batch_exporter(Reported::new(exporter));
    Ok(Some(provider.build()))
}

/// Returns the layer that hands spans to `provider`.
pub fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    let spans = filter_fn(|event| event.is_span() && is_own(event.target()));
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(SERVICE))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(spans.with_max_level_hint(LevelFilter::DEBUG))
}

/// An exporter whose failures are logged when they start and when they end, without a cause: that may hold the address.
#[derive(Debug)]
struct Reported {
    exporter: SpanExporter,
    failing: AtomicBool,
}

impl Reported {
    fn new(exporter: SpanExporter) -> Self {
        Self {
            exporter,
            failing: AtomicBool::new(false),
        }
    }
}

impl opentelemetry_sdk::trace::SpanExporter for Reported {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.exporter.export(batch).await;
        let failed = exported.is_err();
        match (self.failing.swap(failed, Ordering::Relaxed), failed) {
            (false, true) => tracing::warn!("traces can't be sent to the OTLP endpoint"),
            (true, false) => tracing::info!("traces are sent to the OTLP endpoint again"),
            _ => {}
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: std::time::Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing::field::Empty;
    use tracing_subscriber::layer::SubscriberExt;

    /// An exporter that keeps the spans.
    #[derive(Clone, Debug, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl opentelemetry_sdk::trace::SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    #[test]
    fn spans_are_exported_with_what_is_recorded_later_and_without_what_is_logged() {
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(kept.clone())
            .build();
        let log = tracing_subscriber::fmt::layer()
            .fmt_fields(tracing_subscriber::fmt::format::JsonFields::new())
            .event_format(super::super::json_line::JsonLine)
            .with_writer(std::io::sink);
        let subscriber = tracing_subscriber::registry()
            .with(log)
            .with(Some(layer(&provider)));
        tracing::subscriber::with_default(subscriber, || {
            let outer = tracing::error_span!("reconcile", kind = "AuthImport", verdict = Empty);
            outer.in_scope(|| {
                let inner = tracing::debug_span!("request", otel.name = %"GET /x", otel.kind = "client", otel.status_code = Empty, outcome = Empty);
                inner.in_scope(|| tracing::info!("logged"));
                inner.record("outcome", "gone");
                inner.record("otel.status_code", "ERROR");
                drop(inner);
                tracing::Span::current().record("verdict", "Synced");
            });
        });
        let spans = kept.0.lock().unwrap().clone();
        let names: Vec<_> = spans.iter().map(|span| span.name.as_ref()).collect();
        assert_eq!(names, ["GET /x", "reconcile"]);
        assert_eq!(spans[0].parent_span_id, spans[1].span_context.span_id());
        assert!(spans.iter().all(|span| span.events.is_empty()));
        let has = |span: &SpanData, key: &'static str, value: &'static str| {
            span.attributes.contains(&KeyValue::new(key, value))
        };
        assert!(has(&spans[0], "outcome", "gone") && has(&spans[1], "verdict", "Synced"));
    }
}
