//! Watches carry metadata only and just name keys: what a reconciliation acts on, it reads itself.

use crate::resources::{FINALIZER, ResourceKey};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use kube::api::{ApiResource, DynamicObject};
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The server closes a watch that is silent for longer than this, so that a dead one is noticed.
const WATCH_SECONDS: u32 = 180;

/// A watched kind, and its place in the API.
pub struct Watched {
    kind: &'static str,
    resource: ApiResource,
}

impl Watched {
    /// Returns a kind to be watched.
    #[must_use]
    pub fn of<K: Resource<DynamicType = ()>>(kind: &'static str) -> Self {
        Self {
            kind,
            resource: ApiResource::erase::<K>(&()),
        }
    }
}

/// A change of objects that resources refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This object changed in any way.
    Object(ResourceKey),
    /// All objects of this kind, in one namespace or in all, were listed again, because the watch had lost track: any
    /// other no longer exists.
    Relisted(&'static str, Option<String>, HashSet<ResourceKey>),
}

/// Watches one of our own kinds: returns the keys of resources that changed in a way that matters.
#[must_use]
pub fn resources(
    client: Client,
    namespace: Option<&str>,
    of: &Watched,
) -> BoxStream<'static, ResourceKey> {
    let mut known = Known::default();
    let kind = of.kind;
    events(client, namespace, of)
        .flat_map(move |event| futures::stream::iter(known.changed(kind, &event)))
        .boxed()
}

/// Watches a kind that resources refer to. Nothing is kept for an object between events, because most are not referred to.
#[must_use]
pub fn references(
    client: Client,
    namespace: Option<&str>,
    of: &Watched,
) -> BoxStream<'static, Change> {
    let mut listed = HashSet::new();
    let (kind, scope) = (of.kind, namespace.map(str::to_owned));
    events(client, namespace, of)
        .filter_map(move |event| {
            let change = match event {
                Event::Init => {
                    listed.clear();
                    None
                }
                Event::InitApply(object) => {
                    let key = key_of(&object, kind);
                    listed.insert(key.clone());
                    Some(Change::Object(key))
                }
                Event::InitDone => {
                    let listed = std::mem::take(&mut listed);
                    Some(Change::Relisted(kind, scope.clone(), listed))
                }
                Event::Apply(object) | Event::Delete(object) => {
                    Some(Change::Object(key_of(&object, kind)))
                }
            };
            std::future::ready(change)
        })
        .boxed()
}

/// What is known of the resources of one kind.
#[derive(Default)]
struct Known {
    essence: HashMap<ResourceKey, Essence>,
    listed: HashSet<ResourceKey>,
}

/// What matters of a resource to its reconciliation.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Essence {
    /// Digest of uid, generation, annotations and deletion.
    digest: u64,
    finalizer: bool,
}

impl Known {
    /// Returns the resources that an event changed in a way that matters: in the spec, the annotations, by deletion, or
    /// because our finalizer was removed. What we write ourselves (the finalizer, status) does not.
    fn changed(&mut self, kind: &'static str, event: &Event<Meta>) -> Vec<ResourceKey> {
        match event {
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                self.listed.insert(key_of(object, kind));
                self.applied(kind, object).into_iter().collect()
            }
            // A list delivers no deletions: what was known and is not listed was deleted while the watch was down.
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let known = self.essence.keys();
                let gone: Vec<ResourceKey> = known
                    .filter(|key| !listed.contains(*key))
                    .cloned()
                    .collect();
                for key in &gone {
                    self.essence.remove(key);
                }
                gone
            }
            Event::Apply(object) => self.applied(kind, object).into_iter().collect(),
            Event::Delete(object) => {
                let key = key_of(object, kind);
                self.essence.remove(&key);
                vec![key]
            }
        }
    }

    fn applied(&mut self, kind: &'static str, object: &Meta) -> Option<ResourceKey> {
        let key = key_of(object, kind);
        let now = Essence::of(object);
        let before = self.essence.insert(key.clone(), now);
        let same = before.is_some_and(|before| {
            before.digest == now.digest && (now.finalizer || !before.finalizer)
        });
        (!same).then_some(key)
    }
}

impl Essence {
    fn of(object: &Meta) -> Self {
        let meta = &object.metadata;
        let mut hasher = DefaultHasher::new();
        (&meta.uid, meta.generation, &meta.annotations).hash(&mut hasher);
        meta.deletion_timestamp.is_some().hash(&mut hasher);
        Self {
            digest: hasher.finish(),
            finalizer: object.finalizers().iter().any(|it| it == FINALIZER),
        }
    }
}

type Meta = PartialObjectMeta<DynamicObject>;

fn events(
    client: Client,
    namespace: Option<&str>,
    of: &Watched,
) -> impl Stream<Item = Event<Meta>> + Send + use<> {
    let kind = of.kind;
    let api: Api<Meta> = match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &of.resource),
        None => Api::all_with(client, &of.resource),
    };
    let config = watcher::Config::default().timeout(WATCH_SECONDS);
    watcher(api, config)
        .default_backoff()
        .filter_map(move |event| {
            if let Err(error) = &event {
                let cause = cause(error);
                tracing::warn!(kind, cause, "a watch failed; restarting it");
            }
            std::future::ready(event.ok())
        })
}

/// Returns the class of a failure. The error's own text may quote what was read.
fn cause(error: &watcher::Error) -> &'static str {
    match error {
        watcher::Error::InitialListFailed(_) => "the list failed",
        watcher::Error::WatchStartFailed(_) => "the watch did not start",
        watcher::Error::WatchError(_) => "the server ended the watch",
        watcher::Error::WatchFailed(_) => "the watch broke off",
        _ => "the watch failed",
    }
}

fn key_of(object: &Meta, kind: &'static str) -> ResourceKey {
    let meta = &object.metadata;
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    ResourceKey::new(kind, namespace, meta.name.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(name: &str, generation: i64, finalizers: &[&str]) -> Meta {
        serde_json::from_value(json!({
            "apiVersion": "metorial.com/v1alpha1",
            "kind": "K",
            "metadata": {
                "name": name,
                "namespace": "n",
                "generation": generation,
                "finalizers": finalizers,
            }
        }))
        .unwrap()
    }

    fn names(keys: Vec<ResourceKey>) -> Vec<String> {
        let mut names: Vec<String> = keys.into_iter().map(|key| key.name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_relist_reports_what_was_deleted_while_the_watch_was_down() {
        let mut known = Known::default();
        let mut changed = |event: Event<Meta>| names(known.changed("K", &event));
        assert!(changed(Event::Init).is_empty());
        assert_eq!(changed(Event::InitApply(object("a", 1, &[]))), ["a"]);
        assert_eq!(changed(Event::InitApply(object("b", 1, &[]))), ["b"]);
        assert!(changed(Event::InitDone).is_empty());
        assert_eq!(changed(Event::Apply(object("c", 1, &[]))), ["c"]);
        assert!(changed(Event::Init).is_empty());
        assert!(changed(Event::InitApply(object("b", 1, &[]))).is_empty());
        assert_eq!(changed(Event::InitDone), ["a", "c"]);
        assert!(changed(Event::Init).is_empty());
        assert_eq!(changed(Event::InitDone), ["b"]);
    }

    #[test]
    fn the_finalizer_matters_only_when_it_is_removed_and_the_generation_always() {
        let mut known = Known::default();
        let mut changed = |object| !known.changed("K", &Event::Apply(object)).is_empty();
        assert!(changed(object("a", 1, &[])));
        assert!(!changed(object("a", 1, &[FINALIZER])));
        assert!(!changed(object("a", 1, &[FINALIZER])));
        assert!(changed(object("a", 1, &[])));
        assert!(changed(object("a", 2, &[])));
    }
}
