//! Every reason that a resource can get into, driven into for real, and what kstatus (Flux, Argo CD, `kubectl wait`)
//! makes of the object as it is then stored.

use crate::support::{Everywhere, History, World, connection, credentials, secret, with};
use futures::FutureExt;
use metorial_operator::reconcile::ObjectKey;
use metorial_operator::resources::{Connection, ProviderAuthCredentials, Reason};
use metorial_operator::settings::{Settings, Timing};
use metorial_simulator::{Action, Fault, InstanceId, InstanceType};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What kstatus answers about a custom resource, by its published rules.
fn kstatus(object: &Value) -> &'static str {
    if object["metadata"]["deletionTimestamp"].is_string() {
        return "Terminating";
    }
    let observed = &object["status"]["observedGeneration"];
    if observed.is_number() && *observed != object["metadata"]["generation"] {
        return "InProgress";
    }
    let conditions = object["status"]["conditions"].as_array();
    for condition in conditions.into_iter().flatten() {
        match (condition["type"].as_str(), condition["status"].as_str()) {
            (Some("Reconciling"), Some("True")) => return "InProgress",
            (Some("Stalled"), Some("True")) => return "Failed",
            _ => {}
        }
    }
    match ready(object)["status"].as_str() {
        Some("False" | "Unknown") => "InProgress",
        _ => "Current",
    }
}

fn ready(object: &Value) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let ready = conditions.find(|condition| condition["type"] == "Ready");
    ready.cloned().unwrap_or_default()
}

/// The world of the story, and the reasons that were seen in it.
struct Tour {
    world: World,
    seen: BTreeSet<String>,
    connections: History,
    credentials: History,
}

impl Tour {
    async fn start() -> Self {
        let mut world = World::new().await;
        let history = world.history::<ProviderAuthCredentials>().await;
        let connections = world.history::<Connection>().await;
        let hook = |key: &ObjectKey| match key.name.as_str() {
            "broken" => async { panic!("a test's panic") }.boxed(),
            _ => std::future::ready(()).boxed(),
        };
        world.start_operator_with(Settings {
            hook: Some(Arc::new(hook)),
            // Long enough for a deletion to be seen waiting.
            timing: Timing {
                settle: Duration::from_secs(3),
                ..world.settings().timing
            },
            ..world.settings()
        });
        Self {
            world,
            seen: BTreeSet::new(),
            connections,
            credentials: history,
        }
    }

    /// Waits until a version of credentials has this reason; checks what its message names and what kstatus says.
    async fn credentials(&mut self, name: &str, reason: &str, says: &str, expected: &str) {
        self.see(&self.credentials, name, reason, says, expected)
            .await;
        self.seen.insert(reason.to_owned());
    }

    async fn connection(&mut self, name: &str, reason: &str, says: &str, expected: &str) {
        self.see(&self.connections, name, reason, says, expected)
            .await;
        self.seen.insert(reason.to_owned());
    }

    async fn see(&self, of: &History, name: &str, reason: &str, says: &str, expected: &str) {
        let what = format!("{name} is {reason}");
        let found = self.world.until(&what, async || {
            let mut versions = of.of(name).into_iter().rev();
            versions.find(|version| {
                let terminating = version["metadata"]["deletionTimestamp"].is_string();
                ready(version)["reason"] == reason && terminating == (expected == "Terminating")
            })
        });
        let found = found.await;
        let message = ready(&found)["message"].as_str().unwrap().to_owned();
        assert!(message.contains(says), "{what}: {message}");
        assert_eq!(kstatus(&found), expected, "{what}: {found}");
    }

    async fn apply(&self, name: &str, spec: Value) {
        self.world
            .apply(with(credentials(name), json!({"spec": spec})))
            .await;
    }

    /// A connection of that name to an instance of its own organisation; answers instance and key.
    async fn elsewhere(&self, name: &str) -> (InstanceId, String) {
        let organisation = self.world.sim.add_organisation(name);
        let instance = self
            .world
            .sim
            .add_instance(&organisation, InstanceType::Production);
        let key = self.world.sim.add_key(&instance);
        self.world.apply(secret(name, &[("api-key", &key)])).await;
        let spec = json!({"apiKey": {"secretKeyRef": {"name": name}}});
        let manifest = connection(name, &self.world.sim.url());
        self.world
            .apply(with(manifest, json!({"spec": spec})))
            .await;
        (instance, key)
    }

    /// Credentials whose create goes wrong in this way, through a connection of their own.
    async fn refused(&self, name: &str, action: Action) {
        let (instance, _) = self.elsewhere(name).await;
        let fault = Fault::on("POST", "/provider-auth-credentials").instance(&instance);
        self.world.sim.faults().add(fault, action);
        self.apply(name, json!({"connectionRef": {"name": name}}))
            .await;
    }

    async fn id(&self, name: &str) -> String {
        let object = self.world.wait_ready(name).await;
        object.status.unwrap().common.id.unwrap()
    }
}

#[tokio::test]
async fn every_reason_reads_as_a_person_would_say() {
    let mut tour = Tour::start().await;
    done_and_held(&mut tour).await;
    waiting(&mut tour).await;
    at_work(&mut tour).await;
    refused(&mut tour).await;
    owned_by_others(&mut tour).await;
    connections(&mut tour).await;
    lost(&mut tour).await;
    deleted(&mut tour).await;
    not_allowed(&mut tour).await;

    let seen = tour.seen;
    let unseen = Reason::ALL.iter().map(|reason| reason.as_str());
    let unseen: Vec<&str> = unseen.filter(|reason| !seen.contains(*reason)).collect();
    // A change says `Updating` nowhere yet, and what the others refuse is refused at admission.
    assert_eq!(unseen, ["Updating", "InvalidSpec", "ImmutableFieldChanged"]);
}

async fn done_and_held(tour: &mut Tour) {
    tour.apply("synced", json!({})).await;
    tour.credentials("synced", "Synced", "Metorial", "Current")
        .await;
    tour.connection("default", "Synced", "accepts the key", "Current")
        .await;
    let id = tour.id("synced").await;
    tour.apply("observed", json!({"mode": "Observe", "adopt": {"id": id}}))
        .await;
    tour.credentials("observed", "Observed", "observed", "Current")
        .await;
    tour.apply("synced", json!({"suspend": true})).await;
    tour.credentials("synced", "Suspended", "spec.suspend", "Current")
        .await;
    tour.apply("paused", json!({"suspend": true})).await;
    tour.credentials("paused", "Suspended", "spec.suspend", "InProgress")
        .await;
}

async fn waiting(tour: &mut Tour) {
    let secret = |name: &str, key: &str| json!({"oauth": {"clientSecret": {"secretKeyRef": {"name": name, "key": key}}}});
    tour.apply("no-secret", secret("nowhere", "a")).await;
    tour.credentials(
        "no-secret",
        "SecretNotFound",
        "Secret nowhere",
        "InProgress",
    )
    .await;
    tour.apply("no-key", secret("oauth-app", "lost")).await;
    tour.credentials("no-key", "SecretKeyNotFound", "no key lost", "InProgress")
        .await;
    let map = json!({"configMapKeyRef": {"name": "nowhere", "key": "a"}, "secretKeyRef": null});
    tour.apply("no-map", json!({"oauth": {"clientId": map}}))
        .await;
    tour.credentials(
        "no-map",
        "ConfigMapNotFound",
        "ConfigMap nowhere",
        "InProgress",
    )
    .await;
    tour.apply(
        "no-connection",
        json!({"connectionRef": {"name": "nowhere"}}),
    )
    .await;
    let says = "Connection/nowhere";
    tour.credentials("no-connection", "ConnectionNotFound", says, "InProgress")
        .await;
}

async fn at_work(tour: &mut Tour) {
    tour.apply(
        "published",
        json!({"publish": {"configMap": {"name": "ids"}}}),
    )
    .await;
    tour.credentials("published", "Creating", "being published", "InProgress")
        .await;
    tour.refused("limited", Action::too_many_requests(Some("600")))
        .await;
    tour.credentials("limited", "RateLimited", "rate limit", "InProgress")
        .await;
    tour.refused("proxied", Action::html(403)).await;
    tour.credentials("proxied", "RemoteUnavailable", "trying again", "InProgress")
        .await;
    tour.refused("lost", Action::CloseBefore).await;
    tour.credentials("lost", "AmbiguousCreate", "looking", "InProgress")
        .await;
}

async fn refused(tour: &mut Tour) {
    let nul = json!({"stringData": {"nul": "a\0b"}});
    tour.world
        .patch::<k8s_openapi::api::core::v1::Secret>("oauth-app", nul)
        .await;
    let nul = json!({"secretKeyRef": {"key": "nul"}});
    tour.apply("invalid", json!({"oauth": {"clientSecret": nul}}))
        .await;
    tour.credentials("invalid", "InvalidValue", "Secret/oauth-app/nul", "Failed")
        .await;
    tour.apply("rejected", json!({"providerId": "no-such-provider"}))
        .await;
    tour.credentials("rejected", "RemoteRejected", "(404, not_found", "Failed")
        .await;
    tour.refused("unpaid", Action::error(402, "payment_required"))
        .await;
    tour.credentials("unpaid", "PaymentRequired", "plan", "Failed")
        .await;
    tour.refused("forbidden", Action::error(403, "forbidden"))
        .await;
    tour.credentials("forbidden", "Forbidden", "don't allow", "Failed")
        .await;
    tour.refused("old", Action::no_such_route()).await;
    tour.credentials("old", "ApiVersionUnsupported", "baseUrl", "Failed")
        .await;
    tour.apply("broken", json!({})).await;
    tour.credentials("broken", "InternalError", "fault of the operator", "Failed")
        .await;
}

async fn owned_by_others(tour: &mut Tour) {
    tour.apply("owner", json!({})).await;
    let id = tour.id("owner").await;
    tour.apply("thief", json!({"adopt": {"id": id, "policy": "Override"}}))
        .await;
    tour.credentials("thief", "OwnershipConflict", "/owner", "Failed")
        .await;
    let by_hand = tour.world.make_by_hand(json!({"name": "theirs"})).await.id;
    tour.apply("differs", json!({"adopt": {"id": by_hand}}))
        .await;
    tour.credentials("differs", "AdoptionMismatch", "differs in", "Failed")
        .await;
    tour.elsewhere("other").await;
    tour.apply("owner", json!({"connectionRef": {"name": "other"}}))
        .await;
    tour.credentials("owner", "InstanceMismatch", "instance", "Failed")
        .await;
}

async fn connections(tour: &mut Tour) {
    let (_, key) = tour.elsewhere("revoked").await;
    tour.connection("revoked", "Synced", "accepts", "Current")
        .await;
    tour.world.sim.revoke_key(&key);
    tour.world.request::<Connection>("revoked").await;
    tour.connection("revoked", "Unauthorized", "current secret key", "Failed")
        .await;
    tour.apply("waits", json!({"connectionRef": {"name": "revoked"}}))
        .await;
    tour.credentials("waits", "ConnectionNotReady", "Unauthorized", "InProgress")
        .await;
    tour.world
        .apply(connection("far", "https://api.example.com"))
        .await;
    tour.connection("far", "UrlNotAllowed", "--allowed-base-urls", "Failed")
        .await;
    let manifest = connection("keyless", &tour.world.sim.url());
    let spec = json!({"spec": {"apiKey": {"secretKeyRef": {"name": "nowhere"}}}});
    tour.world.apply(with(manifest, spec)).await;
    tour.connection("keyless", "SecretNotFound", "Secret nowhere", "InProgress")
        .await;
}

async fn lost(tour: &mut Tour) {
    tour.apply("reports", json!({"drift": "Report"})).await;
    let id = tour.id("reports").await;
    tour.world.sim.archive(&id);
    tour.world
        .request::<ProviderAuthCredentials>("reports")
        .await;
    tour.credentials("reports", "RemoteMissing", "drift: Correct", "Failed")
        .await;
    tour.elsewhere("lossy").await;
    let names = ["lost-1", "lost-2", "lost-3"];
    for name in names {
        tour.apply(name, json!({"connectionRef": {"name": "lossy"}}))
            .await;
    }
    for name in names {
        let id = tour.id(name).await;
        tour.world.sim.archive(&id);
    }
    tour.world
        .request::<ProviderAuthCredentials>("lost-1")
        .await;
    tour.credentials("lost-1", "SuspiciousLoss", "metorial.com/approve", "Failed")
        .await;
    tour.connection("lossy", "SuspiciousLoss", "metorial.com/approve", "Failed")
        .await;
}

async fn deleted(tour: &mut Tour) {
    tour.apply("used", json!({})).await;
    let id = tour.id("used").await;
    tour.world
        .sim
        .add_auth_config(&tour.world.instance, &id, json!({"name": "Ada's"}));
    tour.world.delete::<ProviderAuthCredentials>("used").await;
    tour.credentials("used", "DeletionBlocked", "Ada's", "Terminating")
        .await;
    tour.world.delete::<ProviderAuthCredentials>("lost").await;
    tour.credentials("lost", "Deleting", "looking", "Terminating")
        .await;
    tour.world.delete::<Connection>("default").await;
    tour.connection("default", "Deleting", "/used", "Terminating")
        .await;
}

/// On a control plane of its own, for it needs an operator that serves all namespaces.
async fn not_allowed(tour: &mut Tour) {
    let mut everywhere = Everywhere::new().await;
    let guest = everywhere.namespace(json!({"team": "guests"})).await;
    let history = guest.history::<ProviderAuthCredentials>().await;
    everywhere.home.apply(everywhere.home.key_secret()).await;
    let allowed = json!({"names": ["somewhere-else"]});
    let manifest = everywhere.cluster_connection("default", allowed);
    everywhere.home.apply(manifest).await;
    guest.apply(guest.app_secret()).await;
    guest.apply(credentials("uninvited")).await;
    everywhere.start_operator();
    let (reason, says) = ("NamespaceNotAllowed", "spec.allowedNamespaces");
    tour.see(&history, "uninvited", reason, says, "Failed")
        .await;
    tour.seen.insert(reason.to_owned());
}
