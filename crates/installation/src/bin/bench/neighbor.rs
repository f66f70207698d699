//! Another namespace, whose new resources show whether somebody else's load delays them.

use crate::bench::Bench;
use crate::report::{Row, percentile};
use crate::tenant::Tenant;
use installation::Failure;
use std::time::Duration;

/// Time after which a new resource counts as not ready.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Time that a new resource should take at most.
const WANTED: Duration = Duration::from_secs(5);
/// Pause between two resources, so that they are no load of their own.
const PAUSE: Duration = Duration::from_millis(500);
/// The most resources that are created while the load lasts.
const MOST: usize = 20;

/// See the module.
pub struct Neighbor {
    tenant: Tenant,
    times: Vec<Duration>,
    created: usize,
}

impl Neighbor {
    /// Creates the namespace, with a Connection of the same organization. The operator need not run.
    pub async fn create(bench: &Bench, namespace: &str) -> Result<Self, Failure> {
        Ok(Self {
            tenant: bench.tenant(namespace).await?,
            times: Vec::new(),
            created: 0,
        })
    }

    /// Creates a resource and waits until it is ready.
    pub async fn add(&mut self) -> Result<(), Failure> {
        let name = format!("new-{:02}", self.created);
        self.created += 1;
        self.times
            .extend(self.tenant.add_one(&name, TIMEOUT).await?);
        Ok(())
    }

    /// Creates one resource after the other until the load has ended, at least one.
    pub async fn add_while(&mut self, mut load_lasts: impl FnMut() -> bool) -> Result<(), Failure> {
        loop {
            self.add().await?;
            let all_ready = self.times.len() == self.created;
            if self.created >= MOST || !all_ready || !load_lasts() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Returns the figures of the resources so far.
    pub fn rows(&self) -> Vec<Row> {
        let all_ready = self.times.len() == self.created;
        let worst = self.times.iter().max().copied().filter(|_| all_ready);
        let (count, median) = (self.created, percentile(&self.times, 50));
        let of = format!("new resource in another namespace ready, slowest of {count}");
        vec![
            Row::within(&of, worst, WANTED),
            Row::new("… and p50", crate::report::seconds(median)),
        ]
    }
}
