//! The text of a record, which its snapshot is compared with.

use super::calls::Calls;
use super::mask::Mask;
use super::watches::Versions;
use k8s_openapi::api::core::v1::Secret;
use metorial_simulator::Entry;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use url::form_urlencoded;

/// A record in the making.
pub struct Record {
    pub text: String,
    mask: Mask,
    /// Whether the connections are in it.
    connections: bool,
    resources: usize,
}

impl Record {
    /// Returns an empty record.
    pub fn new(namespace: &str, connections: bool) -> Self {
        Self {
            text: String::new(),
            mask: Mask::new(namespace),
            connections,
            resources: 0,
        }
    }

    /// Adds what changed in every object from version to version.
    pub fn objects(&mut self, versions: &Versions) {
        for ((kind, name), versions) in versions {
            if kind == "Connection" && !self.connections {
                continue;
            }
            let changes = changes(kind, versions, &mut self.mask);
            self.section(&format!("{kind}/{name}"), &changes);
            self.resources += usize::from(!matches!(kind.as_str(), "Secret" | "ConfigMap"));
        }
    }

    /// Adds the events and the other writes of the operator to Kubernetes.
    pub fn writes(&mut self, calls: &Calls) {
        for (about, events) in calls.events() {
            if !about.starts_with("Connection/") || self.connections {
                self.section(&format!("events of {about}"), &events);
            }
        }
        for (object, writes) in calls.by_object() {
            let connection = object.starts_with("connections/") && !self.connections;
            if !connection && object != "secrets/metorial-operator-fingerprint-key" {
                self.section(&format!("writes to {object}"), &writes);
            }
        }
    }

    /// Adds the writes to Metorial in order, and the reads before each of them sorted and each once: how often
    /// something is read again before it is believed to be gone depends on speed. So does where one resource reads
    /// between the writes of another, so the reads of several stand at the end.
    pub fn remote_calls(&mut self, journal: &[Entry]) {
        let mut lines = Vec::new();
        let mut reads = BTreeSet::new();
        for call in journal {
            let agent = call.user_agent.as_deref().unwrap_or_default();
            let of_connection = call.path == "/instance";
            if !agent.starts_with("metorial-operator/") || (of_connection && !self.connections) {
                continue;
            }
            let path = self.mask.text(&call.path);
            if call.is_write() {
                if self.resources < 2 {
                    lines.extend(std::mem::take(&mut reads));
                }
                let fields = call.body.as_object().into_iter().flat_map(Map::keys);
                let fields: Vec<&str> = fields.map(String::as_str).collect();
                let fields = fields.join(", ");
                lines.push(format!(
                    "{} {path} {{{fields}}} {}",
                    call.method, call.status
                ));
            } else {
                let read = |path: &str| format!("{} {path} {}", call.method, call.status);
                let ids: Vec<String> = ids(&call.query).collect();
                if ids.len() < 2 {
                    reads.insert(read(&path));
                    continue;
                }
                for id in ids {
                    reads.insert(read(&format!("{path}/{}", self.mask.text(&id))));
                }
            }
        }
        lines.extend(reads);
        self.section("calls to Metorial", &lines);
    }

    fn section(&mut self, title: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        writeln!(self.text, "== {title}").unwrap();
        for line in lines {
            writeln!(self.text, "{line}").unwrap();
        }
        self.text.push('\n');
    }
}

/// Returns the ids that a list is asked for. Objects are read with one list if they are read at about the same time, so each of
/// several is shown as if it was read alone.
fn ids(query: &str) -> impl Iterator<Item = String> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    pairs
        .filter(|(name, _)| name == "id[]")
        .map(|(_, id)| id.into_owned())
}

/// Returns what changed from each version to the next.
fn changes(kind: &str, versions: &[Option<Value>], mask: &mut Mask) -> Vec<String> {
    let mut lines = Vec::new();
    let mut before = BTreeMap::new();
    for version in versions {
        let Some(object) = version else {
            lines.push("- deleted".to_owned());
            before.clear();
            continue;
        };
        let Some(now) = shown(kind, object, mask) else {
            continue;
        };
        let added = now
            .iter()
            .filter(|(key, value)| before.get(*key) != Some(*value));
        let mut changed: Vec<String> = added
            .map(|(key, value)| format!("{key}: {value}"))
            .collect();
        let removed = before.keys().filter(|key| !now.contains_key(*key));
        changed.extend(removed.map(|key| format!("{key}: ~")));
        for (index, change) in changed.into_iter().enumerate() {
            let start = if index == 0 { '-' } else { ' ' };
            lines.push(format!("{start} {change}"));
        }
        before = now;
    }
    lines
}

/// Returns what the record shows of an object; `None` where it is not the operator's.
fn shown(kind: &str, object: &Value, mask: &mut Mask) -> Option<BTreeMap<String, String>> {
    let metadata = &object["metadata"];
    let mut all = Map::new();
    if matches!(kind, "Secret" | "ConfigMap") {
        let owner = &metadata["ownerReferences"][0];
        owner.as_object()?;
        all.insert(
            "owner".to_owned(),
            format!("{}/{}", owner["kind"], owner["name"]).into(),
        );
        for part in ["labels", "annotations"] {
            all.insert(part.to_owned(), metadata[part].clone());
        }
        all.insert("type".to_owned(), object["type"].clone());
        all.insert("data".to_owned(), texts(kind, object));
    } else {
        all.extend(object["status"].as_object().cloned().unwrap_or_default());
        all.insert("finalizers".to_owned(), metadata["finalizers"].clone());
        let deleting = metadata["deletionTimestamp"].is_string();
        all.insert(
            "deleting".to_owned(),
            if deleting { true.into() } else { Value::Null },
        );
    }
    for condition in all
        .remove("conditions")
        .iter()
        .filter_map(Value::as_array)
        .flatten()
    {
        let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
        let generation = &condition["observedGeneration"];
        let line = format!("{} {} @{generation}", text("status"), text("reason"));
        all.insert(text("type"), line.into());
    }
    all.retain(|_, value| !value.is_null());
    let shown = all.into_iter().map(|(key, value)| {
        let text = match mask.value(&value) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        (key, text)
    });
    Some(shown.collect())
}

/// Returns the data of a ConfigMap or a Secret as texts.
fn texts(kind: &str, object: &Value) -> Value {
    if kind == "ConfigMap" {
        return object["data"].clone();
    }
    let secret: Secret = serde_json::from_value(object.clone()).unwrap();
    let data = secret.data.into_iter().flatten();
    let text = |bytes: Vec<u8>| Value::from(String::from_utf8(bytes).unwrap());
    data.map(|(key, value)| (key, text(value.0))).collect()
}
