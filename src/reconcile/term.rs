//! The life of the process: stand by, lead for a term, begin anew. A term has a memory of its own, and dropping it
//! drops every task in it.

use super::kinds::{Served, kinds};
use super::memory::Memory;
use super::queue::{After, Bounds, Passes, Queue};
use super::watch::{Watched, names};
use super::world::{World, jitter};
use crate::cluster::dependencies::Dependencies;
use crate::cluster::fence::Fence;
use crate::cluster::lease::Candidate;
use crate::cluster::{Cluster, ClusterError};
use crate::connections::{Connections, Setup};
use crate::health::{self, Health, LivenessLimits};
use crate::metrics::Metrics;
use crate::plan::pace;
use crate::resources::ResourceKey;
use crate::settings::Settings;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, SelectAll};
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::Client;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch::{Receiver, channel};
use tokio::time::Instant;

/// Why the process can't run at all.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The address is taken or not ours.
    #[error("can't listen on {address}: {kind}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// The cluster refuses us.
    #[error("the cluster can't be used: {0}")]
    Cluster(ClusterError),
}

/// Runs until `stop`, then drains and gives the lease up.
///
/// # Errors
/// The process can't run here.
pub async fn run(
    settings: Settings,
    client: Client,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), Unusable> {
    let metrics = Arc::new(Metrics::default());
    let health = Health::default();
    let cluster = Cluster::new(client, metrics.clone(), settings.request_timeout);
    let address = settings.listen;
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| Unusable::Listen {
        address,
        kind: error.kind(),
    })?;
    let lease = settings.timing.lease;
    let limits = LivenessLimits {
        heartbeat: (lease.renew + settings.request_timeout) * 3,
        reconciliation: settings.reconcile_timeout * 2,
    };
    let (stopping, stopped) = channel(false);
    let server = health::serve(listener, metrics.clone(), health.clone(), limits);
    let process = Process {
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
                tracing::info!("stopping: running passes end, then the lease is given up");
                stopping.send(true).ok();
            }
        }
    }
}

struct Process {
    settings: Settings,
    cluster: Cluster,
    metrics: Arc<Metrics>,
    health: Health,
}

impl Process {
    async fn work(&self, mut stopped: Receiver<bool>) -> Result<(), Unusable> {
        self.check().await?;
        self.health.set_ready(true);
        if !self.settings.leader_elect {
            // Nobody else is asked, so it leads.
            self.metrics.set_leader(true);
            let mut halt = stopped.clone();
            let beat = self.beat();
            tokio::select! {
                () = self.lead(Fence::open(), async move { halted(&mut halt).await; }) => {}
                () = beat => {}
            }
            return Ok(());
        }
        let identity = format!("{}-{:08x}", hostname(), rand::random::<u32>());
        let namespace = &self.settings.operator_namespace;
        let timing = self.settings.timing.lease;
        let mut candidate = Candidate::new(self.cluster.clone(), namespace, identity, timing);
        while !*stopped.borrow() {
            tokio::select! {
                () = candidate.acquire(|| self.health.heartbeat()) => {}
                () = halted(&mut stopped) => break,
            }
            tracing::info!("leading");
            self.metrics.set_leader(true);
            let mut halt = stopped.clone();
            let fence = candidate.fence();
            tokio::select! {
                () = candidate.keep(|| self.health.heartbeat()) => {}
                () = self.lead(fence, async move { halted(&mut halt).await; }) => {}
            }
            self.metrics.set_leader(false);
            self.health.forget_reconciliations();
        }
        candidate.release().await;
        Ok(())
    }

    /// A cluster that refuses us, or does not answer at start, is told at once.
    async fn check(&self) -> Result<(), Unusable> {
        self.cluster
            .identity()
            .await
            .map(drop)
            .map_err(Unusable::Cluster)
    }

    async fn beat(&self) {
        loop {
            self.health.heartbeat();
            tokio::time::sleep(self.settings.timing.lease.renew).await;
        }
    }

    /// One term: ends when `stop` says so and the running passes have ended.
    async fn lead(&self, fence: Fence, stop: impl Future<Output = ()>) {
        let (identity, mac) = loop {
            let namespace = &self.settings.operator_namespace;
            match futures::try_join!(
                self.cluster.identity(),
                self.cluster.fingerprint_key(namespace)
            ) {
                Ok(found) => break found,
                Err(error) => tracing::error!(%error, "can't begin"),
            }
            tokio::time::sleep(self.settings.timing.lease.renew).await;
        };
        let settings = &self.settings;
        let mac = Arc::new(mac);
        let cluster = self.cluster.fenced(fence.clone());
        let setup = Setup {
            cluster: cluster.clone(),
            cluster_wide: settings.namespaces.is_empty(),
            allowed_base_urls: settings.allowed_base_urls.clone(),
            request_timeout: settings.request_timeout,
            fence,
            metrics: self.metrics.clone(),
            key: mac.clone(),
        };
        let (wake, wakes) = unbounded_channel();
        let world = Arc::new(World {
            cluster,
            connections: Connections::new(setup),
            mac,
            identity,
            memory: Memory::default(),
            dependencies: Dependencies::default(),
            wake,
            metrics: self.metrics.clone(),
            timing: settings.timing,
            operator_namespace: settings.operator_namespace.clone(),
            namespaces: settings.namespaces.clone(),
            since: Instant::now(),
            hook: settings.hook.clone(),
        });
        let bounds = Bounds {
            concurrency: settings.concurrency,
            deadline: settings.reconcile_timeout,
            drain: settings.timing.drain,
        };
        let all = kinds()
            .into_iter()
            .filter(|kind| settings.namespaces.is_empty() || !kind.cluster_wide())
            .map(|kind| (kind.name(), kind))
            .collect();
        let passes = Arc::new(AllPasses {
            world: world.clone(),
            kinds: all,
        });
        let queue = Queue::new(passes, bounds, self.metrics.clone(), self.health.clone());
        let drained = queue.work(wakes, stop);
        tokio::select! {
            () = drained => {}
            () = self.listen(&world) => {}
        }
    }

    /// Turns what changes in the cluster into wakes.
    async fn listen(&self, world: &World) {
        let mut ours: SelectAll<BoxStream<ResourceKey>> = SelectAll::new();
        let mut referred: SelectAll<BoxStream<ResourceKey>> = SelectAll::new();
        for namespace in world.scopes() {
            let namespace = namespace.as_deref();
            let client = || self.cluster.client();
            for kind in kinds() {
                if namespace.is_none() || !kind.cluster_wide() {
                    ours.push(kind.changes(client(), namespace));
                }
            }
            if namespace.is_none() {
                let namespaces = Watched::of::<Namespace>("Namespace");
                referred.push(names(client(), None, &namespaces));
            }
            let maps = Watched::of::<ConfigMap>("ConfigMap");
            referred.push(names(client(), namespace, &maps));
            if self.settings.secret_watch {
                referred.push(names(client(), namespace, &Watched::of::<Secret>("Secret")));
            }
        }
        loop {
            tokio::select! {
                Some(key) = ours.next() => world.wake(key),
                Some(source) = referred.next() => world.wake_dependents(&source),
                else => return,
            }
        }
    }
}

async fn halted(stopped: &mut Receiver<bool>) {
    // A sender that is gone means that the process is, so that counts as a stop.
    stopped.wait_for(|stopped| *stopped).await.ok();
}

fn hostname() -> String {
    std::env::var("HOSTNAME").unwrap_or_else(|_| "metorial-operator".to_owned())
}

/// Passes over all kinds.
struct AllPasses {
    world: Arc<World>,
    kinds: HashMap<&'static str, Box<dyn Served>>,
}

impl Passes for AllPasses {
    fn run(self: Arc<Self>, key: ResourceKey) -> BoxFuture<'static, After> {
        async move {
            if let Some(hook) = &self.world.hook {
                hook(&key).await;
            }
            let Some(kind) = self.kinds.get(key.kind) else {
                return After::Never;
            };
            match kind.pass(&self.world, &key).await {
                Ok(after) => after,
                Err(error) => {
                    tracing::warn!(%error, %key, "a pass failed; trying again");
                    self.world.metrics.reconciled(
                        key.kind,
                        "KubernetesFailed",
                        std::time::Duration::ZERO,
                    );
                    self.again(&key)
                }
            }
        }
        .boxed()
    }

    fn failed(self: Arc<Self>, key: ResourceKey, what: &'static str) -> BoxFuture<'static, After> {
        async move {
            tracing::error!(%key, what, "a pass did not end well");
            if let Some(kind) = self.kinds.get(key.kind) {
                let told = kind.stall(&self.world, &key, what).await;
                if let Err(error) = told {
                    tracing::warn!(%error, %key, "the status could not be written");
                }
            }
            self.again(&key)
        }
        .boxed()
    }
}

impl AllPasses {
    fn again(&self, key: &ResourceKey) -> After {
        let failures = self.world.memory.failed(key);
        After::In(pace::back_off(
            self.world.timing.backoff,
            failures,
            jitter(),
        ))
    }
}
