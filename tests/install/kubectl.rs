//! kubectl as people use it on our kinds: wait, get, apply by two managers, apply again, diff.

use crate::support::{Environment, Kind, connection, credentials};
use kube::ResourceExt;
use serde_json::json;

/// The version of credentials, and how many requests the API got: neither changes when nothing is done.
async fn marks(env: &Environment, name: &str) -> (Option<String>, usize) {
    let object = env.credentials(name).get().await;
    (object.resource_version(), env.calls())
}

#[tokio::test]
async fn kubectl_wait_ends_when_a_resource_is_ready() {
    let env = Environment::running().await;
    let stays_unready = [
        "wait",
        "--for=condition=Ready",
        "--timeout=1s",
        "pacred/github",
    ];
    env.apply(credentials("github").suspended()).await;
    env.credentials("github").wait_reason("Suspended").await;
    assert!(!env.kubectl(&stays_unready, "").await.status.success());
    let held = [
        "wait",
        "--for=jsonpath={.status.conditions[0].reason}=Suspended",
        "pacred/github",
    ];
    env.kubectl_prints(&held, "").await;

    env.apply(credentials("github")).await;
    for resource in ["pacred/github", "mconn/default"] {
        let args = ["wait", "--for=condition=Ready", "--timeout=60s", resource];
        let printed = env.kubectl_prints(&args, "").await;
        assert!(printed.contains("condition met"), "{printed}");
    }
    env.credentials("github").delete().await;
    let gone = ["wait", "--for=delete", "--timeout=60s", "pacred/github"];
    env.kubectl_prints(&gone, "").await;
}

/// The cells of each line of a table.
fn cells(table: &str) -> Vec<Vec<&str>> {
    table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect()
}

#[tokio::test]
async fn kubectl_get_shows_readiness_reason_and_id() {
    let env = Environment::running().await;
    let object = env.create(credentials("github")).await;
    let id = object.id();
    let table = env.kubectl_prints(&["get", "pacred"], "").await;
    let table = cells(&table);
    assert_eq!(
        table[0],
        ["NAME", "READY", "REASON", "ID", "PROVIDER", "AGE"]
    );
    assert_eq!(table[1][..5], ["github", "True", "Synced", &id, "github"]);

    env.connection("default").wait_reason("Synced").await;
    let table = env.kubectl_prints(&["get", "mconn"], "").await;
    let table = cells(&table);
    assert_eq!(
        table[0],
        ["NAME", "READY", "REASON", "INSTANCE", "TYPE", "AGE"]
    );
    assert_eq!(
        table[1][..5],
        ["default", "True", "Synced", "production", "production"]
    );

    let all = env
        .kubectl_prints(&["get", "metorial", "-o", "name"], "")
        .await;
    // ClusterConnections are those of every test on this control plane.
    let here = all.lines().filter(|line| !line.starts_with("cluster"));
    let expected = [
        "connection.metorial.com/default",
        "providerauthcredentials.metorial.com/github",
    ];
    assert_eq!(here.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn applying_the_same_again_changes_nothing_and_asks_nothing() {
    let env = Environment::running().await;
    let files = [credentials("github"), connection("default", &env.sim.url())];
    let files: Vec<String> = files.iter().map(|file| file.to_string()).collect();
    env.connection("default").remove().await;
    for file in &files {
        env.kubectl_prints(&["apply", "--validate=strict", "-f", "-"], file)
            .await;
    }
    env.credentials("github").wait_ready().await;
    env.check_quiet().await;

    let before = marks(&env, "github").await;
    for file in &files {
        let printed = env.kubectl_prints(&["apply", "-f", "-"], file).await;
        assert!(printed.ends_with(" unchanged\n"), "{printed}");
        env.kubectl_prints(&["diff", "-f", "-"], file).await;
    }
    env.check_quiet().await;
    assert_eq!(marks(&env, "github").await, before);
    env.check_oracles().await;
}

#[tokio::test]
async fn two_managers_apply_their_own_fields_and_neither_disturbs_the_other_or_the_operator() {
    let env = Environment::running().await;
    let team = credentials("github").to_string();
    let platform = json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": "ProviderAuthCredentials",
        "metadata": {"name": "github", "labels": {"tier": "gold"}},
        "spec": {"interval": "1h", "deletionPolicy": "Orphan", "metadata": {"cost-centre": "42"}}
    });
    let both = [("team", team.clone()), ("platform", platform.to_string())];
    let apply = async |manager: &str, file: &str| {
        let manager = format!("--field-manager={manager}");
        env.kubectl_prints(&["apply", "--server-side", &manager, "-f", "-"], file)
            .await
    };
    for (manager, file) in &both {
        apply(manager, file).await;
    }
    let marked = |o: &metorial_simulator::Stored| o.readable["metadata"]["cost-centre"] == "42";
    env.wait_only(
        Kind::Credentials,
        "the platform's metadata is there",
        marked,
    )
    .await;
    env.credentials("github").wait_recorded().await;
    env.check_quiet().await;

    let before = marks(&env, "github").await;
    for (manager, file) in &both {
        apply(manager, file).await;
        let manager = format!("--field-manager={manager}");
        let diff = ["diff", "--server-side", &manager, "-f", "-"];
        env.kubectl_prints(&diff, file).await;
    }
    env.check_quiet().await;
    assert_eq!(marks(&env, "github").await, before);

    let renamed = credentials("github").named("Renamed");
    apply("team", &renamed.to_string()).await;
    env.wait_only(Kind::Credentials, "renamed", |o| {
        o.readable["name"] == "Renamed"
    })
    .await;
    let object = env.credentials("github").wait_ready().await;
    assert_eq!(object.labels()["tier"], "gold");
    assert_eq!(object.data["spec"]["interval"], "1h");
    assert_eq!(object.finalizers(), ["metorial.com/remote"]);
}

#[tokio::test]
async fn the_operator_owns_its_finalizer_and_the_status_and_nothing_else() {
    let env = Environment::running().await;
    env.create(credentials("github").publishing("github-ids"))
        .await;
    let object = env.credentials("github").get().await;
    let entries = object.metadata.managed_fields.clone().unwrap().into_iter();
    let ours = entries.filter(|entry| entry.manager.as_deref() == Some("metorial-operator"));
    let mut owned = Vec::new();
    for entry in ours {
        let fields = entry.fields_v1.unwrap().0;
        for (part, of) in fields.as_object().unwrap() {
            let inner = of.as_object().unwrap().keys().filter(|key| *key != ".");
            owned.push(format!(
                "{part} {}",
                inner.cloned().collect::<Vec<_>>().join(" ")
            ));
        }
    }
    owned.sort();
    assert_eq!(owned.len(), 2, "{owned:?}");
    assert_eq!(owned[0], "f:metadata f:finalizers");
    assert!(owned[1].starts_with("f:status "), "{owned:?}");
}
