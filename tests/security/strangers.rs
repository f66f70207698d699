//! Objects of strangers, who have no right on our kinds, cost no memory.

use crate::support::{AllNamespaces, Process, connection, credentials, free_address, secret};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

/// As many ConfigMaps as brought an operator with pages of 500 over the memory limit of the chart.
const COUNT: usize = 250;
/// The most that they may cost at any time, in KiB: a sixth of what they take themselves. Of the rest of the process, a good part
/// is the code of a debug build.
const MOST: u64 = 10 * 1024;

fn config_map(number: usize) -> Value {
    let text = "x".repeat(255 * 1024);
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": format!("big-{number}"), "annotations": {"a": text}},
    })
}

fn peak_memory(process: &Process) -> u64 {
    let path = format!("/proc/{}/status", process.pid());
    let status = std::fs::read_to_string(path).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB");
    peak.parse().unwrap()
}

/// Starts a process for all namespaces, waits until it listed everything and made a resource ready, and returns its peak
/// memory in KiB.
async fn peak_with(all: &AllNamespaces, name: &str) -> u64 {
    let home = &all.home;
    let admin = free_address();
    let mut flags = home.flags(admin);
    flags.retain(|flag| !flag.starts_with("--watch-namespaces"));
    flags.extend(["--log=debug".to_owned(), "--log-format=json".to_owned()]);
    let mut process = Process::start(&home.kubeconfig().await, &flags, admin);
    home.apply(credentials(name)).await;
    home.credentials(name).wait_ready().await;
    for kind in ["ConfigMap", "Secret"] {
        home.until("it listed all", async || {
            let log = process.log();
            let mut lines = log.lines().filter(|line| line.contains("listed; watching"));
            lines.find(|line| line.contains(kind)).map(drop)
        })
        .await;
    }
    let peak = peak_memory(&process);
    process.terminate();
    home.wait_ended(&mut process).await;
    peak
}

#[tokio::test]
async fn large_annotations_of_strangers_cost_no_memory() {
    let all = AllNamespaces::new().await;
    let home = &all.home;
    home.apply(secret("metorial", &[("api-key", &home.key)]))
        .await;
    home.apply(home.app_secret()).await;
    home.apply(connection("default", &home.sim.url())).await;
    let before = peak_with(&all, "before").await;

    let stranger = all.namespace(json!({})).await;
    stream::iter(0..COUNT)
        .for_each_concurrent(8, async |number| {
            drop(stranger.apply(config_map(number)).await);
        })
        .await;
    let after = peak_with(&all, "after").await;
    stranger.delete_namespace().await;
    println!("peak memory: {before} KiB without them, {after} KiB with them");
    assert!(after < before + MOST, "{before} KiB, then {after} KiB");
}
