//! The signals of these tests take effect before a test continues.
#![cfg(target_os = "linux")]

use crate::support::threads;
use std::process::{Child, Command, Stdio};
use std::thread;

/// More threads than any machine runs at once: those that wait for a processor have not seen a signal yet.
const THREADS: usize = 200;
const ROLE: &str = "METORIAL_TEST_BUSY_THREADS";

/// A process whose threads all want a processor, and yield to whoever else does. It is
/// this program, which finds itself asked for that.
struct Busy(Child);

impl Busy {
    fn start(test: &str) -> Self {
        let mut program = Command::new("nice");
        program
            .args(["-n", "19"])
            .arg(std::env::current_exe().unwrap());
        program.args(["--exact", test]).env(ROLE, "1");
        let busy = Self(program.stdout(Stdio::null()).spawn().unwrap());
        while threads::states(busy.0.id()).len() < THREADS {
            thread::yield_now();
        }
        busy
    }

    fn asked_for() -> bool {
        std::env::var_os(ROLE).is_some()
    }

    fn run() -> ! {
        for _ in 0..THREADS {
            thread::spawn(|| {
                loop {
                    std::hint::spin_loop();
                }
            });
        }
        loop {
            thread::park();
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_signal_has_reached_every_thread_when_the_test_continues() {
    if Busy::asked_for() {
        Busy::run();
    }
    let busy = Busy::start("freezing::a_signal_has_reached_every_thread_when_the_test_continues");
    let pid = busy.0.id();
    for _ in 0..3 {
        threads::freeze(pid);
        let frozen = threads::states(pid);
        assert!(frozen.len() >= THREADS, "{frozen}");
        assert!(frozen.chars().all(|state| state == 'T'), "{frozen}");
        threads::thaw(pid);
        let thawed = threads::states(pid);
        assert!(!thawed.contains('T'), "{thawed}");
    }
    threads::kill(pid);
    let killed = threads::states(pid);
    assert_eq!(killed, "Z", "only what a parent has to reap is left");
}
