//! Figures of a simulation.

use std::time::Duration;

/// Returns the smallest of these times that `percent` percent of them do not exceed, and zero if there are none.
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100);
    let found = sorted.get(rank.saturating_sub(1));
    found.copied().unwrap_or_default()
}

/// Returns a line with both percentiles and the longest time.
pub fn line(what: &str, times: &[Duration]) -> String {
    let [half, most, all] = [50, 99, 100].map(|percent| {
        let time = percentile(times, percent);
        format!("{:.3} s", time.as_secs_f64())
    });
    format!(
        "{what}: p50 {half}, p99 {most}, longest {all} ({} in all)",
        times.len()
    )
}
