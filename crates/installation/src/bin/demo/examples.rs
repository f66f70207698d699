//! Examples that the demo applies, each as a kustomization with the simulator's address and key.

use installation::{Failure, root};
use serde_json::json;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Namespace of the demo.
pub const DEMO_NAMESPACE: &str = "demo";

/// Examples, in the order in which they are applied.
pub const EXAMPLES: [&str; 6] = [
    "quickstart",
    "agent-provider",
    "database-provider",
    "rotation-by-import",
    "export-to-a-secret",
    GITOPS,
];

/// Example that has its own namespaces.
const GITOPS: &str = "gitops";

/// Name of the file that lists the manifests of a directory.
const KUSTOMIZATION: &str = "kustomization.yaml";

/// Writes a kustomization for each example to a directory.
pub fn write(url: &str, key: &str) -> Result<TempDir, Failure> {
    let directory = tempfile::tempdir()?;
    for example in EXAMPLES {
        let target = directory.path().join(example);
        let mut files = copy(&root().join("examples").join(example), &target)?;
        files.sort();
        let file = target.join(KUSTOMIZATION);
        // JSON is a subset of YAML.
        fs::write(file, kustomization(example, &files, url, key).to_string())?;
    }
    Ok(directory)
}

/// Copies the manifests of a directory and of the directories below it; returns their relative paths. The example's own
/// kustomizations are left out.
fn copy(from: &Path, to: &Path) -> Result<Vec<String>, Failure> {
    fs::create_dir_all(to)?;
    let mut files = Vec::new();
    for entry in fs::read_dir(from)? {
        let (path, name) = {
            let entry = entry?;
            (entry.path(), entry.file_name())
        };
        let shown = name.to_string_lossy();
        if path.is_dir() {
            let below = copy(&path, &to.join(&name))?;
            files.extend(below.iter().map(|file| format!("{shown}/{file}")));
        } else if shown != KUSTOMIZATION {
            fs::copy(&path, to.join(&name))?;
            files.push(shown.into_owned());
        }
    }
    Ok(files)
}

fn kustomization(example: &str, files: &[String], url: &str, key: &str) -> serde_json::Value {
    let patch = |kind: &str, name: &str, operation: serde_json::Value| {
        let operations = serde_json::Value::from(vec![operation]).to_string();
        json!({"target": {"kind": kind, "name": name}, "patch": operations})
    };
    let address = json!({"op": "add", "path": "/spec/baseUrl", "value": url});
    let key = json!({"op": "replace", "path": "/stringData/api-key", "value": key});
    let mut kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": files,
        "patches": [
            patch("Connection", "default", address.clone()),
            patch("ClusterConnection", "default", address),
            patch("Secret", "metorial", key),
        ],
    });
    if example != GITOPS {
        kustomization["namespace"] = DEMO_NAMESPACE.into();
    }
    kustomization
}
