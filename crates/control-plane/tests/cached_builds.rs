//! The scripts in `tools` that build a program once use it again only where it would be built in the same way.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails where it unwraps; so do the functions it calls"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Stands for Go: makes an empty program, and notes that it did.
const GO: &str = r#"#!/bin/sh
for argument; do
  if [ "$last" = -o ]; then program=$argument; fi
  last=$argument
done
name=${last%@*}
program=${program:-$GOBIN/${name##*/}}
echo "$program" >>"$BUILT"
echo >"$program" && chmod +x "$program"
"#;

/// The scripts, with what makes each of them ask Go for as few programs as possible.
const SCRIPTS: [&[&str]; 4] = [
    &["go-tool", "example.com/a/cmd/tool@v1.2.3"],
    &["build-buildah"],
    &["build-monitoring", "kube-state-metrics"],
    &["build-control-plane"],
];

/// A copy of the scripts, and a machine on which they have built nothing yet.
struct Machine {
    directory: TempDir,
}

impl Machine {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let machine = Self { directory };
        for name in ["bin", "assets", "tools"] {
            fs::create_dir(machine.path(name)).unwrap();
        }
        copy(&tools(), &machine.path("tools"));
        machine.program("bin/go", GO);
        // Of the control plane, only Helm is built.
        for name in [
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kubectl",
        ] {
            machine.program(&format!("assets/{name}"), "");
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn program(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a script with these variables. Returns what it prints, and how many programs were built.
    fn run(&self, script: &[&str], variables: &[(&str, &str)]) -> (String, usize) {
        let path = std::env::var("PATH").unwrap();
        let built = self.path("built");
        fs::write(&built, "").unwrap();
        let mut command = Command::new(self.path("tools").join(script[0]));
        command
            .args(&script[1..])
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("KUBEBUILDER_ASSETS", self.path("assets"))
            .env("BUILT", &built)
            .envs(variables.iter().copied());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        (printed, fs::read_to_string(built).unwrap().lines().count())
    }
}

fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools")
}

/// Copies a directory into one that exists.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

#[test]
fn a_program_is_built_once_for_each_way_to_build_it() {
    for script in SCRIPTS {
        let machine = Machine::new();
        let (first, built) = machine.run(script, &[]);
        assert_eq!(built, 1, "{script:?}");
        assert_eq!(machine.run(script, &[]), (first.clone(), 0));
        // The script decides about the first one; the others change no program.
        let other = [
            ("CGO_ENABLED", "maybe"),
            ("GOPROXY", "off"),
            ("MAKEFLAGS", "n"),
            ("RUSTUP_TOOLCHAIN", "stable"),
        ];
        assert_eq!(machine.run(script, &other), (first.clone(), 0));
        for variable in ["GOAMD64", "GOEXPERIMENT", "CGO_CFLAGS", "CC"] {
            let (other, built) = machine.run(script, &[(variable, "other")]);
            assert_eq!(built, 1, "{script:?}, {variable}");
            assert_ne!(other, first);
        }
    }
}

#[test]
fn a_script_that_builds_otherwise_uses_no_program_from_before() {
    for script in SCRIPTS {
        let machine = Machine::new();
        let (before, _) = machine.run(script, &[]);
        let file = machine.path("tools").join(script[0]);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(file, text.replace("CGO_ENABLED=", "CGO_ENABLED=1")).unwrap();
        let (after, built) = machine.run(script, &[]);
        assert_eq!(built, 1, "{script:?}");
        assert_ne!(after, before);
    }
}

#[test]
fn every_script_that_builds_for_the_cache_names_the_place_in_the_same_way() {
    let mut scripts = 0;
    for entry in fs::read_dir(tools()).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap_or_default();
        let builds = ["go build -C", "go install", "cargo install"];
        if builds.iter().any(|build| text.contains(build)) {
            scripts += 1;
            assert!(text.contains("/cache-key"), "{}", path.display());
        }
    }
    assert!(scripts >= 6, "{scripts}");
}
