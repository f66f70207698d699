//! A control plane as a process, with the programs that the pages name.

use documentation::root;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Programs that the pages use to build or to publish something: they do nothing here.
const NOTHING: [&str; 3] = ["cargo", "docker", "make"];

/// Running control plane. It stops when this is dropped, or when this process ends in any way: its stdin closes then.
pub struct Plane {
    process: Child,
    said: BTreeMap<String, String>,
    programs: TempDir,
}

impl Plane {
    /// Starts it, and lays out the programs.
    pub fn start() -> Self {
        let mut command = Command::new(built("control-plane"));
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BTreeMap::new();
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            match line.unwrap().split_once('=') {
                Some((name, value)) => drop(said.insert(name.to_owned(), value.to_owned())),
                None => break,
            }
        }
        let programs = tempfile::tempdir().unwrap();
        let link = |target: &Path, name: &str| symlink(target, programs.path().join(name)).unwrap();
        link(Path::new(&said["KUBECTL"]), "kubectl");
        link(Path::new(&said["HELM"]), "helm");
        for name in ["metorial-operator", "metorial-simulator"] {
            link(&built(name), name);
        }
        for name in NOTHING {
            let file = programs.path().join(name);
            fs::write(&file, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self {
            process,
            said,
            programs,
        }
    }

    /// Returns bash with these programs, in the root of the repository.
    pub fn bash(&self) -> Command {
        let path = std::env::var("PATH").unwrap();
        let mut bash = Command::new("bash");
        bash.current_dir(root())
            .env("PATH", format!("{}:{path}", self.programs.path().display()))
            .env("KUBECONFIG", &self.said["KUBECONFIG"])
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1");
        bash
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Returns a program of the workspace, which `cargo test --workspace` builds beside the tests. `METORIAL_PROGRAMS` names another
/// directory.
fn built(name: &str) -> PathBuf {
    let beside = || {
        std::env::current_exe()
            .unwrap()
            .ancestors()
            .nth(2)
            .unwrap()
            .to_owned()
    };
    let directory = std::env::var_os("METORIAL_PROGRAMS").map_or_else(beside, PathBuf::from);
    let program = directory.join(name);
    assert!(
        program.exists(),
        "{} not found: run cargo build --workspace --bins",
        program.display()
    );
    program
}
