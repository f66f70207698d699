//! Running kubectl and helm.

use crate::failure::Failure;
use std::process::Stdio;
use tokio::process::Command;

/// Runs a command and returns its output. The command is killed if the future is dropped.
///
/// # Errors
/// Fails if the command can't be started or exits with a failure; the error has its output.
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
