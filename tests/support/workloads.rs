//! Workloads that use exported Secrets, and the operator's right to restart them.

use super::environment::Environment;
use super::rights::{SERVICE_ACCOUNT, grant_with};
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

/// The kinds that the operator restarts, with their names in paths.
pub const WORKLOADS: [(&str, &str); 3] = [
    ("Deployment", "deployments"),
    ("StatefulSet", "statefulsets"),
    ("DaemonSet", "daemonsets"),
];

/// The annotation that the operator sets on pod templates.
const RESTARTED_FOR: &str = "metorial.com/restarted-for";

/// A workload of any of these kinds.
pub fn workload(kind: &str, name: &str) -> Value {
    let labels = json!({"app": name});
    let container = json!({"name": "app", "image": "example.com/app"});
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
    let mut spec = json!({"selector": {"matchLabels": labels}, "template": template});
    if kind == "StatefulSet" {
        spec["serviceName"] = json!(name);
    }
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

impl Environment {
    /// Gives the operator the rights of a chart with these values.
    pub async fn grant_with(&self, values: &[&str]) {
        grant_with(self.plane, &self.client, &self.namespace, values).await;
    }

    /// Lets the operator restart workloads, as `rolloutRestart.enabled` of the chart does.
    pub async fn permit_restarts(&self) {
        let (api, group) = ("rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io");
        let resources = WORKLOADS.map(|(_, resource)| resource);
        let rule = json!({"apiGroups": ["apps"], "resources": resources, "verbs": ["patch"]});
        self.apply(json!({
            "apiVersion": api, "kind": "Role", "metadata": {"name": "restarts"}, "rules": [rule]
        }))
        .await;
        let subject = json!({
            "kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": self.namespace
        });
        self.apply(json!({
            "apiVersion": api, "kind": "RoleBinding", "metadata": {"name": "restarts"},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "restarts"}, "subjects": [subject]
        }))
        .await;
    }

    /// The content of a Secret that a workload was restarted for last, and how often it was changed since it was created.
    pub async fn restarts(&self, kind: &str, name: &str) -> (Option<String>, i64) {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", kind));
        let api =
            Api::<DynamicObject>::namespaced_with(self.client.clone(), &self.namespace, &resource);
        let found = api.get(name).await.unwrap();
        let annotation = &found.data["spec"]["template"]["metadata"]["annotations"][RESTARTED_FOR];
        let generation = found.metadata.generation.unwrap();
        (annotation.as_str().map(str::to_owned), generation - 1)
    }

    /// Waits until a workload was restarted for this content.
    pub async fn wait_restarted_for(&self, kind: &str, name: &str, content: &str) {
        let what = format!("{kind} {name} is restarted for {content}");
        self.until(&what, async || {
            let (content_of, _) = self.restarts(kind, name).await;
            (content_of.as_deref() == Some(content)).then_some(())
        })
        .await;
    }
}
