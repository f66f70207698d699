//! Every version of an object that anybody could have seen.

use super::Environment;
use super::kinds::Kind;
use futures::{StreamExt, pin_mut};
use kube::api::{Api, ApiResource, DynamicObject, ListParams, WatchEvent, WatchParams};
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
        let list = api.list(&ListParams::default()).await.unwrap();
        let mut version = list.metadata.resource_version.unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = seen.clone();
        let watch = tokio::spawn(async move {
            loop {
                let events = api.watch(&WatchParams::default(), &version).await.unwrap();
                pin_mut!(events);
                while let Some(Ok(event)) = events.next().await {
                    let (WatchEvent::Added(object)
                    | WatchEvent::Modified(object)
                    | WatchEvent::Deleted(object)) = event
                    else {
                        continue;
                    };
                    version = object.metadata.resource_version.clone().unwrap();
                    into.lock()
                        .unwrap()
                        .push(serde_json::to_value(object).unwrap());
                }
            }
        });
        Self { seen, watch }
    }

    /// All versions so far, oldest first.
    pub fn all(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
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
