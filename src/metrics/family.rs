//! Labels, and the registration of metrics.

use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::registry::{Metric, Registry};

/// Labels of a metric: up to three, under fixed names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Labels(pub(super) Vec<(&'static str, String)>);

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> Result<(), std::fmt::Error> {
        self.0.encode(encoder)
    }
}

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
