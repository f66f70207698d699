//! Lists a collection and watches it from there on, again and again. Not kube's watcher, because that decodes a page as a
//! whole and with all metadata: one object that is nested too deep, or a few large ones of anybody, would stop it for all.

use crate::cluster::client::Cluster;
use crate::cluster::decode::decode;
use crate::cluster::error::{Cause, ClusterError};
use crate::cluster::metadata::{Metadata, Outline};
use crate::cluster::pages::{Collection, WATCH_SECONDS};
use futures::StreamExt;
use kube::Resource;
use kube::api::WatchEvent;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::DefaultBackoff;
use std::time::Duration;

/// The time after which a watch is dead that the server should have closed.
const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 5);
/// The status of a watch whose version is no longer known.
const GONE: u16 = 410;

/// A watched kind, in one namespace or in all.
pub struct Watched {
    /// The kind.
    pub kind: &'static str,
    /// The namespace.
    pub namespace: Option<String>,
    collection: Collection,
}

impl Watched {
    /// Returns a kind to be watched in a namespace, or in all.
    #[must_use]
    pub fn of<K: Resource<DynamicType = ()>>(kind: &'static str, namespace: Option<&str>) -> Self {
        Self {
            kind,
            namespace: namespace.map(str::to_owned),
            collection: Collection::of::<K>(namespace).metadata_only(),
        }
    }

    /// Returns those of the same that have the labels of a selector; all of them, where there is none.
    #[must_use]
    pub fn selected(self, selector: Option<&str>) -> Self {
        let collection = self.collection.selected(selector);
        Self { collection, ..self }
    }

    /// Lists the first object, which shows that the kind is installed and may be listed.
    ///
    /// # Errors
    /// The call failed.
    pub async fn first(&self, cluster: &Cluster) -> Result<(), ClusterError> {
        cluster.first(&self.collection).await
    }
}

/// An event of a list or a watch.
#[derive(Debug)]
pub enum Event {
    /// A list begins: what the last one had counts no longer.
    Listing,
    /// This object is in the list.
    Listed(Metadata),
    /// The list is complete.
    ListEnded,
    /// This object was created or changed.
    Applied(Metadata),
    /// This object was deleted.
    Deleted(Metadata),
}

/// Reports everything that happens to a kind. Never ends.
pub async fn follow(cluster: &Cluster, of: &Watched, report: &mut (dyn FnMut(Event) + Send)) {
    let mut backoff = DefaultBackoff::default();
    loop {
        let error = match list(cluster, of, report).await {
            Ok(version) => {
                tracing::debug!(kind = of.kind, "listed; watching");
                backoff.reset();
                watch(cluster, of, version, report, &mut backoff).await
            }
            Err(error) => error.cause,
        };
        pause(of.kind, &error, &mut backoff).await;
    }
}

async fn list(
    cluster: &Cluster,
    of: &Watched,
    report: &mut (dyn FnMut(Event) + Send),
) -> Result<String, ClusterError> {
    report(Event::Listing);
    let mut each = |text: &str| match decode::<Outline>(text) {
        Some(object) => report(Event::Listed(object.metadata)),
        None => tracing::warn!(kind = of.kind, "an object in a list can't be read"),
    };
    let version = cluster.list(&of.collection, &mut each).await?;
    report(Event::ListEnded);
    Ok(version)
}

/// Watches from a version on, through as many watches as it takes. Returns why everything has to be listed again.
async fn watch(
    cluster: &Cluster,
    of: &Watched,
    mut version: String,
    report: &mut (dyn FnMut(Event) + Send),
    backoff: &mut DefaultBackoff,
) -> Cause {
    loop {
        let mut events = match cluster.watch(&of.collection, &version).await {
            Ok(events) => events,
            Err(error) if error.cause == Cause::Refused(GONE) => return error.cause,
            Err(error) => {
                pause(of.kind, &error.cause, backoff).await;
                continue;
            }
        };
        // A watch ends in the regular way after a while, and the next one begins where it ended.
        while let Ok(Some(event)) = tokio::time::timeout(SILENCE, events.next()).await {
            match event {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                    version.clone_from(&object.metadata.resource_version);
                    report(Event::Applied(object.metadata));
                }
                Ok(WatchEvent::Deleted(object)) => {
                    version.clone_from(&object.metadata.resource_version);
                    report(Event::Deleted(object.metadata));
                }
                Ok(WatchEvent::Bookmark(bookmark)) => version = bookmark.metadata.resource_version,
                Ok(WatchEvent::Error(status)) => return Cause::from(&kube::Error::Api(status)),
                // What it was about is unknown, so all of them are looked at again.
                Err(error @ kube::Error::SerdeError(_)) => return Cause::from(&error),
                Err(error) => {
                    pause(of.kind, &Cause::from(&error), backoff).await;
                    break;
                }
            }
            backoff.reset();
        }
    }
}

async fn pause(kind: &'static str, cause: &Cause, backoff: &mut DefaultBackoff) {
    if *cause == Cause::Refused(GONE) {
        tracing::debug!(kind, "a watch is too old to go on; listing again");
    } else {
        tracing::warn!(kind, %cause, "a watch failed; restarting it");
    }
    let pause = backoff.next().unwrap_or(SILENCE);
    tokio::time::sleep(pause).await;
}
