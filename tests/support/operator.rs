//! The operator in this process, on a runtime of its own: killing it drops every one of its tasks where it stands. The
//! one place that names the operator's internals, its metrics and its flags.

pub use metorial_operator::health::{Health, WatchScope, serve};
pub use metorial_operator::metrics::{Format, Metrics};

use super::environment::Environment;
use super::{LONGEST_BACK_OFF, PATIENCE};
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::runtime::events::EventType;
use kube::{Client, Resource};
use metorial_operator::cluster::client::Cluster;
use metorial_operator::cluster::error::Cause;
use metorial_operator::cluster::fence::Fence;
use metorial_operator::cluster::lease::LeaseTiming;
use metorial_operator::cluster::shard::Shard;
use metorial_operator::health::LivenessLimits;
use metorial_operator::metrics::BudgetSample;
use metorial_operator::resources::{ProviderAuthCredentials, ResourceKey};
use metorial_operator::runtime;
use metorial_operator::settings::{Settings, Timing};
use metorial_simulator::Simulator;
use serde_json::json;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The metric that counts reconciliations, without the prefix that all have.
pub const RECONCILIATIONS: &str = "reconciliations_total";
/// The metric of how long they took.
pub const RECONCILIATION_SECONDS: &str = "reconciliation_duration_seconds_count";
/// The metric of how many run now.
pub const RECONCILIATIONS_RUNNING: &str = "reconciliations_running";
/// The flag that limits how long one may take.
pub const RECONCILE_TIMEOUT: &str = "--reconcile-timeout";
/// That flag with this limit.
pub fn reconcile_timeout(limit: &str) -> String {
    format!("{RECONCILE_TIMEOUT}={limit}")
}

/// The text of `/livez` when one takes longer than that.
pub const OUTLIVED: &str = "a reconciliation did not end at its timeout";

/// Settings for an operator that serves one namespace, with short pauses and without rivals.
pub fn test_settings(namespace: &str, api: &str) -> Settings {
    Settings {
        namespaces: vec![namespace.to_owned()],
        shard: Shard::default(),
        installation_id: None,
        operator_namespace: namespace.to_owned(),
        allowed_base_urls: vec![api.parse().unwrap()],
        allowed_accounts: Default::default(),
        listen: "127.0.0.1:0".parse().unwrap(),
        leader_elect: false,
        concurrency: 8,
        secret_watch: true,
        serve_auth_exports: true,
        request_timeout: Duration::from_secs(20),
        reconcile_timeout: Duration::from_secs(60),
        timing: Timing {
            lease: LeaseTiming::default(),
            settle: Duration::from_millis(600),
            read_lag: Duration::from_millis(600),
            rest: Duration::from_millis(100),
            backoff: (Duration::from_millis(100), LONGEST_BACK_OFF),
            connection_check: Duration::from_secs(600),
            approval: Duration::from_secs(5),
            drain: Duration::from_secs(10),
        },
        hook: None,
    }
}

/// The same settings for an operator that may call these servers.
pub fn calling(settings: Settings, servers: &[&Simulator]) -> Settings {
    let urls = servers.iter().map(|server| server.url().parse().unwrap());
    Settings {
        allowed_base_urls: urls.collect(),
        ..settings
    }
}

/// The same settings with other limits for one call and one reconciliation.
pub fn with_timeouts(settings: Settings, request: Duration, reconcile: Duration) -> Settings {
    Settings {
        request_timeout: request,
        reconcile_timeout: reconcile,
        ..settings
    }
}

/// The same settings with something that happens at the start of the reconciliations that `when` picks by kind and name.
pub fn with_hook(
    settings: Settings,
    when: impl Fn(&str, &str) -> bool + Send + Sync + 'static,
    happens: fn() -> BoxFuture<'static, ()>,
) -> Settings {
    let hook = move |key: &ResourceKey| match when(key.kind, &key.name) {
        true => happens(),
        false => std::future::ready(()).boxed(),
    };
    Settings {
        hook: Some(Arc::new(hook)),
        ..settings
    }
}

/// The limits of the liveness probe.
pub fn probe_limits(limit: Duration) -> LivenessLimits {
    LivenessLimits {
        heartbeat: limit,
        reconciliation: limit,
    }
}

/// Tries every sort of write to the cluster as an operator that does not lead; returns whether each was refused for
/// that.
pub async fn write_without_leading(env: &Environment, name: &str) -> Vec<bool> {
    let metrics = Arc::new(Metrics::default());
    let cluster = Cluster::new(env.client.clone(), metrics, PATIENCE).fenced(Fence::default());
    let api = env.api::<ProviderAuthCredentials>();
    let object = cluster.get(&api, name).await.unwrap();
    let object = object.expect("reading is free");
    let (before, status) = (json!({}), json!({"id": "par_of_somebody_else"}));
    let refused = [
        cluster
            .write_status(&api, &object, &before, &status)
            .await
            .map(drop),
        cluster
            .patch_metadata(&api, &object, json!({"finalizers": []}))
            .await
            .map(drop),
        cluster
            .record_orphan(&env.namespace, "uid", "{}")
            .await
            .map(drop),
    ];
    let about = ResourceKey::new("ProviderAuthCredentials", &env.namespace, name);
    let about = (&about, object.metadata.uid.as_deref().unwrap());
    cluster
        .event(about, "Orphaned", EventType::Normal, "late")
        .await;
    let refused = refused.into_iter();
    refused
        .map(|tried| tried.is_err_and(|error| error.cause == Cause::NotLeader))
        .collect()
}

/// Records an orphan as an operator of this environment does, under this uid.
pub async fn record_orphan(env: &Environment, uid: &str, entry: &str) -> Result<(), String> {
    let metrics = Arc::new(Metrics::default());
    let cluster = Cluster::new(env.client.clone(), metrics, PATIENCE);
    let recorded = cluster.record_orphan(&env.namespace, uid, entry).await;
    recorded.map_err(|error| error.to_string())
}

/// Returns all metrics as text, with one sample of each that has labels.
pub fn filled_metrics(format: Format) -> String {
    let metrics = Metrics::default();
    let oldest = || vec![("provider-configs", Duration::from_secs(7))];
    metrics.set_observation_ages(Box::new(oldest));
    fill_metrics(&metrics);
    metrics.render(format)
}

fn fill_metrics(metrics: &Metrics) {
    use metorial_operator::resources::{Reason, ResourceKey};
    let connection = ResourceKey::new("Connection", "a", "b");
    metrics.set_reason(&connection, Reason::Synced);
    let budget = BudgetSample {
        remaining: 1,
        limit: Some(100),
        resumes_in: Duration::ZERO,
    };
    metrics.set_budget("https://api.metorial.com", "org_1", budget);
    metrics.api_request("GET /instance".to_owned(), "ok", Duration::ZERO);
    metrics.kube_write("patch Connection");
    metrics.reconciled("Connection", "Synced", Duration::ZERO);
    metrics.set_expiration(&ResourceKey::new("AuthExport", "a", "b"), Some(1));
}

/// A running operator. Dropping it kills it.
pub struct Operator {
    runtime: Option<Runtime>,
    /// How it ended by itself.
    ended: Arc<OnceLock<String>>,
    stop: Option<oneshot::Sender<()>>,
    done: Option<JoinHandle<Result<(), String>>>,
}

impl Operator {
    /// Starts one; `client` builds its client inside its own runtime.
    pub fn start(settings: Settings, client: impl FnOnce() -> Client + Send + 'static) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (stop, stopped) = oneshot::channel();
        let ended = Arc::new(OnceLock::new());
        let ends = ended.clone();
        let done = runtime.spawn(async move {
            let stop = async move {
                stopped.await.ok();
            };
            let ended = runtime::run(settings, client(), stop).await;
            ends.set(format!("the operator ended: {ended:?}")).ok();
            ended.map_err(|error| error.to_string())
        });
        Self {
            runtime: Some(runtime),
            ended,
            stop: Some(stop),
            done: Some(done),
        }
    }

    /// How it ended by itself, if it did.
    pub fn ended(&self) -> Option<&String> {
        self.ended.get()
    }

    /// Ends it as SIGTERM does: drains, and returns how the process would end. Nothing of it runs any more.
    pub async fn stop(mut self) -> Result<(), String> {
        self.stop.take().map(|stop| stop.send(()));
        let ended = self.done.take().unwrap().await.unwrap();
        self.kill();
        ended
    }

    /// Ends it as SIGKILL does: nothing of it runs any more.
    pub fn kill(mut self) {
        if let Some(stop) = self.stop.take() {
            std::mem::forget(stop);
        }
        let runtime = self.runtime.take().unwrap();
        let (send, ended) = mpsc::channel();
        // Dropping a runtime waits for the tasks that run at this moment, which must not be done where others are polled.
        std::thread::spawn(move || {
            drop(runtime);
            send.send(()).ok();
        });
        let ended = ended.recv_timeout(PATIENCE);
        ended.expect("nothing of a killed operator runs any more");
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            std::mem::forget(stop);
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
