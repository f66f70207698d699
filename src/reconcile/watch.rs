//! Watches carry metadata only and just name keys: what a pass acts on, it reads itself.

use crate::resources::FINALIZER;
use crate::resources::ResourceKey;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use kube::api::{ApiResource, DynamicObject};
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A watch that is silent for longer than this is closed by the server, so a dead one is noticed.
const WATCH_SECONDS: u32 = 180;

/// The keys of resources of one of our kinds that changed in a way that matters to a pass: the spec, annotations,
/// the deletion, or our finalizer taken away. What we write ourselves (finalizer on, status) passes by.
#[must_use]
pub fn changes(
    client: Client,
    namespace: Option<&str>,
    of: &Watched,
) -> BoxStream<'static, ResourceKey> {
    let kind = of.kind;
    let mut seen: HashMap<ResourceKey, (u64, bool)> = HashMap::new();
    events(client, namespace, of)
        .filter_map(move |event| {
            let matters = match event {
                Event::Apply(object) | Event::InitApply(object) => {
                    let key = key_of(&object, kind);
                    let held = object
                        .finalizers()
                        .iter()
                        .any(|finalizer| finalizer == FINALIZER);
                    let now = (essence(&object), held);
                    let before = seen.insert(key.clone(), now);
                    let same =
                        before.is_some_and(|before| before.0 == now.0 && (now.1 || !before.1));
                    (!same).then_some(key)
                }
                Event::Delete(object) => {
                    let key = key_of(&object, kind);
                    seen.remove(&key);
                    Some(key)
                }
                Event::Init | Event::InitDone => None,
            };
            std::future::ready(matters)
        })
        .boxed()
}

/// The keys of objects that changed in any way.
#[must_use]
pub fn names(
    client: Client,
    namespace: Option<&str>,
    of: &Watched,
) -> BoxStream<'static, ResourceKey> {
    let kind = of.kind;
    events(client, namespace, of)
        .filter_map(move |event| {
            let key = match event {
                Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => {
                    Some(key_of(&object, kind))
                }
                Event::Init | Event::InitDone => None,
            };
            std::future::ready(key)
        })
        .boxed()
}

/// What is watched: a kind, and where the API server has it.
pub struct Watched {
    kind: &'static str,
    resource: ApiResource,
}

impl Watched {
    /// A kind.
    #[must_use]
    pub fn of<K: Resource<DynamicType = ()>>(kind: &'static str) -> Self {
        Self {
            kind,
            resource: ApiResource::erase::<K>(&()),
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
                tracing::warn!(kind, cause, "a watch failed and starts again");
            }
            std::future::ready(event.ok())
        })
}

/// The class of a failure. The error's own text may quote what was read.
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
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    ResourceKey::new(
        kind,
        namespace,
        object.metadata.name.as_deref().unwrap_or_default(),
    )
}

fn essence(object: &Meta) -> u64 {
    let meta = &object.metadata;
    let mut hasher = DefaultHasher::new();
    (&meta.uid, meta.generation, &meta.annotations).hash(&mut hasher);
    meta.deletion_timestamp.is_some().hash(&mut hasher);
    hasher.finish()
}
