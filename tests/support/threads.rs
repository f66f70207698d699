//! Signals to a process, and the states of its threads. A signal is only queued when `kill` returns: each thread acts on
//! it when it next runs, and may send a request before it does.

use super::PATIENCE;
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Sends a signal and does not wait for its effect.
pub fn signal(pid: u32, name: &str) {
    let pid = pid.to_string();
    let sent = Command::new("kill").args(["-s", name, &pid]).status();
    assert!(sent.unwrap().success(), "signal {name}");
}

/// Stops a process and waits until each of its threads is stopped.
pub fn freeze(pid: u32) {
    signal(pid, "STOP");
    wait(pid, "stopped", |state| state == 'T');
}

/// Continues a process and waits until none of its threads is stopped.
pub fn thaw(pid: u32) {
    signal(pid, "CONT");
    wait(pid, "continued", |state| state != 'T');
}

/// Kills a process and waits until each of its threads has exited, which closes its connections.
pub fn kill(pid: u32) {
    signal(pid, "KILL");
    wait(pid, "exited", |state| matches!(state, 'Z' | 'X'));
}

/// Returns the state letters of all threads of a process, as `/proc/<pid>/stat` has them.
pub fn states(pid: u32) -> String {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return String::new();
    };
    let stats =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok());
    // "4847 (name) T 4846 …": the name may hold anything, parentheses included.
    let state = |stat: String| stat.rsplit_once(") ")?.1.chars().next();
    stats.filter_map(state).collect()
}

/// Returns how many threads a process has. Its directory may leave some out that exist while others exit.
fn count(pid: u32) -> usize {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let threads = fields.split(' ').nth(17);
    threads.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn wait(pid: u32, what: &str, wanted: impl Fn(char) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let states = states(pid);
        if states.chars().all(&wanted) && states.len() >= count(pid) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "process {pid} is not {what}: {states}"
        );
        sleep(Duration::from_millis(1));
    }
}
