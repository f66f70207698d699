//! The log: to standard output, one line an event.

use crate::settings::LogFormat;
use tracing_subscriber::EnvFilter;

/// Starts the log.
///
/// # Errors
/// The filter can't be read, or a log was started before.
pub fn start(format: LogFormat, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("--log: {error}"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    let started = match format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Text => log.try_init(),
    };
    started.map_err(|error| error.to_string())
}
