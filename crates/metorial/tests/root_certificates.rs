//! Root certificates of the system, or compiled in by the feature `webpki-roots`.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use metorial::{ApiKey, Client};
use std::process::Command;

#[test]
fn without_root_certificates_of_the_system_a_client_needs_the_compiled_in_ones() {
    let nothing = tempfile();
    let builds = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_client_is_built", "--include-ignored"])
        .env("SSL_CERT_FILE", &nothing)
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap()
        .status
        .success();
    assert_eq!(builds, cfg!(feature = "webpki-roots"));
}

#[test]
#[ignore = "the other test runs it in a process without root certificates"]
fn a_client_is_built() {
    let key = ApiKey::parse("metorial_sk_canary").unwrap();
    let url = "https://api.metorial.com".parse().unwrap();
    Client::builder(url, key).no_proxy().build().unwrap();
}

/// An empty file in the directory that Cargo gives to tests.
fn tempfile() -> std::path::PathBuf {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-roots.pem");
    std::fs::write(&path, "").unwrap();
    path
}
