//! Verbs about connections and their keys.

use super::world::{World, is_ready, ready, status};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use metorial_operator::resources::{CommonStatus, Connection, ProviderAuthCredentials, condition};
use metorial_simulator::{Collection, InstanceId, InstanceType, Stored};
use serde_json::{Value, json};

/// The state of a condition: status, reason and message.
pub type Word = (String, String, String);

impl World {
    /// An instance of another organisation, and a key of it.
    pub fn elsewhere(&self) -> (InstanceId, String) {
        let organisation = self.sim.add_organization("Globex");
        let instance = self
            .sim
            .add_instance(&organisation, InstanceType::Development);
        let key = self.sim.add_key(&instance);
        (instance, key)
    }

    /// What lives in some instance.
    pub fn live_in(&self, instance: &InstanceId) -> Vec<Stored> {
        let mut all = self.sim.objects(instance, Collection::AuthCredentials);
        all.retain(|object| {
            object.readable["is_managed"] != true && object.readable["status"] == "active"
        });
        all
    }

    /// Puts another API key into the Secret of the Connection `default`.
    pub async fn use_key(&self, key: &str) {
        self.rotate("metorial", "api-key", key).await;
    }

    /// Asks for a look at a Connection now, and waits until it was taken.
    pub async fn look_at_connection(&self, name: &str) -> Connection {
        let text = self.request::<Connection>(name).await;
        self.wait_for(name, "looked at", |connection: &Connection| {
            let status = connection.status.as_ref();
            status.and_then(|status| status.last_handled_reconcile_at.as_ref()) == Some(&text)
        })
        .await
    }

    /// Waits until a Connection has a reason for the generation that it has.
    pub async fn wait_connection_of(&self, name: &str, reason: &str) -> Connection {
        self.wait_for(name, &format!("reason {reason}"), |object: &Connection| {
            let seen = object.status.as_ref().and_then(|s| s.observed_generation);
            let word = word_of(object, "Ready");
            seen == object.metadata.generation && word.is_some_and(|(_, is, _)| is == reason)
        })
        .await
    }

    /// Waits until Ready of credentials has a reason and a message with this text in it.
    pub async fn wait_says(&self, name: &str, reason: &str, text: &str) -> ProviderAuthCredentials {
        let says = |object: &ProviderAuthCredentials| {
            ready(object).is_some_and(|(_, is, message)| is == reason && message.contains(text))
        };
        self.wait_for(name, &format!("{reason}: …{text}…"), says)
            .await
    }

    /// Changes a Connection's spec.
    pub async fn edit_connection(&self, name: &str, spec: Value) -> Connection {
        self.patch(name, json!({"spec": spec})).await
    }

    /// The credentials are ready, and exactly as they were: nobody wrote them.
    pub async fn check_unwritten(&self, before: &ProviderAuthCredentials) {
        let now = self.credentials(&before.name_any()).await;
        assert!(is_ready(&now), "ready\n{}", self.describe().await);
        assert_eq!(
            now.resource_version(),
            before.resource_version(),
            "unwritten\n{}",
            self.describe().await
        );
    }

    /// The requests so far, as `METHOD path`.
    pub fn requests(&self) -> Vec<String> {
        let journal = self.sim.journal();
        let requests = journal.iter();
        requests
            .map(|entry| format!("{} {}", entry.method, entry.path))
            .collect()
    }
}

/// A condition of a Connection.
pub fn word_of(connection: &Connection, type_: &str) -> Option<Word> {
    let status = connection.status.as_ref()?;
    word(status.conditions.as_deref(), type_)
}

/// A condition of credentials.
pub fn condition_of(object: &ProviderAuthCredentials, type_: &str) -> Option<Word> {
    let CommonStatus { conditions, .. } = status(object);
    word(conditions.as_deref(), type_)
}

/// The message of Ready.
pub fn message(object: &ProviderAuthCredentials) -> String {
    ready(object).map_or_else(String::new, |(_, _, message)| message)
}

/// A condition out of a list.
pub fn word(conditions: Option<&[Condition]>, type_: &str) -> Option<Word> {
    let found = condition(conditions, type_)?;
    Some((
        found.status.clone(),
        found.reason.clone(),
        found.message.clone(),
    ))
}
