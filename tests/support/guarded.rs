//! A program that does not outlive its test.

use std::process::{Child, Command, ExitStatus, Stdio};

/// A running program. It is killed when this is dropped, and when the test is killed.
pub struct Guarded {
    child: Child,
    guard: Child,
}

/// Kills the process whose id is the first argument once the other end of its stdin is gone.
const GUARD: &str = r#"cat >/dev/null; kill -KILL "$1""#;

impl Guarded {
    /// Starts a program.
    pub fn start(command: &mut Command) -> Self {
        let child = command.spawn().unwrap();
        let guard = Command::new("/bin/sh")
            .args(["-c", GUARD, "guard", &child.id().to_string()])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, guard }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Guarded {
    /// Ends it where it stands; nothing of it runs any more when this returns.
    pub fn stop(&mut self) {
        // The guard goes first, or it could hit whoever got the process id next.
        self.guard.kill().ok();
        self.guard.wait().ok();
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.stop();
    }
}
