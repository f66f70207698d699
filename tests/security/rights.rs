//! The operator gets along with the rights that the chart gives it, and each of them is needed.

use crate::all_kinds::{create_all, delete_all};
use crate::support::{
    AllNamespaces, Environment, Kind, WORKLOADS, auth_config, connection, credentials, export,
    part, workload,
};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use kube::api::{Api, ListParams, ObjectMeta};
use metorial_operator::settings::Settings;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// A use or a grant: `group/resource[/subresource] verb`, or `group/resource:name verb` where it is for one object.
type Right = String;

/// What the operator that lives in `env` asked of the API server, with the status codes that it got. Each request is
/// there twice: with the name of its object and without.
fn used(env: &Environment) -> BTreeMap<Right, BTreeSet<u64>> {
    let user = format!("system:serviceaccount:{}:metorial-operator", env.namespace);
    let log = fs::read_to_string(env.plane.audit_log()).unwrap();
    // The last line may be half written.
    let events = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut used: BTreeMap<Right, BTreeSet<u64>> = BTreeMap::new();
    for event in events.filter(|event| event["user"]["username"] == *user) {
        let text = |key: &str| event["objectRef"][key].as_str().unwrap_or_default();
        let slash = if text("subresource").is_empty() {
            ""
        } else {
            "/"
        };
        let resource = format!("{}{slash}{}", text("resource"), text("subresource"));
        let (group, verb) = (text("apiGroup"), event["verb"].as_str().unwrap());
        let code = event["responseStatus"]["code"].as_u64().unwrap();
        for name in [String::new(), format!(":{}", text("name"))] {
            let right = format!("{group}/{resource}{name} {verb}");
            used.entry(right).or_default().insert(code);
        }
    }
    used
}

/// What the roles that the chart made for this operator grant.
async fn granted(env: &Environment) -> BTreeSet<Right> {
    let here = &env.namespace;
    let ours = |meta: &ObjectMeta| {
        let name = meta.name.as_deref().unwrap_or_default();
        meta.namespace.as_ref() == Some(here)
            || name.starts_with(&format!("{here}-"))
            || meta.namespace.is_none() && name == "metorial-operator"
    };
    let roles = Api::<Role>::all(env.client.clone());
    let roles = roles.list(&ListParams::default()).await.unwrap();
    let roles = roles
        .items
        .into_iter()
        .map(|role| (role.metadata, role.rules));
    let wide = Api::<ClusterRole>::all(env.client.clone());
    let wide = wide.list(&ListParams::default()).await.unwrap();
    let wide = wide
        .items
        .into_iter()
        .map(|role| (role.metadata, role.rules));
    let rules = roles.chain(wide).filter(|(meta, _)| ours(meta));
    rules
        .flat_map(|(_, rules)| rules.unwrap_or_default())
        .flat_map(|rule| rights(&rule))
        .collect()
}

fn rights(rule: &PolicyRule) -> Vec<Right> {
    let names = rule
        .resource_names
        .iter()
        .flatten()
        .map(|name| format!(":{name}"));
    let mut names: Vec<String> = names.collect();
    if names.is_empty() {
        names.push(String::new());
    }
    let mut rights = Vec::new();
    for group in rule.api_groups.iter().flatten() {
        for resource in rule.resources.iter().flatten() {
            for name in &names {
                let of = |verb| format!("{group}/{resource}{name} {verb}");
                rights.extend(rule.verbs.iter().map(of));
            }
        }
    }
    rights
}

/// Nothing was refused, nothing was done without a right, and every right was used but these, which are given for a reason.
async fn check_rights(env: &Environment, unused: &[(&str, &str)]) {
    // The audit log may be written a moment after the answer; giving the lease up is the last that is done.
    let used = env
        .until("the audit log has the story's end", async || {
            let used = used(env);
            used.contains_key("coordination.k8s.io/leases patch")
                .then_some(used)
        })
        .await;
    let refused: Vec<_> = used
        .iter()
        .filter(|(_, codes)| codes.contains(&403))
        .collect();
    assert!(refused.is_empty(), "refused: {refused:?}");
    let used: BTreeSet<Right> = used.into_keys().collect();
    let granted = granted(env).await;
    let left: BTreeSet<&str> = granted.difference(&used).map(String::as_str).collect();
    let justified: BTreeSet<&str> = unused.iter().map(|(right, _)| *right).collect();
    assert_eq!(left, justified, "granted and never used");
}

/// Everything that the operator does in a namespace, in an order in which much is missing at first.
async fn broad_story(env: &mut Environment) {
    begin_broad_story(env).await;
    end_broad_story(env).await;
}

async fn begin_broad_story(env: &mut Environment) {
    env.start_operator_with(Settings {
        leader_elect: true,
        ..env.settings()
    });
    env.apply(credentials("github").publishing("ids")).await;
    env.credentials("github")
        .wait_reason("SecretNotFound")
        .await;
    env.apply(env.app_secret()).await;
    env.credentials("github")
        .wait_reason("ConnectionNotFound")
        .await;
    env.apply(env.default_connection()).await;
    env.connection("default")
        .wait_reason("SecretNotFound")
        .await;
    env.apply(env.key_secret()).await;
    env.credentials("github").wait_ready().await;

    env.wait_for("ids", "published", |_: &ConfigMap| true).await;
    env.patch::<ConfigMap>("ids", json!({"data": {"id": "theirs"}}))
        .await;
    let id = env.only(Kind::Credentials).id;
    let healed = |map: &ConfigMap| map.data.as_ref().unwrap()["id"] == id;
    env.wait_for("ids", "healed", healed).await;
    env.create(credentials("github").publishing("other-ids"))
        .await;
    env.wait_gone::<ConfigMap>("ids").await;
    env.sim.edit(&id, json!({"name": "theirs"}));
    env.credentials("github").reconcile_now().await;
    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    env.credentials("github").wait_recorded().await;
    warn_twice(env).await;
    create_all(env).await;
    env.check_oracles().await;
}

/// The same event twice is counted in the first one.
async fn warn_twice(env: &Environment) {
    let github = env.credentials("github");
    for _ in 0..2 {
        env.delete::<Secret>("oauth-app").await;
        github.wait_reason("SecretNotFound").await;
        env.apply(env.app_secret()).await;
        github.wait_ready().await;
    }
}

/// Remote objects are left at Metorial, which is recorded: the first in a new ConfigMap.
async fn orphan(env: &Environment) {
    for name in ["left", "left-too"] {
        env.create(credentials(name).orphaning()).await;
        env.credentials(name).remove().await;
    }
}

async fn end_broad_story(env: &mut Environment) {
    orphan(env).await;
    delete_all(env).await;
    env.connection("default").delete().await;
    env.connection("default").wait_reason("Deleting").await;
    env.credentials("github").remove().await;
    env.connection("default").wait_gone().await;
    env.stop_operator().await;
}

#[tokio::test]
async fn in_one_namespace_no_right_is_missing_and_none_is_given_for_nothing() {
    let mut env = Environment::bare(Default::default()).await;
    broad_story(&mut env).await;
    check_rights(&env, &[]).await;
}

#[tokio::test]
async fn with_restarts_no_right_is_missing_and_none_is_given_for_nothing() {
    let mut env = Environment::bare(Default::default()).await;
    env.grant_with(&["rolloutRestart.enabled=true"]).await;
    for (kind, _) in WORKLOADS {
        env.apply(workload(kind, "worker")).await;
    }
    begin_broad_story(&mut env).await;
    let workloads = WORKLOADS.map(|(kind, _)| json!({"kind": kind, "name": "worker"}));
    let restarts = json!({"rolloutRestart": workloads});
    env.value("restarted", "first").await;
    let value = json!({"value": {"from": [part("/token", "restarted")]}});
    env.create(auth_config("restarted").spec(value)).await;
    env.create(export("restarted", "restarted", "restarted").spec(restarts))
        .await;
    env.value("restarted", "second").await;
    env.wait_secret_text("restarted", "token", "second").await;
    // It is ready all the while, and the workloads are restarted after the Secret is written.
    for (kind, _) in WORKLOADS {
        env.until(&format!("the {kind} is restarted"), async || {
            (env.restarts(kind, "worker").await.1 > 0).then_some(())
        })
        .await;
    }
    env.export("restarted").wait_ready().await;
    for (kind, _) in WORKLOADS {
        assert_eq!(env.restarts(kind, "worker").await.1, 1, "{kind}");
    }
    env.export("restarted").remove().await;
    env.auth_config("restarted").remove().await;
    end_broad_story(&mut env).await;
    check_rights(&env, &[]).await;
}

#[tokio::test]
async fn in_all_namespaces_no_right_is_missing_and_none_is_given_for_nothing() {
    let mut everywhere = AllNamespaces::new().await;
    let guest = everywhere.namespace(json!({"team": "guests"})).await;
    let allowed = json!({"selector": {"matchLabels": {"team": "guests"}}});
    let manifest = everywhere.cluster_connection("default", allowed);
    everywhere.home.apply(manifest).await;
    everywhere.home.apply(everywhere.home.key_secret()).await;
    guest.apply(guest.app_secret()).await;
    let settings = Settings {
        namespaces: Vec::new(),
        leader_elect: true,
        ..everywhere.home.settings()
    };
    everywhere.home.start_operator_with(settings);
    guest.create(credentials("github").publishing("ids")).await;
    guest
        .wait_for("ids", "published", |_: &ConfigMap| true)
        .await;
    guest
        .patch::<ConfigMap>("ids", json!({"data": {"id": "theirs"}}))
        .await;
    let healed = |map: &ConfigMap| map.data.as_ref().unwrap()["id"] != "theirs";
    guest.wait_for("ids", "healed", healed).await;
    guest
        .create(credentials("github").publishing("other-ids"))
        .await;
    guest.wait_gone::<ConfigMap>("ids").await;
    warn_twice(&guest).await;
    let own = connection("default", &everywhere.home.sim.url());
    guest.apply(everywhere.home.key_secret()).await;
    guest.apply(own).await;
    guest.connection("default").wait_reason("Synced").await;
    create_all(&guest).await;
    delete_all(&guest).await;
    orphan(&guest).await;
    everywhere.home.stop_operator().await;
    // What the chart grants for a single namespace is there as well, and nothing lives in the operator's own one.
    let own = format!("/namespaces:{} get", everywhere.home.namespace);
    let unused = [(own.as_str(), "the uid of a namespace with resources")];
    check_rights(&everywhere.home, &unused).await;
}
