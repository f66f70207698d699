//! Flux's source-controller and kustomize-controller for one namespace, with the Kustomization of deploy/flux.

use super::platform::{Platform, RESOURCES, SECRETS};
use super::program::{Program, install_definitions};
use super::registry::TAG;
use crate::evaluator::read;
use crate::rendered::objects;
use crate::support::{Environment, Manifest, free_address, with};
use serde_json::{Value, json};
use std::ops::Deref;
use std::process::Command;

/// Name of the source in deploy/flux.
const SOURCE: &str = "platform";
/// The resource of kustomize-controller.
const KUSTOMIZATION: &str = "kustomization.kustomize.toolkit.fluxcd.io";
/// What asks a controller of Flux for a reconciliation, as `flux reconcile` does.
const REQUEST: &str = "reconcile.fluxcd.io/requestedAt";

/// A namespace that Flux serves.
pub struct Flux {
    platform: Platform,
    _controllers: [Program; 2],
}

impl Deref for Flux {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.platform.env
    }
}

/// The flags of a controller that serves only the namespace.
fn configure(command: &mut Command, env: &Environment) {
    command
        .args(["--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0"])
        .arg("--watch-all-namespaces=false")
        .env("RUNTIME_NAMESPACE", &env.namespace);
}

impl Flux {
    /// Starts both controllers and the operator, with a source that has no revision yet.
    pub async fn start() -> Self {
        let platform = Platform::start().await;
        let env = &platform.env;
        install_definitions(env).await;
        let storage = free_address().to_string();
        let sources = Program::start(env, "source-controller", |command, directory| {
            configure(command, env);
            command
                .arg(format!("--storage-path={}", directory.display()))
                .arg(format!("--storage-addr={storage}"))
                .arg(format!("--storage-adv-addr={storage}"));
        });
        let kustomizations = Program::start(env, "kustomize-controller", |command, _| {
            configure(command, env);
        });
        let source = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
            "metadata": {"name": SOURCE},
            "spec": {
                "interval": "1h", "url": platform.source.url(), "insecure": true,
                "ref": {"tag": TAG}
            }
        });
        env.kubectl_prints(&["apply", "-f", "-"], &source.to_string())
            .await;
        Self {
            platform,
            _controllers: [sources, kustomizations],
        }
    }

    /// Pushes a revision with these resources, and returns it.
    pub async fn push(&self, resources: &[Manifest]) -> String {
        let revision = self.platform.store(resources).await;
        self.release(&revision).await;
        revision
    }

    /// Makes a revision that was pushed the current one, and tells Flux, as a webhook does.
    pub async fn release(&self, revision: &str) {
        self.platform.source.tag(revision);
        self.request("ocirepository", SOURCE).await;
    }

    async fn request(&self, kind: &str, name: &str) -> String {
        let text = format!("{:016x}", rand::random::<u64>());
        let request = format!("{REQUEST}={text}");
        self.kubectl_prints(&["annotate", "--overwrite", kind, name, &request], "")
            .await;
        text
    }

    /// Asks for a reconciliation of a Kustomization, which otherwise takes place at an interval, and waits until it is done.
    pub async fn reconcile(&self, name: &str) {
        let request = self.request(KUSTOMIZATION, name).await;
        self.until(&format!("{name} is reconciled"), async || {
            let status = self.status(name).await;
            (status["lastHandledReconcileAt"] == request).then_some(())
        })
        .await;
    }

    /// Creates the Kustomization of deploy/flux for a directory of the source, with a change.
    pub async fn create(&self, name: &str, change: Value) {
        let mut object = objects(&read("deploy/flux/resources.yaml")).remove(0);
        object["metadata"] = json!({"name": name});
        let spec = json!({
            "sourceRef": {"kind": "OCIRepository", "name": SOURCE},
            "path": format!("./{name}"),
            "targetNamespace": self.namespace,
            // The operator is not deployed by Flux here.
            "dependsOn": null
        });
        let object = with(with(object, json!({"spec": spec})), change);
        self.kubectl_prints(&["apply", "-f", "-"], &object.to_string())
            .await;
    }

    /// Creates the Kustomizations of Secrets and resources, and waits until they have a revision.
    pub async fn deploy(&self, revision: &str) {
        for name in [SECRETS, RESOURCES] {
            self.create(name, json!({})).await;
        }
        self.wait_applied(RESOURCES, revision).await;
    }

    async fn status(&self, name: &str) -> Value {
        let get = ["get", KUSTOMIZATION, name, "-o", "json"];
        let mut object: Value = serde_json::from_str(&self.kubectl_prints(&get, "").await).unwrap();
        object["status"].take()
    }

    /// A Kustomization's condition Ready, and the revision that it applied last.
    pub async fn state(&self, name: &str) -> (Value, String) {
        let status = self.status(name).await;
        let conditions = status["conditions"].as_array().cloned();
        let mut conditions = conditions.unwrap_or_default().into_iter();
        let ready = conditions.find(|condition| condition["type"] == "Ready");
        let revision = status["lastAppliedRevision"].as_str();
        let revision = revision.unwrap_or_default().to_owned();
        (ready.unwrap_or_default(), revision)
    }

    /// Waits until a Kustomization is ready with a revision.
    pub async fn wait_applied(&self, name: &str, revision: &str) {
        let revision = format!("{TAG}@{revision}");
        self.until(&format!("{name} is ready with {revision}"), async || {
            let (ready, applied) = self.state(name).await;
            (ready["status"] == "True" && applied == revision).then_some(())
        })
        .await;
    }

    /// Waits until the health checks of a Kustomization failed, with these words in the message.
    pub async fn wait_unhealthy(&self, name: &str, words: &[&str]) {
        self.until(&format!("{name} is unhealthy: {words:?}"), async || {
            let (ready, _) = self.state(name).await;
            let message = ready["message"].as_str().unwrap_or_default();
            let failed = ready["status"] == "False" && ready["reason"] == "HealthCheckFailed";
            (failed && words.iter().all(|word| message.contains(word))).then_some(())
        })
        .await;
    }

    /// Deletes a Kustomization, and waits until that is done.
    pub async fn delete(&self, name: &str) {
        self.kubectl_prints(&["delete", KUSTOMIZATION, name, "--timeout=90s"], "")
            .await;
    }
}
