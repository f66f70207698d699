//! A story: an operator at work in a namespace of its own, and the record of everything that it did.

use super::calls::Calls;
use super::record::Record;
use super::support::{Environment, Operator};
use super::watches::Watches;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::client::ClientBuilder;
use metorial_operator::resources::{APPROVE, RECONCILE_REQUESTED};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::Duration;

/// How many answers of the API server nothing happens before a story is over.
const QUIET: usize = 12;

/// Kind and name of a resource.
pub type Name = (&'static str, &'static str);

/// See the module.
pub struct Story {
    env: Environment,
    operator: Option<Operator>,
    calls: Calls,
    watches: Watches,
    /// Whether the record has the connections in it.
    connections: bool,
    /// The statuses that the story waited for last.
    reached: BTreeMap<Name, Value>,
    requests: usize,
}

impl Deref for Story {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.env
    }
}

impl Story {
    /// Begins with a Connection that is ready, which the record leaves out.
    pub async fn begin() -> Self {
        Self::begin_settling(Duration::ZERO).await
    }

    /// Like [`Self::begin`], with an operator that treats a missing object as gone only this long after its last
    /// write. A record is the same at every speed only where that is always or never.
    pub async fn begin_settling(settle: Duration) -> Self {
        let env = Environment::new().await;
        let mut story = Self::of(env, settle, false).await;
        story.reach(("Connection", "default"), "Synced").await;
        story
    }

    /// Begins in an empty namespace.
    pub async fn begin_without_connection() -> Self {
        let env = Environment::bare(super::support::Setup::default()).await;
        Self::of(env, Duration::ZERO, true).await
    }

    async fn of(env: Environment, settle: Duration, connections: bool) -> Self {
        let watches = Watches::start(&env).await;
        let mut story = Self {
            env,
            operator: None,
            calls: Calls::default(),
            watches,
            connections,
            reached: BTreeMap::new(),
            requests: 0,
        };
        story.start(settle);
        story
    }

    /// Starts an operator.
    pub fn start(&mut self, settle: Duration) {
        let mut settings = self.settings();
        settings.timing.settle = settle;
        settings.timing.read_lag = settle;
        let (config, calls) = (self.operator_config(), self.calls.clone());
        let client = move || {
            let client = ClientBuilder::try_from(config).unwrap();
            client.with_layer(&calls).build()
        };
        self.operator = Some(Operator::start(settings, client));
    }

    /// Ends the operator.
    pub async fn stop(&mut self) {
        self.quiet().await;
        self.operator.take().unwrap().stop().await.unwrap();
    }

    /// Ends the operator and starts another one.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start(Duration::ZERO);
    }

    /// Removes the status of a resource.
    pub async fn lose_status(&self, (kind, name): Name) {
        let patch = Patch::Merge(json!({"status": null}));
        let objects = self.objects(kind);
        let params = PatchParams::default();
        objects.patch_status(name, &params, &patch).await.unwrap();
    }

    fn objects(&self, kind: &str) -> Api<DynamicObject> {
        let resource = ApiResource {
            group: "metorial.com".to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: "metorial.com/v1alpha1".to_owned(),
            kind: kind.to_owned(),
            plural: match kind {
                "ProviderAuthCredentials" => kind.to_lowercase(),
                _ => format!("{}s", kind.to_lowercase()),
            },
        };
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    /// Reads a resource.
    pub async fn read(&self, (kind, name): Name) -> Value {
        let object = self.objects(kind).get(name).await.unwrap();
        serde_json::to_value(object).unwrap()
    }

    /// Applies a patch to a resource.
    pub async fn edit(&self, (kind, name): Name, patch: Value) {
        let patch = Patch::Merge(patch);
        let objects = self.objects(kind);
        let params = PatchParams::default();
        objects.patch(name, &params, &patch).await.unwrap();
    }

    /// Deletes a resource and does not wait.
    pub async fn remove(&self, (kind, name): Name) {
        let objects = self.objects(kind);
        objects
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// Waits until a resource is gone.
    pub async fn gone(&self, (kind, name): Name) {
        let objects = self.objects(kind);
        self.until(&format!("{kind} {name} is gone"), async || {
            let found = objects.get_opt(name).await.unwrap();
            found.is_none().then_some(())
        })
        .await;
    }

    /// Waits until a resource has this reason for its generation and no object pending deletion, in a status that is not
    /// the one it was waited for last.
    pub async fn reach(&mut self, of: Name, reason: &str) {
        self.reach_in_grace(of, reason, false).await;
    }

    /// Like [`Self::reach`], but a former object may still be there where `grace` is true.
    pub async fn reach_in_grace(&mut self, of: Name, reason: &str, grace: bool) {
        let before = self.reached.get(&of).cloned();
        let what = format!("{of:?}: {reason}");
        let reached = self.wait(of, &what, |object| {
            let status = &object["status"];
            status["observedGeneration"] == object["metadata"]["generation"]
                && condition(status, "Ready")["reason"] == reason
                && (grace || status["pendingDeletion"].is_null())
                && before.as_ref() != Some(status)
        });
        let reached = reached.await;
        self.reached.insert(of, reached);
        // A Connection and its users wake each other: a change right after the first of several writes may meet a
        // reconciliation that is under way, and one of its writes then conflicts.
        if self.connections {
            self.quiet().await;
        }
    }

    /// Asks for a reconciliation now and waits until it has ended.
    pub async fn request(&mut self, of: Name) {
        self.requests += 1;
        let asked = self.requests.to_string();
        let annotation = json!({RECONCILE_REQUESTED: asked});
        self.edit(of, json!({"metadata": {"annotations": annotation}}))
            .await;
        let what = format!("{of:?}: the request is handled");
        let handled = |object: &Value| object["status"]["lastHandledReconcileAt"] == asked.as_str();
        let reached = self.wait(of, &what, handled).await;
        self.reached.insert(of, reached);
    }

    /// Approves the plan of a resource.
    pub async fn approve(&self, of: Name) {
        let hash = self.read(of).await["status"]["plan"]["hash"].take();
        let annotation = json!({APPROVE: hash});
        self.edit(of, json!({"metadata": {"annotations": annotation}}))
            .await;
    }

    /// Waits until a resource is as wanted, and returns its status.
    pub async fn wait(&self, of: Name, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let objects = self.objects(of.0);
        self.until(what, async || {
            let object = objects.get_opt(of.1).await.unwrap()?;
            let mut object = serde_json::to_value(object).unwrap();
            wanted(&object).then(|| object["status"].take())
        })
        .await
    }

    /// Ends the operator and compares the record with the snapshot of that story about that kind.
    pub async fn end(mut self, story: &str, kind: &str) {
        self.stop().await;
        let record = self.record().await;
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(format!("{kind}__{story}"), record);
        });
    }

    /// Waits until nothing has been sent while the API server answered several requests, so that what follows from the
    /// last write is in the record. On a slow machine those take longer, too.
    pub async fn quiet(&self) {
        let count = || (self.calls.all().len(), self.sim.journal().len());
        let (mut before, mut answers) = (count(), 0);
        while answers < QUIET {
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.api::<Secret>()
                .list(&ListParams::default())
                .await
                .unwrap();
            let now = count();
            answers = if now == before { answers + 1 } else { 0 };
            before = now;
        }
    }

    async fn record(&self) -> String {
        let connections = self.connections;
        let mut record = Record::new(&self.namespace, connections);
        record.objects(&self.watches.all(&self.env).await);
        record.writes(&self.calls);
        record.remote_calls(&self.sim.journal());
        record.text
    }
}

/// Returns a condition of a status, or null.
fn condition<'a>(status: &'a Value, type_: &str) -> &'a Value {
    let conditions = status["conditions"].as_array();
    let found = conditions
        .into_iter()
        .flatten()
        .find(|it| it["type"] == type_);
    found.unwrap_or(&Value::Null)
}
