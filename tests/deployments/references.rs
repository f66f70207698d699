//! Resources that belong to a deployment of the cluster: they wait for it, follow it, and are created in it.

use crate::support::{
    Environment, FOREVER, Kind, Manifest, VALUES, auth_config, config, config_on, deployment,
    import_new, literal_vault,
};
use serde_json::json;

/// A deployment of Postgres, whose configs have a value.
fn database(name: &str) -> Manifest {
    deployment(name).spec(json!({"providerId": "postgres"}))
}

/// One resource of each kind that can belong to a deployment: of Linear in `tracker`, of Postgres in `database`.
fn deployed() -> [(Kind, Manifest); 4] {
    [
        (Kind::AuthConfig, auth_config("it").deployed("tracker")),
        (Kind::Import, import_new("it").deployed("tracker")),
        (Kind::Config, config("it").deployed("database")),
        (Kind::Vault, literal_vault("it").deployed("database")),
    ]
}

#[tokio::test]
async fn what_belongs_to_a_deployment_waits_for_it_and_is_created_in_it_once() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    for (kind, manifest) in deployed() {
        env.apply(manifest).await;
        let waiting = env
            .resource(kind, "it")
            .wait_reason("ReferenceNotFound")
            .await;
        let message = waiting.message();
        assert!(message.contains("ProviderDeployment"), "{message}");
    }
    let tracker = env.create(deployment("tracker")).await.id();
    let database = env.create(database("database")).await.id();
    for (kind, _) in deployed() {
        let ready = env.resource(kind, "it").wait_ready().await;
        let wanted = match kind {
            Kind::AuthConfig | Kind::Import => &tracker,
            _ => &database,
        };
        assert_eq!(ready.field("deploymentId"), wanted.as_str(), "{kind:?}");
        let remote = env.sim.object(&ready.id()).unwrap();
        assert_eq!(
            remote.readable["deployment"]["id"],
            wanted.as_str(),
            "{kind:?}"
        );
    }
    assert_eq!(env.writes().len(), 6, "{:?}", env.writes());
    env.check_oracles().await;
}

#[tokio::test]
async fn what_is_created_together_in_a_deployment_shares_a_read_of_it() {
    let mut env = Environment::new().await;
    let mut settings = env.settings();
    settings.timing.read_lag = FOREVER;
    env.start_operator_with(settings);
    env.connection("default").wait_reason("Synced").await;
    env.value("token", VALUES[0]).await;
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        env.apply(auth_config(name).deployed("tracker")).await;
    }
    env.create(deployment("tracker")).await;
    for name in names {
        env.auth_config(name).wait_ready().await;
    }
    let requests = env.requests();
    let reads = requests
        .iter()
        .filter(|it| it.starts_with("GET /provider-deployments"));
    assert!(reads.count() <= 1, "{requests:#?}");
    env.check_oracles().await;
}

#[tokio::test]
async fn what_belongs_to_a_deployment_is_created_again_in_the_one_that_takes_its_place() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    let former = env.create(deployment("tracker")).await.id();
    env.create(auth_config("it").deployed("tracker")).await;
    env.sim.archive(&former);
    env.sim.settled().await;
    assert!(env.live(Kind::AuthConfig).is_empty(), "archived with it");
    env.deployment("tracker").request_reconcile().await;
    let replaced = |object: &crate::support::Snapshot| {
        object.is_ready() && object.field("id") != former.as_str()
    };
    let now = env
        .deployment("tracker")
        .wait("another deployment", replaced)
        .await
        .id();
    // Nobody asks for it: the interval has hardly begun.
    let of = |object: &metorial_simulator::Stored| object.readable["deployment"]["id"] == *now;
    env.wait_only(Kind::AuthConfig, "an auth config in it", of)
        .await;
    env.auth_config("it").wait_ready().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_deployment_that_becomes_a_resource_is_referred_to_without_a_write() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    let provider = env.sim.catalog().provider("linear").unwrap().id.clone();
    let id = env.sim.add_deployment(&env.instance, &provider, "tracker");
    let by_id = json!({"deploymentId": id});
    env.create(auth_config("it").spec(by_id)).await;
    env.create(deployment("tracker").adopting(&id)).await;
    env.sim.clear_journal();
    let by_name = json!({"deploymentId": null, "deploymentRef": {"name": "tracker"}});
    env.auth_config("it").edit(by_name).await;
    env.auth_config("it").wait_ready().await;
    assert!(env.attempts().is_empty(), "{:?}", env.attempts());
    env.check_oracles().await;
}

#[tokio::test]
async fn an_auth_config_stays_in_its_deployment_and_says_so_where_the_reference_leads_to_another() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    let first = env.create(deployment("tracker").orphaning()).await.id();
    env.create(auth_config("it").deployed("tracker")).await;
    env.deployment("tracker").remove().await;
    env.create(deployment("tracker")).await;
    let refused = env
        .auth_config("it")
        .wait_reason("ImmutableFieldChanged")
        .await;
    let message = refused.message();
    assert!(message.contains(&first), "{message}");
    let there = env.only(Kind::AuthConfig);
    assert_eq!(there.readable["deployment"]["id"], first.as_str());
}

#[tokio::test]
async fn a_config_and_a_vault_are_replaced_by_ones_in_another_deployment() {
    let env = Environment::running().await;
    for name in ["one", "two"] {
        env.create(database(name)).await;
    }
    for (kind, manifest) in [
        (Kind::Config, config("it")),
        (Kind::Vault, literal_vault("it")),
    ] {
        let former = env.create(manifest.deployed("one")).await.id();
        let other = json!({"deploymentRef": {"name": "two"}});
        env.resource(kind, "it").edit(other).await;
        let two = env.deployment("two").get().await.id();
        let moved = |object: &metorial_simulator::Stored| {
            object.id != former && object.readable["deployment"]["id"] == *two
        };
        env.wait_only(kind, "the replacement", moved).await;
        env.resource(kind, "it").wait_ready().await;
    }
    env.deployment("one").remove().await;
    env.check_oracles().await;
}

/// The key may belong to others, so a marker decides.
#[tokio::test]
async fn nothing_is_created_in_the_deployment_that_a_falsified_status_names() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    env.create(deployment("tracker")).await;
    let other = env.create(deployment("other")).await.id();
    env.deployment("tracker")
        .edit(json!({"suspend": true}))
        .await;
    env.deployment("tracker").wait_reason("Suspended").await;
    env.deployment("tracker")
        .edit_status(json!({"id": other}))
        .await;
    env.apply(auth_config("it").deployed("tracker")).await;
    let refused = env.auth_config("it").wait_reason("OwnershipConflict").await;
    let message = refused.message();
    assert!(message.contains("ProviderDeployment other"), "{message}");
    assert!(env.live(Kind::AuthConfig).is_empty());
}

#[tokio::test]
async fn resources_that_wait_for_each_other_say_so_until_one_of_the_references_is_removed() {
    let env = Environment::running().await;
    let config_ref = json!({"defaultConfigRef": {"name": "settings"}});
    env.apply(database("database").spec(config_ref)).await;
    env.apply(config_on("settings", "stored")).await;
    env.apply(literal_vault("stored").deployed("database"))
        .await;
    let names = [
        "ProviderDeployment database",
        "ProviderConfig settings",
        "ProviderConfigVault stored",
    ];
    let all = [
        env.deployment("database"),
        env.config("settings"),
        env.vault("stored"),
    ];
    for (at, resource) in all.iter().enumerate() {
        let [own, next, last] = [0, 1, 2].map(|plus| names[(at + plus) % 3]);
        let circle = format!(
            "{own} refers to {next}, which refers to {last}, which refers back to {own}, so they wait for each other"
        );
        resource.wait_message("ReferenceNotReady", &circle).await;
    }
    assert!(env.attempts().is_empty());
    all[0].edit(json!({"defaultConfigRef": null})).await;
    for resource in &all {
        resource.wait_ready().await;
    }
    env.check_oracles().await;
}

#[tokio::test]
async fn a_resource_in_a_namespace_that_is_not_served_can_not_be_referred_to() {
    let (env, other) = (Environment::running().await, Environment::running().await);
    let granted = json!({"allowedNamespaces": {"names": [env.namespace]}});
    other.create(deployment("tracker").spec(granted)).await;
    env.value("token", VALUES[0]).await;
    let there = json!({"deploymentRef": {"name": "tracker", "namespace": other.namespace}});
    env.apply(auth_config("github").spec(there)).await;
    let refused = "does not exist, or does not allow namespace";
    env.auth_config("github")
        .wait_message("OwnershipConflict", refused)
        .await;
    assert!(env.attempts().is_empty());
}
