//! What Metorial has and was asked, and what people do there.

use super::environment::Environment;
use super::kinds::Kind;
use super::manifests::with;
use super::values::VALUES;
use metorial::{ApiKey, AuthConfig, AuthCredentials, AuthImport, Body, Client};
use metorial_simulator::{Action, Fault, Gate, InstanceId, Stored};
use serde_json::{Value, json};

/// Whether it is neither archived nor deleted.
pub(super) fn is_live(object: &Stored) -> bool {
    let status = &object.readable["status"];
    status != "archived" && status != "deleted"
}

impl Environment {
    /// Everything that ever was in the collection of a kind, but what Metorial itself manages, and the deployment of each
    /// provider that every instance begins with.
    pub fn ever(&self, kind: Kind) -> Vec<Stored> {
        let mut all = self.sim.objects(&self.instance, kind.collection());
        all.retain(|object| object.readable["is_managed"] != true);
        all.retain(|object| kind != Kind::Deployment || object.readable["is_default"] != true);
        all
    }

    /// The live objects of a kind.
    pub fn live(&self, kind: Kind) -> Vec<Stored> {
        let mut all = self.ever(kind);
        all.retain(is_live);
        all
    }

    /// The one live object of a kind.
    pub fn only(&self, kind: Kind) -> Stored {
        let mut live = self.live(kind);
        let ids: Vec<&String> = live.iter().map(|object| &object.id).collect();
        assert_eq!(ids.len(), 1, "live objects: {ids:?}");
        live.remove(0)
    }

    /// The live credentials of some instance.
    pub fn live_in(&self, instance: &InstanceId) -> Vec<Stored> {
        let mut all = self.sim.objects(instance, Kind::Credentials.collection());
        all.retain(|object| object.readable["is_managed"] != true && is_live(object));
        all
    }

    /// Waits until the only live object of a kind is as wanted.
    pub async fn wait_only(
        &self,
        kind: Kind,
        what: &str,
        wanted: impl Fn(&Stored) -> bool,
    ) -> Stored {
        self.until(what, async || {
            let mut live = self.live(kind);
            let one = (live.len() == 1).then(|| live.remove(0));
            one.filter(|object| wanted(object))
        })
        .await
    }

    /// Waits until every live object of credentials has this client secret.
    pub async fn wait_client_secret(&self, count: usize, value: &str) {
        self.until(&format!("{count} client secrets are {value}"), async || {
            let live = self.live(Kind::Credentials);
            let all = live.iter().all(|o| o.write_only["client_secret"] == value);
            (live.len() == count && all).then_some(())
        })
        .await;
    }

    /// The import records that were asked for, not those that a create leaves behind.
    pub fn imports(&self) -> Vec<Stored> {
        let mut all = self.ever(Kind::Import);
        all.retain(|import| !import.readable["note"].is_null());
        all
    }

    /// Waits until so many imports were made.
    pub async fn wait_imports(&self, count: usize) {
        self.until(&format!("{count} imports"), async || {
            (self.imports().len() == count).then_some(())
        })
        .await;
    }

    /// All exports that were made.
    pub fn exports(&self) -> Vec<Stored> {
        self.ever(Kind::Export)
    }

    // ── what was asked ──────────────────────────────────────────────────────────────────────────────────────────────

    /// The requests so far, as `METHOD path`.
    pub fn requests(&self) -> Vec<String> {
        let journal = self.sim.journal();
        let requests = journal.iter();
        requests
            .map(|entry| format!("{} {}", entry.method, entry.path))
            .collect()
    }

    /// Writes that the API applied, as `METHOD path`.
    pub fn writes(&self) -> Vec<String> {
        let journal = self.sim.journal();
        let writes = journal.iter().filter(|e| e.is_write() && e.applied);
        writes.map(|e| format!("{} {}", e.method, e.path)).collect()
    }

    /// Writes that were sent, applied or not, as `METHOD path`.
    pub fn attempts(&self) -> Vec<String> {
        let journal = self.sim.journal();
        let writes = journal.iter().filter(|entry| entry.is_write());
        writes.map(|e| format!("{} {}", e.method, e.path)).collect()
    }

    /// The bodies of the PATCHes that the API applied.
    pub fn patches(&self) -> Vec<Value> {
        let journal = self.sim.journal().into_iter();
        let patches = journal.filter(|entry| entry.method == "PATCH" && entry.applied);
        patches.map(|entry| entry.body).collect()
    }

    /// How many requests the API got, but those that ask whose key it is.
    pub fn calls(&self) -> usize {
        let journal = self.sim.journal().into_iter();
        journal.filter(|entry| entry.path != "/instance").count()
    }

    // ── what goes wrong ─────────────────────────────────────────────────────────────────────────────────────────────

    /// Lets the next request of this method and path go so.
    pub fn next(&self, method: &str, path: &str, action: Action) {
        let fault = Fault::on(method, path).times(1);
        self.sim.faults().add(fault, action);
    }

    /// Holds the next request of this method and path before it is carried out, until the gate opens.
    pub fn hold_before(&self, method: &str, path: &str) -> Gate {
        let gate = Gate::new();
        self.next(method, path, Action::HoldBefore(gate.clone()));
        gate
    }

    /// Carries out the next request of this method and path, and holds its answer until the gate opens.
    pub fn hold_after(&self, method: &str, path: &str) -> Gate {
        let gate = Gate::new();
        self.next(method, path, Action::HoldAfterApply(gate.clone()));
        gate
    }

    // ── what people do there ────────────────────────────────────────────────────────────────────────────────────────

    /// A client with the key of the Connection `default`.
    pub fn person(&self) -> Client {
        let key = ApiKey::parse(&self.key).unwrap();
        let client = Client::builder(self.sim.url().parse().unwrap(), key);
        client.no_proxy().build().unwrap()
    }

    /// Makes credentials as people do, like those of `credentials("github")` but for their values, with `fields`
    /// merged in. The journal then begins anew.
    pub async fn create_by_hand(&self, fields: Value) -> Stored {
        let theirs = json!({
            "provider_id": "github",
            "name": "github",
            "config": {"client_id": "theirs", "client_secret": "theirs", "scopes": ["read:user", "repo"]}
        });
        let body = Body::from(with(theirs, fields));
        let made = self.person().create::<AuthCredentials>(&body).await;
        self.sim.clear_journal();
        self.sim.object(&made.unwrap().value.id).unwrap()
    }

    /// Makes credentials with this metadata, as somebody with a key does; returns their id.
    pub async fn create_with_metadata(&self, metadata: Value) -> String {
        let provider = self.sim.catalog().provider("github").unwrap();
        let body = json!({
            "provider_id": provider.id,
            "name": "made by hand",
            "metadata": metadata,
            "config": {"client_id": "Iv1.other", "client_secret": "other", "scopes": ["repo"]},
        });
        let body = Body::from(body);
        let made = self.person().create::<AuthCredentials>(&body).await;
        made.unwrap().value.id
    }

    /// Makes an auth config of Linear by hand; returns its id.
    pub async fn auth_config_by_hand(&self, fields: Value) -> String {
        let body = json!({"provider_auth_method_id": "linear-token", "name": "theirs", "value": {"token": VALUES[0]}});
        let body = Body::from(with(body, fields));
        let made = self.person().create::<AuthConfig>(&body).await;
        made.unwrap().value.id
    }

    /// Imports a value into an auth config by hand.
    pub async fn import_by_hand(&self, id: &str, token: &str) {
        let body =
            json!({"provider_auth_config_id": id, "note": "by hand", "value": {"token": token}});
        let body = Body::from(body);
        self.person().create::<AuthImport>(&body).await.unwrap();
    }

    /// Waits until what a killed operator had sent has arrived: a request that comes later was read later.
    pub async fn wait_for_sent_requests(&self) {
        self.person().instance().await.unwrap();
        self.sim.settled().await;
    }
}
