//! kubectl, helm and the other programs that people use, run as they run them.

use super::Environment;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs a program with a text on its standard input.
pub async fn run(mut command: Command, stdin: &str) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let stdin = stdin.to_owned();
    let run = move || {
        let mut child = command.spawn().unwrap();
        // A program that fails early does not read to the end.
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).ok();
        child.wait_with_output().unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// Runs a program that must succeed, and returns what it printed.
pub async fn succeed(command: Command) -> String {
    let what = format!("{command:?}");
    printed(&what, &run(command, "").await)
}

/// Runs a program that must fail, and returns its standard error.
pub async fn fail(command: Command) -> String {
    let what = format!("{command:?}");
    let output = run(command, "").await;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{what} succeeded");
    text
}

fn printed(what: &str, output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = text(&output.stdout);
    let succeeded = output.status.success();
    assert!(succeeded, "{what}\n{printed}{}", text(&output.stderr));
    printed
}

impl Environment {
    /// Runs kubectl in the namespace, with a manifest (or nothing) on its standard input.
    pub async fn kubectl(&self, args: &[&str], stdin: &str) -> Output {
        let mut kubectl = self.plane.kubectl();
        kubectl.args(["-n", &self.namespace]).args(args);
        run(kubectl, stdin).await
    }

    /// Runs kubectl where it must succeed, and returns what it printed.
    pub async fn kubectl_prints(&self, args: &[&str], stdin: &str) -> String {
        printed(
            &format!("kubectl {args:?}"),
            &self.kubectl(args, stdin).await,
        )
    }
}
