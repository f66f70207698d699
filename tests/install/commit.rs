//! A released operator shows from which commit it was built: the Dockerfile hands on the commit under the name that the code
//! reads at build time, and whatever builds an image passes it to the Dockerfile.

use crate::image::scratch::Scratch;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the repository.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(file(name)).unwrap()
}

/// The part of the Dockerfile that compiles the programs, up to the compiler.
fn before_the_compiler(dockerfile: &str) -> &str {
    let (_, stage) = dockerfile.split_once(" AS build\n").unwrap();
    let (before, _) = stage.split_once("xx-cargo build").unwrap();
    assert!(!before.contains("\nFROM "));
    before
}

/// The variable in which the Dockerfile hands on the build argument `COMMIT`.
fn variable() -> String {
    let dockerfile = text("Dockerfile");
    let before = before_the_compiler(&dockerfile);
    let (_, given) = before.split_once("\nARG COMMIT=\"\"\n").unwrap();
    let mut assigned = given.lines().filter_map(|line| line.strip_prefix("ENV "));
    let named = assigned.find_map(|line| line.strip_suffix("=${COMMIT}"));
    named.unwrap().to_owned()
}

/// What the operator would show, if it was built with this value of a variable.
fn shown(directory: &Path, variable: &str, value: Option<&str>) -> String {
    let source = file("src/build_info.rs");
    let main = format!(
        "#[path = {source:?}] mod build_info; fn main() {{ print!(\"{{:?}}\", build_info::COMMIT) }}"
    );
    fs::write(directory.join("main.rs"), main).unwrap();
    let mut compiler = Command::new("rustc");
    compiler
        .args(["--edition=2024", "--allow=dead_code", "main.rs"])
        .current_dir(directory)
        .env("CARGO_PKG_VERSION", "0.0.0")
        .env_remove(variable);
    if let Some(value) = value {
        compiler.env(variable, value);
    }
    assert!(compiler.status().unwrap().success());
    let output = Command::new(directory.join("main")).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_commit_that_is_given_to_the_dockerfile_is_the_one_that_the_operator_shows() {
    let scratch = Scratch::new(&["build"]);
    let directory = scratch.path().join("build");
    let shown = |value| shown(&directory, &variable(), value);
    assert_eq!(shown(Some("0123abcd")), "Some(\"0123abcd\")");
    assert_eq!(shown(Some("")), "None");
    assert_eq!(shown(None), "None");
}

#[test]
fn whatever_builds_an_image_of_a_release_passes_the_commit() {
    let release = text(".github/workflows/release.yml").replace("\\\n", " ");
    let builds: Vec<&str> = release
        .lines()
        .filter(|line| line.contains("docker buildx build"))
        .collect();
    assert!(!builds.is_empty());
    for build in builds {
        assert!(
            build.contains("--build-arg COMMIT=\"$GITHUB_SHA\""),
            "{build}"
        );
    }
    // Without a container engine, the programs are compiled outside of the Dockerfile.
    let given = format!("env {}=\"$revision\"", variable());
    assert!(text("tools/image").contains(&given), "{given}");
}
