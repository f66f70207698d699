//! The objects of the chart as Helm renders them, and places in them.

use crate::support::{helm_chart, succeed};
use control_plane::ControlPlane;
use serde::Deserialize;
use serde_json::Value;

/// Where the container of the operator is.
const POD: &str = "/spec/template/spec";
const CONTAINER: &str = "/spec/template/spec/containers/0";

/// Renders the chart with values in JSON, such as `replicaCount=2`.
pub async fn render(plane: &ControlPlane, values: &[&str]) -> Vec<Value> {
    let mut helm = helm_chart(plane, &["template", "metorial-operator"]);
    helm.args(["--namespace", "metorial-system"]);
    for value in values {
        helm.args(["--set-json", value]);
    }
    objects(&succeed(helm).await)
}

/// The objects in a text with several documents.
pub fn objects(text: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(text);
    let objects = documents.map(|document| Value::deserialize(document).unwrap());
    objects.filter(|object| !object.is_null()).collect()
}

/// What is at a place, or null: the kind of an object, with its name after a slash if several have that kind, and a pointer
/// into it. In a Deployment, the pointer may begin with `pod`, `container` or `env` for a variable.
pub fn at(objects: &[Value], place: &str) -> Value {
    let (object, pointer) = place.split_once(' ').unwrap();
    let (kind, name) = match object.split_once('/') {
        Some((kind, name)) => (kind, Some(name)),
        None => (object, None),
    };
    let found = objects.iter().find(|object| {
        let named = name.is_none_or(|name| object["metadata"]["name"] == name);
        object["kind"] == kind && named
    });
    let value = found.and_then(|object| match pointer.split_once('/') {
        Some(("pod", rest)) => object.pointer(&format!("{POD}/{rest}")),
        Some(("container", rest)) => object.pointer(&format!("{CONTAINER}/{rest}")),
        Some(("env", name)) => variable(object, name),
        _ if pointer == "." => Some(object),
        _ => object.pointer(pointer),
    });
    value.cloned().unwrap_or_default()
}

fn variable<'a>(deployment: &'a Value, name: &str) -> Option<&'a Value> {
    let variables = deployment.pointer(&format!("{CONTAINER}/env"))?;
    let mut variables = variables.as_array()?.iter();
    let found = variables.find(|variable| variable["name"] == name)?;
    found.get("value")
}
