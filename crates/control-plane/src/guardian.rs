//! Nothing outlives us: each part runs under a shell that kills it when a pipe from this process closes, and one more
//! removes the directory when all of them are gone. A pipe closes however its holder ends, by SIGKILL too.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::error::{Error, Trying};

const RUN: &str = include_str!("guardian.sh");

/// Waits until nobody holds the other end of its stdin.
const CLEAN_UP: &str = r#"cat >/dev/null; rm -rf -- "$1""#;

/// Threads stop within microseconds, unless they wait for a disk.
const STILL_PAUSE: Duration = Duration::from_millis(1);
const STILL_ATTEMPTS: usize = 5_000;

/// A process that dies with us, and when this is dropped.
pub(crate) struct Guardian {
    shell: Child,
    guarded: Pid,
    frozen: bool,
}

impl Guardian {
    /// Starts the command; what it writes is added to the log.
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
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(directory.hold().trying(action)?)
            .spawn()
            .trying(action)?;
        let guarded = guarded_pid(&mut shell).trying(action)?;
        Ok(Self {
            shell,
            guarded,
            frozen: false,
        })
    }

    /// Whether the process ended by itself.
    pub(crate) fn ended(&mut self) -> bool {
        !matches!(self.shell.try_wait(), Ok(None))
    }

    /// Stops it from running, without its noticing; connections to it stay open.
    pub(crate) fn freeze(&mut self) -> Result<(), Error> {
        self.signal(Signal::STOP)?;
        self.frozen = true;
        self.until_still()
            .trying(|| format!("freezing process {}", self.guarded.as_raw_nonzero()))
    }

    /// Lets it run on.
    pub(crate) fn thaw(&mut self) -> Result<(), Error> {
        self.signal(Signal::CONT)?;
        self.frozen = false;
        Ok(())
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// The signal is sent at once, but threads on other processors run on for a moment.
    fn until_still(&self) -> io::Result<()> {
        for _ in 0..STILL_ATTEMPTS {
            if is_still(self.guarded)? {
                return Ok(());
            }
            std::thread::sleep(STILL_PAUSE);
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    fn signal(&self, signal: Signal) -> Result<(), Error> {
        kill_process(self.guarded, signal)
            .map_err(io::Error::from)
            .trying(|| format!("signalling process {}", self.guarded.as_raw_nonzero()))
    }
}

impl Drop for Guardian {
    /// Kills the process and waits until it is gone.
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // The shell can't be waited for twice; if it can't be waited for at all there is nothing left to wait for.
        let _ = self.shell.wait();
    }
}

/// A directory that is removed when this and every process that was started with it are gone.
pub(crate) struct Directory {
    path: PathBuf,
    shell: Child,
}

impl Directory {
    /// Makes an empty directory that only we may read.
    pub(crate) fn create() -> Result<Self, Error> {
        let action = || "making a directory for the control plane".to_owned();
        let path = tempfile::Builder::new()
            .prefix("control-plane-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .trying(action)?
            .keep();
        let shell = shell(CLEAN_UP)
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .trying(action)?;
        Ok(Self { path, shell })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the directory for as long as a process has this open.
    fn hold(&self) -> io::Result<Stdio> {
        let pipe = self.shell.stdin.as_ref().expect("taken only by drop");
        Ok(Stdio::from(pipe.as_fd().try_clone_to_owned()?))
    }
}

impl Drop for Directory {
    /// Lets go of the directory, and waits until it is removed.
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A shell in a process group of its own, so that a Ctrl-C at the terminal ends only us, and the shell when we are gone.
fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", script, "control-plane"])
        .process_group(0);
    command
}

/// Whether no thread of the process runs. Only Linux tells; elsewhere the signal has to be enough.
fn is_still(process: Pid) -> io::Result<bool> {
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
        .ok_or_else(|| io::Error::other("the shell named no process"))
}
