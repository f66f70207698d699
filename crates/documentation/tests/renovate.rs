//! renovate.json keeps current what is pinned where Renovate itself finds nothing: in scripts, in workflows and in the Makefile.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use documentation::root;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{read_dir, read_to_string};
use std::ops::Range;

/// A version of which Renovate knows where it is.
struct Kept {
    name: String,
    at: Range<usize>,
}

fn settings() -> Value {
    let text = read_to_string(root().join("renovate.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
}

/// The names of all files in which a version may be pinned in a way of its own.
fn names() -> Vec<String> {
    let of = |directory: &str| {
        let entries = read_dir(root().join(directory)).unwrap();
        let files = entries.filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_file());
        let name = |file: std::fs::DirEntry| file.file_name().into_string().unwrap();
        let names = files.map(|file| format!("{directory}/{}", name(file.unwrap())));
        names.collect::<Vec<_>>()
    };
    let makefile = vec!["Makefile".to_owned()];
    [of(".github/workflows"), of("tools"), makefile].concat()
}

/// Whether a manager reads the file of this name. Renovate writes regular expressions between slashes.
fn reads(manager: &Value, name: &str) -> bool {
    texts(&manager["managerFilePatterns"]).any(|pattern| {
        let pattern = pattern
            .strip_prefix('/')
            .and_then(|it| it.strip_suffix('/'));
        Regex::new(pattern.unwrap()).unwrap().is_match(name)
    })
}

/// What a manager finds in a text.
fn found(manager: &Value, text: &str) -> Vec<Kept> {
    let all = texts(&manager["matchStrings"]).flat_map(|expression| {
        let expression = Regex::new(expression).unwrap();
        let kept = expression.captures_iter(text).map(|captures| {
            let name = captures.name("depName").map(|name| name.as_str());
            Kept {
                name: name
                    .or(manager["depNameTemplate"].as_str())
                    .unwrap()
                    .to_owned(),
                at: captures.name("currentValue").unwrap().range(),
            }
        });
        kept.collect::<Vec<_>>()
    });
    all.collect()
}

/// Where a text pins a version: three numbers with dots, which are no address. Comments and examples pin nothing, and Renovate
/// itself finds the actions that a workflow uses.
fn pinned(text: &str) -> Vec<Range<usize>> {
    let other = Regex::new(r"(?m)(?:^|\s)#.*$|uses: .*$|registry\.example\.com\S*").unwrap();
    let other: Vec<_> = other.find_iter(text).map(|found| found.range()).collect();
    let version = Regex::new(r"v?\d+\.\d+\.\d+(\.\d+)?").unwrap();
    let versions = version.captures_iter(text);
    let versions = versions.filter(|captures| captures.get(1).is_none());
    let ranges = versions.map(|captures| captures.get_match().range());
    let is_other = |range: &Range<usize>| other.iter().any(|it| it.contains(&range.start));
    ranges.filter(|range| !is_other(range)).collect()
}

#[test]
fn every_version_that_a_script_or_workflow_pins_is_kept_current() {
    let settings = settings();
    let managers = settings["customManagers"].as_array().unwrap();
    let mut kept_names = BTreeSet::new();
    for name in names() {
        let text = read_to_string(root().join(&name)).unwrap();
        let managers = managers.iter().filter(|manager| reads(manager, &name));
        let kept: Vec<Kept> = managers.flat_map(|manager| found(manager, &text)).collect();
        for range in pinned(&text) {
            let is_kept = kept.iter().any(|kept| kept.at.start == range.start);
            assert!(is_kept, "{name}: {}", &text[range]);
        }
        kept_names.extend(kept.into_iter().map(|kept| kept.name));
    }
    let expected = [
        "cargo-deny",
        "github.com/rhysd/actionlint",
        "github.com/sigstore/cosign/v3",
        "gvisor.dev/gvisor",
        "mdbook",
        "rust",
    ];
    assert!(kept_names.iter().eq(expected), "{kept_names:?}");
}

#[test]
fn every_rule_about_files_is_about_some_that_exist() {
    let settings = settings();
    let rules = settings["packageRules"].as_array().unwrap();
    let rules = rules
        .iter()
        .filter(|rule| rule["matchFileNames"].is_array());
    let files: Vec<&str> = rules
        .flat_map(|rule| texts(&rule["matchFileNames"]))
        .collect();
    assert!(files.contains(&"tools/zig/requirements.txt"));
    for file in files {
        assert!(root().join(file.trim_end_matches("/**")).exists(), "{file}");
    }
}
