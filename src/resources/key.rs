//! The key of a resource in the work queue and in the map of dependencies.

use std::fmt;
use std::sync::Arc;

/// The kind, namespace and name of one object in the cluster: a custom resource, or a Secret, ConfigMap or Namespace
/// that custom resources depend on. Queue, memory and maps have a copy each, which shares the texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceKey {
    /// The kind.
    pub kind: &'static str,
    /// Its namespace; empty for a cluster-wide kind.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl ResourceKey {
    /// Builds a key.
    #[must_use]
    pub fn new(kind: &'static str, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}
