//! The ConfigMap `metorial-orphans`: the ids of remote objects that were left behind, on purpose or because they could not be
//! deleted, so that an administrator can find and delete them. It is bounded: an entry always fits, because older ones
//! of the same namespace go first.

use super::client::Cluster;
use super::error::{Cause, ClusterError};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::ObjectMeta;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const NAME: &str = "metorial-orphans";
/// The most entries of one namespace.
const MAX_OF_NAMESPACE: usize = 100;
/// The most bytes of all entries and their keys. Kubernetes admits 1 MiB.
const MAX_BYTES: usize = 768 * 1024;
/// The tries of a write that others interfere with.
const MAX_TRIES: usize = 5;

/// The part of an entry that decides which goes first. What somebody else wrote counts as the oldest, of no namespace.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    namespace: String,
    recorded_at: String,
}

impl Cluster {
    /// Records a remote object that is left behind, under the uid of the resource that it belonged to and its id: the record is
    /// written before the finalizer is removed, and a crash in between writes the same key again.
    ///
    /// # Errors
    /// A call failed: the caller must keep the finalizer, since nothing else knows the id.
    pub async fn record_orphan(
        &self,
        namespace: &str,
        key: &str,
        entry: &str,
    ) -> Result<(), ClusterError> {
        let _turn = self.orphans.lock().await;
        let mut tries = 1;
        loop {
            match self.try_to_record_orphan(namespace, key, entry).await {
                Err(error) if error.cause == Cause::Conflict && tries < MAX_TRIES => tries += 1,
                done => return done,
            }
        }
    }

    /// Writes the record as it was read with one more entry, provided that nobody else wrote it in between.
    async fn try_to_record_orphan(
        &self,
        namespace: &str,
        key: &str,
        entry: &str,
    ) -> Result<(), ClusterError> {
        let api = self.namespaced::<ConfigMap>(namespace);
        let Some(found) = self.get(&api, NAME).await? else {
            let map = ConfigMap {
                metadata: ObjectMeta {
                    name: Some(NAME.to_owned()),
                    ..ObjectMeta::default()
                },
                data: Some([(key.to_owned(), entry.to_owned())].into()),
                ..ConfigMap::default()
            };
            return self.create(&api, &map).await;
        };
        let version = found.resource_version();
        let mut entries = found.data.unwrap_or_default();
        entries.insert(key.to_owned(), entry.to_owned());
        let dropped = drop_oldest(&mut entries, key);
        let mut data = Map::from_iter([(key.to_owned(), Value::from(entry))]);
        data.extend(dropped.iter().map(|(key, _)| (key.clone(), Value::Null)));
        let patch = json!({"metadata": {"resourceVersion": version}, "data": data});
        self.merge(&api, NAME, patch).await?;
        for (_, entry) in dropped {
            tracing::warn!(
                entry,
                "the record of orphans is full: dropped its oldest entry"
            );
        }
        Ok(())
    }
}

/// Drops entries until the rest is within the limits, and returns them. The oldest of a namespace that has more than its
/// share goes first, then the oldest of the namespace that takes the most space. The newest entry stays.
fn drop_oldest(entries: &mut BTreeMap<String, String>, newest: &str) -> Vec<(String, String)> {
    let place = |(key, entry): (&String, &String)| Place {
        key: key.clone(),
        bytes: key.len() + entry.len(),
        entry: serde_json::from_str(entry).unwrap_or_default(),
    };
    let mut places: Vec<Place> = entries.iter().map(place).collect();
    places.sort_by(|a, b| a.entry.recorded_at.cmp(&b.entry.recorded_at));
    let mut dropped = Vec::new();
    while let Some(namespace) = fullest(&places, newest) {
        let is_next = |place: &Place| place.entry.namespace == namespace && place.key != newest;
        let Some(next) = places.iter().position(is_next) else {
            break;
        };
        dropped.extend(entries.remove_entry(&places.remove(next).key));
    }
    dropped
}

/// An entry, as far as the limits are concerned.
struct Place {
    key: String,
    entry: Entry,
    bytes: usize,
}

/// Returns the namespace that has too many entries, or where all together are too large, the one whose entries but the
/// newest take the most space.
fn fullest(places: &[Place], newest: &str) -> Option<String> {
    let mut sizes: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for place in places {
        let (count, bytes) = sizes.entry(&place.entry.namespace).or_default();
        *count += 1;
        if place.key != newest {
            *bytes += place.bytes;
        }
    }
    let total: usize = places.iter().map(|place| place.bytes).sum();
    let mut chosen = sizes
        .iter()
        .find(|(_, (count, _))| *count > MAX_OF_NAMESPACE);
    if chosen.is_none() && total > MAX_BYTES {
        chosen = sizes.iter().max_by_key(|(_, (_, bytes))| bytes);
    }
    chosen.map(|(namespace, _)| (*namespace).to_owned())
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, MAX_OF_NAMESPACE, drop_oldest};
    use serde_json::json;
    use std::collections::BTreeMap;

    /// Entries of a namespace, the first the oldest, each with as many bytes of name.
    fn entries_of(namespace: &str, count: usize, bytes: usize) -> BTreeMap<String, String> {
        let entry = |number: usize| {
            // The keys are not in the order of time, as uids are not.
            let key = format!("{namespace}-{:05}", count - number);
            let entry = json!({
                "namespace": namespace,
                "name": "x".repeat(bytes),
                "recordedAt": format!("2026-01-01T00:00:00.{number:09}Z"),
            });
            (key, entry.to_string())
        };
        (0..count).map(entry).collect()
    }

    fn count(entries: &BTreeMap<String, String>, namespace: &str) -> usize {
        entries
            .keys()
            .filter(|key| key.starts_with(namespace))
            .count()
    }

    #[test]
    fn a_namespace_with_too_many_entries_loses_its_own_oldest_and_nobody_elses() {
        let mut entries = entries_of("attacker", MAX_OF_NAMESPACE + 2, 10);
        entries.extend(entries_of("victim", MAX_OF_NAMESPACE, 10));
        let newest = "attacker-00001";
        let dropped = drop_oldest(&mut entries, newest);
        let dropped: Vec<&str> = dropped.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(dropped, ["attacker-00102", "attacker-00101"]);
        assert_eq!(count(&entries, "victim"), MAX_OF_NAMESPACE);
        assert!(entries.contains_key(newest));
    }

    #[test]
    fn too_many_bytes_are_taken_from_the_namespace_that_has_the_most() {
        let mut entries = entries_of("attacker", MAX_OF_NAMESPACE, 8_000);
        entries.extend(entries_of("victim", MAX_OF_NAMESPACE, 10));
        let dropped = drop_oldest(&mut entries, "victim-00001");
        assert!(!dropped.is_empty());
        assert_eq!(count(&entries, "victim"), MAX_OF_NAMESPACE);
        let bytes: usize = entries
            .iter()
            .map(|(key, entry)| key.len() + entry.len())
            .sum();
        assert!(bytes <= MAX_BYTES, "{bytes}");
    }

    #[test]
    fn what_somebody_else_wrote_goes_first_and_the_newest_stays_alone_if_it_must() {
        let mut entries = BTreeMap::from([("notes".to_owned(), "x".repeat(MAX_BYTES))]);
        entries.extend(entries_of("victim", 1, 10));
        let dropped = drop_oldest(&mut entries, "victim-00001");
        assert_eq!(dropped.len(), 1);
        assert_eq!(dropped[0].0, "notes");
        assert!(drop_oldest(&mut entries, "victim-00001").is_empty());
    }

    #[test]
    fn many_namespaces_with_an_entry_each_are_within_the_limits_too() {
        let mut entries = BTreeMap::new();
        for number in 0..1000 {
            entries.extend(entries_of(&format!("n{number}"), 1, 1000));
        }
        entries.extend(entries_of("newest", 1, 2000));
        assert!(!drop_oldest(&mut entries, "newest-00001").is_empty());
        let bytes: usize = entries
            .iter()
            .map(|(key, entry)| key.len() + entry.len())
            .sum();
        assert!(bytes <= MAX_BYTES && entries.contains_key("newest-00001"));
    }
}
