//! The rights that the chart gives the operator in one namespace, rendered by Helm.

use super::command::succeed;
use super::helm::helm_chart;
use super::kinds::Kind;
use super::{PATIENCE, POLL};
use control_plane::ControlPlane;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Instant;
use tokio::sync::OnceCell;

/// The chart's name for its ServiceAccount.
pub const SERVICE_ACCOUNT: &str = "metorial-operator";
/// The label that says which shard a resource belongs to.
pub const SHARD_LABEL: &str = "metorial.com/shard";
/// Stands in the rendered chart for the namespace of each environment.
const ANY_NAMESPACE: &str = "the-namespace-of-a-test";

/// Applies ServiceAccount, Roles and bindings for an operator that lives in and serves only `namespace`.
pub async fn grant(plane: &ControlPlane, client: &Client, namespace: &str) {
    static RENDERED: OnceCell<String> = OnceCell::const_new();
    let render = async || rendered(plane, SERVICE_ACCOUNT, &[]).await;
    let text = RENDERED.get_or_init(render).await;
    apply_rights(client, namespace, text).await;
}

/// Applies the same for an operator that is installed with these values of the chart.
pub async fn grant_with(plane: &ControlPlane, client: &Client, namespace: &str, values: &[&str]) {
    let text = rendered(plane, SERVICE_ACCOUNT, values).await;
    apply_rights(client, namespace, &text).await;
}

/// Applies the same for a shard that is installed as another release; returns the name of its ServiceAccount.
pub async fn grant_shard(
    plane: &ControlPlane,
    client: &Client,
    namespace: &str,
    shard: &str,
) -> String {
    let release = format!("{SERVICE_ACCOUNT}-{shard}");
    let name = format!("shard.name={shard}");
    let selector = format!("shard.watchLabelSelector={SHARD_LABEL}={shard}");
    let text = rendered(plane, &release, &[&name, &selector]).await;
    apply_rights(client, namespace, &text).await;
    release
}

async fn apply_rights(client: &Client, namespace: &str, text: &str) {
    let text = text.replace(ANY_NAMESPACE, namespace);
    let mut account = String::new();
    for document in serde_yaml_ng::Deserializer::from_str(&text) {
        let value = serde_json::Value::deserialize(document).unwrap();
        let kind = value["kind"].as_str().unwrap_or_default().to_owned();
        if matches!(kind.as_str(), "ServiceAccount" | "Role" | "RoleBinding") {
            let applied = apply(client, namespace, value).await;
            if kind == "ServiceAccount" {
                account = applied.name_any();
            }
        }
    }
    wait_in_force(client, (namespace, &account)).await;
}

/// Waits until the rights of an operator are in force, which the API server learns by a watch: a process without them ends.
pub async fn wait_in_force(client: &Client, account: (&str, &str)) {
    let identity = json!({
        "namespace": "kube-system", "verb": "get", "resource": "namespaces", "name": "kube-system",
    });
    // Those that the chart gives last.
    let state = json!({
        "namespace": account.0, "verb": "create", "group": "coordination.k8s.io", "resource": "leases",
    });
    for call in [identity, state] {
        let deadline = Instant::now() + PATIENCE;
        while !is_permitted(client, account, &call).await {
            assert!(Instant::now() < deadline, "never in force: {call}");
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Whether a ServiceAccount, named by namespace and name, may make a call.
pub async fn is_permitted(client: &Client, account: (&str, &str), call: &Value) -> bool {
    let review: SubjectAccessReview = serde_json::from_value(json!({"metadata": {}, "spec": {
        "user": format!("system:serviceaccount:{}:{}", account.0, account.1),
        "resourceAttributes": call,
    }}))
    .unwrap();
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await;
    answer.unwrap().status.unwrap().allowed
}

/// The chart for an operator of one namespace.
async fn rendered(plane: &ControlPlane, release: &str, values: &[&str]) -> String {
    let namespaces = format!("watchNamespaces={{{ANY_NAMESPACE}}}");
    let mut helm = helm_chart(plane, &["template", release]);
    helm.args(["--namespace", ANY_NAMESPACE]);
    for value in [namespaces.as_str(), "crds.install=false"]
        .iter()
        .chain(values)
    {
        helm.args(["--set", value]);
    }
    succeed(helm).await
}

/// Server-side apply of any namespaced object.
pub async fn apply(client: &Client, namespace: &str, manifest: serde_json::Value) -> DynamicObject {
    try_apply(client, namespace, manifest, "test")
        .await
        .unwrap()
}

/// The same by any field manager, where it may be refused.
pub async fn try_apply(
    client: &Client,
    namespace: &str,
    manifest: serde_json::Value,
    manager: &str,
) -> kube::Result<DynamicObject> {
    let object: DynamicObject = serde_json::from_value(manifest).unwrap();
    let api = api_of(client, namespace, &object);
    let params = PatchParams::apply(manager).force();
    api.patch(&object.name_any(), &params, &Patch::Apply(&object))
        .await
}

/// The API of an object's kind, in its own namespace or else in this one.
pub fn api_of(client: &Client, namespace: &str, object: &DynamicObject) -> Api<DynamicObject> {
    let types = object.types.clone().unwrap();
    let kind = GroupVersionKind::try_from(&types).unwrap();
    let resource = match types.api_version.starts_with("metorial.com/") {
        true => Kind::named(&types.kind).resource(),
        false => ApiResource::from_gvk(&kind),
    };
    let namespace = object.namespace().unwrap_or_else(|| namespace.to_owned());
    match kind.kind.as_str() {
        "ClusterConnection" | "Namespace" => Api::all_with(client.clone(), &resource),
        _ => Api::namespaced_with(client.clone(), &namespace, &resource),
    }
}
