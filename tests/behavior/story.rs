//! A story: an operator at work in a namespace of its own, and the record of everything that it did.

use super::calls::Calls;
use super::mask::Mask;
use super::support::{Operator, World};
use super::watches::Watches;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::client::ClientBuilder;
use metorial_operator::resources::{APPROVE, RECONCILE_REQUESTED};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::Deref;
use std::time::Duration;

/// How many answers of the API server nothing happens before a story is over.
const QUIET: usize = 12;

/// A resource: kind and name.
pub type Name = (&'static str, &'static str);

/// See the module.
pub struct Story {
    world: World,
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
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Story {
    /// Begins with a Connection that is ready, which the record leaves out.
    pub async fn begin() -> Self {
        Self::begin_settling(Duration::ZERO).await
    }

    /// The same with an operator that believes that something is not there this long after its last write. A record
    /// is the same at every speed only where that is always or never.
    pub async fn begin_settling(settle: Duration) -> Self {
        let world = World::new().await;
        let mut story = Self::of(world, settle, false).await;
        story.reach(("Connection", "default"), "Synced").await;
        story
    }

    /// Begins in an empty namespace.
    pub async fn begin_without_connection() -> Self {
        let world = World::bare(super::support::Setup::default()).await;
        Self::of(world, Duration::ZERO, true).await
    }

    async fn of(world: World, settle: Duration, connections: bool) -> Self {
        let watches = Watches::start(&world).await;
        let mut story = Self {
            world,
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

    /// Waits until a resource has this reason for its generation and nothing left to retire, in a status that is not
    /// the one it was waited for last.
    pub async fn reach(&mut self, of: Name, reason: &str) {
        self.reach_in_grace(of, reason, false).await;
    }

    /// The same where a former object may live on.
    pub async fn reach_in_grace(&mut self, of: Name, reason: &str, grace: bool) {
        let before = self.reached.get(&of).cloned();
        let what = format!("{of:?}: {reason}");
        let reached = self.wait(of, &what, |object| {
            let status = &object["status"];
            status["observedGeneration"] == object["metadata"]["generation"]
                && condition(status, "Ready")["reason"] == reason
                && (grace || status["retiring"].is_null())
                && before.as_ref() != Some(status)
        });
        let reached = reached.await;
        self.reached.insert(of, reached);
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
        let mut mask = Mask::new(&self.namespace);
        let mut text = String::new();
        let mut resources = 0;
        for ((kind, name), versions) in self.watches.all(&self.world).await {
            if kind == "Connection" && !self.connections {
                continue;
            }
            let changes = changes(&kind, &versions, &mut mask);
            resources += usize::from(!matches!(kind.as_str(), "Secret" | "ConfigMap"));
            section(&mut text, &format!("{kind}/{name}"), &changes);
        }
        for (about, events) in self.calls.events() {
            if !about.starts_with("Connection/") || self.connections {
                section(&mut text, &format!("events of {about}"), &events);
            }
        }
        for (object, writes) in self.calls.by_object() {
            let connection = object.starts_with("connections/") && !self.connections;
            if !connection && object != "secrets/metorial-operator-fingerprint-key" {
                section(&mut text, &format!("writes to {object}"), &writes);
            }
        }
        section(
            &mut text,
            "calls to Metorial",
            &self.remote_calls(resources, &mut mask),
        );
        text
    }

    /// Returns the writes to Metorial in order, and the reads before each of them sorted and each once: how often
    /// something is read again before it is believed to be gone depends on speed. So does where one resource reads
    /// between the writes of another, so the reads of several stand at the end.
    fn remote_calls(&self, resources: usize, mask: &mut Mask) -> Vec<String> {
        let mut lines = Vec::new();
        let mut reads = BTreeSet::new();
        for call in self.sim.journal() {
            let agent = call.user_agent.as_deref().unwrap_or_default();
            let of_connection = call.path == "/instance";
            if !agent.starts_with("metorial-operator/") || (of_connection && !self.connections) {
                continue;
            }
            let path = mask.text(&call.path);
            if call.is_write() {
                if resources < 2 {
                    lines.extend(std::mem::take(&mut reads));
                }
                let fields = call.body.as_object().into_iter().flat_map(Map::keys);
                let fields: Vec<&str> = fields.map(String::as_str).collect();
                let fields = fields.join(", ");
                lines.push(format!(
                    "{} {path} {{{fields}}} {}",
                    call.method, call.status
                ));
            } else {
                reads.insert(format!("{} {path} {}", call.method, call.status));
            }
        }
        lines.extend(reads);
        lines
    }
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    writeln!(text, "== {title}").unwrap();
    for line in lines {
        writeln!(text, "{line}").unwrap();
    }
    text.push('\n');
}

/// Returns a condition of a status, or null.
pub fn condition<'a>(status: &'a Value, type_: &str) -> &'a Value {
    let conditions = status["conditions"].as_array();
    let found = conditions
        .into_iter()
        .flatten()
        .find(|it| it["type"] == type_);
    found.unwrap_or(&Value::Null)
}

/// Returns what changed from each version to the next.
fn changes(kind: &str, versions: &[Option<Value>], mask: &mut Mask) -> Vec<String> {
    let mut lines = Vec::new();
    let mut before = BTreeMap::new();
    for version in versions {
        let Some(object) = version else {
            lines.push("- deleted".to_owned());
            before.clear();
            continue;
        };
        let Some(now) = shown(kind, object, mask) else {
            continue;
        };
        let added = now
            .iter()
            .filter(|(key, value)| before.get(*key) != Some(*value));
        let mut changed: Vec<String> = added
            .map(|(key, value)| format!("{key}: {value}"))
            .collect();
        let removed = before.keys().filter(|key| !now.contains_key(*key));
        changed.extend(removed.map(|key| format!("{key}: ~")));
        for (index, change) in changed.into_iter().enumerate() {
            let start = if index == 0 { '-' } else { ' ' };
            lines.push(format!("{start} {change}"));
        }
        before = now;
    }
    lines
}

/// Returns what the record shows of an object; `None` where it is not the operator's.
fn shown(kind: &str, object: &Value, mask: &mut Mask) -> Option<BTreeMap<String, String>> {
    let metadata = &object["metadata"];
    let mut all = Map::new();
    if matches!(kind, "Secret" | "ConfigMap") {
        let owner = &metadata["ownerReferences"][0];
        owner.as_object()?;
        all.insert(
            "owner".to_owned(),
            format!("{}/{}", owner["kind"], owner["name"]).into(),
        );
        for part in ["labels", "annotations"] {
            all.insert(part.to_owned(), metadata[part].clone());
        }
        all.insert("type".to_owned(), object["type"].clone());
        all.insert("data".to_owned(), texts(kind, object));
    } else {
        all.extend(object["status"].as_object().cloned().unwrap_or_default());
        all.insert("finalizers".to_owned(), metadata["finalizers"].clone());
        let deleting = metadata["deletionTimestamp"].is_string();
        all.insert(
            "deleting".to_owned(),
            if deleting { true.into() } else { Value::Null },
        );
    }
    for condition in all
        .remove("conditions")
        .iter()
        .filter_map(Value::as_array)
        .flatten()
    {
        let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
        let generation = &condition["observedGeneration"];
        let line = format!("{} {} @{generation}", text("status"), text("reason"));
        all.insert(text("type"), line.into());
    }
    all.retain(|_, value| !value.is_null());
    let shown = all.into_iter().map(|(key, value)| {
        let text = match mask.value(&value) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        (key, text)
    });
    Some(shown.collect())
}

/// Returns the data of a ConfigMap or a Secret as texts.
fn texts(kind: &str, object: &Value) -> Value {
    if kind == "ConfigMap" {
        return object["data"].clone();
    }
    let secret: Secret = serde_json::from_value(object.clone()).unwrap();
    let data = secret.data.into_iter().flatten();
    let text = |bytes: Vec<u8>| Value::from(String::from_utf8(bytes).unwrap());
    data.map(|(key, value)| (key, text(value.0))).collect()
}
