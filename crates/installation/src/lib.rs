//! The operator as its chart installs it: Helm brings definitions, rights and a Deployment to a real control plane,
//! and because no node runs pods there, the operator runs as a process with what the Deployment says and the token of
//! the chart's ServiceAccount.
//!
//! The demo (`--bin demo`) and the benchmark (`--bin bench`) are told with it.

mod chart;
mod command;
mod failure;
mod metrics;
mod operator;

pub use chart::{NAMESPACE, RELEASE, install_command};
pub use command::output;
pub use failure::Failure;
pub use metrics::Metrics;
pub use operator::Operator;

use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// How long anything may take before it counts as failed: only a fault gets there.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The root of the checkout that this was built from.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Asks until `check` answers something.
///
/// # Errors
/// It failed, or had nothing to answer for longer than `patience`.
pub async fn until<T>(
    what: &str,
    patience: Duration,
    mut check: impl AsyncFnMut() -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = check().await? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(Failure::new(format!(
                "not seen within {} s: {what}",
                patience.as_secs()
            )));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
