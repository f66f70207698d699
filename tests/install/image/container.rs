//! A container, which gVisor runs: a runtime that needs neither root nor IDs of its own, and logs system calls.

use super::layout::Image;
use super::scratch::Scratch;
use crate::support::Process;
use serde_json::{Value, json};
use std::env;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable by which `make image` names the runtime.
const RUNTIME: &str = "CONTAINER_RUNTIME";

/// What a pod says about one of its containers, and files of the node that the kubelet mounts.
#[derive(Default)]
pub struct Pod {
    /// The container's `securityContext`.
    pub security: Value,
    /// The user, where it isn't the one of the image.
    pub user: Option<u64>,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// What is mounted, and where.
    pub mounts: Vec<(PathBuf, &'static str)>,
}

/// A container. Dropping it ends it.
pub struct Container {
    pub process: Process,
    // Dropped last: the process works with it.
    scratch: Scratch,
}

impl Container {
    /// Starts a container of a pod in the network of the test. `admin` is where it serves pages.
    pub fn start(image: &Image, pod: &Pod, admin: SocketAddr) -> Self {
        let scratch = Scratch::new(&["rootfs", "state", "log"]);
        let files = scratch.path().join("rootfs");
        // The container's user isn't the one that owns it.
        fs::set_permissions(&files, Permissions::from_mode(0o755)).unwrap();
        image.unpack(&files);
        let config = config(image, pod).to_string();
        fs::write(scratch.path().join("config.json"), config).unwrap();
        Self {
            process: Process::spawn(command(scratch.path()), admin),
            scratch,
        }
    }

    /// Asks it to end, as Kubernetes does.
    pub fn terminate(&self) {
        let mut kill = runtime(self.scratch.path());
        kill.arg("kill").arg(name(self.scratch.path())).arg("TERM");
        let output = kill.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// The users of its processes, which the runtime's kernel knows; none before it runs.
    pub fn users(&self) -> Vec<u64> {
        let mut list = runtime(self.scratch.path());
        list.arg("ps").arg(name(self.scratch.path()));
        let output = list.output().unwrap();
        let table = String::from_utf8(output.stdout).unwrap();
        // The first column, below its title.
        let rows = table.lines().skip_while(|line| !line.starts_with("UID"));
        let first = rows
            .skip(1)
            .map(|row| row.split_whitespace().next().unwrap());
        first.map(|user| user.parse().unwrap()).collect()
    }

    /// The system calls that it made so far.
    pub fn system_calls(&self) -> String {
        let files = fs::read_dir(self.scratch.path().join("log")).unwrap();
        let texts = files.map(|file| fs::read(file.unwrap().path()).unwrap());
        let texts = texts.map(|text| String::from_utf8_lossy(&text).into_owned());
        texts.collect()
    }
}

/// The command that runs the container whose files are in a directory.
fn command(directory: &Path) -> Command {
    let mut command = runtime(directory);
    command
        // Of what is read and written, one byte is logged.
        .args(["--debug", "--strace", "--strace-log-size=1"])
        .arg(format!("--debug-log={}/log/", directory.display()))
        .args(["run", "--bundle"])
        .arg(directory)
        .arg(name(directory));
    command
}

/// The runtime, which keeps its state in a directory.
fn runtime(directory: &Path) -> Command {
    let runtime = env::var_os(RUNTIME);
    let runtime = runtime.unwrap_or_else(|| panic!("{RUNTIME} is not set: run make image"));
    let mut command = Command::new(runtime);
    command
        .env_clear()
        .env("XDG_RUNTIME_DIR", directory)
        .args(["--rootless", "--ignore-cgroups", "--network=host"])
        .arg("--root")
        .arg(directory.join("state"));
    command
}

/// The name of the container whose files are in a directory.
fn name(directory: &Path) -> &OsStr {
    directory.file_name().unwrap()
}

/// The settings of the container in the words of the runtime.
fn config(image: &Image, pod: &Pod) -> Value {
    let (user, group) = image.user();
    let variables = pod.environment.iter();
    let variables = variables.map(|(name, value)| format!("{name}={value}"));
    // Without a mount there, the runtime would mount something that the container can write to.
    let tmp = json!({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]});
    let proc = json!({"destination": "/proc", "type": "proc", "source": "proc"});
    let files = pod.mounts.iter().map(|(source, destination)| {
        json!({"destination": destination, "type": "bind", "source": source, "options": ["bind", "ro"]})
    });
    let mounts: Vec<Value> = [proc, tmp].into_iter().chain(files).collect();
    let security = &pod.security;
    assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}));
    json!({
        "ociVersion": "1.1.0",
        "process": {
            "user": {"uid": pod.user.unwrap_or(user), "gid": group},
            "args": image.command_line(&pod.arguments),
            "env": variables.collect::<Vec<String>>(),
            "cwd": "/",
            "capabilities": {},
            "noNewPrivileges": security["allowPrivilegeEscalation"] == false,
        },
        "root": {"path": "rootfs", "readonly": security["readOnlyRootFilesystem"] == true},
        "mounts": mounts,
        "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}]},
    })
}
