//! The log, written to standard output with one line per event.

use crate::settings::LogFormat;
use tracing_subscriber::EnvFilter;

/// Starts the log.
///
/// # Errors
/// The filter is invalid, or the log was started before.
pub fn start(format: LogFormat, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("--log: {error}"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    let result = match format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Text => log.try_init(),
    };
    result.map_err(|error| error.to_string())
}
