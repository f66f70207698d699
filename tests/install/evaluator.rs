//! The evaluators of Argo CD and Flux, a program of pinned Go modules that is built once.

use crate::support::run;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::sync::OnceCell;

/// Builds the program, with the flags of tools/build-control-plane, so that both share what Go has compiled.
async fn program() -> &'static PathBuf {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    let build = async || {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gitops-evaluator");
        let mut go = Command::new("go");
        go.args(["build", "-C"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/gitops"))
            .args(["-mod=readonly", "-buildvcs=false", "-trimpath", "-o"])
            .arg(&program)
            .env("CGO_ENABLED", "0")
            .env("GOWORK", "off");
        let built = run(go, "").await;
        let errors = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{errors}");
        program
    };
    PROGRAM.get_or_init(build).await
}

/// What the program answers to a request: `what` is one of those in tools/gitops/main.go.
pub async fn evaluate(request: Value) -> Result<Value, String> {
    let command = Command::new(program().await);
    let done = run(command, &json!([request]).to_string()).await;
    assert!(done.status.success(), "{done:?}");
    let mut answers: Vec<Value> = serde_json::from_slice(&done.stdout).unwrap();
    let mut answer = answers.remove(0);
    match answer["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(answer["result"].take()),
    }
}

/// A file of the repository.
pub fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A YAML file of the repository.
pub fn read_yaml(path: &str) -> Value {
    serde_yaml_ng::from_str(&read(path)).unwrap()
}
