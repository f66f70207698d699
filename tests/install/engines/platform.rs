//! What an engine works with: the operator as a process, and a source of revisions.

use super::registry::{Registry, SourceFile};
use crate::support::{
    Environment, Kind, Manifest, Process, Setup, auth_config, config_on, credentials, deployment,
    export, free_address, import_into, initial, literal_vault, secret,
};
use serde_json::Value;
use std::collections::BTreeMap;

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
        let admin = free_address();
        let operator = Process::start(&env.kubeconfig().await, &env.flags(admin), admin);
        env.wait_leads(&operator).await;
        Self {
            env,
            source: Registry::start().await,
            _operator: operator,
        }
    }

    /// Stores a revision with the Secrets, the connection and these resources, and returns its digest.
    pub async fn store(&self, resources: &[Manifest]) -> String {
        let env = &self.env;
        let values = secret("values", &[("token", "a-token-0123456789")]);
        let resources = resources.iter().map(|manifest| manifest.0.clone());
        let resources = resources.chain([env.default_connection().0]).collect();
        let files: [SourceFile; 2] = [
            (
                "secrets/all.yaml",
                documents(vec![env.key_secret(), env.app_secret(), values]),
            ),
            ("resources/all.yaml", documents(resources)),
        ];
        self.source.store(&files).await
    }
}

/// Resources of every kind that are in a namespace, but for the connection.
pub fn every_kind() -> [Manifest; 8] {
    [
        deployment("linear"),
        credentials("github").publishing("ids"),
        initial("linear"),
        literal_vault("shared"),
        config_on("settings", "shared"),
        import_into("rotation", "linear", "token"),
        auth_config("worker"),
        export("worker", "worker", "worker-token"),
    ]
}

/// The versions of all resources, once every kind has a ready one and nothing is written any more.
pub async fn settled(env: &Environment) -> BTreeMap<(Kind, String), String> {
    for kind in Kind::NAMESPACED {
        let all = env.all(kind).await;
        assert!(
            !all.is_empty() && all.iter().all(|object| object.is_ready()),
            "{kind:?}"
        );
    }
    env.check_quiet_process().await;
    env.versions().await
}

/// A file with these objects.
fn documents(objects: Vec<Value>) -> String {
    let texts = objects.iter().map(|object| format!("---\n{object}\n"));
    texts.collect()
}
