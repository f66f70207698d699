//! ClusterConnections: one key for the namespaces that they admit, and which connection an object uses by default.

use crate::support::{
    AllNamespaces, Environment, Kind, KubeGate, config_map, credentials, in_shard, with,
};
use k8s_openapi::api::core::v1::ConfigMap;
use metorial_operator::settings::Settings;
use serde_json::json;

/// Where `home` keeps the key, and a namespace only what its objects need.
async fn everywhere(labels: serde_json::Value) -> (AllNamespaces, Environment) {
    let everywhere = AllNamespaces::new().await;
    let home = &everywhere.home;
    home.apply(home.key_secret()).await;
    let team = everywhere.namespace(labels).await;
    team.apply(team.app_secret()).await;
    (everywhere, team)
}

#[tokio::test]
async fn a_cluster_connection_serves_the_namespaces_that_it_names_or_selects_and_no_other() {
    let (mut everywhere, team) = everywhere(json!({"team": "blue"})).await;
    everywhere.start_operator();
    let shared = everywhere.cluster_connection("default", json!(null));
    everywhere.home.apply(shared).await;
    everywhere
        .home
        .cluster_connection("default")
        .wait_reason("Synced")
        .await;
    team.apply(credentials("github")).await;
    let refused = team
        .credentials("github")
        .wait_reason("NamespaceNotAllowed")
        .await;
    assert!(
        refused.message().contains(&team.namespace),
        "{}",
        refused.message()
    );
    assert!(refused.message().contains("spec.allowedNamespaces"));
    assert!(everywhere.home.live(Kind::Credentials).is_empty());

    let allow = |allowed: serde_json::Value| json!({"allowedNamespaces": allowed});
    everywhere
        .home
        .cluster_connection("default")
        .edit(allow(json!({"names": ["another"]})))
        .await;
    everywhere
        .home
        .cluster_connection("default")
        .edit(allow(json!({"selector": {"matchLabels": {"team": "red"}}})))
        .await;
    let still = team.credentials("github").reconcile_now().await;
    assert_eq!(still.reason(), "NamespaceNotAllowed");
    assert!(everywhere.home.live(Kind::Credentials).is_empty());

    // The namespace is labelled so that the selector finds it.
    everywhere.label(&team, json!({"team": "red"})).await;
    let made = team.credentials("github").wait_ready().await;
    assert_eq!(
        made.status().connection.as_deref(),
        Some("ClusterConnection/default")
    );
    assert_eq!(everywhere.home.live(Kind::Credentials).len(), 1);

    // It is admitted no longer: nothing more is pushed, but what is there may be deleted.
    everywhere
        .home
        .cluster_connection("default")
        .edit(json!({"allowedNamespaces": null}))
        .await;
    team.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    team.credentials("github")
        .wait_reason("NamespaceNotAllowed")
        .await;
    everywhere
        .home
        .cluster_connection("default")
        .edit(allow(json!({"names": [team.namespace]})))
        .await;
    team.credentials("github").wait_ready().await;
    let rotated = everywhere.home.only(Kind::Credentials);
    assert_eq!(rotated.write_only["client_secret"], "rotated-0123456789");
    everywhere
        .home
        .cluster_connection("default")
        .edit(json!({"allowedNamespaces": null}))
        .await;
    team.credentials("github").remove().await;
    assert!(everywhere.home.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn by_default_an_object_uses_the_connection_of_its_namespace_and_else_the_clusters() {
    let (mut everywhere, team) = everywhere(json!({})).await;
    everywhere.start_operator();
    team.apply(credentials("github")).await;
    let waiting = team
        .credentials("github")
        .wait_reason("ConnectionNotFound")
        .await;
    assert!(
        waiting.message().contains("Connection/default"),
        "{}",
        waiting.message()
    );

    let shared = everywhere.cluster_connection("default", json!({"names": [team.namespace]}));
    everywhere.home.apply(shared).await;
    let made = team.credentials("github").wait_ready().await;
    assert_eq!(
        made.status().connection.as_deref(),
        Some("ClusterConnection/default")
    );

    // The namespace gets a connection of its own, to the same instance. What already has an object keeps the connection
    // that it was created through.
    team.apply(everywhere.home.key_secret()).await;
    team.apply(everywhere.home.default_connection()).await;
    let later = team.create(credentials("later")).await;
    assert_eq!(
        later.status().connection.as_deref(),
        Some("Connection/default")
    );
    let before = team.credentials("github").reconcile_now().await;
    assert_eq!(
        before.status().connection.as_deref(),
        Some("ClusterConnection/default")
    );
    let by_name =
        json!({"spec": {"connectionRef": {"kind": "ClusterConnection", "name": "default"}}});
    team.apply(with(credentials("by-name"), by_name)).await;
    let named = team.credentials("by-name").wait_ready().await;
    assert_eq!(
        named.status().connection.as_deref(),
        Some("ClusterConnection/default")
    );
    assert_eq!(everywhere.home.live(Kind::Credentials).len(), 3);
    assert_eq!(everywhere.home.writes().len(), 3);
}

#[tokio::test]
async fn a_cluster_connection_waits_for_its_users_in_all_namespaces() {
    let (mut everywhere, team) = everywhere(json!({})).await;
    let other = everywhere.namespace(json!({})).await;
    other.apply(other.app_secret()).await;
    everywhere.start_operator();
    let all = everywhere.cluster_connection("shared", json!({"selector": {}}));
    everywhere.home.apply(all).await;
    let through =
        json!({"spec": {"connectionRef": {"kind": "ClusterConnection", "name": "shared"}}});
    for env in [&team, &other] {
        env.apply(with(credentials("github"), through.clone()))
            .await;
        env.credentials("github").wait_ready().await;
    }
    everywhere.home.cluster_connection("shared").delete().await;
    let named = format!("{}/github", other.namespace);
    everywhere
        .home
        .cluster_connection("shared")
        .wait("waiting for two", |it| {
            let message = it.message();
            it.has_reason("Deleting")
                && message.contains("2 resource(s)")
                && message.contains(&named)
        })
        .await;
    for env in [&team, &other] {
        env.credentials("github").remove().await;
    }
    everywhere
        .home
        .cluster_connection("shared")
        .wait_gone()
        .await;
    assert!(everywhere.home.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn a_changed_key_of_a_cluster_connection_is_used_at_once() {
    let (mut everywhere, team) = everywhere(json!({})).await;
    everywhere.start_operator();
    everywhere.home.sim.revoke_key(&everywhere.home.key);
    let all = everywhere.cluster_connection("default", json!({"names": [team.namespace]}));
    everywhere.home.apply(all).await;
    everywhere
        .home
        .cluster_connection("default")
        .wait_message("Unauthorized", "401")
        .await;
    team.apply(credentials("github")).await;
    team.credentials("github")
        .wait_reason("ConnectionNotReady")
        .await;
    let fresh = everywhere.home.sim.add_key(&everywhere.home.instance);
    everywhere.home.use_key(&fresh).await;
    team.credentials("github").wait_ready().await;
}

#[tokio::test]
async fn a_cluster_connection_serves_the_resources_of_every_shard() {
    let (mut everywhere, team) = everywhere(json!({"team": "blue"})).await;
    let of_all_namespaces = |settings: Settings| Settings {
        namespaces: Vec::new(),
        ..settings
    };
    let home = &mut everywhere.home;
    let rest = of_all_namespaces(home.shard_settings(None));
    let shard = of_all_namespaces(home.shard_settings(Some("one")));
    home.start_operator_with(rest);
    let _shard = home.start_another_operator(shard);
    let allowed = json!({"selector": {"matchLabels": {"team": "blue"}}});
    let shared = everywhere.cluster_connection("default", allowed);
    everywhere.home.apply(shared).await;
    let connection = everywhere.home.cluster_connection("default");
    let synced = connection.wait_reason("Synced").await;
    team.create(in_shard(credentials("one"), "one")).await;
    team.create(credentials("rest")).await;
    connection.check_unwritten(&synced).await;

    connection
        .edit(json!({"allowedNamespaces": {"names": ["another"], "selector": null}}))
        .await;
    for name in ["one", "rest"] {
        // An edit is still sent if it comes before the change of the connection.
        team.until(&format!("{name} is refused"), async || {
            let renamed = format!("{:016x}", rand::random::<u64>());
            let resource = team.credentials(name);
            let edited = resource.edit(json!({"name": renamed})).await;
            (edited.reason() == "NamespaceNotAllowed").then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn users_of_a_connection_are_searched_for_only_where_they_can_be() {
    let (mut everywhere, team) = everywhere(json!({})).await;
    let own = everywhere.namespace(json!({})).await;
    own.apply(own.app_secret()).await;
    own.apply(everywhere.home.key_secret()).await;
    own.apply(everywhere.home.default_connection()).await;
    let gate = KubeGate::open();
    everywhere.start_operator_behind(&gate);
    let shared = everywhere.cluster_connection("default", json!({"names": [team.namespace]}));
    everywhere.home.apply(shared).await;
    for env in [&team, &own] {
        env.create(credentials("github")).await;
    }
    // There are none of this kind: nothing but the search for users lists it once more.
    let lists = || gate.listed_in(None, "authimports");
    let before = lists();
    own.connection("default").delete().await;
    own.connection("default").wait_reason("Deleting").await;
    own.credentials("github").remove().await;
    own.connection("default").wait_gone().await;
    assert_eq!(lists(), before);

    // Nobody can need the session of a Connection that never was.
    let reads = || gate.read_connection(&team.namespace, "default");
    let lists_there = || gate.listed_in(Some(&team.namespace), "authimports");
    let read_before = reads();
    team.credentials("github").remove().await;
    team.wait_until("nobody waits for a Connection there", async |_| {
        reads() > read_before
    })
    .await;
    team.check_quiet().await;
    assert_eq!((lists(), lists_there()), (before, 0));
    everywhere.home.cluster_connection("default").remove().await;
    assert!(lists() > before, "its users may be anywhere");
}

#[tokio::test]
async fn a_cluster_connection_reads_its_certificates_in_the_namespace_that_its_spec_names() {
    let (mut everywhere, team) = everywhere(json!({})).await;
    everywhere.start_operator();
    let home = &everywhere.home;
    let decoy = config_map("roots", "ca.crt", "not a certificate");
    home.apply(decoy).await;
    let roots = json!({"namespace": team.namespace, "name": "roots", "key": "ca.crt"});
    let shared = everywhere.cluster_connection("shared", json!({"names": [team.namespace]}));
    home.apply(shared.spec(json!({"caBundle": {"configMapKeyRef": roots}})))
        .await;
    let place = format!("{}/roots", team.namespace);
    home.cluster_connection("shared")
        .wait_message("ConfigMapNotFound", &place)
        .await;

    let is_filled = |map: &ConfigMap| map.data.is_some();
    let published = team.wait_for("kube-root-ca.crt", "it is published", is_filled);
    let certificates = published.await.data.unwrap();
    let certificates = config_map("roots", "ca.crt", &certificates["ca.crt"]);
    team.apply(certificates).await;
    home.cluster_connection("shared")
        .wait_reason("Synced")
        .await;
}
