//! Metrics follow what is done, and the probes are right.

use crate::support::{
    Environment, Health, Metrics, OUTLIVED, PATIENCE, RECONCILIATION_SECONDS, RECONCILIATIONS,
    RECONCILIATIONS_RUNNING, Samples, WatchScope, credentials, free_address, page, page_as,
    probe_limits, serve, with, with_hook, with_timeouts,
};
use futures::FutureExt;
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::settings::Settings;
use metorial_simulator::{Action, Fault, Gate};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;

fn start(env: &mut Environment) -> SocketAddr {
    let listen = free_address();
    let settings = Settings {
        listen,
        ..env.settings()
    };
    env.start_operator_with(settings);
    listen
}

/// Waits until every one of these samples has this value.
async fn wait(env: &Environment, admin: SocketAddr, expected: &[(&str, f64)]) {
    env.until(&format!("the metrics are {expected:?}"), async || {
        page(admin, "/metrics").await?;
        let samples = Samples::of(admin).await;
        let all = expected
            .iter()
            .all(|(name, value)| samples.get(name) == *value);
        all.then_some(())
    })
    .await;
}

const CREDENTIALS: &str = "ProviderAuthCredentials";

fn resources(reason: &str) -> String {
    format!("resources{{kind=\"{CREDENTIALS}\",reason=\"{reason}\"}}")
}

fn written(operation: &str) -> String {
    format!("kube_writes_total{{operation=\"{operation}\"}}")
}

fn asked(operation: &str, outcome: &str) -> String {
    format!("api_requests_total{{operation=\"{operation}\",outcome=\"{outcome}\"}}")
}

#[tokio::test]
async fn a_create_costs_one_request_and_two_writes_and_is_counted_so() {
    let mut env = Environment::new().await;
    let admin = start(&mut env);
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    let organization = format!(
        "budget_remaining{{server=\"{}\",organization=\"{}\"}}",
        env.sim.url(),
        env.organization.as_str()
    );
    wait(
        &env,
        admin,
        &[
            (&asked("POST /provider-auth-credentials", "ok"), 1.0),
            (&asked("GET /instance", "ok"), 1.0),
            // For the callback URL in the status.
            (&asked("GET /providers/:id", "ok"), 1.0),
            (&written("patch ProviderAuthCredentials"), 1.0),
            (&written("patch ProviderAuthCredentials/status"), 1.0),
            (&resources("Synced"), 1.0),
            ("resources{kind=\"Connection\",reason=\"Synced\"}", 1.0),
            ("leader", 1.0),
            ("queue_depth", 0.0),
            (RECONCILIATIONS_RUNNING, 0.0),
            ("panics_total", 0.0),
            (&organization, 4997.0),
        ],
    )
    .await;
    let samples = Samples::of(admin).await;
    assert_eq!(samples.sum("api_requests_total"), 3.0);
    assert_eq!(
        samples.sum(RECONCILIATIONS),
        samples.get(RECONCILIATION_SECONDS)
    );
}

#[tokio::test]
async fn reasons_and_outcomes_are_counted_as_they_change() {
    let mut env = Environment::new().await;
    let refuse = Fault::on("POST", "/provider-auth-credentials").times(1);
    env.sim
        .faults()
        .add(refuse, Action::error(400, "invalid_data"));
    let admin = start(&mut env);
    env.apply(credentials("github")).await;
    let refused = asked("POST /provider-auth-credentials", "rejected");
    wait(
        &env,
        admin,
        &[(&resources("RemoteRejected"), 1.0), (&refused, 1.0)],
    )
    .await;

    env.credentials("github").request_reconcile().await;
    wait(
        &env,
        admin,
        &[
            (&resources("RemoteRejected"), 0.0),
            (&resources("Synced"), 1.0),
        ],
    )
    .await;
    env.delete::<Secret>("oauth-app").await;
    wait(
        &env,
        admin,
        &[
            (&resources("Synced"), 0.0),
            (&resources("SecretNotFound"), 1.0),
        ],
    )
    .await;
    env.apply(env.app_secret()).await;
    wait(
        &env,
        admin,
        &[
            (&resources("SecretNotFound"), 0.0),
            (&resources("Synced"), 1.0),
        ],
    )
    .await;

    env.credentials("github").remove().await;
    let deleted = asked("DELETE /provider-auth-credentials/:id", "ok");
    wait(&env, admin, &[(&resources("Synced"), 0.0), (&deleted, 1.0)]).await;
    let start = format!("resources{{kind=\"{CREDENTIALS}\"");
    assert_eq!(Samples::of(admin).await.sum(&start), 0.0, "of no resource");
}

#[tokio::test]
async fn metrics_show_what_waits_and_what_runs() {
    let mut env = Environment::new().await;
    let gate = Gate::new();
    let hold = Fault::on("POST", "/provider-auth-credentials");
    env.sim.faults().add(hold, Action::HoldBefore(gate.clone()));
    let listen = free_address();
    // No request is given up while the gate is closed.
    let patient = with_timeouts(env.settings(), PATIENCE * 4, PATIENCE * 8);
    env.start_operator_with(Settings {
        listen,
        concurrency: 2,
        ..patient
    });
    env.connection("default").wait_reason("Synced").await;
    for number in 0..5 {
        env.apply(credentials(&format!("app-{number}"))).await;
    }
    wait(
        &env,
        listen,
        &[(RECONCILIATIONS_RUNNING, 2.0), ("queue_depth", 3.0)],
    )
    .await;
    gate.open();
    wait(
        &env,
        listen,
        &[(RECONCILIATIONS_RUNNING, 0.0), ("queue_depth", 0.0)],
    )
    .await;
    wait(&env, listen, &[(&resources("Synced"), 5.0)]).await;
}

#[tokio::test]
async fn metrics_are_served_in_the_format_that_is_asked_for() {
    let mut env = Environment::new().await;
    let admin = start(&mut env);
    wait(&env, admin, &[("leader", 1.0)]).await;
    let open_metrics = "application/openmetrics-text; version=1.0.0";
    for (accept, content_type, marked) in [
        ("*/*", "text/plain; version=0.0.4", false),
        (open_metrics, open_metrics, true),
    ] {
        let metrics = page_as(admin, "/metrics", accept).await.unwrap();
        assert_eq!(metrics.status, 200);
        let head = metrics.head.to_lowercase();
        assert!(
            head.contains(&format!("content-type: {content_type}")),
            "{head}"
        );
        assert_eq!(metrics.body.ends_with("# EOF\n"), marked, "{accept}");
        let counter = metrics
            .body
            .contains("# TYPE metorial_operator_panics_total counter");
        assert_eq!(counter, !marked, "{accept}");
    }
    let nothing = page(admin, "/").await.unwrap();
    assert_eq!(nothing.status, 404);
}

#[tokio::test]
async fn requests_are_timed_and_the_process_and_its_build_are_described() {
    let mut env = Environment::new().await;
    let admin = start(&mut env);
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    let post = "{operation=\"POST /provider-auth-credentials\"}";
    let account = format!(
        "{{server=\"{}\",organization=\"{}\"}}",
        env.sim.url(),
        env.organization.as_str()
    );
    let limit = format!("budget_limit{account}");
    let timed = format!("api_request_duration_seconds_count{post}");
    wait(&env, admin, &[(&timed, 1.0), (&limit, 5000.0)]).await;
    let samples = Samples::of(admin).await;
    let build = format!("build_info{{version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert_eq!(samples.sum(&build), 1.0);
    let now = jiff::Timestamp::now().as_second() as f64;
    let reset = samples.get(&format!("budget_reset_timestamp_seconds{account}"));
    assert!(
        reset > now - 3600.0 && reset <= now + 1.0,
        "a request is available: {reset}"
    );
    let age = samples.0.iter().find(|(name, _)| {
        name.as_str() == "oldest_observation_age_seconds{collection=\"provider-auth-credentials\"}"
    });
    assert!(
        age.is_some_and(|(_, age)| (0.0..3600.0).contains(age)),
        "{age:?}"
    );
    if cfg!(target_os = "linux") {
        let started = samples.get("process_start_time_seconds");
        assert!(started > now - 86400.0 && started <= now + 1.0, "{started}");
        assert!(samples.get("process_resident_memory_bytes") > 1e6);
        assert!(samples.get("process_open_fds") > 3.0);
        assert!(samples.get("process_cpu_seconds_total") > 0.0);
    }
}

#[tokio::test]
async fn after_a_restart_resources_are_counted_as_their_statuses_say_though_no_reconciliation_ends()
{
    let mut env = Environment::new().await;
    env.start_operator();
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    let secret = json!({"secretKeyRef": {"name": "nowhere"}});
    let lost = json!({"spec": {"oauth": {"clientSecret": secret}}});
    env.apply(with(credentials("lost"), lost)).await;
    env.credentials("lost").wait_reason("SecretNotFound").await;
    env.stop_operator().await;

    let listen = free_address();
    let settings = Settings {
        listen,
        ..env.settings()
    };
    let hangs = with_hook(settings, |_, _| true, || std::future::pending().boxed());
    env.start_operator_with(hangs);
    wait(
        &env,
        listen,
        &[
            (&resources("Synced"), 1.0),
            (&resources("SecretNotFound"), 1.0),
            ("resources{kind=\"Connection\",reason=\"Synced\"}", 1.0),
        ],
    )
    .await;
    env.kill_operator();
}

/// An HTTP server for metrics and health without an operator.
async fn probes() -> (SocketAddr, Health) {
    let health = Health::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let admin = listener.local_addr().unwrap();
    let limits = probe_limits(Duration::from_secs(60));
    tokio::spawn(serve(
        listener,
        Arc::new(Metrics::default()),
        health.clone(),
        limits,
    ));
    (admin, health)
}

#[tokio::test]
async fn livez_fails_while_a_reconciliation_outlives_its_deadline_and_only_then() {
    let (admin, health) = probes().await;
    let livez = async || page(admin, "/livez").await.unwrap();
    assert_eq!(livez().await.status, 200, "before the loop began");
    health.heartbeat();
    let (quick, stuck) = (
        tokio::spawn(async {}),
        tokio::spawn(std::future::pending::<()>()),
    );
    let long_ago = Instant::now().checked_sub(Duration::from_secs(61)).unwrap();
    health.started(quick.id(), Instant::now());
    assert_eq!(livez().await.status, 200);
    health.started(stuck.id(), long_ago);
    let page = livez().await;
    assert_eq!((page.status, page.body.as_str()), (503, OUTLIVED));
    health.finished(stuck.id());
    assert_eq!(livez().await.status, 200);
}

#[tokio::test]
async fn readyz_fails_until_the_cluster_was_reached() {
    let (admin, health) = probes().await;
    assert_eq!(page(admin, "/readyz").await.unwrap().status, 503);
    health.mark_ready();
    assert_eq!(page(admin, "/readyz").await.unwrap().status, 200);
    let scope = |namespace: Option<&str>, selector: Option<&str>| WatchScope {
        kind: "AuthImport",
        namespace: namespace.map(str::to_owned),
        selector: selector.map(str::to_owned),
    };
    // A shard watches the same kind twice.
    let scopes = [
        scope(None, Some("shard=one")),
        scope(Some("apps"), None),
        scope(None, None),
    ];
    for scope in &scopes {
        let cause = Err("the definition is not installed".to_owned());
        health.set_watched(scope, cause);
    }
    let of_all = "can't watch AuthImport: the definition is not installed";
    let of_both = "can't watch AuthImport, AuthImport (label selector shard=one): the definition is not installed";
    for (scope, body) in scopes.iter().zip([of_both, of_all, of_all]) {
        let missing = page(admin, "/readyz").await.unwrap();
        assert_eq!((missing.status, missing.body.as_str()), (503, body));
        health.set_watched(scope, Ok(()));
    }
    assert_eq!(page(admin, "/readyz").await.unwrap().status, 200);
    let mut env = Environment::new().await;
    let admin = start(&mut env);
    env.until("the operator is ready and alive", async || {
        let (ready, alive) = (page(admin, "/readyz").await?, page(admin, "/livez").await?);
        (ready.status == 200 && alive.status == 200).then_some(())
    })
    .await;
}
