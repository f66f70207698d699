//! Events about resources. They are written in the background: nothing waits for what is only for people.

use super::client::Cluster;
use super::error::Cause;
use super::event_queue::{Report, Waiting, queue};
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
/// How long a process that ends writes the events that wait: nobody loses more than words if that is too short.
const AT_END: Duration = Duration::from_secs(3);
/// The events that are written at once then.
const AT_ONCE: usize = 8;

/// The events that wait to be written.
pub struct Reports {
    waiting: Waiting,
    cluster: Cluster,
}

impl Cluster {
    /// Returns the same with a queue of events, and the queue. Without one, events are written at once.
    #[must_use]
    pub fn with_event_queue(self) -> (Self, Reports) {
        let (queue, waiting) = queue();
        let mut queued = self.clone();
        queued.events = Some(queue);
        let cluster = self;
        (queued, Reports { waiting, cluster })
    }

    /// Reports an event about the resource with this key and uid.
    pub async fn event(
        &self,
        (about, uid): (&ResourceKey, &str),
        reason: &'static str,
        warning: bool,
        note: &str,
    ) {
        let end = note.floor_char_boundary(LONGEST_NOTE);
        let report = Report {
            about: about.clone(),
            reason,
            warning,
            uid: uid.into(),
            note: note[..end].into(),
            at: Timestamp::now(),
        };
        let left = match &self.events {
            Some(queue) => queue.add(report),
            None => Some(report),
        };
        if let Some(report) = left {
            self.write_event(&report).await;
        }
    }

    /// Writes an event. One that can't be written is logged and dropped, without a warning where its namespace is being
    /// deleted, or is gone. Repeated warnings are counted by the recorder, which keeps each event in memory for minutes; what
    /// is normal seldom repeats.
    async fn write_event(&self, report: &Report) {
        let Report { about, reason, .. } = report;
        let name = &*about.name;
        let written = async {
            match report.warning && name.len() <= LONGEST_NAME_OF_RECORDER {
                true => {
                    self.recorder
                        .publish(&counted(report), &regarding(report))
                        .await
                }
                false => self.create_event(report).await,
            }
        };
        if let Err(error) = self.call("create", "Event", name, written).await {
            let (kind, namespace) = (about.kind, &*about.namespace);
            if matches!(error.cause, Cause::Terminating | Cause::NotFound) {
                tracing::debug!(%error, kind, namespace, name, reason, "an event has no place any more");
            } else {
                tracing::warn!(%error, kind, namespace, name, reason, "an event could not be recorded");
            }
        }
    }

    /// Creates an event without the recorder: for an object whose name is too long for it, since it puts the whole of it into
    /// the name of the event, and where nothing is to be counted.
    async fn create_event(&self, report: &Report) -> kube::Result<()> {
        let (at, regarding) = (report.at, regarding(report));
        let namespace = regarding.namespace.clone();
        let api = Api::namespaced(self.client(), namespace.as_deref().unwrap_or("default"));
        let created = events::v1::Event {
            metadata: ObjectMeta {
                name: Some(event_name(&report.about.name, at)),
                namespace,
                ..ObjectMeta::default()
            },
            action: Some(action(report)),
            event_time: Some(MicroTime(at)),
            note: Some(report.note.to_string()),
            reason: Some(report.reason.to_owned()),
            regarding: Some(regarding),
            reporting_controller: Some(FIELD_MANAGER.to_owned()),
            reporting_instance: Some(FIELD_MANAGER.to_owned()),
            type_: Some(if report.warning { "Warning" } else { "Normal" }.to_owned()),
            ..events::v1::Event::default()
        };
        api.create(&PostParams::default(), &created).await?;
        Ok(())
    }
}

impl Reports {
    /// Writes events until `end`, and then those that wait, as far as there is time.
    pub async fn write(mut self, mut end: oneshot::Receiver<()>) {
        loop {
            let report = tokio::select! {
                report = self.waiting.next() => report,
                _ = &mut end => break,
            };
            let mut written = pin!(self.cluster.write_event(&report));
            tokio::select! {
                () = &mut written => {}
                _ = &mut end => {
                    tokio::time::timeout(AT_END, written).await.ok();
                    break;
                }
            }
        }
        let (waiting, cluster) = (&self.waiting, &self.cluster);
        let rest = iter(std::iter::from_fn(|| waiting.try_next()));
        let rest = rest.for_each_concurrent(AT_ONCE, async |report| {
            cluster.write_event(&report).await;
        });
        tokio::time::timeout(AT_END, rest).await.ok();
    }
}

impl Drop for Reports {
    /// Logs what is lost at the end of the process or of a leadership.
    fn drop(&mut self) {
        let lost = self.waiting.count();
        if lost > 0 {
            tracing::warn!(lost, "events were not written before the end");
        }
    }
}

/// Returns the reference to the resource that an event is about.
fn regarding(report: &Report) -> ObjectReference {
    let Report { about, uid, .. } = report;
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
fn counted(report: &Report) -> Event {
    Event {
        type_: EventType::Warning,
        reason: report.reason.to_owned(),
        note: Some(report.note.to_string()),
        action: action(report),
        secondary: None,
    }
}

/// Returns the action of an event. The recorder folds repetitions by action and reason: another note is to be another event.
fn action(report: &Report) -> String {
    format!("Reconcile{:08x}", short_digest(&report.note))
}

/// Returns the name of an event as the recorder makes it, but with the begin of a name that is too long.
fn event_name(object: &str, at: Timestamp) -> String {
    let start: String = object.chars().take(LONGEST_NAME_OF_RECORDER).collect();
    let start = start.trim_end_matches(['.', '-']);
    format!("{start}.{:x}", at.as_nanosecond())
}
