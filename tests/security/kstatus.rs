//! Every reason that a resource can get into, driven into for real, and what kstatus makes of the object as it is then
//! stored.

use crate::support::{AllNamespaces, Kind, connection, credentials};
use crate::tour::Tour;
use k8s_openapi::api::core::v1::ConfigMap;
use metorial_operator::resources::Reason;
use metorial_simulator::Action;
use serde_json::json;

#[tokio::test]
async fn every_reason_reads_in_kstatus_as_a_person_would_say() {
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

    // The values' kinds have their own tour, and an unavailable cluster has stories of its own.
    let elsewhere = crate::kstatus_of_values::REASONS;
    let nowhere = ["ClusterUnavailable"];
    let all = Reason::ALL.iter().map(|reason| reason.as_str());
    let expected = all.filter(|reason| !elsewhere.contains(reason) && !nowhere.contains(reason));
    assert_eq!(tour.seen(), expected.collect());
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
    tour.apply("planned", json!({"mode": "Plan"})).await;
    tour.credentials(
        "planned",
        "PlanPending",
        "metorial.com/approve",
        "InProgress",
    )
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
    held_by_another(tour).await;
    tour.refused("limited", Action::too_many_requests(Some("600")))
        .await;
    tour.credentials("limited", "RateLimited", "rate limit", "InProgress")
        .await;
    tour.refused("proxied", Action::html(403)).await;
    tour.credentials("proxied", "RemoteUnavailable", "retrying", "InProgress")
        .await;
    tour.refused("lost", Action::CloseBefore).await;
    tour.credentials("lost", "AmbiguousCreate", "applied", "InProgress")
        .await;
}

/// The ConfigMap of a predecessor is not deleted yet.
async fn held_by_another(tour: &mut Tour) {
    let publish = json!({"publish": {"configMap": {"name": "held"}}});
    tour.apply("heir", publish.clone()).await;
    tour.env.credentials("heir").wait_ready().await;
    let held = json!({"metadata": {"finalizers": ["example.com/held"]}});
    tour.env.patch::<ConfigMap>("held", held).await;
    tour.env.credentials("heir").remove().await;
    tour.apply("heir", publish).await;
    tour.credentials("heir", "Updating", "spec.publish", "InProgress")
        .await;
    let free = json!({"metadata": {"finalizers": null}});
    tour.env.patch::<ConfigMap>("held", free).await;
    tour.env.credentials("heir").wait_ready().await;
}

async fn refused(tour: &mut Tour) {
    // The API does not change the credentials of remote MCP servers.
    let rotated = |scope: &str| json!({"providerId": "notion", "oauth": {"scopes": [scope]}});
    tour.apply("rotated", rotated("first")).await;
    tour.env.credentials("rotated").wait_ready().await;
    tour.apply("rotated", rotated("second")).await;
    let says = "spec.replace: Allow";
    tour.credentials("rotated", "RotationRefused", says, "Failed")
        .await;
    let nul = json!({"stringData": {"nul": "a\0b"}});
    tour.env
        .patch::<k8s_openapi::api::core::v1::Secret>("oauth-app", nul)
        .await;
    let nul = json!({"secretKeyRef": {"key": "nul"}});
    tour.apply("invalid", json!({"oauth": {"clientSecret": nul}}))
        .await;
    tour.credentials("invalid", "InvalidValue", "Secret/oauth-app/nul", "Failed")
        .await;
    tour.apply("unknown", json!({"providerId": "no-such-provider"}))
        .await;
    tour.credentials("unknown", "InvalidSpec", "no-such-provider", "Failed")
        .await;
    tour.refused("rejected", Action::error(400, "bad_request"))
        .await;
    tour.credentials("rejected", "RemoteRejected", "(400, bad_request", "Failed")
        .await;
    tour.refused("unpaid", Action::error(402, "payment_required"))
        .await;
    tour.credentials("unpaid", "PaymentRequired", "plan", "Failed")
        .await;
    tour.refused("forbidden", Action::error(403, "forbidden"))
        .await;
    tour.credentials("forbidden", "Forbidden", "the key lacks", "Failed")
        .await;
    tour.refused("old", Action::no_such_route()).await;
    tour.credentials("old", "ApiVersionUnsupported", "baseUrl", "Failed")
        .await;
    tour.apply("broken", json!({})).await;
    tour.credentials(
        "broken",
        "InternalError",
        "internal error in the operator",
        "Failed",
    )
    .await;
}

async fn owned_by_others(tour: &mut Tour) {
    tour.apply("owner", json!({})).await;
    let id = tour.id("owner").await;
    tour.apply("thief", json!({"adopt": {"id": id, "policy": "Override"}}))
        .await;
    tour.credentials("thief", "OwnershipConflict", "Credentials owner", "Failed")
        .await;
    let by_hand = tour.env.create_by_hand(json!({"name": "theirs"})).await.id;
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
    tour.env.sim.revoke_key(&key);
    tour.env.connection("revoked").request_reconcile().await;
    tour.connection("revoked", "Unauthorized", "current secret key", "Failed")
        .await;
    tour.apply("waits", json!({"connectionRef": {"name": "revoked"}}))
        .await;
    tour.credentials("waits", "ConnectionNotReady", "Unauthorized", "InProgress")
        .await;
    tour.env
        .apply(connection("far", "https://api.example.com"))
        .await;
    tour.connection("far", "UrlNotAllowed", "--allowed-base-urls", "Failed")
        .await;
    let manifest = connection("keyless", &tour.env.sim.url());
    let spec = json!({"apiKey": {"secretKeyRef": {"name": "nowhere"}}});
    tour.env.apply(manifest.spec(spec)).await;
    tour.connection("keyless", "SecretNotFound", "Secret nowhere", "InProgress")
        .await;
}

async fn lost(tour: &mut Tour) {
    tour.apply("reports", json!({"drift": "Report"})).await;
    let id = tour.id("reports").await;
    tour.env.sim.archive(&id);
    tour.env.credentials("reports").request_reconcile().await;
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
        tour.env.sim.archive(&id);
    }
    tour.env.credentials("lost-1").request_reconcile().await;
    tour.credentials("lost-1", "SuspiciousLoss", "metorial.com/approve", "Failed")
        .await;
    tour.connection("lossy", "SuspiciousLoss", "metorial.com/approve", "Failed")
        .await;
}

async fn deleted(tour: &mut Tour) {
    tour.apply("used", json!({})).await;
    let id = tour.id("used").await;
    tour.env
        .sim
        .add_auth_config(&tour.env.instance, &id, json!({"name": "Ada's"}));
    tour.env.credentials("used").delete().await;
    tour.credentials("used", "DeletionBlocked", "Ada's", "Terminating")
        .await;
    // Its create is of unknown outcome only now, so the deletion has to wait, however long the tour took.
    tour.refused("unsure", Action::CloseBefore).await;
    tour.credentials("unsure", "AmbiguousCreate", "applied", "InProgress")
        .await;
    tour.env.credentials("unsure").delete().await;
    tour.credentials("unsure", "Deleting", "may still be applied", "Terminating")
        .await;
    tour.env.connection("default").delete().await;
    tour.connection("default", "Deleting", "/used", "Terminating")
        .await;
}

/// On a control plane of its own, for it needs an operator that serves all namespaces.
async fn not_allowed(tour: &mut Tour) {
    let mut everywhere = AllNamespaces::new().await;
    let guest = everywhere.namespace(json!({"team": "guests"})).await;
    let history = guest.history_of(Kind::Credentials).await;
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
    tour.note(reason);
}
