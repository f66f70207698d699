//! The manifests of `examples/`, filled in as a user fills them in.

use super::environment::Environment;
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

impl Environment {
    /// An example's manifest with this environment's URL and secrets in the places where users put theirs.
    pub fn filled_in(&self, mut manifest: Value) -> Value {
        let mut fill = |pointer: &str, value: &str| {
            if let Some(place) = manifest.pointer_mut(pointer) {
                *place = value.into();
            }
        };
        fill("/stringData/api-key", &self.key);
        fill("/stringData/client-secret", &self.client_secret);
        if manifest["kind"] == "Connection" {
            manifest["spec"]["baseUrl"] = self.sim.url().into();
        }
        manifest
    }
}

/// The manifests in a file of an example.
pub fn example(folder: &str, file: &str) -> Vec<Value> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let text = std::fs::read_to_string(examples.join(folder).join(file)).unwrap();
    let documents = serde_yaml_ng::Deserializer::from_str(&text);
    let documents = documents.map(|document| Value::deserialize(document).unwrap());
    documents.collect()
}
