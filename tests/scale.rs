//! A thousand resources of all kinds on one control plane: as many writes as resources, and a restart without any. Its
//! figures are printed (`--nocapture` shows them); none of them is a limit.
#![allow(clippy::unwrap_used, reason = "a story that can't go on fails here")]

#[allow(dead_code, reason = "a part of the verbs is used here")]
#[path = "kinds/scene.rs"]
mod scene;
mod support;

use crate::support::{
    Environment, Process, Samples, auth_config, config, credentials, part, resource,
};
use futures::{StreamExt, stream};
use scene::{auth_config, config, part, resource, status};
use serde_json::{Value, json};
use std::time::Instant;

const EACH: usize = 167;
const KINDS: [&str; 6] = [
    "providerauthcredentials",
    "providerauthconfigs",
    "providerconfigs",
    "providerconfigvaults",
    "authimports",
    "authexports",
];

/// The resources of one number: one of each kind, the export from the auth config of the same number.
fn six(number: usize) -> [Value; 6] {
    let name = |kind: &str| format!("{kind}-{number}");
    let vault = json!({"providerId": "postgres", "value": {"literal": {"schema": "s"}}});
    let value = json!({"from": [part("/token", "token")]});
    let import = json!({"note": "moved", "providerId": "linear", "value": value});
    let export = json!({
        "note": "for a worker",
        "authConfigRef": {"name": name("config")},
        "secret": {"name": name("exported")}
    });
    [
        credentials(&name("app")),
        auth_config(&name("config")),
        config(&name("settings")),
        resource("ProviderConfigVault", &name("vault"), vault),
        resource("AuthImport", &name("import"), import),
        resource("AuthExport", &name("export"), export),
    ]
}

/// How many resources are ready, and their resourceVersions in one text.
async fn standing(env: &Environment) -> (usize, String) {
    let mut kubectl = env.plane.kubectl();
    kubectl.args(["-n", &env.namespace, "get", &KINDS.join(","), "-o", "json"]);
    let output = tokio::task::spawn_blocking(move || kubectl.output())
        .await
        .unwrap()
        .unwrap();
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let items = list["items"].as_array().unwrap();
    let ready = |item: &&Value| {
        let conditions = *item.status().conditions.unwrap_or_default();
        conditions
            .iter()
            .any(|it| it.type_ == "Ready" && it.status == "True")
    };
    let versions = items
        .iter()
        .map(|item| item["metadata"]["resourceVersion"].to_string());
    (items.iter().filter(ready).count(), versions.collect())
}

fn peak_memory(process: &Process) -> String {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap_or("unknown").trim().to_owned()
}

#[tokio::test]
async fn a_thousand_resources_of_all_kinds_cost_one_write_each_and_a_restart_costs_none() {
    let env = Environment::new().await;
    env.value("token", "first").await;
    let all: Vec<Value> = (0..EACH).flat_map(six).collect();
    let count = all.len();
    stream::iter(all)
        .for_each_concurrent(16, async |manifest| drop(env.apply(manifest).await))
        .await;

    let began = Instant::now();
    let process = env.start_process(&[]).await;
    let waits = env.until("all are ready", async || {
        (standing(&env).await.0 == count).then_some(())
    });
    waits.await;
    let took = began.elapsed();
    let kube = Samples::of(process.admin).await.sum("kube_writes_total");
    let requests = env.sim.journal().len();
    assert_eq!(env.writes().len(), count, "one write for each");
    println!(
        "{count} resources of all kinds ready after {took:.1?}: {:.2} requests and {:.2} writes to the cluster each, {} at most",
        requests as f64 / count as f64,
        kube / count as f64,
        peak_memory(&process)
    );

    process.kill();
    let before = standing(&env).await.1;
    let process = env.start_process(&[]).await;
    env.wait_leads(&process).await;
    let looked = env.until("every resource was looked at", async || {
        let passes = Samples::of(process.admin).await.sum("passes_total");
        (passes >= count as f64).then_some(())
    });
    looked.await;
    assert_eq!(env.writes().len(), count, "no write to the API");
    assert_eq!(standing(&env).await.1, before, "no write to the cluster");
}
