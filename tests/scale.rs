//! A thousand resources of all kinds on one control plane: as many writes as resources, and a restart without any. Its
//! figures are printed (`--nocapture` shows them); none of them is a limit.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a story that can't continue fails there, and a manifest is written where it is used"
)]

mod support;

use futures::{StreamExt, stream};
use std::collections::BTreeMap;
use std::time::Instant;
use support::{
    Environment, Kind, Manifest, Process, RECONCILIATIONS, Samples, auth_config, config,
    credentials, deployment, export, import_new, literal_vault,
};

const EACH: usize = 143;

/// The resources of one number: one of each kind, the export from the auth config of the same number.
fn one_of_each(number: usize) -> [Manifest; 7] {
    let name = |kind: &str| format!("{kind}-{number}");
    [
        deployment(&name("deployment")),
        credentials(&name("app")),
        auth_config(&name("config")),
        config(&name("settings")),
        literal_vault(&name("vault")),
        import_new(&name("import")),
        export(&name("export"), &name("config"), &name("exported")),
    ]
}

/// How many resources are ready, and the versions of all.
async fn readiness(env: &Environment) -> (usize, BTreeMap<String, Option<String>>) {
    let (mut ready, mut versions) = (0, BTreeMap::new());
    for kind in Kind::REMOTE {
        for object in env.all(kind).await {
            ready += usize::from(object.is_ready());
            let name = object.metadata.name.clone().unwrap();
            versions.insert(name, object.resource_version());
        }
    }
    (ready, versions)
}

fn peak_memory(process: &Process) -> String {
    let path = format!("/proc/{}/status", process.pid());
    let status = std::fs::read_to_string(path).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap_or("unknown").trim().to_owned()
}

#[tokio::test]
async fn a_thousand_resources_of_all_kinds_cost_one_write_each_and_a_restart_costs_none() {
    let env = Environment::new().await;
    env.value("token", "first").await;
    let all: Vec<Manifest> = (0..EACH).flat_map(one_of_each).collect();
    let count = all.len();
    stream::iter(all)
        .for_each_concurrent(16, async |manifest| drop(env.apply(manifest).await))
        .await;

    let began = Instant::now();
    let process = env.start_process(&[]).await;
    env.until("all are ready", async || {
        (readiness(&env).await.0 == count).then_some(())
    })
    .await;
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
    let before = readiness(&env).await.1;
    let requests = env.sim.journal().len();
    let process = env.start_process(&[]).await;
    env.wait_leads(&process).await;
    env.until("every resource was reconciled", async || {
        let reconciled = Samples::of(process.admin).await.sum(RECONCILIATIONS);
        (reconciled >= count as f64).then_some(())
    })
    .await;
    assert_eq!(env.writes().len(), count, "no write to the API");
    assert_eq!(readiness(&env).await.1, before, "no write to the cluster");
    let reads = reads_by_collection(&env, requests);
    println!("requests after the restart: {reads:?}");
    // A hundred objects for one request, and one that was asked for before the others were known.
    for (path, objects) in [
        ("/provider-deployments", EACH),
        ("/provider-auth-credentials", EACH),
        ("/provider-auth-configs", 2 * EACH),
        ("/provider-configs", EACH),
        ("/provider-config-vaults", EACH),
    ] {
        let most = objects.div_ceil(100) + 2;
        assert!(reads[path] <= most, "{path}: {} of {most}", reads[path]);
    }
}

/// Counts the requests after the first `before` by the collection that they read.
fn reads_by_collection(env: &Environment, before: usize) -> BTreeMap<String, usize> {
    let mut reads = BTreeMap::new();
    for entry in &env.sim.journal()[before..] {
        let end = entry.path[1..]
            .find('/')
            .map_or(entry.path.len(), |at| at + 1);
        *reads.entry(entry.path[..end].to_owned()).or_default() += 1;
    }
    reads
}
