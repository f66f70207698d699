//! The work queue: a bounded number of concurrent reconciliations, never two of one key, none lost. One that panics or takes
//! too long ends alone. Resources of one namespace that all take long leave a quarter of the workers to others.

use super::failures::EndedBy;
use super::reconciler::Reconciler;
use super::schedule::Schedule;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::resources::ResourceKey;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

/// The bounds of the queue.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The number of concurrent reconciliations.
    pub concurrency: usize,
    /// The deadline of a reconciliation.
    pub deadline: Duration,
    /// Time for running reconciliations once the process stops.
    pub drain: Duration,
}

/// The queue at work.
pub struct Queue {
    schedule: Schedule,
    reconciler: Arc<Reconciler>,
    running: HashMap<Id, ResourceKey>,
    tasks: JoinSet<Option<Duration>>,
    bounds: Bounds,
    metrics: Arc<Metrics>,
    health: Health,
}

impl Queue {
    /// Returns an empty queue.
    #[must_use]
    pub fn new(
        reconciler: Arc<Reconciler>,
        bounds: Bounds,
        metrics: Arc<Metrics>,
        health: Health,
    ) -> Self {
        Self {
            schedule: Schedule::new(bounds.concurrency - bounds.concurrency / 4),
            reconciler,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            bounds,
            metrics,
            health,
        }
    }

    /// Works until `stop`, then waits for the running reconciliations. Dropping the future drops them all.
    pub async fn work(
        mut self,
        mut enqueued: UnboundedReceiver<ResourceKey>,
        stop: impl Future<Output = ()>,
    ) {
        let mut stop = std::pin::pin!(stop);
        loop {
            while let Ok(key) = enqueued.try_recv() {
                self.schedule.add(key, Instant::now());
            }
            self.start_due();
            let next = self.next_start();
            tokio::select! {
                () = &mut stop => break,
                Some(key) = enqueued.recv() => self.schedule.add(key, Instant::now()),
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
                () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
        let ends = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.bounds.drain, ends).await.is_err() {
            tracing::warn!("dropping reconciliations that did not end in time");
        }
    }

    fn start_due(&mut self) {
        let now = Instant::now();
        while self.running.len() < self.bounds.concurrency {
            let Some(key) = self.schedule.take(now) else {
                break;
            };
            let (reconciler, resource) = (self.reconciler.clone(), key.clone());
            let deadline = self.bounds.deadline;
            let task = self.tasks.spawn(async move {
                let run = reconciler.reconcile(&resource);
                match tokio::time::timeout(deadline, run).await {
                    Ok(next) => next,
                    Err(_) => {
                        let ended = EndedBy::timeout(deadline);
                        reconciler.report_failure(&resource, &ended).await
                    }
                }
            });
            self.health.started(task.id(), now);
            self.running.insert(task.id(), key);
        }
        self.metrics
            .set_queue(self.schedule.depth(now), self.running.len());
    }

    fn next_start(&self) -> Option<Instant> {
        if self.running.len() < self.bounds.concurrency {
            self.schedule.next_at()
        } else {
            None
        }
    }

    fn ended(&mut self, ended: Result<(Id, Option<Duration>), JoinError>) {
        let (id, next) = match ended {
            Ok((id, next)) => (id, Some(next)),
            Err(error) => (error.id(), None),
        };
        self.health.finished(id);
        let Some(key) = self.running.remove(&id) else {
            return;
        };
        match next {
            Some(next) => {
                self.schedule.ended(&key);
                if let Some(pause) = next {
                    self.schedule.add(key, Instant::now() + pause);
                }
            }
            None => {
                self.metrics.panicked();
                let (reconciler, resource) = (self.reconciler.clone(), key.clone());
                let task = self.tasks.spawn(async move {
                    let ended = EndedBy::panic();
                    reconciler.report_failure(&resource, &ended).await
                });
                self.health.started(task.id(), Instant::now());
                self.running.insert(task.id(), key);
            }
        }
    }
}
