//! `docs/reference.md` is what the definitions generate.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::fs;
use std::process::Command;

#[test]
fn the_reference_is_current() {
    let printed = Command::new(env!("CARGO_BIN_EXE_reference")).output();
    let printed = String::from_utf8(printed.unwrap().stdout).unwrap();
    let kept = fs::read_to_string(installation::root().join("docs/reference.md")).unwrap();
    assert!(
        printed == kept,
        "docs/reference.md is out of date: run `make crds`"
    );
}
