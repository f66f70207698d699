//! Lists a collection and watches it from there on, again and again. Not kube's watcher, because that decodes a page as a
//! whole and with all metadata: one object that is nested too deep, or a few large ones of anybody, would stop it for all.

use super::missing_definition::{MissingDefinition, Turn};
use crate::cluster::client::Cluster;
use crate::cluster::decode::decode;
use crate::cluster::error::{Cause, ClusterError};
use crate::cluster::metadata::{Metadata, PartialObject};
use crate::cluster::pages::{Collection, WATCH_SECONDS};
use crate::health::{Health, WatchScope};
use crate::resources::{READY, Reason, ResourceKey};
use futures::StreamExt;
use kube::Resource;
use kube::api::WatchEvent;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::DefaultBackoff;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The time after which a watch is dead that the server should have closed.
const MAX_SILENCE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 5);
/// A watch that ends sooner, without an event, was ended by something in between, such as a proxy that keeps no streams.
const SHORTEST_WATCH: Duration = Duration::from_secs(1);
/// The status of a watch whose version is no longer known.
const GONE_STATUS: u16 = 410;
/// The longest pause while the definition of a kind is missing: the person who applies it waits for what is then created, and the
/// API server answers that it is missing at little cost.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A watched kind, in one namespace or in all.
pub struct Watched {
    /// The kind, namespace and labels.
    pub scope: WatchScope,
    collection: Collection,
    /// The same, with the statuses where lists report their reasons.
    listed: Collection,
    /// The time after which a watch without an event is dead.
    max_silence: Duration,
    /// Shared by all watches of the kind.
    definition: Arc<MissingDefinition>,
}

impl Watched {
    /// Returns a kind to be watched in a namespace, or in all.
    #[must_use]
    pub fn new<K: Resource<DynamicType = ()>>(kind: &'static str, namespace: Option<&str>) -> Self {
        let collection = Collection::new::<K>(namespace).metadata_only();
        Self {
            scope: WatchScope {
                kind,
                namespace: namespace.map(str::to_owned),
                selector: None,
            },
            listed: collection.clone(),
            collection,
            max_silence: MAX_SILENCE,
            definition: Arc::default(),
        }
    }

    /// Has watches of one kind wait for its definition together.
    pub fn share_definitions<'a>(all: impl Iterator<Item = &'a mut Self>) {
        let mut definitions: HashMap<&str, Arc<MissingDefinition>> = HashMap::new();
        for of in all {
            of.definition = definitions.entry(of.scope.kind).or_default().clone();
        }
    }

    /// Returns those of the same that have the labels of a selector; all of them, where there is none.
    #[must_use]
    pub fn selected(self, selector: Option<&str>) -> Self {
        Self {
            scope: WatchScope {
                selector: selector.map(str::to_owned),
                ..self.scope
            },
            collection: self.collection.selected(selector),
            listed: self.listed.selected(selector),
            ..self
        }
    }

    /// Returns the same, of which lists report the reasons in the statuses, too: [`Event::Reported`].
    #[must_use]
    pub fn with_reasons(self) -> Self {
        Self {
            listed: self.collection.clone().whole(),
            ..self
        }
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
    /// A list starts: what the last one had counts no longer.
    Listing,
    /// The object that is listed next has a Ready condition with this reason.
    Reported(ResourceKey, Reason),
    /// This object is in the list.
    Listed(Metadata),
    /// The list is complete.
    ListEnded,
    /// This object was created or changed.
    Applied(Metadata),
    /// This object was deleted.
    Deleted(Metadata),
}

/// The status of an object, as far as metrics show it.
#[derive(Deserialize)]
struct Reported {
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    of: String,
    reason: String,
}

impl Reported {
    fn reason(&self) -> Option<Reason> {
        let mut conditions = self.status.conditions.iter();
        let ready = conditions.find(|condition| condition.of == READY)?;
        Reason::parse(&ready.reason)
    }
}

/// Reports everything that happens to a kind, and records in `health` whether it can be watched. Never ends.
pub async fn list_and_watch(
    cluster: &Cluster,
    health: &Health,
    of: &Watched,
    report: &mut (dyn FnMut(Event) + Send),
) {
    let mut failures = Failures::new(health, of);
    loop {
        let failed = match list(cluster, of, report).await {
            Ok(version) => {
                tracing::debug!(kind = of.scope.kind, "listed; watching");
                failures.end();
                watch(cluster, of, version, report, &mut failures).await
            }
            Err(error) => Some(error.cause),
        };
        if let Some(cause) = failed {
            failures.pause(cause).await;
        }
    }
}

async fn list(
    cluster: &Cluster,
    of: &Watched,
    report: &mut (dyn FnMut(Event) + Send),
) -> Result<String, ClusterError> {
    report(Event::Listing);
    let mut each = |text: &str| match decode::<PartialObject>(text) {
        Some(object) => {
            if let Some(reason) = decode::<Reported>(text).and_then(|it| it.reason()) {
                report(Event::Reported(object.metadata.key(of.scope.kind), reason));
            }
            report(Event::Listed(object.metadata));
        }
        None => tracing::warn!(kind = of.scope.kind, "an object in a list can't be read"),
    };
    let version = cluster.list(&of.listed, &mut each).await?;
    report(Event::ListEnded);
    Ok(version)
}

/// Watches from a version on, through as many watches as it takes. Returns why everything has to be listed again after a
/// pause, or `None` if it has to be immediately.
async fn watch(
    cluster: &Cluster,
    of: &Watched,
    mut version: String,
    report: &mut (dyn FnMut(Event) + Send),
    failures: &mut Failures<'_>,
) -> Option<Cause> {
    'watching: loop {
        let mut events = match cluster.watch(&of.collection, &version).await {
            // A successful watch call doesn't prove that the version is still valid: the first event may be 410. List again.
            Ok(_) if failures.lasts() => return None,
            Ok(events) => events,
            Err(error) if error.cause == Cause::Refused(GONE_STATUS) => {
                failures.answered();
                return Some(error.cause);
            }
            Err(error) => {
                failures.pause(error.cause).await;
                continue;
            }
        };
        let began = Instant::now();
        let mut brought = false;
        // A watch ends in the regular way after a while, and the next one starts where it ended.
        while let Ok(Some(event)) = tokio::time::timeout(of.max_silence, events.next()).await {
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
                Ok(WatchEvent::Error(status)) => {
                    failures.answered();
                    return Some(Cause::from(&kube::Error::Api(status)));
                }
                // The object is unknown, so list all again.
                Err(error @ kube::Error::SerdeError(_)) => return Some(Cause::from(&error)),
                Err(error) => {
                    failures.pause(Cause::from(&error)).await;
                    continue 'watching;
                }
            }
            failures.end();
            brought = true;
        }
        if !brought && began.elapsed() < SHORTEST_WATCH.min(of.max_silence) {
            failures.pause_after_short_watch().await;
        }
    }
}

/// The failures of one watch: how long it pauses after the next one, and what was already logged.
struct Failures<'a> {
    health: &'a Health,
    of: &'a Watched,
    backoff: DefaultBackoff,
    /// The cause that was logged and lasts until somebody changes the cluster.
    lasting: Option<Cause>,
    /// The turn to try again while the definition of the kind is missing.
    turn: Option<Turn<'a>>,
}

impl<'a> Failures<'a> {
    fn new(health: &'a Health, of: &'a Watched) -> Self {
        Self {
            health,
            of,
            backoff: DefaultBackoff::default(),
            lasting: None,
            turn: None,
        }
    }

    /// Returns whether something failed, and nothing worked since, that lasts until somebody changes the cluster.
    fn lasts(&self) -> bool {
        self.lasting.is_some()
    }

    /// Records that the server answers again, though not what was asked for: what failed before has ended.
    fn answered(&mut self) {
        self.backoff.reset();
    }

    /// Records that a list succeeded, or that the watch delivered something.
    fn end(&mut self) {
        self.backoff.reset();
        if let Some(turn) = self.turn.take() {
            turn.end();
        }
        if self.lasting.take().is_some() {
            tracing::info!(kind = self.of.scope.kind, "watching again");
            self.set_watched(Ok(()));
        }
    }

    /// Logs a failure, and pauses. A cause that lasts is logged once.
    async fn pause(&mut self, cause: Cause) {
        let kind = self.of.scope.kind;
        if cause == Cause::Refused(GONE_STATUS) {
            tracing::debug!(kind, "a watch is too old to go on; listing again");
        } else if self.lasting.as_ref() == Some(&cause) {
            tracing::debug!(kind, %cause, "a watch failed again");
        } else if let Some(hint) = hint(&cause) {
            tracing::warn!(kind, %cause, "a watch failed: {hint}; retrying, and logging it only once");
            self.set_watched(Err(hint.to_owned()));
            self.lasting = Some(cause.clone());
        } else {
            tracing::warn!(kind, %cause, "a watch failed; restarting it");
        }
        match cause {
            Cause::NotFound if self.turn.is_none() => {
                self.turn = self.of.definition.turn().await;
                if self.turn.is_none() {
                    return;
                }
            }
            Cause::NotFound => {}
            _ => {
                if let Some(turn) = self.turn.take() {
                    turn.end();
                }
            }
        }
        let pause = self.pause_after(&cause);
        tokio::time::sleep(pause).await;
    }

    /// Pauses after a watch that ended as soon as it was opened.
    async fn pause_after_short_watch(&mut self) {
        let kind = self.of.scope.kind;
        tracing::warn!(
            kind,
            "a watch was closed immediately: something before the API server may not allow streams"
        );
        let pause = self.pause_after(&Cause::Unreachable);
        tokio::time::sleep(pause).await;
    }

    /// Returns how long to pause after a failure.
    fn pause_after(&mut self, cause: &Cause) -> Duration {
        let pause = self.backoff.next().unwrap_or(MAX_SILENCE);
        match cause {
            Cause::NotFound => pause.min(LONGEST_PAUSE),
            _ => pause,
        }
    }

    fn set_watched(&self, result: Result<(), String>) {
        self.health.set_watched(&self.of.scope, result);
    }
}

/// Returns what to do about a cause that lasts until somebody changes the cluster.
fn hint(cause: &Cause) -> Option<&'static str> {
    match cause {
        Cause::NotFound => {
            Some("the definition of this kind is not installed; apply the operator's CRDs")
        }
        Cause::Forbidden => Some("the operator may not list and watch it; check its roles"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
