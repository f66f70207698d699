//! What is the same for every example: its files are applied, everything gets ready, a second apply does nothing, and
//! all of it is deleted again.

use crate::support::{Environment, QUIET, Snapshot, api_of, example};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;
use std::path::Path;

/// The files of an example with manifests, as paths below its folder.
pub fn files(folder: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.ends_with("kustomization.yaml") => {}
                false => found.push(path.strip_prefix(&root).unwrap().to_str().unwrap().into()),
            }
        }
    }
    found.sort();
    found
}

/// Applies the files in that order and waits until all is ready with one object each; answers what was applied.
pub async fn converge(
    env: &Environment,
    folder: &str,
    order: &[usize],
    fill: &impl AsyncFn(&Environment, Value) -> Value,
) -> Vec<DynamicObject> {
    let files = files(folder);
    let mut filled = Vec::new();
    for file in order.iter().map(|place| &files[*place]) {
        for manifest in example(folder, file) {
            filled.push(fill(env, env.filled_in(manifest)).await);
        }
    }
    env.sim.clear_journal();
    let objects: Vec<DynamicObject> = filled
        .into_iter()
        .map(|manifest| serde_json::from_value(manifest).unwrap())
        .collect();
    apply(env, &objects).await;
    for object in objects.iter().filter(|object| is_ours(object)) {
        let what = format!("{} is ready, order {order:?}", shown(object));
        env.until(&what, async || {
            let now = api(env, object).get(&object.name_any()).await;
            Snapshot(now.unwrap()).is_ready().then_some(())
        })
        .await;
    }
    let made = env.attempts();
    let posts = made.iter().filter(|write| write.starts_with("POST"));
    let wanted = objects.iter().filter(|object| is_made(object));
    assert_eq!(posts.count(), wanted.count(), "order {order:?}: {made:?}");
    objects
}

/// Applies everything once more, which leads to no call and no write.
pub async fn check_second_apply(env: &Environment, objects: &[DynamicObject]) {
    settle(env).await;
    let (before, asked) = (versions(env, objects).await, env.sim.journal().len());
    apply(env, objects).await;
    settle(env).await;
    assert_eq!(asked, env.sim.journal().len(), "no call of the API");
    assert_eq!(before, versions(env, objects).await, "no write");
}

/// Deletes everything at once and waits until it is gone, and clears away what the resources owned.
pub async fn remove(env: &Environment, objects: &[DynamicObject]) {
    for object in objects {
        let name = object.name_any();
        let params = DeleteParams::background();
        api(env, object).delete(&name, &params).await.unwrap();
    }
    for object in objects {
        let what = format!("{} is gone", shown(object));
        env.until(&what, async || {
            let left = api(env, object).get_opt(&object.name_any()).await;
            left.unwrap().is_none().then_some(())
        })
        .await;
    }
    collect_garbage::<Secret>(env).await;
    collect_garbage::<ConfigMap>(env).await;
}

async fn apply(env: &Environment, objects: &[DynamicObject]) {
    let params = PatchParams::apply("test").force().validation_strict();
    for object in objects {
        let patch = Patch::Apply(object);
        let (api, name) = (api(env, object), object.name_any());
        api.patch(&name, &params, &patch).await.unwrap();
    }
}

/// Waits until nothing was asked of the API for a while.
async fn settle(env: &Environment) {
    env.until("the API is left in peace", async || {
        let before = env.sim.journal().len();
        tokio::time::sleep(QUIET).await;
        (before == env.sim.journal().len()).then_some(())
    })
    .await;
}

async fn versions(env: &Environment, objects: &[DynamicObject]) -> Vec<Option<String>> {
    let mut versions = Vec::new();
    for object in objects.iter().filter(|object| is_ours(object)) {
        let now = api(env, object).get(&object.name_any()).await.unwrap();
        versions.push(now.resource_version());
    }
    versions
}

/// Deletes what our resources own, as the cluster's garbage collector does, which hears of new definitions only every
/// half minute.
async fn collect_garbage<K>(env: &Environment)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Debug,
{
    let api = env.api::<K>();
    for object in api.list(&ListParams::default()).await.unwrap() {
        let mut owners = object.owner_references().iter();
        if owners.any(|owner| owner.api_version.starts_with("metorial.com/")) {
            let (name, params) = (object.name_any(), DeleteParams::default());
            // The collector may have been faster.
            api.delete(&name, &params).await.ok();
        }
    }
}

fn api(env: &Environment, object: &DynamicObject) -> Api<DynamicObject> {
    api_of(&env.client, &env.namespace, object)
}

fn kind(object: &DynamicObject) -> &str {
    &object.types.as_ref().unwrap().kind
}

fn shown(object: &DynamicObject) -> String {
    format!("{} {}", kind(object), object.name_any())
}

fn is_ours(object: &DynamicObject) -> bool {
    let types = object.types.as_ref().unwrap();
    types.api_version.starts_with("metorial.com/")
}

/// Whether the resource leads to one POST.
fn is_made(object: &DynamicObject) -> bool {
    let adopted = object.data["spec"].get("adopt").is_some();
    is_ours(object) && !kind(object).ends_with("Connection") && !adopted
}
