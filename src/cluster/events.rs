//! Events about resources. They are written in the background: nothing waits for what is only for people.

use super::client::Cluster;
use super::error::Cause;
use super::event_queue::{EventReceiver, PendingEvent, queue};
use super::verb::Verb;
use crate::plan::fingerprint::short_digest;
use crate::resources::{Connection, FIELD_MANAGER, ResourceKey};
use futures::stream::{StreamExt, iter};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::runtime::events::{Event, EventType};
use kube::{Api, Resource};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::oneshot;

/// Longest name of an object that the recorder of events can name an event after: it appends a dot and 16 digits, and names
/// end at 253 characters.
const LONGEST_NAME_OF_RECORDER: usize = 236;
/// The most bytes of a note. Kubernetes accepts 1 KiB.
const LONGEST_NOTE: usize = 1000;
/// How long a stopping process keeps writing queued events; losing some is acceptable.
const LONGEST_DRAIN: Duration = Duration::from_secs(3);
/// The events that a stopping process writes concurrently.
const MAX_CONCURRENT_WRITES: usize = 8;

/// The writer of the queued events.
pub struct EventWriter {
    receiver: EventReceiver,
    cluster: Cluster,
}

impl Cluster {
    /// Returns the same with a queue of events, and the writer of these. Without a queue, events are written immediately.
    #[must_use]
    pub fn with_event_queue(self) -> (Self, EventWriter) {
        let (queue, receiver) = queue();
        let mut queued = self.clone();
        queued.events = Some(queue);
        let cluster = self;
        (queued, EventWriter { receiver, cluster })
    }

    /// Reports an event about the resource with this key and uid.
    pub async fn event(
        &self,
        (about, uid): (&ResourceKey, &str),
        reason: &'static str,
        type_: EventType,
        note: &str,
    ) {
        let end = note.floor_char_boundary(LONGEST_NOTE);
        let event = PendingEvent {
            about: about.clone(),
            reason,
            type_,
            uid: uid.into(),
            note: note[..end].into(),
            at: Timestamp::now(),
        };
        let left = match &self.events {
            Some(queue) => queue.add(event),
            None => Some(event),
        };
        if let Some(event) = left {
            self.write_event(&event).await;
        }
    }

    /// Writes an event. One that can't be written is logged and dropped, without a warning where its namespace is being
    /// deleted, or is gone. Repeated warnings are counted by the recorder, which keeps each event in memory for minutes; what
    /// is normal seldom repeats.
    async fn write_event(&self, event: &PendingEvent) {
        let PendingEvent { about, reason, .. } = event;
        let name = &*about.name;
        let written = async {
            if event.type_ == EventType::Warning && name.len() <= LONGEST_NAME_OF_RECORDER {
                let (counted, regarding) = (counted(event), regarding(event));
                self.recorder.publish(&counted, &regarding).await
            } else {
                self.create_event(event).await
            }
        };
        if let Err(error) = self.call(Verb::Create, "Event", name, written).await {
            let (kind, namespace) = (about.kind, &*about.namespace);
            if matches!(error.cause, Cause::Terminating | Cause::NotFound) {
                tracing::debug!(%error, kind, namespace, name, reason, "dropped an event: its namespace is being deleted");
            } else {
                tracing::warn!(%error, kind, namespace, name, reason, "an event could not be recorded");
            }
        }
    }

    /// Creates an event without the recorder: for an object whose name is too long for it, since it puts the whole of it into
    /// the name of the event, and where nothing is to be counted.
    async fn create_event(&self, event: &PendingEvent) -> kube::Result<()> {
        let (at, regarding) = (event.at, regarding(event));
        let namespace = regarding.namespace.clone();
        let api = Api::namespaced(self.client(), namespace.as_deref().unwrap_or("default"));
        let type_ = match event.type_ {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        };
        let created = events::v1::Event {
            metadata: ObjectMeta {
                name: Some(event_name(&event.about.name, at)),
                namespace,
                ..ObjectMeta::default()
            },
            action: Some(action(event)),
            event_time: Some(MicroTime(at)),
            note: Some(event.note.to_string()),
            reason: Some(event.reason.to_owned()),
            regarding: Some(regarding),
            reporting_controller: Some(FIELD_MANAGER.to_owned()),
            reporting_instance: Some(FIELD_MANAGER.to_owned()),
            type_: Some(type_.to_owned()),
            ..events::v1::Event::default()
        };
        api.create(&PostParams::default(), &created).await?;
        Ok(())
    }
}

impl EventWriter {
    /// Writes events until `end`, and then those that wait, as far as there is time.
    pub async fn write(mut self, mut end: oneshot::Receiver<()>) {
        loop {
            let event = tokio::select! {
                event = self.receiver.next() => event,
                _ = &mut end => break,
            };
            let mut written = pin!(self.cluster.write_event(&event));
            tokio::select! {
                () = &mut written => {}
                _ = &mut end => {
                    tokio::time::timeout(LONGEST_DRAIN, written).await.ok();
                    break;
                }
            }
        }
        let (receiver, cluster) = (&self.receiver, &self.cluster);
        let rest = iter(std::iter::from_fn(|| receiver.try_next()));
        let rest = rest.for_each_concurrent(MAX_CONCURRENT_WRITES, async |event| {
            cluster.write_event(&event).await;
        });
        tokio::time::timeout(LONGEST_DRAIN, rest).await.ok();
    }
}

impl Drop for EventWriter {
    /// Logs what is lost at the end of the process or of a leadership.
    fn drop(&mut self) {
        let lost = self.receiver.count();
        if lost > 0 {
            tracing::warn!(lost, "events were not written before the end");
        }
    }
}

/// Returns the reference to the resource that an event is about.
fn regarding(event: &PendingEvent) -> ObjectReference {
    let PendingEvent { about, uid, .. } = event;
    let namespace = Some(about.namespace.to_string());
    ObjectReference {
        api_version: Some(Connection::api_version(&()).into_owned()),
        kind: Some(about.kind.to_owned()),
        namespace: namespace.filter(|namespace| !namespace.is_empty()),
        name: Some(about.name.to_string()),
        uid: Some(uid.to_string()),
        ..ObjectReference::default()
    }
}

/// Returns a warning in the form of the recorder.
fn counted(event: &PendingEvent) -> Event {
    Event {
        type_: EventType::Warning,
        reason: event.reason.to_owned(),
        note: Some(event.note.to_string()),
        action: action(event),
        secondary: None,
    }
}

/// Returns the action of an event. The recorder folds repetitions by action and reason: another note is to be another event.
fn action(event: &PendingEvent) -> String {
    format!("Reconcile{:08x}", short_digest(&event.note))
}

/// Returns the name of an event as the recorder makes it, but with the start of a name that is too long.
fn event_name(object: &str, at: Timestamp) -> String {
    let start: String = object.chars().take(LONGEST_NAME_OF_RECORDER).collect();
    let start = start.trim_end_matches(['.', '-']);
    format!("{start}.{:x}", at.as_nanosecond())
}
