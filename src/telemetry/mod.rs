//! The log, written to standard output with one line per event; and traces, sent to a collector.

mod json_line;
mod targets;
mod traces;

use crate::settings::LogFormat;
use json_line::JsonLine;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::io::IsTerminal;
use targets::{is_own, may_log};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
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
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("--log: {error}"))?;
    let allowed = filter_fn(|event| may_log(event.target(), *event.level()));
    let filter = filter.and(allowed.with_max_level_hint(LevelFilter::TRACE));
    // Whatever the filter selects, each line names the resource that it is about.
    let span = filter_fn(|event| event.is_span() && is_own(event.target()));
    let filter = filter.or(span.with_max_level_hint(LevelFilter::ERROR));
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

/// Returns whether the log is read at a terminal by somebody who didn't opt out of colors.
fn shows_colors() -> bool {
    let opted_out = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    std::io::stdout().is_terminal() && !opted_out
}
