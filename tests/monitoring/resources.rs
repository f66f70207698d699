//! The resources that stories about single resources begin with, and the series that they should have.

use crate::prometheus::Labels;
use crate::support::{
    AllNamespaces, Environment, Kind, Manifest, Snapshot, auth_config, config, credentials,
    deployment, export, import_new, vault,
};
use kube::api::{Api, DynamicObject, ListParams, TypeMeta};
use serde_json::{Value, json};

/// Every kind.
pub const ALL_KINDS: [Kind; 9] = [
    Kind::Deployment,
    Kind::Credentials,
    Kind::AuthConfig,
    Kind::Config,
    Kind::Vault,
    Kind::Import,
    Kind::Export,
    Kind::Connection,
    Kind::ClusterConnection,
];
/// The kinds that stand for nothing at Metorial.
pub const CONNECTIONS: [Kind; 2] = [Kind::Connection, Kind::ClusterConnection];

/// Applies the resources of a story and waits until each is as it is meant to be.
pub async fn populate(everywhere: &AllNamespaces, token: &str) {
    let env = &everywhere.home;
    env.apply_basics().await;
    env.value("token", token).await;
    env.connect("ready", &env.key).await;
    env.connect("failing", "metorial_sk_0123456789abcdefghij")
        .await;
    let all = json!({"names": [env.namespace]});
    env.apply(everywhere.cluster_connection("ready", all)).await;
    let of_nobody = everywhere.cluster_connection("nobody", json!(null));
    env.apply(of_nobody).await;
    let key = json!({"secretKeyRef": {"name": "failing-key"}});
    let failing = everywhere.cluster_connection("failing", json!(null));
    env.apply(failing.spec(json!({"apiKey": key}))).await;
    for (kind, manifest) in Kind::REMOTE.into_iter().zip(manifests("ready")) {
        assert_eq!(manifest["kind"], kind.name());
        env.create(manifest).await;
        let nobody = json!({"connectionRef": {"kind": "ClusterConnection", "name": "nobody"}});
        env.apply(named(kind, "failing").spec(nobody)).await;
        env.apply(named(kind, "suspended").suspended()).await;
    }
    for kind in Kind::REMOTE {
        let failing = env.resource(kind, "failing");
        failing.wait_reason("NamespaceNotAllowed").await;
        let suspended = env.resource(kind, "suspended");
        suspended.wait_reason("Suspended").await;
    }
    for kind in CONNECTIONS {
        let failing = env.resource(kind, "failing");
        failing.wait_reason("Unauthorized").await;
        env.resource(kind, "ready").wait_ready().await;
    }
}

/// A manifest of each kind with an object at Metorial, in the order of [`Kind::REMOTE`]: one can be made after the other.
fn manifests(name: &str) -> [Manifest; 7] {
    [
        deployment(name),
        credentials(name),
        auth_config(name),
        config(name),
        vault(name, "token"),
        import_new(name),
        export(name, "ready", &format!("exported-{name}")),
    ]
}

/// The manifest of one kind.
fn named(kind: Kind, name: &str) -> Manifest {
    let mut manifests = manifests(name).into_iter();
    let found = manifests.find(|manifest| manifest["kind"] == kind.name());
    found.unwrap()
}

/// All resources of all kinds.
pub async fn everything(env: &Environment) -> Vec<Snapshot> {
    let mut all = Vec::new();
    for kind in ALL_KINDS {
        let api: Api<DynamicObject> = Api::all_with(env.client.clone(), &kind.resource());
        let mut list = api.list(&ListParams::default()).await.unwrap();
        for object in &mut list.items {
            // A list names the kind of its items only once.
            object.types = Some(TypeMeta {
                api_version: kind.resource().api_version,
                kind: kind.name().to_owned(),
            });
        }
        all.extend(list.items.into_iter().map(Snapshot));
    }
    all
}

/// Labels with these values, without those that are null.
pub fn labels(values: &Value) -> Labels {
    let values = values.as_object().unwrap().iter();
    let known = values.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    known.collect()
}

/// The labels that say which resource a series is about.
pub fn identity(object: &Snapshot) -> Labels {
    labels(&json!({
        "customresource_group": "metorial.com",
        "customresource_version": "v1alpha1",
        "customresource_kind": object.types.as_ref().unwrap().kind,
        "namespace": object.metadata.namespace,
        "name": object.metadata.name,
    }))
}

/// The other labels of the series about its conditions.
pub fn conditions(object: &Snapshot) -> Vec<Labels> {
    let conditions = object.field("conditions").as_array();
    let all = conditions.into_iter().flatten().map(|condition| {
        let [type_, status, reason] = ["type", "status", "reason"].map(|name| &condition[name]);
        labels(&json!({"type": type_, "status": status, "reason": reason}))
    });
    all.collect()
}

/// The other labels of the series about its object at Metorial, if there is anything to say.
pub fn info(object: &Snapshot) -> Vec<Labels> {
    let [id, instance, connection] =
        ["id", "instanceId", "connection"].map(|name| object.field(name));
    let found = labels(&json!({
        "id": id, "instance_id": instance, "connection": connection,
    }));
    match found.is_empty() {
        true => Vec::new(),
        false => vec![found],
    }
}

/// Why the resource `failing` of a kind is not ready.
pub fn reason_of_failure(kind: Kind) -> &'static str {
    match CONNECTIONS.contains(&kind) {
        true => "Unauthorized",
        false => "NamespaceNotAllowed",
    }
}
