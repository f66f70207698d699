//! One test a folder of examples.

use crate::example_orders::orders;
use crate::example_stories::{check_second_apply, converge, files, remove};
use crate::support::{AllNamespaces, Environment, Setup, example, succeed};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use metorial::{Body, Config};
use serde_json::{Value, json};
use std::path::Path;

/// So many environments share the orders of an example.
const ENVIRONMENTS: usize = 8;

const FOLDERS: [&str; 9] = [
    "adopting-what-exists",
    "agent-provider",
    "always-valid-token",
    "database-provider",
    "export-to-a-secret",
    "gitops",
    "oauth-app-for-a-team",
    "quickstart",
    "rotation-by-import",
];

/// Runs an example in all its orders, several in each environment.
async fn run_in_all_orders(folder: &str, fill: impl AsyncFn(&Environment, Value) -> Value) {
    let orders = orders(files(folder).len());
    let runs = (0..ENVIRONMENTS).map(async |place| {
        let mut env = Environment::bare(Setup::default()).await;
        env.start_operator();
        let mine: Vec<_> = orders.iter().skip(place).step_by(ENVIRONMENTS).collect();
        for (turn, order) in mine.iter().enumerate() {
            let objects = converge(&env, folder, order, &fill).await;
            if turn + 1 == mine.len() {
                check_second_apply(&env, &objects).await;
            }
            remove(&env, &objects).await;
        }
    });
    join_all(runs).await;
}

async fn as_it_is(_: &Environment, manifest: Value) -> Value {
    manifest
}

#[tokio::test]
async fn the_quickstart() {
    run_in_all_orders("quickstart", as_it_is).await;
}

#[tokio::test]
async fn an_oauth_app_for_a_team() {
    run_in_all_orders("oauth-app-for-a-team", as_it_is).await;
}

#[tokio::test]
async fn an_agents_provider() {
    run_in_all_orders("agent-provider", as_it_is).await;
}

#[tokio::test]
async fn a_database_provider() {
    run_in_all_orders("database-provider", as_it_is).await;
}

#[tokio::test]
async fn a_rotation_by_import() {
    run_in_all_orders("rotation-by-import", as_it_is).await;
}

#[tokio::test]
async fn an_export_to_a_secret() {
    run_in_all_orders("export-to-a-secret", as_it_is).await;
}

#[tokio::test]
async fn a_token_that_is_always_valid() {
    run_in_all_orders("always-valid-token", authorized_by_a_user).await;
}

#[tokio::test]
async fn adopting_what_exists() {
    run_in_all_orders("adopting-what-exists", made_by_hand).await;
}

#[tokio::test]
async fn gitops_with_several_namespaces() {
    let mut everywhere = AllNamespaces::new().await;
    everywhere.start_operator();
    let (env, folder) = (&everywhere.home, "gitops");
    // Nothing can be applied into a namespace that isn't there: every tool applies these first.
    let (namespaces, rest): (Vec<usize>, Vec<usize>) =
        (0..files(folder).len()).partition(|place| files(folder)[*place].contains("namespace"));
    let fill = async |env: &Environment, mut manifest: Value| {
        if manifest["kind"] == "ClusterConnection" {
            manifest["spec"]["baseUrl"] = env.sim.url().into();
        }
        manifest
    };
    converge(env, folder, &namespaces, &fill).await;
    let orders = orders(rest.len());
    for (turn, order) in orders.iter().enumerate() {
        let order: Vec<usize> = order.iter().map(|place| rest[*place]).collect();
        let objects = converge(env, folder, &order, &fill).await;
        if turn + 1 == orders.len() {
            check_second_apply(env, &objects).await;
        }
        remove(env, &objects).await;
    }
}

/// Applies a folder twice as its README does, and checks that this is everything that is in it.
async fn apply_as_it_is(env: &Environment, folder: &str, options: &[&str]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(folder);
    let apply = async || {
        let mut kubectl = env.plane.kubectl();
        kubectl.args(["apply", "-k"]).arg(&path).args(options);
        succeed(kubectl).await
    };
    let first = apply().await;
    let files = files(folder);
    let manifests = files.iter().map(|file| example(folder, file).len());
    let lines = first.lines().count();
    assert_eq!(lines, manifests.sum::<usize>(), "{folder}: {first}");
    // kubectl can't compare stringData with what is stored.
    let second = apply().await;
    for line in second.lines().filter(|line| !line.starts_with("secret/")) {
        assert!(line.ends_with(" unchanged"), "{folder}: {line}");
    }
}

#[tokio::test]
async fn kubectl_applies_each_folder_as_it_is() {
    for folder in FOLDERS.into_iter().filter(|folder| *folder != "gitops") {
        let env = Environment::bare(Setup::default()).await;
        apply_as_it_is(&env, folder, &["-n", &env.namespace]).await;
    }
    // It has namespaces of its own, and a connection for all.
    let everywhere = AllNamespaces::new().await;
    apply_as_it_is(&everywhere.home, "gitops", &[]).await;
}

#[test]
fn every_folder_has_its_story() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = std::fs::read_dir(root).unwrap();
    let mut found: Vec<String> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, FOLDERS);
}

/// The label of a namespace opens the ClusterConnection, so a team must not be the one that applies it.
#[test]
fn a_team_of_the_gitops_example_has_only_objects_of_its_own_namespace() {
    let files = files("gitops");
    let of_teams = files.iter().filter(|file| file.starts_with("team-"));
    let mut objects = 0;
    for file in of_teams {
        let (team, _) = file.split_once('/').unwrap();
        for manifest in example("gitops", file) {
            assert_eq!(manifest["metadata"]["namespace"], team, "{file}");
            let kind = manifest["kind"].as_str().unwrap();
            let cluster_wide = kind.starts_with("Cluster") || kind == "Namespace";
            assert!(!cluster_wide, "{file}: {kind}");
            objects += 1;
        }
    }
    assert!(objects > 3, "{objects}");
}

/// Has a user authorize the auth config that the manifest exports, with a token that expires.
async fn authorized_by_a_user(env: &Environment, mut manifest: Value) -> Value {
    if manifest["kind"] == "AuthExport" {
        let app = env.create_by_hand(json!({"name": "app"})).await;
        let until = Timestamp::now() + SignedDuration::from_hours(8);
        let value = json!({"accessToken": "gho", "expiresAt": until.to_string()});
        let config = json!({"name": "authorized", "value": value});
        let id = env.sim.add_auth_config(&env.instance, &app.id, config);
        manifest["spec"]["authConfigId"] = id.into();
    }
    manifest
}

/// Creates by hand what the manifest adopts, and names it.
async fn made_by_hand(env: &Environment, mut manifest: Value) -> Value {
    let name = manifest["spec"]["name"].clone();
    let id = match manifest["kind"].as_str().unwrap() {
        "ProviderAuthCredentials" => {
            let fields = json!({"name": name, "config": {"scopes": ["repo"]}});
            env.create_by_hand(fields).await.id
        }
        "ProviderConfig" => {
            let body = json!({"provider_id": "weather", "name": "another name", "value": {"units": "imperial"}});
            let made = env.person().create::<Config>(&Body::from(body)).await;
            made.unwrap().value.id
        }
        "ProviderAuthConfig" => {
            let fields = json!({"name": "another name", "value": {"token": "theirs"}});
            env.auth_config_by_hand(fields).await
        }
        _ => return manifest,
    };
    manifest["spec"]["adopt"]["id"] = id.into();
    manifest
}
