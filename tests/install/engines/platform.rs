//! What an engine works with: the operator as a process, and a source of revisions.

use super::registry::{Registry, SourceFile};
use crate::support::{Environment, Manifest, Process, Setup};
use serde_json::Value;

/// The directory of a revision with the Secrets.
pub const SECRETS: &str = "secrets";
/// The directory of a revision with the connection and the resources.
pub const RESOURCES: &str = "resources";

/// A namespace with the operator as a process and nothing else, and a source without a revision.
pub struct Platform {
    pub env: Environment,
    pub source: Registry,
    _operator: Process,
}

impl Platform {
    /// Starts the operator and serves the source.
    pub async fn start() -> Self {
        let env = Environment::bare(Setup::default()).await;
        let operator = env.start_process(&[]).await;
        Self {
            env,
            source: Registry::start().await,
            _operator: operator,
        }
    }

    /// Stores a revision with the Secrets, the connection and these resources, and returns its digest.
    pub async fn store(&self, resources: &[Manifest]) -> String {
        let env = &self.env;
        let resources = resources.iter().map(|manifest| manifest.0.clone());
        let resources = resources.chain([env.default_connection().0]).collect();
        let files: [SourceFile; 2] = [
            (
                "secrets/all.yaml",
                documents(vec![env.key_secret(), env.app_secret()]),
            ),
            ("resources/all.yaml", documents(resources)),
        ];
        self.source.store(&files).await
    }
}

/// A file with these objects.
fn documents(objects: Vec<Value>) -> String {
    let texts = objects.iter().map(|object| format!("---\n{object}\n"));
    texts.collect()
}
