//! Asking the operator to look now, and what it then asked of the API.

use super::world::{World, is_ready, status};
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use metorial_operator::resources::{
    ProviderAuthCredentials, RECONCILE_REQUESTED, condition as find,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;

impl World {
    /// Applies credentials and waits until they are ready.
    pub async fn make(&self, manifest: Value) -> ProviderAuthCredentials {
        let name = self.apply(manifest).await.metadata.name.unwrap();
        self.wait_ready(&name).await
    }

    /// Annotates an object with a new text that asks for a pass now; answers the text.
    pub async fn request<K>(&self, name: &str) -> String
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Debug,
    {
        let asked = format!("{:016x}", rand::random::<u64>());
        let annotation = json!({"metadata": {"annotations": {RECONCILE_REQUESTED: asked}}});
        self.patch::<K>(name, annotation).await;
        asked
    }

    /// Asks for a fresh look at credentials, and waits until the pass that saw the request has reported.
    pub async fn look_again(&self, name: &str) -> ProviderAuthCredentials {
        let asked = self.request::<ProviderAuthCredentials>(name).await;
        self.wait_for(name, "the request is handled", |object| {
            status(object).last_handled_reconcile_at.as_ref() == Some(&asked)
        })
        .await
    }

    /// Waits until credentials are ready and their status knows of the API's last write to their object.
    pub async fn wait_recorded(&self, name: &str) -> ProviderAuthCredentials {
        self.wait_for(name, "the last write is recorded", |object| {
            let status = status(object);
            let remote = status.id.as_ref().and_then(|id| self.sim.object(id));
            let recorded: Option<jiff::Timestamp> = status
                .remote_updated_at
                .as_ref()
                .and_then(|at| at.parse().ok());
            is_ready(object)
                && remote.map(|remote| remote.updated_at.as_millisecond())
                    == recorded.map(jiff::Timestamp::as_millisecond)
        })
        .await
    }

    /// The notes of the events about an object that have this reason.
    pub async fn notes(&self, name: &str, reason: &str) -> Vec<String> {
        let all = self.api::<Event>().list(&ListParams::default()).await;
        let events = all.unwrap().items.into_iter();
        let about = events.filter(|event| {
            event.involved_object.name.as_deref() == Some(name)
                && event.reason.as_deref() == Some(reason)
        });
        about.filter_map(|event| event.message).collect()
    }

    /// Waits for an event about an object and answers its note.
    pub async fn wait_event(&self, name: &str, reason: &str) -> String {
        self.until(&format!("an event {reason} about {name}"), async || {
            self.notes(name, reason).await.pop()
        })
        .await
    }

    /// Waits for an event with this reason whose note says so.
    pub async fn wait_note(&self, name: &str, reason: &str, words: &str) {
        self.until(
            &format!("an event {reason} that says {words:?}"),
            async || {
                let notes = self.notes(name, reason).await;
                notes.iter().any(|note| note.contains(words)).then_some(())
            },
        )
        .await;
    }

    /// The bodies of the PATCHes that the API applied.
    pub fn patches(&self) -> Vec<Value> {
        let journal = self.sim.journal().into_iter();
        journal
            .filter(|entry| entry.method == "PATCH" && entry.applied)
            .map(|entry| entry.body)
            .collect()
    }

    /// How many requests the API got, but those that ask whose key it is.
    pub fn calls(&self) -> usize {
        let journal = self.sim.journal().into_iter();
        journal.filter(|entry| entry.path != "/instance").count()
    }
}

/// The keys of a request body, in order.
pub fn keys(body: &Value) -> Vec<String> {
    let mut keys: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys
}

/// A condition of credentials.
pub fn condition(object: &ProviderAuthCredentials, type_: &str) -> Option<Condition> {
    find(status(object).conditions.as_deref(), type_).cloned()
}

/// The fields that the status calls drifted.
pub fn drifted(object: &ProviderAuthCredentials) -> Vec<String> {
    let drift = status(object).drift.unwrap_or_default().into_iter();
    drift.map(|entry| entry.field).collect()
}
