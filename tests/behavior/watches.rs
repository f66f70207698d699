//! Every version of every object of our kinds, and of the Secrets and ConfigMaps that belong to one.

use crate::support::Environment;
use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, WatchEvent, WatchParams};
use metorial_operator::resources::definitions;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

/// The versions of each object by kind and name, oldest first; `None` is a deletion.
pub type Versions = BTreeMap<(String, String), Vec<Option<Value>>>;

/// Watches of one namespace.
pub struct Watches {
    kinds: Vec<(String, Api<DynamicObject>)>,
    versions: Arc<Mutex<Versions>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Watches {
    /// Starts the watches; the objects that are there already are their first versions.
    pub async fn start(env: &Environment) -> Self {
        let definitions = definitions();
        let ours = definitions
            .iter()
            .filter(|it| it.spec.scope == "Namespaced");
        let mut resources: Vec<ApiResource> = ours.map(resource).collect();
        resources.push(ApiResource::erase::<ConfigMap>(&()));
        resources.push(ApiResource::erase::<Secret>(&()));
        let api = |of: ApiResource| {
            let api = Api::namespaced_with(env.client.clone(), &env.namespace, &of);
            (of.kind, api)
        };
        let mut watches = Self {
            kinds: resources.into_iter().map(api).collect(),
            versions: Arc::default(),
            tasks: Vec::new(),
        };
        for (kind, api) in &watches.kinds {
            let list = api.list(&ListParams::default()).await.unwrap();
            let version = list.metadata.resource_version.clone().unwrap();
            for object in list {
                record(&watches.versions, kind, &object, true);
            }
            let watch = watch(kind.clone(), api.clone(), version, watches.versions.clone());
            watches.tasks.push(tokio::spawn(watch));
        }
        watches
    }

    /// Waits until the watches have delivered everything that is stored now, and returns all versions.
    pub async fn all(&self, env: &Environment) -> Versions {
        for (kind, api) in &self.kinds {
            let list = api.list(&ListParams::default()).await.unwrap();
            let there: BTreeMap<String, String> = list
                .iter()
                .map(|object| (object.name_any(), object.resource_version().unwrap()))
                .collect();
            let complete = async || {
                let versions = self.versions.lock().unwrap();
                let of_kind = versions.iter().filter(|((of, _), _)| of == kind);
                let last: BTreeMap<String, String> = of_kind
                    .filter_map(|((_, name), all)| {
                        let last = all.last().unwrap().as_ref()?;
                        let version = last["metadata"]["resourceVersion"].as_str().unwrap();
                        Some((name.clone(), version.to_owned()))
                    })
                    .collect();
                (last == there).then_some(())
            };
            env.until("the watches are complete", complete).await;
        }
        self.versions.lock().unwrap().clone()
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn resource(
    definition: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
) -> ApiResource {
    let (spec, version) = (&definition.spec, &definition.spec.versions[0].name);
    ApiResource {
        group: spec.group.clone(),
        version: version.clone(),
        api_version: format!("{}/{version}", spec.group),
        kind: spec.names.kind.clone(),
        plural: spec.names.plural.clone(),
    }
}

fn record(versions: &Mutex<Versions>, kind: &str, object: &DynamicObject, there: bool) {
    let key = (kind.to_owned(), object.name_any());
    let value = there.then(|| serde_json::to_value(object).unwrap());
    versions.lock().unwrap().entry(key).or_default().push(value);
}

async fn watch(
    kind: String,
    api: Api<DynamicObject>,
    mut version: String,
    versions: Arc<Mutex<Versions>>,
) {
    loop {
        let events = api.watch(&WatchParams::default(), &version).await.unwrap();
        pin_mut!(events);
        while let Some(event) = events.next().await {
            let (object, there) = match event.unwrap() {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, true),
                WatchEvent::Deleted(object) => (object, false),
                _ => continue,
            };
            version = object.resource_version().unwrap();
            record(&versions, &kind, &object, there);
        }
    }
}
