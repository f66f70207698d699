//! Running kubectl and Helm.

use crate::Failure;
use std::process::Stdio;
use tokio::process::Command;

/// Runs a command to its end and answers what it printed. It is killed when the future is dropped.
///
/// # Errors
/// It could not be started, or failed: then with all that it said.
pub async fn output(command: std::process::Command) -> Result<String, Failure> {
    let shown = format!("{command:?}");
    let mut command = Command::from(command);
    let done = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let done = done.await?;
    let stdout = String::from_utf8_lossy(&done.stdout);
    if done.status.success() {
        return Ok(stdout.into_owned());
    }
    let stderr = String::from_utf8_lossy(&done.stderr);
    Err(Failure::new(format!(
        "{} from {shown}\n{stdout}{stderr}",
        done.status
    )))
}
