//! The signals of these tests take effect before a test continues.
#![cfg(target_os = "linux")]

use crate::support::{Guarded, PATIENCE, threads};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How many threads there are for each processor: those that wait for one have not seen a signal yet.
const FOR_EACH_PROCESSOR: usize = 8;
const ROLE: &str = "METORIAL_TEST_BUSY_THREADS";

/// A process whose threads all want a processor, and yield to whoever else does. It is
/// this program, which finds itself asked for that.
struct Busy(Guarded);

/// How many threads it has.
fn count() -> usize {
    FOR_EACH_PROCESSOR * thread::available_parallelism().unwrap().get()
}

impl Busy {
    fn start(test: &str) -> Self {
        let mut program = Command::new("nice");
        program
            .args(["-n", "19"])
            .arg(std::env::current_exe().unwrap());
        program.args(["--exact", test]).env(ROLE, "1");
        let busy = Self(Guarded::start(program.stdout(Stdio::null())));
        let deadline = Instant::now() + PATIENCE;
        while threads::states(busy.0.pid()).len() < count() {
            assert!(Instant::now() < deadline, "its threads have started");
            thread::sleep(Duration::from_millis(10));
        }
        busy
    }

    fn asked_for() -> bool {
        std::env::var_os(ROLE).is_some()
    }

    fn run() -> ! {
        for _ in 0..count() {
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

#[test]
fn a_signal_has_reached_every_thread_when_the_test_continues() {
    if Busy::asked_for() {
        Busy::run();
    }
    let busy = Busy::start("freezing::a_signal_has_reached_every_thread_when_the_test_continues");
    let pid = busy.0.pid();
    for _ in 0..3 {
        threads::freeze(pid);
        let frozen = threads::states(pid);
        assert!(frozen.len() >= count(), "{frozen}");
        assert!(frozen.chars().all(|state| state == 'T'), "{frozen}");
        threads::thaw(pid);
        let thawed = threads::states(pid);
        assert!(!thawed.contains('T'), "{thawed}");
    }
    threads::kill(pid);
    let killed = threads::states(pid);
    assert_eq!(killed, "Z", "only what a parent has to reap is left");
}
