//! All resources of all kinds, and what they say until every one of them is ready.

use crate::scene::Scene;
use crate::terminal::{Terminal, seconds};
use installation::{Failure, PATIENCE, until};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::{Client, ResourceExt};
use metorial_operator::resources::definitions;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Instant;

/// Applies, and meanwhile shows what every resource says, until all of them are applied and ready.
pub async fn until_ready(
    scene: &Scene,
    terminal: &Terminal,
    apply: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let applied = Cell::new(false);
    let apply = async {
        apply.await?;
        applied.set(true);
        Ok(())
    };
    tokio::try_join!(apply, watch(scene, terminal, &applied))?;
    Ok(())
}

async fn watch(scene: &Scene, terminal: &Terminal, applied: &Cell<bool>) -> Result<(), Failure> {
    let began = Instant::now();
    let kinds = kinds(&scene.plane.client());
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    until("all resources are ready", PATIENCE, async || {
        // Asked before the look: what is applied during it may be missed.
        let (all_applied, mut waited_for) = (applied.get(), 0);
        for (kind, api) in &kinds {
            for object in api.list(&Default::default()).await? {
                let (line, word) = (format!("{kind}/{}", object.name_any()), word(&object));
                waited_for += usize::from(!word.starts_with("Ready=True"));
                let namespace = object.namespace().unwrap_or_default();
                let line = format!("{namespace:<11} {line:<38}");
                if shown.get(&line) != Some(&word) {
                    let seconds = began.elapsed().as_secs_f64();
                    terminal.output(&format!("{seconds:5.1} s  {line} {word}"));
                    shown.insert(line, word);
                }
            }
        }
        Ok((all_applied && waited_for == 0).then_some(()))
    })
    .await?;
    terminal.seen(&format!(
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

/// Status and reason of Ready, and the message as long as it isn't.
fn word(object: &DynamicObject) -> String {
    let conditions = object.data["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let Some(ready) = conditions.find(|condition| condition["type"] == "Ready") else {
        return "not looked at yet".to_owned();
    };
    let text = |member: &str| ready[member].as_str().unwrap_or_default();
    let word = format!("Ready={} {}", text("status"), text("reason"));
    match text("status") {
        "True" => word,
        _ => format!("{word}: {}", text("message")),
    }
}
