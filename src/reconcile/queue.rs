//! Runs passes: at most so many at once, never two of one key, none forgotten. A pass that panics or takes too long
//! ends alone.

use super::schedule::Schedule;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::resources::ResourceKey;
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

/// When to come back to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// After this long, or earlier if something changes.
    In(Duration),
    /// Not unless something changes.
    Never,
}

/// What passes are: how one runs, and what is said about one that ended badly.
pub trait Passes: Send + Sync + 'static {
    /// Runs one pass.
    fn run(self: Arc<Self>, key: ResourceKey) -> BoxFuture<'static, After>;
    /// Tells about a pass that panicked or took too long.
    fn failed(self: Arc<Self>, key: ResourceKey, what: &'static str) -> BoxFuture<'static, After>;
}

/// The queue's settings.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Passes at once.
    pub concurrency: usize,
    /// The longest pass.
    pub deadline: Duration,
    /// How long passes under way may take once the process stops.
    pub drain: Duration,
}

/// The queue at work.
pub struct Queue {
    schedule: Schedule,
    passes: Arc<dyn Passes>,
    running: HashMap<Id, ResourceKey>,
    tasks: JoinSet<After>,
    bounds: Bounds,
    metrics: Arc<Metrics>,
    health: Health,
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(
        passes: Arc<dyn Passes>,
        bounds: Bounds,
        metrics: Arc<Metrics>,
        health: Health,
    ) -> Self {
        Self {
            schedule: Schedule::default(),
            passes,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            bounds,
            metrics,
            health,
        }
    }

    /// Works until `stop`, then lets the running passes end. Dropping the future drops every pass.
    pub async fn work(
        mut self,
        mut wakes: UnboundedReceiver<ResourceKey>,
        stop: impl Future<Output = ()>,
    ) {
        let mut stop = std::pin::pin!(stop);
        loop {
            while let Ok(key) = wakes.try_recv() {
                self.schedule.ask(key, Instant::now());
            }
            self.start_due();
            let next = self.next_start();
            tokio::select! {
                () = &mut stop => break,
                Some(key) = wakes.recv() => self.schedule.ask(key, Instant::now()),
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
                () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
        let ends = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.bounds.drain, ends).await.is_err() {
            tracing::warn!("passes that did not end in time are dropped");
        }
    }

    fn start_due(&mut self) {
        let now = Instant::now();
        while self.running.len() < self.bounds.concurrency {
            let Some(key) = self.schedule.take(now) else {
                break;
            };
            let passes = self.passes.clone();
            let (pass, deadline) = (key.clone(), self.bounds.deadline);
            let task = self.tasks.spawn(async move {
                let run = passes.clone().run(pass.clone());
                match tokio::time::timeout(deadline, run).await {
                    Ok(after) => after,
                    Err(_) => passes.failed(pass, "the pass did not end in time").await,
                }
            });
            self.health.started(task.id(), now);
            self.running.insert(task.id(), key);
        }
        self.metrics
            .set_queue(self.schedule.depth(now), self.running.len());
    }

    fn next_start(&self) -> Option<Instant> {
        let free = self.running.len() < self.bounds.concurrency;
        self.schedule.next_at().filter(|_| free)
    }

    fn ended(&mut self, ended: Result<(Id, After), JoinError>) {
        let (id, after) = match ended {
            Ok((id, after)) => (id, Some(after)),
            Err(error) => (error.id(), None),
        };
        self.health.finished(id);
        let Some(key) = self.running.remove(&id) else {
            return;
        };
        match after {
            Some(after) => {
                self.schedule.ended(&key);
                if let After::In(pause) = after {
                    self.schedule.ask(key, Instant::now() + pause);
                }
            }
            None => {
                self.metrics.panicked();
                let failed = self
                    .passes
                    .clone()
                    .failed(key.clone(), "the pass failed unexpectedly");
                let task = self.tasks.spawn(failed);
                self.health.started(task.id(), Instant::now());
                self.running.insert(task.id(), key);
            }
        }
    }
}
