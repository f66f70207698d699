//! Imports between source files: no circle in any crate, and in `src/` a layer imports only from itself and from lower layers.
//!
//! A path such as `crate::plan::desired::Desired` imports the file of the deepest module that it names, here
//! `plan/desired.rs`. A `mod` declaration imports nothing, a `pub use` imports the file that it re-exports from. So a
//! module that re-exports its children must not be imported by them: they import each other by their own paths. Code
//! under `#[cfg(test)]` may import anything.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod source;

use source::{Crate, Imports};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Layers of `src/`, lowest first, by the names of its files and directories. `lib` only declares the others.
const LAYERS: &[&[&str]] = &[
    &["build_info", "lock", "sensitive", "weak_map"],
    &["resources"],
    &["metrics"],
    &["plan"],
    &["kinds"],
    &["schema"],
    &["cluster"],
    &["settings"],
    &["remote"],
    &["inventory"],
    &["connections"],
    &["reconcile"],
    &["telemetry", "health"],
    &["runtime"],
    &["lib"],
    &["main"],
];

#[test]
fn no_crate_has_a_circle_of_imports() {
    let mut packages = vec![root().to_owned()];
    for package in fs::read_dir(root().join("crates")).unwrap() {
        packages.push(package.unwrap().path());
    }
    let mut circles = Vec::new();
    for package in packages {
        for crate_root in crate_roots(&package.join("src")) {
            circles.extend(circles_of(&Crate::read(&crate_root).imports()));
        }
    }
    assert!(
        circles.is_empty(),
        "circles of imports:\n{}",
        circles.join("\n\n")
    );
}

#[test]
fn the_operator_imports_only_from_the_same_or_a_lower_layer() {
    let imports = Crate::read(&root().join("src/lib.rs")).imports();
    let mut upward = Vec::new();
    for (file, imported) in &imports {
        for target in imported {
            if layer_of(target) > layer_of(file) {
                upward.push(format!("{} imports {}", shown(file), shown(target)));
            }
        }
    }
    assert!(
        upward.is_empty(),
        "imports that point upward:\n{}",
        upward.join("\n")
    );
}

#[test]
fn a_circle_of_imports_is_found() {
    let file = |name: &str| PathBuf::from(name);
    let imports = Imports::from([
        (file("a"), [file("b")].into()),
        (file("b"), [file("c"), file("d")].into()),
        (file("c"), [file("a")].into()),
        (file("d"), BTreeSet::new()),
    ]);
    let circle = "a imports b\nb imports c\nc imports a";
    assert_eq!(circles_of(&imports), [circle]);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the layer of a file of `src/`.
fn layer_of(file: &Path) -> usize {
    let path = file.strip_prefix(root().join("src")).unwrap();
    let name = path.iter().next().unwrap().to_str().unwrap();
    let name = name.trim_end_matches(".rs");
    let layer = LAYERS.iter().position(|names| names.contains(&name));
    layer.unwrap_or_else(|| panic!("{} is in no layer of LAYERS", shown(file)))
}

/// Returns the library, the program and the further programs of a package.
fn crate_roots(src: &Path) -> Vec<PathBuf> {
    let mut roots = vec![src.join("lib.rs"), src.join("main.rs")];
    for program in fs::read_dir(src.join("bin")).into_iter().flatten() {
        roots.push(program.unwrap().path().join("main.rs"));
    }
    roots.retain(|root| root.exists());
    roots
}

/// Returns the imports that make up each circle, one a line.
fn circles_of(imports: &Imports) -> Vec<String> {
    let reached: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> = imports
        .keys()
        .map(|file| (file, reachable(imports, file)))
        .collect();
    let mut circles = BTreeSet::new();
    for file in imports.keys() {
        let circle: BTreeSet<&PathBuf> = reached[file]
            .iter()
            .filter(|other| reached.get(**other).is_some_and(|back| back.contains(file)))
            .copied()
            .collect();
        let mut lines = Vec::new();
        for file in &circle {
            let inside = imports[*file].iter().filter(|other| circle.contains(other));
            lines.extend(inside.map(|other| format!("{} imports {}", shown(file), shown(other))));
        }
        circles.insert(lines.join("\n"));
    }
    circles
        .into_iter()
        .filter(|circle| !circle.is_empty())
        .collect()
}

/// Returns the path of a file from the root of the repository.
fn shown(file: &Path) -> String {
    file.strip_prefix(root())
        .unwrap_or(file)
        .display()
        .to_string()
}

/// Returns the files that a file imports, directly or through others.
fn reachable<'a>(imports: &'a Imports, file: &'a PathBuf) -> BTreeSet<&'a PathBuf> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(next) = open.pop() {
        for imported in imports.get(next).into_iter().flatten() {
            if reached.insert(imported) {
                open.push(imported);
            }
        }
    }
    reached
}
