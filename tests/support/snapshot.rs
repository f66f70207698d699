//! A resource of any kind as it was read once.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::DynamicObject;
use metorial_operator::resources::{CommonStatus, condition};
use serde_json::Value;
use std::ops::Deref;

/// A resource of any kind as it was read once.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot(pub DynamicObject);

impl Deref for Snapshot {
    type Target = DynamicObject;

    fn deref(&self) -> &DynamicObject {
        &self.0
    }
}

impl Snapshot {
    /// The part of the status that all kinds share.
    pub fn status(&self) -> CommonStatus {
        serde_json::from_value(self.0.data["status"].clone()).unwrap_or_default()
    }

    /// A field of the status; null where it is not there.
    pub fn field(&self, name: &str) -> &Value {
        &self.0.data["status"][name]
    }

    /// A condition.
    pub fn condition(&self, type_: &str) -> Option<Condition> {
        let conditions = self.0.data["status"]["conditions"].clone();
        let conditions: Vec<Condition> = serde_json::from_value(conditions).unwrap_or_default();
        condition(Some(&conditions), type_).cloned()
    }

    /// Ready as it stands, of whichever generation.
    pub fn ready(&self) -> Condition {
        self.condition("Ready").expect("Ready is set")
    }

    /// The reason of Ready.
    pub fn reason(&self) -> String {
        self.condition("Ready")
            .map_or_else(String::new, |ready| ready.reason)
    }

    /// The message of Ready.
    pub fn message(&self) -> String {
        self.condition("Ready")
            .map_or_else(String::new, |ready| ready.message)
    }

    /// Whether the status speaks of the generation that the resource has.
    pub fn is_current(&self) -> bool {
        self.field("observedGeneration").as_i64() == self.0.metadata.generation
    }

    /// Whether Ready is true for the generation that the resource has.
    pub fn is_ready(&self) -> bool {
        self.is_current()
            && self
                .condition("Ready")
                .is_some_and(|ready| ready.status == "True")
    }

    /// Whether Ready has this reason for the generation that the resource has.
    pub fn has_reason(&self, reason: &str) -> bool {
        self.is_current() && self.reason() == reason
    }

    /// The remote id; it must be known.
    pub fn id(&self) -> String {
        self.status().id.expect("the id is known")
    }

    /// The fields that the status calls drifted.
    pub fn drifted(&self) -> Vec<String> {
        let drift = self.status().drift.unwrap_or_default().into_iter();
        drift.map(|entry| entry.field).collect()
    }

    pub fn finalizers(&self) -> &[String] {
        ResourceExt::finalizers(&self.0)
    }

    pub fn uid(&self) -> Option<String> {
        ResourceExt::uid(&self.0)
    }

    pub fn resource_version(&self) -> Option<String> {
        ResourceExt::resource_version(&self.0)
    }

    /// The whole object.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(&self.0).unwrap()
    }
}

/// The keys of a request body, in order.
pub fn keys(body: &Value) -> Vec<String> {
    let mut keys: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys
}
