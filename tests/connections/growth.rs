//! Neither what a server makes up nor connections that came and went make statuses, events or metrics grow.

use crate::support::{
    Environment, KubeGate, Samples, connection, credentials, free_address, secret, with,
};
use futures::{StreamExt, stream};
use metorial_operator::settings::Settings;
use metorial_simulator::{Action, Fault, FaultId, InstanceType};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The metric whose labels are ids that a server answered with.
const BUDGETS: &str = "budget_remaining{";
/// The longest text of a server that is shown.
const LONGEST_TEXT: usize = 256;

/// Starts the operator; returns where its metrics are.
fn start(env: &mut Environment) -> SocketAddr {
    let listen = free_address();
    let settings = Settings {
        listen,
        ..env.settings()
    };
    env.start_operator_with(settings);
    listen
}

/// The names and labels of what the metrics count now, but for the work that was done or is due and for the process.
async fn series(admin: SocketAddr) -> BTreeSet<String> {
    let work = [
        "api_request",
        "kube_writes",
        "reconciliation",
        "queue_depth",
        "process_",
    ];
    let samples = Samples::of(admin).await.0.into_iter();
    let counted = samples.filter(|(_, value)| *value != 0.0);
    let names = counted.map(|(name, _)| name);
    names
        .filter(|name| !work.iter().any(|work| name.starts_with(work)))
        .collect()
}

/// All resources and events of the namespace.
async fn objects(env: &Environment) -> String {
    let args = [
        "get",
        "metorial,events",
        "-o",
        "json",
        "--show-managed-fields",
    ];
    env.kubectl_prints(&args, "").await
}

/// Every answer about the instance of a key is changed so from now on.
fn claim(env: &Environment, change: impl Fn(&mut Value) + Send + Sync + 'static) -> FaultId {
    let read = Fault::on("GET", "/instance");
    env.sim.faults().add(read, Action::rewrite(change))
}

#[tokio::test]
async fn an_instance_name_of_900_kb_is_shown_cut() {
    for field in ["name", "slug"] {
        let mut env = Environment::new().await;
        claim(&env, move |answer| {
            answer[field] = "n".repeat(900_000).into();
        });
        let admin = start(&mut env);
        env.apply(credentials("github")).await;
        env.credentials("github").wait_ready().await;
        let ready = env.connection("default").wait_reason("Synced").await;
        let shown = ready.field("instance")[field].as_str().unwrap();
        assert_eq!(shown.chars().count(), LONGEST_TEXT);
        let objects = objects(&env).await;
        assert!(objects.len() < 64 * 1024, "{} bytes", objects.len());
        assert!(
            !objects.contains(&"n".repeat(LONGEST_TEXT)),
            "cut everywhere"
        );
        assert!(series(admin).await.iter().all(|name| !name.contains("nnn")));
        env.check_oracles().await;
    }
}

#[tokio::test]
async fn an_answer_about_an_instance_that_is_larger_than_1_mib_is_refused_with_that_cause() {
    let mut env = Environment::new().await;
    claim(&env, |answer| {
        answer["name"] = "n".repeat(1024 * 1024).into();
    });
    start(&mut env);
    let refused = env
        .connection("default")
        .wait_message(
            "RemoteUnavailable",
            "GET /instance: the answer is larger than 1 MiB",
        )
        .await;
    assert!(refused.field("instance").is_null());
    let objects = objects(&env).await;
    assert!(objects.len() < 64 * 1024, "{} bytes", objects.len());
}

/// Forty answers in a row claim another account each.
async fn check_invented(field: &'static str) {
    let mut env = Environment::new().await;
    let admin = start(&mut env);
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    let before = env.connection("default").wait_reason("Synced").await;
    let served = "resources{kind=\"ProviderAuthCredentials\",reason=\"Synced\"}";
    env.wait_until("the metric follows the status", async |_| {
        series(admin).await.contains(served)
    })
    .await;
    let known = series(admin).await;
    assert_eq!(
        known
            .iter()
            .filter(|name| name.starts_with(BUDGETS))
            .count(),
        1
    );

    let invented = AtomicUsize::new(0);
    let claimed = claim(&env, move |answer| {
        let number = invented.fetch_add(1, Ordering::Relaxed);
        answer[field] = format!("invented_{number}").into();
    });
    for _ in 0..40 {
        env.connection("default").reconcile_now().await;
        let refused = env.connection("default").get().await;
        assert_eq!(refused.reason(), "InstanceMismatch");
        assert_eq!(refused.field("instance"), before.field("instance"));
    }
    assert!(env.sim.faults().happened(claimed) >= 40);
    let objects = objects(&env).await;
    assert!(objects.len() < 64 * 1024, "{} bytes", objects.len());
    let notes = env.connection("default").notes("InstanceMismatch").await;
    assert_eq!(notes.len(), 1, "{notes:?}");
    let now = series(admin).await;
    let more: Vec<_> = now.difference(&known).collect();
    let refused = "resources{kind=\"Connection\",reason=\"InstanceMismatch\"}";
    assert!(more.iter().all(|name| *name == refused), "{more:?}");
}

#[tokio::test]
async fn forty_invented_organizations_leave_nothing() {
    check_invented("organization_id").await;
}

#[tokio::test]
async fn forty_invented_instances_leave_nothing() {
    check_invented("id").await;
}

/// A connection to an account of its own, with a resource that uses it.
async fn connect(env: &Environment, name: &str) {
    let organization = env.sim.add_organization(name);
    let instance = env
        .sim
        .add_instance(&organization, InstanceType::Production);
    let key = env.sim.add_key(&instance);
    env.apply(secret(name, &[("api-key", &key)])).await;
    let spec = json!({"spec": {"apiKey": {"secretKeyRef": {"name": name}}}});
    env.apply(with(connection(name, &env.sim.url()), spec))
        .await;
    let user = json!({"spec": {"connectionRef": {"name": name}}});
    env.create(with(credentials(name), user)).await;
}

/// Deletes the connection and its user.
async fn disconnect(env: &Environment, name: &str) {
    env.credentials(name).remove().await;
    env.connection(name).remove().await;
}

#[tokio::test]
async fn connections_that_came_and_went_leave_nothing() {
    const COUNT: usize = 40;
    let env = Environment::new().await;
    let process = env.start_process(&[]).await;
    env.create(credentials("stays")).await;
    let before = series(process.admin).await;
    let names: Vec<String> = (0..COUNT).map(|number| format!("gone-{number}")).collect();
    let all = || stream::iter(&names);
    all()
        .for_each_concurrent(8, |name| connect(&env, name))
        .await;
    let budgets = |series: &BTreeSet<String>| {
        let budgets = series.iter().filter(|name| name.starts_with(BUDGETS));
        budgets.count()
    };
    let during = series(process.admin).await;
    assert_eq!(budgets(&during), COUNT + 1, "each has an account");

    all()
        .for_each_concurrent(8, |name| disconnect(&env, name))
        .await;
    // An account and its metric exist for as long as a session does that uses it, with its client and its cache. Outcomes
    // that are counted for the first time are series too, and have nothing to do with them.
    let theirs = |name: &&String| name.starts_with(BUDGETS) || name.contains("gone-");
    env.until("nothing of them is left", async || {
        let now = series(process.admin).await;
        let left = now.difference(&before).filter(theirs).count();
        (left == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn connections_that_a_resource_named_and_that_never_existed_leave_nothing() {
    const COUNT: usize = 40;
    let mut env = Environment::new().await;
    let gate = KubeGate::open();
    env.start_operator_with_gate(env.settings(), &gate);
    let named = |number: usize| json!({"connectionRef": {"name": format!("missing-{number}")}});
    env.apply(credentials("github").spec(named(0))).await;
    for number in 0..=COUNT {
        env.credentials("github").edit(named(number)).await;
        env.credentials("github")
            .wait_message("ConnectionNotFound", &format!("missing-{number} "))
            .await;
    }
    let reads = |number: usize| {
        let name = format!("missing-{number}");
        gate.read_connection(&env.namespace, &name)
    };
    env.wait_until("nobody waits for the former ones", async |_| {
        (0..COUNT).all(|former| reads(former) == 2)
    })
    .await;
    env.credentials("github").edit(named(0)).await;
    env.wait_until("nothing was known of it any more", async |_| reads(0) == 3)
        .await;
}
