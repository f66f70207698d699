//! The watched collections, and the resources that their changes enqueue.
//!
//! A shard watches its own resources by its label selector. What they refer to may belong to other shards, so that is watched
//! with any labels: the connections, whose sessions every shard builds itself, and the resources whose ids and states
//! it reads.

use super::changes::{Change, watch_references, watch_resources};
use super::list_watch::Watched;
use super::registry::{Served, served};
use crate::cluster::client::Cluster;
use crate::health::Health;
use crate::reconcile::context::Context;
use crate::resources::ResourceKey;
use crate::settings::Settings;
use futures::future::join_all;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};

/// Enqueues what changes in the cluster, and records in `health` what can't be watched. Never ends.
pub async fn enqueue_changes(
    cluster: &Cluster,
    context: &Context,
    settings: &Settings,
    health: &Health,
) {
    let (mut ours, mut referred) = (Vec::new(), Vec::new());
    for namespace in cluster.scopes() {
        for kind in served(settings) {
            watch_kind(kind, namespace, settings, &mut ours, &mut referred);
        }
        referred.extend(built_in(namespace, settings));
    }
    Watched::share_definitions(ours.iter_mut().chain(&mut referred));
    let is_part = settings.shard.is_part();
    let ours = ours.iter().map(|of| {
        // What another shard did with a resource that was here before is not in the memory of this one.
        let left = move |key: &_| {
            if is_part {
                context.memories.forget(key);
            }
        };
        // Until it is reconciled, which an outage may delay.
        let reported = |key: ResourceKey, reason| {
            context.metrics.set_first_reason(key, reason);
        };
        watch_resources(cluster, health, of, reported, left, |key| {
            context.enqueue(key);
        })
    });
    let referred = referred
        .iter()
        .map(|of| watch_references(cluster, health, of, |change| changed(context, &change)));
    // What is referred to is listed first: it has no dependents yet, and so causes no reconciliation a second time.
    futures::join!(join_all(referred), join_all(ours));
}

/// Returns what is watched of the kinds of Kubernetes.
pub fn built_in(namespace: Option<&str>, settings: &Settings) -> Vec<Watched> {
    let mut watched = vec![Watched::new::<ConfigMap>("ConfigMap", namespace)];
    if namespace.is_none() {
        watched.push(Watched::new::<Namespace>("Namespace", namespace));
    }
    if settings.secret_watch {
        watched.push(Watched::new::<Secret>("Secret", namespace));
    }
    watched
}

/// Adds what is watched of one of our own kinds.
fn watch_kind(
    kind: Served,
    namespace: Option<&str>,
    settings: &Settings,
    ours: &mut Vec<Watched>,
    referred: &mut Vec<Watched>,
) {
    let selector = settings.shard.selector.as_deref();
    // Those of other shards are counted there.
    ours.push(kind.watched(namespace).with_reasons().selected(selector));
    if !settings.shard.is_part() {
        return;
    }
    let of_all_shards = kind.watched(namespace);
    if kind.serves_all_shards() {
        ours.push(of_all_shards);
    } else if kind.referred_to() {
        referred.push(of_all_shards);
    }
}

/// Enqueues the resources that depend on a changed object, or on one that a new list no longer has.
fn changed(context: &Context, change: &Change) {
    match change {
        Change::Object(key) => {
            context.namespace_uids.forget(key);
            context.enqueue_dependents(key);
        }
        // A namespace is not read each time.
        Change::Listed(key, _) if key.kind == "Namespace" => {
            changed(context, &Change::Object(key.clone()));
        }
        Change::Listed(key, answered) => {
            for key in context.dependencies.dependents_since(key, *answered) {
                context.enqueue(key);
            }
        }
        Change::Relisted(kind, namespace, listed) => {
            context.namespace_uids.clear();
            let gone = context.dependencies.sources_of(kind, namespace.as_deref());
            for key in gone.iter().filter(|key| !listed.contains(*key)) {
                context.enqueue_dependents(key);
            }
        }
    }
}
