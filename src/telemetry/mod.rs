//! The log, written to standard output with one line per event; and traces, sent to a collector.

mod json_line;
mod traces;

use crate::settings::LogFormat;
use json_line::JsonLine;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::io::IsTerminal;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// The crates whose events are logged at any level.
const OWN: &[&str] = &["metorial_operator", "metorial"];
/// A part of kube's client that logs whole responses, with the values of whoever they belong to.
const SILENT: &str = "kube_client::client";

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

/// Returns whether an event may be logged if the filter asks for it. Libraries don't know what is secret, so nothing of them
/// is logged but errors.
fn may_log(target: &str, level: Level) -> bool {
    is_own(target) || (level == Level::ERROR && !is_within(target, SILENT))
}

/// Returns whether a target is a part of the operator.
fn is_own(target: &str) -> bool {
    OWN.iter().any(|own| is_within(target, own))
}

/// Returns whether a target is a module or within it.
fn is_within(target: &str, module: &str) -> bool {
    let rest = target.strip_prefix(module);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::may_log;
    use tracing::Level;

    #[test]
    fn libraries_log_errors_only_and_what_reads_whole_responses_logs_nothing() {
        let cases = [
            ("metorial_operator", true, true),
            ("metorial_operator::runtime::queue", true, true),
            ("metorial::client", true, true),
            ("metorial_operators", false, true),
            ("kube_client::client", false, false),
            ("kube_client::client::builder", false, false),
            ("kube_client::config", false, true),
            ("kube_runtime::watcher", false, true),
            ("hyper_util::client", false, true),
            ("h2::codec", false, true),
            ("rustls::client", false, true),
            ("reqwest::connect", false, true),
            ("tower::buffer", false, true),
            ("log", false, true),
        ];
        for (target, any, error) in cases {
            assert_eq!(may_log(target, Level::ERROR), error, "{target}");
            for level in [Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
                assert_eq!(may_log(target, level), any, "{target} {level}");
            }
        }
    }
}
