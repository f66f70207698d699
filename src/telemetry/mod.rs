//! The log, written to standard output with one line per event; and traces, sent to a collector.

mod directives;
mod json_line;
mod targets;
#[cfg(test)]
mod testing;
mod traces;

use crate::settings::LogFormat;
use json_line::JsonLine;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::io::IsTerminal;
use targets::{may_log, names_resource};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// The traces of this process, if any are sent.
#[must_use = "the last traces are sent by `end`"]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Sends the traces that were not sent yet, for a few seconds at most.
    pub fn end(self) {
        if let Some(Err(_)) = self.0.map(|provider| provider.shutdown()) {
            tracing::warn!("the last traces could not be sent");
        }
    }
}

/// Starts the log, and the traces where the environment names a collector.
///
/// # Errors
/// The filter or the collector is invalid, or the log was started before.
pub fn start(format: LogFormat, filter: &str) -> Result<Traces, String> {
    let filter = log_filter(filter)?;
    let layer = tracing_subscriber::fmt::layer();
    let layer = match format {
        LogFormat::Json => layer
            .fmt_fields(JsonFields::new())
            .event_format(JsonLine)
            .boxed(),
        LogFormat::Text => layer.with_ansi(shows_colors()).boxed(),
    };
    let provider = traces::provider()?;
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .with(provider.as_ref().map(traces::layer))
        .try_init()
        .map_err(|error| error.to_string())?;
    Ok(Traces(provider))
}

/// Returns which events and spans are logged, by a text in the syntax of [`EnvFilter`].
///
/// # Errors
/// The text doesn't follow the syntax, or selects nothing of the operator.
fn log_filter<S>(text: &str) -> Result<impl Filter<S> + use<S>, String>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let selected = EnvFilter::try_new(text).map_err(|error| format!("--log: {error}"))?;
    directives::check(text).map_err(|error| format!("--log: {error}"))?;
    let allowed = filter_fn(|event| may_log(event.target(), *event.level()));
    let selected = selected.and(allowed.with_max_level_hint(LevelFilter::TRACE));
    // With any text, each line names the resource that it is about.
    let naming = filter_fn(names_resource).with_max_level_hint(LevelFilter::ERROR);
    Ok(selected.or(naming))
}

/// Returns whether the log is read at a terminal by somebody who didn't opt out of colors.
fn shows_colors() -> bool {
    let opted_out = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    std::io::stdout().is_terminal() && !opted_out
}

#[cfg(test)]
mod tests {
    use super::testing::Written;
    use super::*;

    #[test]
    fn the_spans_of_requests_are_logged_only_at_their_level_and_those_of_resources_always() {
        let traces = SdkTracerProvider::builder().build();
        for (filter, shows_request) in [
            ("info", false),
            ("metorial_operator::telemetry=warn", false),
            ("debug", true),
        ] {
            let written = Written::default();
            let to = written.clone();
            let log = tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(move || to.clone())
                .with_filter(log_filter(filter).unwrap());
            let subscriber = tracing_subscriber::registry()
                .with(log)
                .with(Some(traces::layer(&traces)));
            tracing::subscriber::with_default(subscriber, || {
                let _resource = tracing::error_span!("reconcile", name = "github").entered();
                let _request = tracing::debug_span!("request").entered();
                tracing::warn!("failed");
            });
            let text = written.text();
            assert!(
                text.contains("reconcile{name=\"github\"}"),
                "{filter}: {text}"
            );
            assert_eq!(
                text.contains(":request:"),
                shows_request,
                "{filter}: {text}"
            );
        }
    }
}
