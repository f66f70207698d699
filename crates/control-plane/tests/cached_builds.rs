//! The scripts in `tools` that build a program once use it again only where it would be built in the same way.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails where it unwraps; so do the functions it calls"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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

/// Stands for Go's downloads. The second one of Argo CD, for the program instead of its manifests, ends as a variable says.
const DOWNLOADS: &str = r#"#!/bin/sh
case "$*" in
  list*) echo "$SOURCES"; exit ;;
  mod*argo-cd*)
    echo >>"$BUILT.downloads"
    if [ "$(wc -l <"$BUILT.downloads")" -eq 2 ]; then exit "$SECOND"; fi
    exit ;;
  mod*) exit ;;
esac
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

    /// Runs a script that must succeed, with these variables. Returns what it prints, and how many programs were built.
    fn run(&self, script: &[&str], variables: &[(&str, &str)]) -> (String, usize) {
        let (output, built) = self.start(script, variables);
        assert!(output.status.success(), "{output:?}");
        (String::from_utf8(output.stdout).unwrap(), built)
    }

    /// Runs a script with these variables. Returns how it ended, and how many programs were built.
    fn start(&self, script: &[&str], variables: &[(&str, &str)]) -> (Output, usize) {
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
        (output, fs::read_to_string(built).unwrap().lines().count())
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
fn a_script_builds_nothing_where_a_file_that_pins_versions_is_missing() {
    let pinned = [
        ("build-buildah", "buildah"),
        ("build-monitoring", "prometheus"),
        ("build-control-plane", "helm"),
        ("build-gitops-engines", "flux"),
    ];
    for (script, module) in pinned {
        let machine = Machine::new();
        fs::remove_file(machine.path("tools").join(module).join("go.sum")).unwrap();
        let (output, built) = machine.start(&[script], &[]);
        assert!(!output.status.success(), "{script}");
        assert_eq!(built, 0, "{script}");
    }
}

#[test]
fn the_engines_are_not_built_from_sources_that_could_not_be_downloaded() {
    let machine = Machine::new();
    let files = [
        "config/crd/bases/kind.yaml",
        "manifests/crds/kind-crd.yaml",
        "manifests/base/config/argocd-cm.yaml",
        "controller/appcontroller.go",
    ];
    for file in files {
        let path = machine.path("sources").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, r#""0.0.0.0:%d", metricsPort"#).unwrap();
    }
    let sources = machine.path("sources");
    let sources = sources.to_str().unwrap();
    machine.program("bin/go", &format!("{DOWNLOADS}{GO}"));
    let run = |second| {
        fs::write(machine.path("built.downloads"), "").unwrap();
        let variables = [("SOURCES", sources), ("SECOND", second)];
        machine.start(&["build-gitops-engines"], &variables)
    };
    let (output, built) = run("1");
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(built, 2, "{output:?}");
    let (output, built) = run("0");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(built, 3, "{output:?}");
}

#[test]
fn the_oldest_kubernetes_is_not_replaced_by_another_that_is_provided() {
    let machine = Machine::new();
    let pins = fs::read_to_string(tools().join("kubernetes-oldest/go.mod")).unwrap();
    let mut words = pins.split_whitespace();
    words.find(|word| *word == "k8s.io/kubernetes").unwrap();
    let oldest = words.next().unwrap();
    let provided = |version: &str| {
        let text = format!("#!/bin/sh\necho Kubernetes {version}\n");
        machine.program("assets/kube-apiserver", &text);
        let script = &["build-control-plane"];
        machine.start(script, &[("KUBERNETES", "oldest")]).0
    };
    assert!(provided(oldest).status.success());
    let refused = provided("v1.999.0");
    assert!(!refused.status.success());
    let says = String::from_utf8(refused.stderr).unwrap();
    assert!(says.contains(oldest) && says.contains("v1.999.0"), "{says}");
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
