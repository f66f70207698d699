//! The life of the process: stand by, lead, start again. Each leadership has a memory of its own, and dropping it drops every
//! task in it.

use super::enqueue::enqueue_changes;
use super::identities::identities;
use super::queue::{Bounds, Queue};
use super::reconciler::Reconciler;
use super::registry::disabled;
use crate::build_info::{COMMIT, VERSION};
use crate::cluster::client::Cluster;
use crate::cluster::dependencies::Dependencies;
use crate::cluster::error::{Cause, ClusterError};
use crate::cluster::fence::Fence;
use crate::cluster::installation::Identity;
use crate::cluster::lease::Candidate;
use crate::cluster::namespaces::NamespaceUids;
use crate::cluster::pages::Collection;
use crate::connections::{Connections, SessionFactory};
use crate::health::{self, Health, LivenessLimits, longest_reconciliation};
use crate::inventory::Inventories;
use crate::metrics::Metrics;
use crate::reconcile::context::Context;
use crate::reconcile::memories::Memories;
use crate::resources::ResourceKey;
use crate::schema::SchemaChecks;
use crate::settings::Settings;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use std::pin::pin;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::sync::watch::{Receiver, channel};
use tokio::time::Instant;
use url::Url;

/// The status of a request that the API server doesn't understand.
const BAD_REQUEST: u16 = 400;

/// The cause that keeps the process from running at all.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is in use or not local.
    #[error("can't listen on {address}: {kind}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The cause.
        kind: std::io::ErrorKind,
    },
    /// The API server rejects the label selector.
    #[error("--watch-label-selector: the API server does not accept {0:?} as a label selector")]
    Selector(String),
    /// The cluster refuses us.
    #[error("the cluster can't be used: {0}")]
    Cluster(ClusterError),
}

/// Runs until `stop`, then waits for running reconciliations and releases the lease.
///
/// # Errors
/// The process can't run here.
pub async fn run(
    settings: Settings,
    client: Client,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), StartError> {
    log_start(&settings);
    let metrics = Arc::new(Metrics::of_shard(settings.shard.name.as_deref()));
    let health = Health::default();
    let cluster = Cluster::new(client, metrics.clone(), settings.request_timeout);
    let cluster = cluster.in_namespaces(&settings.namespaces);
    let address = settings.listen;
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| StartError::Listen {
        address,
        kind: error.kind(),
    })?;
    let lease = settings.timing.lease;
    let limits = LivenessLimits {
        heartbeat: (lease.renew + settings.request_timeout) * 3,
        reconciliation: longest_reconciliation(
            settings.reconcile_timeout,
            settings.request_timeout,
        ),
    };
    let (stopping, stopped) = channel(false);
    let server = health::serve(listener, metrics.clone(), health.clone(), limits);
    let process = Process {
        schema_checks: Arc::new(SchemaChecks::new(metrics.clone())),
        settings,
        cluster,
        metrics,
        health,
    };
    let mut work = std::pin::pin!(process.work(stopped));
    let mut server = std::pin::pin!(server);
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = &mut server => tracing::error!("the HTTP server for metrics and health ended"),
            () = &mut stop, if !*stopping.borrow() => {
                tracing::info!("stopping: waiting for running reconciliations, then releasing the lease");
                stopping.send(true).ok();
            }
        }
    }
}

/// Logs which build starts, and what it serves.
fn log_start(settings: &Settings) {
    let namespaces = match settings.namespaces.as_slice() {
        [] => "all".to_owned(),
        some => some.join(","),
    };
    let base_urls: Vec<&str> = settings.allowed_base_urls.iter().map(Url::as_str).collect();
    tracing::info!(
        version = VERSION,
        commit = COMMIT,
        namespaces,
        base_urls = base_urls.join(","),
        selector = settings.shard.selector,
        shard = settings.shard.name,
        "starting"
    );
}

struct Process {
    settings: Settings,
    cluster: Cluster,
    metrics: Arc<Metrics>,
    health: Health,
    /// One for the whole process: its threads may outlive a leadership.
    schema_checks: Arc<SchemaChecks>,
}

impl Process {
    async fn work(&self, stop: Receiver<bool>) -> Result<(), StartError> {
        self.check().await?;
        self.health.mark_ready();
        if !self.settings.leader_elect {
            // Nobody else is asked, so it leads.
            self.metrics.set_leader(true);
            let heartbeats = self.heartbeats();
            tokio::select! {
                () = self.lead(Fence::open(), stopped(stop)) => {}
                () = heartbeats => {}
            }
            return Ok(());
        }
        let identity = format!("{}-{:08x}", hostname(), rand::random::<u32>());
        let namespace = &self.settings.operator_namespace;
        let timing = self.settings.timing.lease;
        let (cluster, lease) = (self.cluster.clone(), self.settings.shard.lease());
        let mut candidate = Candidate::new(cluster, namespace, lease, identity.clone(), timing);
        while !*stop.borrow() {
            tokio::select! {
                () = candidate.acquire(|| self.health.heartbeat()) => {}
                () = stopped(stop.clone()) => break,
            }
            tracing::info!(identity, "leading");
            self.metrics.set_leader(true);
            let fence = candidate.fence();
            tokio::select! {
                () = candidate.keep(|| self.health.heartbeat()) => {}
                () = self.lead(fence, stopped(stop.clone())) => {}
            }
            self.metrics.set_leader(false);
            self.health.forget_leadership();
        }
        candidate.release().await;
        Ok(())
    }

    /// Checks the cluster: one that refuses us, or does not answer at start, ends the process immediately.
    async fn check(&self) -> Result<(), StartError> {
        let identity = self.cluster.identity().await;
        identity.map_err(StartError::Cluster)?;
        let Some(selector) = self.settings.shard.selector.as_deref() else {
            return Ok(());
        };
        // A kind that is there even if the definitions of ours are not installed yet.
        let namespace = self.settings.namespaces.first().map(String::as_str);
        let any = Collection::new::<ConfigMap>(namespace).metadata_only();
        let listed = self.cluster.first(&any.selected(Some(selector))).await;
        match listed {
            Err(error) if error.cause == Cause::Refused(BAD_REQUEST) => {
                Err(StartError::Selector(selector.to_owned()))
            }
            listed => listed.map_err(StartError::Cluster),
        }
    }

    async fn heartbeats(&self) {
        loop {
            self.health.heartbeat();
            tokio::time::sleep(self.settings.timing.lease.renew).await;
        }
    }

    /// Leads until `stop` completes and running reconciliations have ended.
    async fn lead(&self, fence: Fence, stop: impl Future<Output = ()>) {
        let (queue, enqueued) = unbounded_channel();
        let (cluster, events) = self.cluster.fenced(fence.clone()).with_event_queue();
        let mut stop = pin!(stop);
        let context = tokio::select! {
            context = self.context(cluster, fence, queue) => Arc::new(context),
            () = &mut stop => return,
        };
        let reconciler = Arc::new(Reconciler::new(context.clone(), &self.settings));
        let (ended, end) = oneshot::channel();
        let work = async {
            tokio::select! {
                () = self.run_queue(reconciler, enqueued, stop) => {}
                () = enqueue_changes(&self.cluster, &context, &self.settings, &self.health) => {}
            }
            ended.send(()).ok();
        };
        tokio::join!(work, events.write(end));
    }

    /// Returns the context of a new leadership.
    async fn context(
        &self,
        cluster: Cluster,
        fence: Fence,
        queue: UnboundedSender<ResourceKey>,
    ) -> Context {
        let settings = &self.settings;
        let (namespace, pause) = (&settings.operator_namespace, settings.timing.lease.renew);
        let found = identities(&self.cluster, namespace, pause, &self.health).await;
        let (cluster_id, Identity { key, installation }) = found;
        let installation = settings.installation_id.clone().unwrap_or(installation);
        tracing::info!(cluster = cluster_id, installation, "identity in markers");
        let fingerprint_key = Arc::new(key);
        Context {
            connections: Connections::new(SessionFactory {
                cluster: cluster.clone(),
                allowed_base_urls: settings.allowed_base_urls.clone(),
                allowed_accounts: settings.allowed_accounts.clone(),
                timing: settings.timing,
                request_timeout: settings.request_timeout,
                fence,
                metrics: self.metrics.clone(),
                queue: queue.clone(),
                fingerprint_key: fingerprint_key.clone(),
            }),
            fingerprint_key,
            cluster_id,
            installation,
            namespace_uids: NamespaceUids::default(),
            memories: Memories::default(),
            dependencies: Dependencies::default(),
            awaited_owners: Dependencies::default(),
            queue,
            schema_checks: self.schema_checks.clone(),
            metrics: self.metrics.clone(),
            timing: settings.timing,
            operator_namespace: settings.operator_namespace.clone(),
            inventories: Inventories::new(cluster.clone(), settings.shard.clone()),
            shard: settings.shard.clone(),
            cluster,
            disabled: disabled(settings),
            since: Instant::now(),
        }
    }

    fn run_queue(
        &self,
        reconciler: Arc<Reconciler>,
        enqueued: UnboundedReceiver<ResourceKey>,
        stop: impl Future<Output = ()>,
    ) -> impl Future<Output = ()> {
        let bounds = Bounds {
            concurrency: self.settings.concurrency,
            deadline: self.settings.reconcile_timeout,
            drain: self.settings.timing.drain,
        };
        let queue = Queue::new(
            reconciler,
            bounds,
            self.metrics.clone(),
            self.health.clone(),
        );
        queue.work(enqueued, stop)
    }
}

async fn stopped(mut stop: Receiver<bool>) {
    // A sender that is gone means that the process is, so that counts as a stop.
    stop.wait_for(|stop| *stop).await.ok();
}

fn hostname() -> String {
    std::env::var("HOSTNAME").unwrap_or_else(|_| "metorial-operator".to_owned())
}
