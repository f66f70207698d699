//! Starts: settings that can't be used, clusters that can't be used, and what a process serves.

use crate::support::{Environment, Process, RECONCILE_TIMEOUT, free_address, reconcile_timeout};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use serde_json::json;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_metorial-operator"));
    command.env_clear();
    command
}

/// It ended with status 1 and one line on standard error, which has these words in it.
fn refused(output: &Output, words: &[&str]) {
    let line = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert_eq!(line.trim_end().lines().count(), 1, "one line: {line}");
    assert!(line.starts_with("metorial-operator: "), "{line}");
    for word in words {
        assert!(line.contains(word), "{word}: {line}");
    }
}

#[test]
fn a_setting_that_cannot_be_used_ends_the_process_with_one_line_that_names_it() {
    let flags: [(&[&str], &[&str]); 17] = [
        (&["--concurrency=0"], &["--concurrency", "1..=1024"]),
        (&["--concurrency=many"], &["--concurrency", "many"]),
        (
            &["--allowed-base-urls=ftp://api.metorial.com"],
            &["--allowed-base-urls", "ftp:"],
        ),
        (
            &["--allowed-base-urls=api.metorial.com"],
            &["--allowed-base-urls"],
        ),
        (&["--watch-namespaces=a,,b"], &["--watch-namespaces"]),
        (
            &["--request-timeout=0s"],
            &["--request-timeout", "30s or 2m"],
        ),
        (
            &["--request-timeout=2m", &reconcile_timeout("1m")],
            &[RECONCILE_TIMEOUT],
        ),
        (&["--log-format=xml"], &["--log-format", "json"]),
        (&["--log=a=b=c"], &["--log"]),
        (&["--log=loud"], &["--log", "loud", "info"]),
        (&["--log=metorail=debug"], &["--log", "metorail=debug"]),
        (&["--listen=nowhere"], &["--listen"]),
        (&["--leader-elect=perhaps"], &["--leader-elect"]),
        (
            &["--shard-name=one"],
            &["--shard-name", "--watch-label-selector"],
        ),
        (
            &["--shard-name=One", "--watch-label-selector=a=b"],
            &["--shard-name", "lowercase"],
        ),
        (&["--no-such-flag"], &["--no-such-flag"]),
        (&["frobnicate"], &["frobnicate"]),
    ];
    for (flags, words) in flags {
        refused(&program().args(flags).output().unwrap(), words);
        let run = program().arg("run").args(flags).output().unwrap();
        assert_eq!(run.status.code(), Some(1), "run {flags:?}");
    }
    let mut by_environment = program();
    by_environment.env("METORIAL_OPERATOR_CONCURRENCY", "0");
    refused(&by_environment.output().unwrap(), &["concurrency"]);
}

#[test]
fn a_password_in_a_setting_is_not_shown_again() {
    let url = "--allowed-base-urls=https://user:hunter2-0123@api.metorial.com";
    let output = program().arg(url).output().unwrap();
    refused(&output, &["--allowed-base-urls"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
}

#[test]
fn help_version_and_definitions_are_no_failures() {
    for (flag, says) in [
        ("--help", "--watch-namespaces"),
        ("--version", "metorial-operator"),
        ("crds", "kind: CustomResourceDefinition"),
    ] {
        let output = program().arg(flag).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{flag}");
        assert!(
            String::from_utf8_lossy(&output.stdout).contains(says),
            "{flag}"
        );
    }
}

#[test]
fn definitions_of_which_only_the_begin_is_read_are_no_failure() {
    let mut crds = program();
    crds.arg("crds")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = crds.spawn().unwrap();
    drop(running.stdout.take());
    let output = running.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*said), (Some(0), ""));
}

#[test]
fn a_cluster_that_cannot_be_reached_ends_the_process_with_one_line() {
    let listen = format!("--listen={}", free_address());
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = |what: &str| directory.join(format!("{what}-{:016x}.yaml", rand::random::<u64>()));
    let (missing, garbage, nobody) = (path("missing"), path("garbage"), path("nobody"));
    std::fs::write(&garbage, "clusters: [canary-token\n").unwrap();
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("https://{}", free_address())}}],
        "users": [{"name": "u", "user": {"token": "canary-token"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    });
    std::fs::write(&nobody, config.to_string()).unwrap();
    let cases: [(&Path, &[&str]); 3] = [
        (&missing, &["KUBECONFIG", "missing-", "No such file"]),
        (&garbage, &["KUBECONFIG", "not a kubeconfig"]),
        (&nobody, &["the cluster can't be used", "can't be reached"]),
    ];
    for (kubeconfig, words) in cases {
        let output = program()
            .arg(&listen)
            .env("KUBECONFIG", kubeconfig)
            .output()
            .unwrap();
        refused(&output, words);
        for text in [output.stdout, output.stderr] {
            assert!(!String::from_utf8_lossy(&text).contains("canary"));
        }
    }
    for file in [garbage, nobody] {
        std::fs::remove_file(file).unwrap();
    }
}

#[tokio::test]
async fn a_cluster_that_grants_nothing_and_an_address_that_is_taken_end_the_process_with_one_line()
{
    let env = Environment::new().await;
    let stranger: ServiceAccount =
        serde_json::from_value(json!({"metadata": {"name": "stranger"}})).unwrap();
    env.api()
        .create(&PostParams::default(), &stranger)
        .await
        .unwrap();
    let kubeconfig = env
        .plane
        .kubeconfig_file_for_service_account(&env.namespace, "stranger")
        .await
        .unwrap();
    let flags = env.flags(free_address());
    let output = run(&kubeconfig, flags).await;
    refused(
        &output,
        &[
            "the cluster can't be used",
            "kube-system",
            "check the operator's roles",
        ],
    );

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let flags = env.flags(taken.local_addr().unwrap());
    let output = run(&env.kubeconfig().await, flags).await;
    refused(
        &output,
        &["can't listen on", &taken.local_addr().unwrap().to_string()],
    );
}

#[tokio::test]
async fn a_label_selector_that_the_api_server_does_not_accept_ends_the_process_with_one_line() {
    let env = Environment::new().await;
    for selector in ["a in (b", "a=b=c", "a!b"] {
        let mut flags = env.flags(free_address());
        flags.push(format!("--watch-label-selector={selector}"));
        let output = run(&env.kubeconfig().await, flags).await;
        refused(&output, &["--watch-label-selector", selector]);
    }
}

async fn run(kubeconfig: &Path, flags: Vec<String>) -> Output {
    let mut command = program();
    command.args(flags).env("KUBECONFIG", kubeconfig);
    tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn a_process_serves_metrics_and_probes_and_nothing_else() {
    let env = Environment::new().await;
    let process: Process = env.start_process(&[]).await;
    env.wait_leads(&process).await;
    for (page, status, says) in [
        ("/livez", 200, "ok"),
        ("/readyz", 200, "ok"),
        ("/metrics", 200, "metorial_operator_leader 1"),
        ("/", 404, ""),
        ("/debug/pprof", 404, ""),
    ] {
        let (got, body) = process.get(page).await.unwrap();
        assert_eq!(got, status, "{page}");
        assert!(body.contains(says), "{page}: {body}");
    }
    let log = process.log();
    assert!(
        log.lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
        "{log}"
    );
}
