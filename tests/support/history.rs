//! Every version of an object that anybody could have seen.

use super::kinds::Kind;
use super::{Environment, PATIENCE};
use futures::{StreamExt, pin_mut};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Client, Resource};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

/// Collects what a watch of one kind in one namespace brings, from now on.
pub struct History {
    seen: Arc<Mutex<Vec<Value>>>,
    watch: JoinHandle<()>,
}

impl Environment {
    /// Begins to watch one of the operator's kinds.
    pub async fn history_of(&self, kind: Kind) -> History {
        History::start(self.client.clone(), &self.namespace, kind.resource()).await
    }

    /// Begins to watch a kind of Kubernetes.
    pub async fn history<K: Resource<DynamicType = ()>>(&self) -> History {
        History::start(
            self.client.clone(),
            &self.namespace,
            ApiResource::erase::<K>(&()),
        )
        .await
    }
}

impl History {
    async fn start(client: Client, namespace: &str, of: ApiResource) -> Self {
        let api: Api<DynamicObject> = Api::namespaced_with(client, namespace, &of);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = seen.clone();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let watch = tokio::spawn(async move {
            // It lists again where a watch can't go on, as after a change of the definition.
            let events = watcher(api, Config::default()).default_backoff();
            pin_mut!(events);
            let mut begun = Some(begun);
            while let Some(event) = events.next().await {
                match event {
                    Ok(Event::InitApply(_)) if begun.is_some() => {}
                    Ok(Event::InitApply(object) | Event::Apply(object) | Event::Delete(object)) => {
                        add(&into, object);
                    }
                    Ok(Event::InitDone) => drop(begun.take().map(|begun| begun.send(()))),
                    Ok(Event::Init) | Err(_) => {}
                }
            }
        });
        let begun = tokio::time::timeout(PATIENCE, begins).await;
        begun.expect("the watch begins").unwrap();
        Self { seen, watch }
    }

    /// All versions so far, oldest first.
    pub fn all(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }

    /// Whether a version of one object so far had this reason.
    pub fn had(&self, name: &str, reason: &str) -> bool {
        let of = |version: &Value| {
            let conditions = version["status"]["conditions"].as_array();
            let mut conditions = conditions.into_iter().flatten();
            conditions.any(|it| it["type"] == "Ready" && it["reason"] == reason)
        };
        self.of(name).iter().any(of)
    }

    /// All versions of one object so far.
    pub fn of(&self, name: &str) -> Vec<Value> {
        let mut all = self.all();
        all.retain(|object| object["metadata"]["name"] == name);
        all
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// Adds a version, which a list may bring once more.
fn add(seen: &Mutex<Vec<Value>>, object: DynamicObject) {
    let object = serde_json::to_value(object).unwrap();
    let mut seen = seen.lock().unwrap();
    if !seen.contains(&object) {
        seen.push(object);
    }
}
