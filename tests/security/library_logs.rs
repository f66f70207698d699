//! Responses that can't be read, or that break off, leave nothing of their content in the log.

use crate::support::{
    ApiProxy, Broken, Canary, Environment, Process, check_no_canary, credentials, free_address,
};
use metorial_simulator::{Action, Fault};
use serde_json::json;
use std::path::Path;

/// What is answered with nonsense, once: lists, watches, and reads and writes of single objects.
const REQUESTS: &[(&str, &[&str])] = &[
    ("GET", &["/leases/metorial-operator"]),
    ("GET", &["/secrets?", "limit="]),
    ("GET", &["/configmaps?", "limit="]),
    ("GET", &["/providerauthcredentials?", "limit="]),
    ("GET", &["/connections?", "limit="]),
    ("GET", &["/secrets?", "watch=true"]),
    ("GET", &["/providerauthcredentials?", "watch=true"]),
    ("GET", &["/providerauthcredentials/github"]),
    ("GET", &["/secrets/oauth-app"]),
    ("GET", &["/connections/default"]),
    ("PATCH", &["/connections/default/status"]),
];

fn broken(canary: &str) -> Vec<Broken> {
    // Valid JSON of no kind that anybody expects: an object, a page and an event at once.
    let whole = json!({
        "kind": canary, "type": "ADDED", "apiVersion": {"v": canary},
        "object": {"metadata": {"name": [canary]}}, "metadata": {"name": [canary]},
        "items": canary, "spec": canary, "data": canary, "status": canary,
    });
    let whole = whole.to_string() + "\n";
    let of = |cut: bool| {
        let whole = whole.clone();
        REQUESTS.iter().map(move |(method, parts)| Broken {
            method,
            parts,
            body: whole.clone(),
            cut,
        })
    };
    of(false).chain(of(true)).collect()
}

#[tokio::test]
async fn responses_that_are_undecodable_or_cut_leave_nothing_in_the_log() {
    let env = Environment::new().await;
    let canary = Canary::new("a value of another tenant");
    let user = env
        .plane
        .kubeconfig_for_service_account(&env.namespace, "metorial-operator");
    let proxy = ApiProxy::start(user.await.unwrap(), broken(&canary.value)).await;
    let admin = free_address();
    let mut flags = env.flags(admin);
    flags.extend(["--log=trace".to_owned(), "--log-format=json".to_owned()]);
    let kubeconfig = proxy.kubeconfig(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let mut process = Process::start(&kubeconfig, &flags, admin);

    env.apply(credentials("github")).await;
    env.until(
        "every request was answered with nonsense once",
        async || proxy.left().is_empty().then_some(()),
    )
    .await;
    env.credentials("github").wait_ready().await;

    for action in [
        Action::CutAnswer(60),
        Action::Answer {
            status: 200,
            headers: Vec::new(),
            body: format!("{{\"id\": [\"{}\"", canary.value).as_str().into(),
        },
    ] {
        let get = Fault::on("GET", "/provider-auth-credentials/:id").times(1);
        let id = env.sim.faults().add(get, action);
        env.credentials("github").reconcile_now().await;
        assert_eq!(env.sim.faults().happened(id), 1);
    }
    env.credentials("github").wait_ready().await;
    process.terminate();
    let (status, log) = env.wait_ended(&mut process).await;
    assert!(status.success(), "{status}");
    std::fs::remove_file(kubeconfig).ok();

    assert!(log.contains("a watch failed"), "{log}");
    assert!(log.contains("\"level\":\"DEBUG\""), "the log is verbose");
    for library in ["kube_client", "hyper", "h2::", "rustls", "reqwest", "tower"] {
        let target = format!("\"target\":\"{library}");
        assert!(!log.contains(&target), "{library} logs");
    }
    let secret = Canary::of("the client secret", &env.client_secret, "");
    check_no_canary("the log", &log, &[&canary, &secret]);
}
