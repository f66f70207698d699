//! Several releases of the chart that share the resources of a cluster.

use crate::support::{helm_chart, succeed};
use control_plane::ControlPlane;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// The objects of a release in the namespace `metorial-system`.
async fn objects(plane: &ControlPlane, release: &str, values: &[&str]) -> Vec<Value> {
    let mut helm = helm_chart(plane, &["template", release]);
    helm.args(["--namespace", "metorial-system"]);
    for value in values {
        helm.args(["--set", value]);
    }
    for part in ["podDisruptionBudget", "networkPolicy"] {
        helm.args(["--set", &format!("{part}.enabled=true")]);
    }
    let text = succeed(helm).await;
    let documents = serde_yaml_ng::Deserializer::from_str(&text);
    let objects = documents.map(|document| Value::deserialize(document).unwrap());
    objects.filter(|object| !object.is_null()).collect()
}

/// The kinds, namespaces and names of objects.
fn names(objects: &[Value]) -> BTreeSet<String> {
    let name = |object: &Value| {
        let (kind, metadata) = (&object["kind"], &object["metadata"]);
        format!("{kind} {} {}", metadata["namespace"], metadata["name"])
    };
    objects.iter().map(name).collect()
}

/// The variables of the operator's container.
fn environment(objects: &[Value]) -> Vec<(String, String)> {
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment");
    let container = &deployment.unwrap()["spec"]["template"]["spec"]["containers"][0];
    let variables = container["env"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    variables
        .map(|variable| (text(&variable["name"]), text(&variable["value"])))
        .collect()
}

#[tokio::test]
async fn the_releases_of_two_shards_have_no_object_in_common_and_each_serves_its_own_resources() {
    let plane = tokio::task::spawn_blocking(ControlPlane::shared)
        .await
        .unwrap();
    let rest = "!metorial.com/shard";
    let one = "metorial.com/shard=one";
    let of_rest = [format!("shard.watchLabelSelector={rest}")];
    let of_one = [
        "shard.name=one".to_owned(),
        format!("shard.watchLabelSelector={one}"),
    ];
    let all = [&of_rest[..], &of_one[..]]
        .map(|values| -> Vec<&str> { values.iter().map(String::as_str).collect() });
    let rest_objects = objects(plane, "metorial-operator", &all[0]).await;
    // As the documentation says, the definitions and the rights of users are in the first one only.
    let shared = [
        "crds.install=false",
        "rbac.aggregate=false",
        "admissionPolicy.authorRights=Off",
    ];
    let values = [&all[1][..], &shared].concat();
    let one_objects = objects(plane, "metorial-operator-one", &values).await;
    let (rest_names, one_names) = (names(&rest_objects), names(&one_objects));
    let common: Vec<_> = rest_names.intersection(&one_names).collect();
    assert!(common.is_empty(), "{common:?}");

    for (objects, selector, name) in [
        (&rest_objects, rest, None),
        (&one_objects, one, Some("one")),
    ] {
        let environment = environment(objects);
        let variable = |wanted: &str| {
            let mut found = environment.iter().filter(|(name, _)| name == wanted);
            found.next().map(|(_, value)| value.as_str())
        };
        assert_eq!(
            variable("METORIAL_OPERATOR_WATCH_LABEL_SELECTOR"),
            Some(selector)
        );
        assert_eq!(variable("METORIAL_OPERATOR_SHARD_NAME"), name);
        let lease = name.map_or("metorial-operator".to_owned(), |name| {
            format!("metorial-operator-{name}")
        });
        let leases: Vec<&Value> = objects
            .iter()
            .flat_map(|object| object["rules"].as_array().into_iter().flatten())
            .filter(|rule| rule["resources"][0] == "leases" && !rule["resourceNames"].is_null())
            .map(|rule| &rule["resourceNames"][0])
            .collect();
        assert_eq!(leases, [lease.as_str()]);
    }
}
