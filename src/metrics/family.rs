//! Labels, and the registration of metrics.

use prometheus_client::registry::{Metric, Registry};

/// Labels of a metric: up to three, under fixed names.
pub(super) type Labels = Vec<(&'static str, String)>;

/// Creates and registers a metric that needs no settings.
pub(super) fn new<M: Metric + Clone + Default>(all: &mut Registry, name: &str, help: &str) -> M {
    register(all, name, help, M::default())
}

pub(super) fn register<M: Metric + Clone>(
    all: &mut Registry,
    name: &str,
    help: &str,
    metric: M,
) -> M {
    all.register(name, help, metric.clone());
    metric
}
