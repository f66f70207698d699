//! Waiting for a condition.

use std::time::Duration;

use tokio::time::Instant;

use crate::failure::Failure;

/// Timeout of a step: only a fault takes so long.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Pause between two checks.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Repeats `check` until it returns something.
///
/// # Errors
/// Fails if `check` fails, or if it returns nothing for longer than `timeout`.
pub async fn wait_until<T>(
    what: &str,
    timeout: Duration,
    mut check: impl AsyncFnMut() -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(found) = check().await? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(Failure::new(format!(
                "timed out after {} s waiting until {what}",
                timeout.as_secs()
            )));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
