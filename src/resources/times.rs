//! Times and durations that are kept as texts.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A duration such as `10m` or `1h30m`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct DurationText(
    /// The duration as written in the manifest.
    pub String,
);

impl DurationText {
    /// Returns the duration, or `None` if the text isn't one; admission rejects such a text.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let duration: SignedDuration = self.0.parse().ok()?;
        duration.try_into().ok()
    }
}

/// Returns a time as the API writes it; `None` if there is none, or one that can't be read.
#[must_use]
pub fn parse_time(time: Option<&str>) -> Option<Timestamp> {
    time?.parse().ok()
}
