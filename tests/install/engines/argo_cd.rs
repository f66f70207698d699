//! Argo CD's application controller for one namespace, with the Application and the settings of deploy/argocd.

use super::platform::{Platform, RESOURCES, SECRETS};
use super::program::{Program, engine_file, install_definitions};
use super::registry::TAG;
use crate::evaluator::{read, read_yaml};
use crate::rendered::objects;
use crate::support::{Environment, Manifest, free_address, with};
use serde_json::{Value, json};
use std::ops::Deref;

/// What asks Argo CD to compare an Application again. It removes the annotation when it did.
const REFRESH: &str = "argocd.argoproj.io/refresh";

/// A namespace that Argo CD serves, and that is its own namespace.
pub struct ArgoCd {
    platform: Platform,
    _controller: Program,
}

impl Deref for ArgoCd {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.platform.env
    }
}

async fn apply(env: &Environment, object: &Value) {
    env.kubectl_prints(&["apply", "-f", "-"], &object.to_string())
        .await;
}

/// Installs what Argo CD reads: its settings as it is installed with, with those of deploy/argocd as the guide patches them in;
/// its secret, its default project, and how it reaches the source.
async fn configure(env: &Environment, url: &str) {
    let settings = std::fs::read_to_string(engine_file("argocd-cm.yaml")).unwrap();
    env.kubectl_prints(&["apply", "-f", "-"], &settings).await;
    let patch = json!({"data": read_yaml("deploy/argocd/argocd-cm.yaml")["data"]});
    // Several Argo CDs manage this cluster, and their Applications have the same names.
    let patch = with(patch, json!({"data": {"installationID": env.namespace}})).to_string();
    let patched = [
        "patch",
        "configmap",
        "argocd-cm",
        "--type",
        "merge",
        "-p",
        &patch,
    ];
    env.kubectl_prints(&patched, "").await;
    let own = json!({"app.kubernetes.io/part-of": "argocd"});
    let key = format!("{:032x}", rand::random::<u128>());
    let repository = json!({"argocd.argoproj.io/secret-type": "repository"});
    let anything = json!([{"group": "*", "kind": "*"}]);
    let objects = [
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "argocd-secret", "labels": own},
            "stringData": {"server.secretkey": key}
        }),
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "source", "labels": repository},
            "stringData": {"type": "oci", "url": url, "insecureOCIForceHttp": "true"}
        }),
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "default"},
            "spec": {
                "sourceRepos": ["*"],
                "destinations": [{"namespace": "*", "server": "*"}],
                "clusterResourceWhitelist": anything
            }
        }),
    ];
    for object in objects {
        apply(env, &object).await;
    }
}

impl ArgoCd {
    /// Starts the controller and the operator, with a source that has no revision yet.
    pub async fn start() -> Self {
        let platform = Platform::start().await;
        let env = &platform.env;
        install_definitions(env).await;
        configure(env, &platform.source.url()).await;
        let controller = Program::start(env, "argocd", |command, _| {
            command
                .arg(free_address().port().to_string())
                .args(["--namespace", &env.namespace])
                // The cluster of the kubeconfig is the one that a Deployment of Argo CD would run in.
                .env("ARGOCD_FAKE_IN_CLUSTER", "true")
                .env("ARGOCD_GPG_ENABLED", "false")
                .env("ARGOCD_ASK_PASS_SOCK", "ask-pass.sock");
        });
        Self {
            platform,
            _controller: controller,
        }
    }

    /// Pushes a revision with these resources, and returns it.
    pub async fn push(&self, resources: &[Manifest]) -> String {
        let revision = self.platform.store(resources).await;
        self.release(&revision).await;
        revision
    }

    /// Makes a revision that was pushed the current one, and tells Argo CD, as a webhook does.
    pub async fn release(&self, revision: &str) {
        self.platform.source.tag(revision);
        let refresh = format!("{REFRESH}=normal");
        let all = [
            "annotate",
            "--overwrite",
            "--all",
            "application.argoproj.io",
        ];
        self.kubectl_prints(&[&all[..], &[&refresh]].concat(), "")
            .await;
    }

    /// Creates the Application for resources of deploy/argocd for a directory of the source.
    pub async fn create(&self, name: &str) {
        let mut object = objects(&read("deploy/argocd/applications.yaml")).remove(1);
        object["metadata"]["name"] = name.into();
        object["metadata"]["namespace"] = self.namespace.as_str().into();
        let spec = json!({
            "source": {"repoURL": self.platform.source.url(), "targetRevision": TAG, "path": name},
            "destination": {"namespace": self.namespace}
        });
        apply(self, &with(object, json!({"spec": spec}))).await;
    }

    /// Creates the Applications of Secrets and resources, and waits until the resources are healthy in a revision.
    pub async fn deploy(&self, revision: &str) {
        for name in [SECRETS, RESOURCES] {
            self.create(name).await;
        }
        self.wait_synced(RESOURCES, revision, "Healthy").await;
    }

    async fn get(&self, name: &str) -> Value {
        let get = ["get", "application.argoproj.io", name, "-o", "json"];
        serde_json::from_str(&self.kubectl_prints(&get, "").await).unwrap()
    }

    /// The status of an Application.
    pub async fn status(&self, name: &str) -> Value {
        self.get(name).await["status"].take()
    }

    /// Compares an Application with the source and the cluster again, and waits until that is done.
    pub async fn refresh(&self, name: &str) {
        let annotate = ["annotate", "application.argoproj.io", name];
        let refresh = format!("{REFRESH}=hard");
        self.kubectl_prints(&[&annotate[..], &[&refresh]].concat(), "")
            .await;
        self.until(&format!("{name} is compared again"), async || {
            let object = self.get(name).await;
            object["metadata"]["annotations"][REFRESH]
                .is_null()
                .then_some(())
        })
        .await;
    }

    /// Waits until the status of an Application is as wanted.
    pub async fn wait(&self, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.until(&format!("{name} is {what}"), async || {
            let status = self.status(name).await;
            wanted(&status).then_some(status)
        })
        .await
    }

    /// Waits until the cluster has a revision as it is, by an operation that succeeded, and with this health.
    pub async fn wait_synced(&self, name: &str, revision: &str, health: &str) -> Value {
        let what = format!("synced with {revision} and {health}");
        self.wait(name, &what, |status| {
            let operation = &status["operationState"];
            status["sync"]["status"] == "Synced"
                && status["sync"]["revision"] == revision
                && operation["phase"] == "Succeeded"
                && operation["syncResult"]["revision"] == revision
                && status["health"]["status"] == health
        })
        .await
    }

    /// Waits until the operation of an Application waits for the health of this resource, such as `Connection/default`.
    pub async fn wait_held(&self, name: &str, resource: &str) {
        self.wait(name, &format!("held by {resource}"), |status| {
            let operation = &status["operationState"];
            let message = operation["message"].as_str().unwrap_or_default();
            let waits = message.contains("waiting for healthy state") && message.contains(resource);
            operation["phase"] == "Running" && waits
        })
        .await;
    }

    /// Deletes an Application, and waits until that is done.
    pub async fn delete(&self, name: &str) {
        let kind = "application.argoproj.io";
        self.kubectl_prints(&["delete", kind, name, "--timeout=90s"], "")
            .await;
    }
}
