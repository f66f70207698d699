//! Watches carry metadata only and just name keys: what a reconciliation acts on, it reads itself. Lists of our own kinds also
//! carry the reason in the status, which only a metric shows.

use super::list_watch::{Event, Watched, list_and_watch};
use crate::cluster::client::Cluster;
use crate::cluster::metadata::Metadata;
use crate::health::Health;
use crate::resources::{FINALIZER, Reason, ResourceKey};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use tokio::time::Instant;

/// A change of objects that resources refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This object changed in any way.
    Object(ResourceKey),
    /// This object is in a list that the server answered before this time: it may have changed unnoticed until then.
    Listed(ResourceKey, Instant),
    /// All objects of this kind, in one namespace or in all, were listed again, because the watch had lost track: any
    /// other no longer exists.
    Relisted(&'static str, Option<String>, HashSet<ResourceKey>),
}

/// Watches one of our own kinds: reports the keys of resources that changed in a way that matters, and before that, the
/// reasons that they report where lists have them, and those that may have left what is watched, even if they are back by now.
pub async fn watch_resources(
    cluster: &Cluster,
    health: &Health,
    of: &Watched,
    mut reported: impl FnMut(ResourceKey, Reason) + Send,
    mut left: impl FnMut(&ResourceKey) + Send,
    mut changed: impl FnMut(ResourceKey) + Send,
) {
    let mut known = Known::default();
    let mut report = |event: Event| {
        if let Event::Reported(key, reason) = event {
            return reported(key, reason);
        }
        known
            .may_have_left(of.scope.kind, &event)
            .iter()
            .for_each(&mut left);
        let keys = known.changed(of.scope.kind, event).into_iter();
        keys.for_each(&mut changed);
    };
    list_and_watch(cluster, health, of, &mut report).await;
}

/// Watches a kind that resources refer to. Nothing is kept for an object between events, because most are not referred to.
pub async fn watch_references(
    cluster: &Cluster,
    health: &Health,
    of: &Watched,
    mut changed: impl FnMut(Change) + Send,
) {
    let mut references = References::default();
    let mut report = |event: Event| {
        let namespace = of.scope.namespace.as_deref();
        if let Some(change) = references.change(of.scope.kind, namespace, event, Instant::now()) {
            changed(change);
        }
    };
    list_and_watch(cluster, health, of, &mut report).await;
}

/// The list of objects that resources refer to, as far as it is read.
#[derive(Default)]
struct References {
    listed: HashSet<ResourceKey>,
    answered: Option<Instant>,
}

impl References {
    fn change(
        &mut self,
        kind: &'static str,
        namespace: Option<&str>,
        event: Event,
        now: Instant,
    ) -> Option<Change> {
        match event {
            Event::Listing => {
                *self = Self::default();
                None
            }
            Event::Reported(..) => None,
            Event::Listed(object) => {
                let key = object.key(kind);
                self.listed.insert(key.clone());
                // All pages show the state at the first one.
                let answered = *self.answered.get_or_insert(now);
                Some(Change::Listed(key, answered))
            }
            Event::ListEnded => {
                let listed = std::mem::take(&mut self.listed);
                let namespace = namespace.map(str::to_owned);
                Some(Change::Relisted(kind, namespace, listed))
            }
            Event::Applied(object) | Event::Deleted(object) => {
                Some(Change::Object(object.key(kind)))
            }
        }
    }
}

/// The known resources of one kind.
#[derive(Default)]
struct Known {
    significant: HashMap<ResourceKey, Significant>,
    listed: HashSet<ResourceKey>,
}

/// The part of a resource that matters to its reconciliation.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Significant {
    /// Digest of uid, generation, the operator's annotations and deletion.
    digest: u64,
    finalizer: bool,
}

impl Known {
    /// Returns the resources that an event changed in a way that matters: in the spec, in the operator's annotations, by
    /// deletion, or because our finalizer was removed. What we write ourselves (the finalizer, status) does not, nor do the
    /// labels and annotations of others.
    fn changed(&mut self, kind: &'static str, event: Event) -> Vec<ResourceKey> {
        match event {
            Event::Listing => {
                self.listed.clear();
                Vec::new()
            }
            Event::Reported(..) => Vec::new(),
            Event::Listed(object) => {
                self.listed.insert(object.key(kind));
                self.applied(kind, &object).into_iter().collect()
            }
            // A list delivers no deletions: what was known and is not listed was deleted while the watch was down.
            // Unreadable objects are reported as well; that is harmless, their reconciliation reads them.
            Event::ListEnded => {
                let listed = std::mem::take(&mut self.listed);
                let known = self.significant.keys();
                let gone: Vec<ResourceKey> = known
                    .filter(|key| !listed.contains(*key))
                    .cloned()
                    .collect();
                for key in &gone {
                    self.significant.remove(key);
                }
                gone
            }
            Event::Applied(object) => self.applied(kind, &object).into_iter().collect(),
            Event::Deleted(object) => {
                let key = object.key(kind);
                self.significant.remove(&key);
                vec![key]
            }
        }
    }

    /// Returns the resource that may have left what is watched: one that the watch reports as gone, or one that was known
    /// before a gap between two watches.
    fn may_have_left(&self, kind: &'static str, event: &Event) -> Option<ResourceKey> {
        match event {
            Event::Deleted(object) => Some(object.key(kind)),
            Event::Listed(object) => {
                Some(object.key(kind)).filter(|key| self.significant.contains_key(key))
            }
            Event::Listing | Event::Reported(..) | Event::ListEnded | Event::Applied(_) => None,
        }
    }

    fn applied(&mut self, kind: &'static str, object: &Metadata) -> Option<ResourceKey> {
        let key = object.key(kind);
        let now = Significant::new(object);
        let before = self.significant.insert(key.clone(), now);
        let same = before.is_some_and(|before| {
            before.digest == now.digest && (now.finalizer || !before.finalizer)
        });
        (!same).then_some(key)
    }
}

impl Significant {
    fn new(object: &Metadata) -> Self {
        let mut hasher = DefaultHasher::new();
        (&object.uid, object.generation, &object.annotations).hash(&mut hasher);
        object.terminating().hash(&mut hasher);
        Self {
            digest: hasher.finish(),
            finalizer: object.has_finalizer(FINALIZER),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::RECONCILE_REQUESTED;
    use serde_json::json;
    use std::time::Duration;

    fn annotated(key: &str, value: &str) -> Metadata {
        serde_json::from_value(json!({
            "name": "a",
            "namespace": "n",
            "generation": 1,
            "labels": {key: value},
            "annotations": {key: value},
        }))
        .unwrap()
    }

    fn object(name: &str, generation: i64, finalizers: &[&str]) -> Metadata {
        serde_json::from_value(json!({
            "name": name,
            "namespace": "n",
            "generation": generation,
            "finalizers": finalizers,
        }))
        .unwrap()
    }

    fn names(keys: Vec<ResourceKey>) -> Vec<String> {
        let mut names: Vec<String> = keys.into_iter().map(|key| key.name.to_string()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_relist_reports_what_was_deleted_while_the_watch_was_down() {
        let mut known = Known::default();
        let mut changed = |event: Event| names(known.changed("K", event));
        assert!(changed(Event::Listing).is_empty());
        assert_eq!(changed(Event::Listed(object("a", 1, &[]))), ["a"]);
        assert_eq!(changed(Event::Listed(object("b", 1, &[]))), ["b"]);
        assert!(changed(Event::ListEnded).is_empty());
        assert_eq!(changed(Event::Applied(object("c", 1, &[]))), ["c"]);
        assert!(changed(Event::Listing).is_empty());
        assert!(changed(Event::Listed(object("b", 1, &[]))).is_empty());
        assert_eq!(changed(Event::ListEnded), ["a", "c"]);
        assert!(changed(Event::Listing).is_empty());
        assert_eq!(changed(Event::ListEnded), ["b"]);
    }

    #[test]
    fn the_time_of_a_list_is_that_of_its_first_page() {
        let (began, mut references) = (Instant::now(), References::default());
        let mut listed_at = |event, seconds| {
            let now = began + Duration::from_secs(seconds);
            match references.change("Secret", None, event, now) {
                Some(Change::Listed(_, at)) => Some((at - began).as_secs()),
                _ => None,
            }
        };
        let listed = |name| Event::Listed(object(name, 1, &[]));
        assert_eq!(listed_at(Event::Listing, 1), None);
        assert_eq!(listed_at(listed("a"), 2), Some(2));
        assert_eq!(listed_at(listed("b"), 3), Some(2));
        assert_eq!(listed_at(Event::Listing, 4), None);
        assert_eq!(listed_at(listed("a"), 5), Some(5), "the list began anew");
    }

    #[test]
    fn labels_and_annotations_of_others_do_not_matter() {
        let mut known = Known::default();
        let mut changed = |object| !known.changed("K", Event::Applied(object)).is_empty();
        assert!(changed(object("a", 1, &[])));
        for value in ["1", "2"] {
            assert!(
                !changed(annotated("example.com/synced-at", value)),
                "{value}"
            );
        }
        for value in ["1", "2"] {
            assert!(changed(annotated(RECONCILE_REQUESTED, value)), "{value}");
            assert!(!changed(annotated(RECONCILE_REQUESTED, value)), "{value}");
        }
    }

    #[test]
    fn what_a_watch_reports_as_gone_and_what_is_listed_again_after_a_gap_may_have_left() {
        let mut known = Known::default();
        let mut left = |event: Event| {
            let left = known.may_have_left("K", &event).is_some();
            known.changed("K", event);
            left
        };
        assert!(!left(Event::Listing));
        assert!(!left(Event::Listed(object("a", 1, &[]))));
        assert!(!left(Event::ListEnded));
        assert!(!left(Event::Applied(object("a", 2, &[]))));
        assert!(left(Event::Deleted(object("a", 2, &[]))));
        assert!(!left(Event::Applied(object("a", 2, &[]))));
        assert!(left(Event::Listed(object("a", 2, &[]))));
    }

    #[test]
    fn the_finalizer_matters_only_when_it_is_removed_and_the_generation_always() {
        let mut known = Known::default();
        let mut changed = |object| !known.changed("K", Event::Applied(object)).is_empty();
        assert!(changed(object("a", 1, &[])));
        assert!(!changed(object("a", 1, &[FINALIZER])));
        assert!(!changed(object("a", 1, &[FINALIZER])));
        assert!(changed(object("a", 1, &[])));
        assert!(changed(object("a", 2, &[])));
    }
}
