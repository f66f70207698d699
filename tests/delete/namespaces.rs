//! A namespace that is deleted with everything in it. Its own roles go too, so the operator serves all namespaces here.

use crate::support::{
    AllNamespaces, Environment, Kind, Process, auth_config, config_on, credentials, deployment,
    export, free_address, import_new, literal_vault,
};
use k8s_openapi::api::core::v1::Secret;
use metorial_simulator::{Action, Fault};
use serde_json::json;

/// A namespace with a key and a connection to the simulator of `home`.
async fn team(all: &AllNamespaces) -> Environment {
    let home = &all.home;
    let team = all.namespace(json!({})).await;
    team.apply(home.key_secret()).await;
    team.apply(team.app_secret()).await;
    team.apply(home.default_connection()).await;
    team.value("token", "first").await;
    team
}

/// The same with one resource of each kind, each ready, which need each other.
async fn full_team(all: &AllNamespaces) -> Environment {
    let team = team(all).await;
    team.apply(deployment("tracker")).await;
    team.apply(credentials("github")).await;
    team.apply(auth_config("linear")).await;
    team.apply(config_on("settings", "shared")).await;
    team.apply(literal_vault("shared")).await;
    team.apply(import_new("moved").deployed("tracker")).await;
    team.apply(export("worker", "linear", "exported")).await;
    for (kind, name) in [
        (Kind::Deployment, "tracker"),
        (Kind::Credentials, "github"),
        (Kind::AuthConfig, "linear"),
        (Kind::Config, "settings"),
        (Kind::Vault, "shared"),
        (Kind::Import, "moved"),
        (Kind::Export, "worker"),
    ] {
        team.resource(kind, name).wait_ready().await;
    }
    team
}

#[tokio::test]
async fn a_namespace_that_is_deleted_ends_and_leaves_nothing_at_metorial() {
    let mut all = AllNamespaces::new().await;
    all.start_operator();
    let team = full_team(&all).await;
    let home = &all.home;
    let ever = |home: &Environment| Kind::MARKED.map(|kind| home.ever(kind).len());
    assert_eq!(ever(home), [1, 1, 2, 2, 1]);
    team.delete_namespace().await;
    for kind in Kind::MARKED {
        assert!(home.live(kind).is_empty(), "{kind:?}");
    }
    assert_eq!(ever(home), [1, 1, 2, 2, 1], "nothing was created meanwhile");
    assert_eq!((home.imports().len(), home.exports().len()), (1, 1));
}

#[tokio::test]
async fn a_namespace_whose_objects_are_orphaned_ends_while_the_api_is_down() {
    let mut all = AllNamespaces::new().await;
    all.start_operator();
    let team = full_team(&all).await;
    for (kind, name) in [
        (Kind::Deployment, "tracker"),
        (Kind::Credentials, "github"),
        (Kind::AuthConfig, "linear"),
        (Kind::Config, "settings"),
        (Kind::Vault, "shared"),
        (Kind::Import, "moved"),
    ] {
        let orphan = json!({"deletionPolicy": "Orphan"});
        team.resource(kind, name).edit(orphan).await;
    }
    all.home.sim.set_down(true);
    team.delete_namespace().await;
    let live = Kind::MARKED.map(|kind| all.home.live(kind).len());
    assert_eq!(live, [1, 1, 2, 2, 1]);
}

#[tokio::test]
async fn in_a_namespace_that_is_being_deleted_the_advice_can_be_followed() {
    let mut all = AllNamespaces::new().await;
    all.start_operator();
    let team = team(&all).await;
    team.create(credentials("github")).await;
    all.home.kill_operator();
    team.begin_deletion_of_namespace().await;
    team.until("the Secret with the key is gone", async || {
        let key = team.api::<Secret>().get_opt("metorial").await.unwrap();
        key.is_none().then_some(())
    })
    .await;
    all.start_operator();
    let github = team.credentials("github");
    let blocked = github.wait_reason("DeletionBlocked").await.message();
    assert!(
        blocked.contains("its namespace is being deleted, so set spec.deletionPolicy: Orphan")
            && !blocked.contains("repair"),
        "{blocked}"
    );
    github.edit(json!({"deletionPolicy": "Orphan"})).await;
    team.namespace_gone().await;
    assert_eq!(all.home.live(Kind::Credentials).len(), 1);
}

#[tokio::test]
async fn a_namespace_ends_with_an_export_that_is_due() {
    let mut all = AllNamespaces::new().await;
    all.start_operator();
    let home = &all.home;
    let team = team(&all).await;
    let down = Action::error(500, "internal_server_error");
    let exports = Fault::on("POST", Kind::Export.path());
    home.sim.faults().add(exports, down);
    team.apply(auth_config("linear")).await;
    team.apply(export("worker", "linear", "exported")).await;
    team.export("worker").wait_reason("Exporting").await;
    team.delete_namespace().await;
    assert!(home.live(Kind::AuthConfig).is_empty());
    assert!(home.exports().is_empty());
}

#[tokio::test]
async fn events_that_a_namespace_no_longer_takes_are_no_warnings_and_no_matter_of_the_roles() {
    let all = AllNamespaces::new().await;
    let (home, admin) = (&all.home, free_address());
    let mut flags = home.flags(admin);
    flags.retain(|flag| !flag.starts_with("--watch-namespaces"));
    flags.push("--log=debug".to_owned());
    let mut process = Process::start(&home.kubeconfig().await, &flags, admin);
    let team = team(&all).await;
    for name in ["one", "two"] {
        team.apply(credentials(name)).await;
        team.credentials(name).wait_ready().await;
    }
    team.delete_namespace().await;
    // A process that ends writes what waits.
    process.terminate();
    let (_, log) = home.wait_ended(&mut process).await;
    let refused = log.lines().filter(|line| line.contains("create Event"));
    let refused: Vec<_> = refused.collect();
    assert!(refused.len() >= 2, "{log}");
    for line in refused {
        let quiet = line.contains("DEBUG") && !line.contains("roles");
        assert!(quiet, "{line}");
    }
}
