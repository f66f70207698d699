//! A handle on one resource of any kind: what a person does to it, and what is waited for.

use super::environment::Environment;
use super::kinds::Kind;
use super::snapshot::Snapshot;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use metorial_operator::resources::{FINALIZER, RECONCILE_REQUESTED};
use metorial_simulator::Stored;
use serde_json::{Value, json};

/// One resource in an environment.
pub struct Handle<'a> {
    env: &'a Environment,
    pub kind: Kind,
    pub name: String,
}

impl<'a> Handle<'a> {
    pub(super) fn new(env: &'a Environment, kind: Kind, name: &str) -> Self {
        let name = name.to_owned();
        Self { env, kind, name }
    }

    fn api(&self) -> Api<kube::api::DynamicObject> {
        let (client, resource) = (self.env.client.clone(), self.kind.resource());
        match self.kind {
            Kind::ClusterConnection => Api::all_with(client, &resource),
            _ => Api::namespaced_with(client, &self.env.namespace, &resource),
        }
    }

    /// The resource as it is now, if it is there.
    pub async fn find(&self) -> Option<Snapshot> {
        self.api().get_opt(&self.name).await.unwrap().map(Snapshot)
    }

    /// The resource as it is now.
    pub async fn get(&self) -> Snapshot {
        let found = self.find().await;
        found.unwrap_or_else(|| panic!("{:?} {} is there", self.kind, self.name))
    }

    /// Whether it is there.
    pub async fn exists(&self) -> bool {
        self.find().await.is_some()
    }

    /// Whether it is there and ready for its generation.
    pub async fn is_ready(&self) -> bool {
        self.find().await.is_some_and(|found| found.is_ready())
    }

    // ── what people do ──────────────────────────────────────────────────────────────────────────────────────────────

    /// Patches it, as `kubectl patch --type merge` does.
    pub async fn patch(&self, patch: Value) -> Snapshot {
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        Snapshot(self.api().patch(&self.name, &params, &patch).await.unwrap())
    }

    /// Edits the spec.
    pub async fn edit(&self, spec: Value) -> Snapshot {
        self.patch(json!({"spec": spec})).await
    }

    /// Edits the status, as only somebody with the right to the subresource can.
    pub async fn edit_status(&self, status: Value) -> Snapshot {
        let (params, patch) = (
            PatchParams::default(),
            Patch::Merge(json!({"status": status})),
        );
        let edited = self.api().patch_status(&self.name, &params, &patch).await;
        Snapshot(edited.unwrap())
    }

    /// Takes the status away, as a restored backup has none.
    pub async fn lose_status(&self) {
        self.edit_status(Value::Null).await;
    }

    /// Takes all finalizers away.
    pub async fn drop_finalizers(&self) -> Snapshot {
        self.patch(json!({"metadata": {"finalizers": null}})).await
    }

    /// Approves something by the annotation for it.
    pub async fn approve(&self, what: &str) {
        let annotation = json!({"metorial.com/approve": what});
        self.patch(json!({"metadata": {"annotations": annotation}}))
            .await;
    }

    /// Deletes it and does not wait.
    pub async fn delete(&self) {
        let params = DeleteParams::default();
        self.api().delete(&self.name, &params).await.unwrap();
    }

    /// Deletes it and waits until it is gone.
    pub async fn remove(&self) {
        self.delete().await;
        self.wait_gone().await;
    }

    /// Asks for a reconciliation now by an annotation with a new text; returns the text.
    ///
    /// A deletion that was blocked may end by itself in the meantime: what is gone needs no reconciliation.
    pub async fn request_reconcile(&self) -> String {
        let asked = format!("{:016x}", rand::random::<u64>());
        let annotation = json!({"metadata": {"annotations": {RECONCILE_REQUESTED: asked}}});
        let (params, patch) = (PatchParams::default(), Patch::Merge(annotation));
        let patched = self.api().patch(&self.name, &params, &patch).await;
        let gone = |error: &kube::Error| matches!(error, kube::Error::Api(it) if it.code == 404);
        assert!(patched.as_ref().err().is_none_or(gone), "{patched:?}");
        asked
    }

    /// Asks for a reconciliation now, and waits until the one that handled the request has reported.
    pub async fn reconcile_now(&self) -> Snapshot {
        let asked = self.request_reconcile().await;
        self.wait("the request is handled", |object| {
            object.field("lastHandledReconcileAt") == asked.as_str()
        })
        .await
    }

    // ── what is waited for ──────────────────────────────────────────────────────────────────────────────────────────

    /// Waits until it is as wanted.
    pub async fn wait(&self, what: &str, wanted: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let what = format!("{:?} {}: {what}", self.kind, self.name);
        self.env
            .until(&what, async || {
                let found = self.find().await;
                found.filter(|object| wanted(object))
            })
            .await
    }

    /// Waits until it is gone.
    pub async fn wait_gone(&self) {
        let what = format!("{:?} {} is gone", self.kind, self.name);
        self.env
            .until(&what, async || self.find().await.is_none().then_some(()))
            .await;
    }

    /// Waits until it is ready for the generation that it has.
    pub async fn wait_ready(&self) -> Snapshot {
        self.wait("ready", Snapshot::is_ready).await
    }

    /// Waits until Ready has a reason for the generation that it has.
    pub async fn wait_reason(&self, reason: &str) -> Snapshot {
        let what = format!("reason {reason}");
        self.wait(&what, |object| object.has_reason(reason)).await
    }

    /// Waits until Ready has a reason, and a message with this text in it, for the generation that it has.
    pub async fn wait_message(&self, reason: &str, text: &str) -> Snapshot {
        let what = format!("{reason}: …{text}…");
        self.wait(&what, |object| {
            object.has_reason(reason) && object.message().contains(text)
        })
        .await
    }

    /// Waits until it is ready and its status records the API's last write to its object.
    pub async fn wait_recorded(&self) -> Snapshot {
        self.wait("the last write is recorded", |object| {
            let remote = object.status().id.and_then(|id| self.env.sim.object(&id));
            let updated = remote.map(|remote| remote.updated_at.as_millisecond());
            object.is_ready() && updated == recorded(object)
        })
        .await
    }

    /// Whether it is ready, and its status records the one live object of its kind as it is now.
    pub async fn is_synced(&self) -> bool {
        let (found, live) = (self.find().await, self.env.live(self.kind));
        let (Some(object), [remote]) = (found, live.as_slice()) else {
            return false;
        };
        object.is_ready()
            && object.status().id.as_ref() == Some(&remote.id)
            && recorded(&object) == Some(remote.updated_at.as_millisecond())
    }

    /// Waits until it is ready, and its status records the one live object of its kind as it is now.
    pub async fn wait_synced(&self) -> Stored {
        let what = format!(
            "{:?} {} is synced with the one live object",
            self.kind, self.name
        );
        self.env
            .until(&what, async || self.is_synced().await.then_some(()))
            .await;
        self.env.only(self.kind)
    }

    /// Waits for a plan with another hash than the former; returns it.
    pub async fn wait_plan(&self, former: &str) -> Value {
        let pending = self.wait("another plan", |object| {
            let hash = &object.field("plan")["hash"];
            hash.is_string() && hash != former
        });
        pending.await.field("plan").clone()
    }

    // ── events ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async fn list_events(&self) -> Vec<Event> {
        let all = self.env.api::<Event>().list(&ListParams::default()).await;
        let mut events = all.unwrap().items;
        events.retain(|event| event.involved_object.name.as_ref() == Some(&self.name));
        events
    }

    /// The reasons of the events about it.
    pub async fn events(&self) -> Vec<String> {
        let events = self.list_events().await.into_iter();
        events.filter_map(|event| event.reason).collect()
    }

    /// The notes of the events about it that have this reason.
    pub async fn notes(&self, reason: &str) -> Vec<String> {
        let events = self.list_events().await.into_iter();
        let about = events.filter(|event| event.reason.as_deref() == Some(reason));
        about.filter_map(|event| event.message).collect()
    }

    /// Waits for an event about it and returns its note.
    pub async fn wait_event(&self, reason: &str) -> String {
        self.env
            .until(
                &format!("an event {reason} about {}", self.name),
                async || self.notes(reason).await.pop(),
            )
            .await
    }

    /// Waits for an event with this reason whose note contains the words.
    pub async fn wait_note(&self, reason: &str, words: &str) {
        let what = format!("an event {reason} with {words:?}");
        self.env
            .until(&what, async || {
                let notes = self.notes(reason).await;
                notes.iter().any(|note| note.contains(words)).then_some(())
            })
            .await;
    }

    // ── what must be so ─────────────────────────────────────────────────────────────────────────────────────────────

    /// It is ready and exactly as it was: nobody wrote it.
    pub async fn check_unwritten(&self, before: &Snapshot) {
        let now = self.get().await;
        assert!(now.is_ready(), "ready\n{}", self.env.describe().await);
        let (now, before) = (now.resource_version(), before.resource_version());
        assert_eq!(now, before, "unwritten\n{}", self.env.describe().await);
    }

    /// It has the operator's finalizer once, and no other.
    pub async fn check_finalizer(&self) {
        assert_eq!(self.get().await.finalizers(), [FINALIZER]);
    }
}

/// The API's time of the last write that the status records.
fn recorded(object: &Snapshot) -> Option<i64> {
    let text = object.field("remoteUpdatedAt").as_str()?;
    let at: Timestamp = text.parse().ok()?;
    Some(at.as_millisecond())
}
