//! Progress of all resources of all kinds until every one is ready.

use crate::terminal::{Terminal, seconds};
use installation::{Failure, TIMEOUT, wait_until};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::{Client, ResourceExt};
use metorial_operator::resources::definitions;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Instant;

/// Applies manifests and prints each change of a resource's Ready condition until all are applied and ready.
pub async fn wait_until_ready(
    client: Client,
    terminal: &Terminal,
    apply: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let applied = Cell::new(false);
    let apply = async {
        apply.await?;
        applied.set(true);
        Ok(())
    };
    tokio::try_join!(apply, watch(client, terminal, &applied))?;
    Ok(())
}

async fn watch(client: Client, terminal: &Terminal, applied: &Cell<bool>) -> Result<(), Failure> {
    let began = Instant::now();
    let kinds = kinds(&client);
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    wait_until("all resources are ready", TIMEOUT, async || {
        // Read before the lists, which may miss a resource that is applied meanwhile.
        let (all_applied, mut not_ready) = (applied.get(), 0);
        for (kind, api) in &kinds {
            for object in api.list(&Default::default()).await? {
                let (name, state) = (format!("{kind}/{}", object.name_any()), state(&object));
                not_ready += usize::from(!state.starts_with("Ready=True"));
                let namespace = object.namespace().unwrap_or_default();
                let name = format!("{namespace:<11} {name:<38}");
                if shown.get(&name) != Some(&state) {
                    let seconds = began.elapsed().as_secs_f64();
                    terminal.output(&format!("{seconds:5.1} s  {name} {state}"));
                    shown.insert(name, state);
                }
            }
        }
        Ok((all_applied && not_ready == 0).then_some(()))
    })
    .await?;
    terminal.verified(&format!(
        "all {} are ready after {}",
        shown.len(),
        seconds(began.elapsed())
    ));
    Ok(())
}

fn kinds(client: &Client) -> Vec<(String, Api<DynamicObject>)> {
    let kind = |definition: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition| {
        let spec = &definition.spec;
        let version = spec.versions.first().map_or("", |version| &version.name);
        let kind = GroupVersionKind::gvk(&spec.group, version, &spec.names.kind);
        let resource = ApiResource::from_gvk_with_plural(&kind, &spec.names.plural);
        (kind.kind, Api::all_with(client.clone(), &resource))
    };
    definitions().iter().map(kind).collect()
}

/// Returns status and reason of Ready, and its message unless the status is True.
fn state(object: &DynamicObject) -> String {
    let conditions = object.data["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let Some(ready) = conditions.find(|condition| condition["type"] == "Ready") else {
        return "not reconciled yet".to_owned();
    };
    let text = |member: &str| ready[member].as_str().unwrap_or_default();
    let state = format!("Ready={} {}", text("status"), text("reason"));
    match text("status") {
        "True" => state,
        _ => format!("{state}: {}", text("message")),
    }
}
