//! What a container does with its file system, from the runtime's log of its system calls.

/// The system calls that change a file system by a path; those that open a file may, too.
const CHANGING: [&str; 32] = [
    "chmod",
    "chown",
    "creat",
    "fchmodat",
    "fchmodat2",
    "fchownat",
    "futimesat",
    "lchown",
    "link",
    "linkat",
    "lremovexattr",
    "lsetxattr",
    "mkdir",
    "mkdirat",
    "mknod",
    "mknodat",
    "mount",
    "removexattr",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "setxattr",
    "symlink",
    "symlinkat",
    "truncate",
    "umount2",
    "unlink",
    "unlinkat",
    "utime",
    "utimensat",
    "utimes",
];

/// What a file is opened with in order to write to it.
const WRITING: [&str; 4] = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"];

/// The finished calls in a log.
fn calls(log: &str) -> impl Iterator<Item = &str> {
    log.lines().filter_map(|line| {
        let (_, logged) = line.split_once("strace.go:")?;
        let (_, call) = logged.split_once(" X ")?;
        Some(call)
    })
}

/// Whether the log has calls in the form that is understood here.
pub fn are_logged(log: &str) -> bool {
    calls(log).next().is_some()
}

/// Calls that try to change the file system, successful or not.
pub fn writes(log: &str) -> Vec<&str> {
    let changes = |call: &&str| match call.split('(').next().unwrap() {
        "open" | "openat" | "openat2" => WRITING.iter().any(|flag| call.contains(flag)),
        name => CHANGING.contains(&name),
    };
    calls(log).filter(changes).collect()
}

/// Whether a file was opened with success.
pub fn opened(log: &str, path: &str) -> bool {
    let path = format!(" {path},");
    let mut opened = calls(log).filter(|call| call.starts_with("open") && call.contains(&path));
    opened.any(|call| !call.contains("errno="))
}

#[test]
fn writes_are_found_in_the_log_of_the_runtime() {
    let start = "I0102 03:04:05.678901       1 strace.go:608] [   1:   7] metorial-operat";
    let read = "openat(AT_FDCWD /, 0x1 /etc/hosts, O_RDONLY|O_CLOEXEC, 0o0) = 3 (0x3) (3µs)";
    let missing = "open(0x1 /a, O_RDONLY, 0o0) = 0 (0x0) errno=2 (no such file or directory) (3µs)";
    let tests = [
        (format!("{start} X {read}"), false),
        (format!("{start} X {missing}"), false),
        // A call is logged twice: when it starts, and when it ends.
        (format!("{start} E mkdir(0x1 /a, 0x1ed)"), false),
        (
            format!("{start} X mkdir(0x1 /a, 0x1ed) = 0 (0x0) (3µs)"),
            true,
        ),
        (
            format!("{start} X utimensat(AT_FDCWD /, 0x1 /a, null, 0x0) = 0 (0x0) (3µs)"),
            true,
        ),
        (
            format!("{start} X {}", read.replace("RDONLY", "WRONLY")),
            true,
        ),
        (
            format!("{start} X {}", missing.replace("RDONLY", "RDWR|O_CREAT")),
            true,
        ),
    ];
    for (log, is_write) in tests {
        assert_eq!(!writes(&log).is_empty(), is_write, "{log}");
    }
    let log = format!("{start} X {read}\n{start} X {missing}");
    assert!(opened(&log, "/etc/hosts"));
    assert!(!opened(&log, "/a"));
}
