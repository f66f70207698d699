//! Processes and a directory that don't outlive this process. Each part runs under a shell that kills it when a pipe from
//! this process closes, and one more shell removes the directory when all of them are gone. The kernel closes a pipe
//! however its holder ends, SIGKILL included.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::error::{Error, IoContext};

const RUN: &str = include_str!("guardian.sh");

/// Percentage by which the heap of a Go program grows between two garbage collections, instead of 100. At the default the
/// API server of a test spent a fifth of its processor time on them, for a heap that is small anyway.
const GARBAGE_COLLECTION: &str = "400";

/// Waits until no process holds the other end of its stdin, then removes the directory.
const CLEAN_UP: &str = r#"cat >/dev/null; rm -rf -- "$1""#;

/// Pause between two checks of the threads' states. Threads stop within microseconds unless they wait for a disk.
const STOP_POLL: Duration = Duration::from_millis(1);
/// Number of checks before freezing counts as failed.
const STOP_ATTEMPTS: usize = 5_000;

/// Process that is killed when this is dropped or when this process ends.
pub(crate) struct Guardian {
    shell: Child,
    guarded: Pid,
    frozen: bool,
}

impl Guardian {
    /// Starts the command and appends its output to the log.
    pub(crate) fn start(
        program: &Path,
        arguments: &[String],
        log: &Path,
        directory: &Directory,
    ) -> Result<Self, Error> {
        let action = || format!("starting {}", program.display());
        let mut shell = shell(RUN)
            .arg(log)
            .arg(program)
            .args(arguments)
            .env("GOGC", GARBAGE_COLLECTION)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(directory.hold().during(action)?)
            .spawn()
            .during(action)?;
        let guarded = guarded_pid(&mut shell).during(action)?;
        Ok(Self {
            shell,
            guarded,
            frozen: false,
        })
    }

    /// Returns whether the process has exited.
    pub(crate) fn has_exited(&mut self) -> bool {
        !matches!(self.shell.try_wait(), Ok(None))
    }

    /// Suspends the process; connections to it stay open. Returns when all of its threads are stopped.
    pub(crate) fn freeze(&mut self) -> Result<(), Error> {
        self.signal(Signal::STOP)?;
        self.frozen = true;
        self.until_stopped()
            .during(|| format!("freezing process {}", self.guarded.as_raw_nonzero()))
    }

    /// Resumes the process.
    pub(crate) fn thaw(&mut self) -> Result<(), Error> {
        self.signal(Signal::CONT)?;
        self.frozen = false;
        Ok(())
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Waits until every thread is stopped: `kill` returns when the signal is queued, and threads on other processors run
    /// on for a moment.
    fn until_stopped(&self) -> io::Result<()> {
        for _ in 0..STOP_ATTEMPTS {
            if is_stopped(self.guarded)? {
                return Ok(());
            }
            std::thread::sleep(STOP_POLL);
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    fn signal(&self, signal: Signal) -> Result<(), Error> {
        kill_process(self.guarded, signal)
            .map_err(io::Error::from)
            .during(|| format!("signaling process {}", self.guarded.as_raw_nonzero()))
    }
}

impl Drop for Guardian {
    /// Kills the process and waits until it has exited.
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // Fails only if there is no process left to wait for.
        let _ = self.shell.wait();
    }
}

/// Directory that is removed when this is dropped and every process that was started with it has exited.
pub(crate) struct Directory {
    path: PathBuf,
    shell: Child,
}

impl Directory {
    /// Creates an empty directory that only the current user may read.
    pub(crate) fn create() -> Result<Self, Error> {
        let action = || "creating a directory for the control plane".to_owned();
        let path = tempfile::Builder::new()
            .prefix("control-plane-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .during(action)?
            .keep();
        let shell = shell(CLEAN_UP)
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .during(action)?;
        Ok(Self { path, shell })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a pipe that keeps the directory for as long as a process has it open.
    fn hold(&self) -> io::Result<Stdio> {
        let pipe = self.shell.stdin.as_ref().expect("taken only by drop");
        Ok(Stdio::from(pipe.as_fd().try_clone_to_owned()?))
    }
}

impl Drop for Directory {
    /// Releases the directory and waits until it is removed.
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// Returns a shell in a process group of its own: Ctrl-C at the terminal reaches only this process, and the shell ends
/// after it.
fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", script, "control-plane"])
        .process_group(0);
    command
}

/// Returns whether every thread of the process is stopped. Only Linux shows this; elsewhere the signal has to suffice.
fn is_stopped(process: Pid) -> io::Result<bool> {
    if !cfg!(target_os = "linux") {
        return Ok(true);
    }
    for thread in fs::read_dir(format!("/proc/{}/task", process.as_raw_nonzero()))? {
        // A thread that ended since it was listed runs no more, but it may have started another one.
        let Ok(stat) = fs::read_to_string(thread?.path().join("stat")) else {
            return Ok(false);
        };
        // "4847 (kube-apiserver) T 4846 …": the name may hold anything, the state comes after it.
        let state = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        if !state.starts_with('T') {
            return Ok(false);
        }
    }
    Ok(true)
}

fn guarded_pid(shell: &mut Child) -> io::Result<Pid> {
    let mut line = String::new();
    if let Some(stdout) = shell.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    line.trim()
        .parse()
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("the shell printed no process id"))
}
