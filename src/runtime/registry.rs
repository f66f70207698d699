//! The kinds that are served, and what the runtime does with a resource of any of them.

use super::failures::{self, EndedBy};
use super::list_watch::Watched;
use crate::cluster::error::ClusterError;
use crate::kinds::{Kind, RemoteKind, with_kind};
use crate::reconcile::context::Context;
use crate::reconcile::{connection, reconcile};
use crate::resources::{
    AuthExport, ClusterConnection, Connection, ConnectionKind, ResourceKey, Stored,
};
use crate::settings::Settings;
use std::collections::HashMap;
use std::time::Duration;

/// Evaluates an expression in which the named type is that of a kind of connection.
macro_rules! with_connection {
    ($of:expr, $type:ident => $body:expr) => {
        match $of {
            ConnectionKind::Connection => {
                type $type = Stored<Connection>;
                $body
            }
            ConnectionKind::ClusterConnection => {
                type $type = Stored<ClusterConnection>;
                $body
            }
        }
    };
}

/// Returns the kinds that are served: a namespaced operator can't see those without a namespace.
pub fn served(settings: &Settings) -> impl Iterator<Item = Served> {
    let connections = ConnectionKind::ALL.into_iter().map(Served::Connections);
    let remote = RemoteKind::ALL.iter().copied().map(Served::RemoteObjects);
    let visible = |kind: &Served| settings.namespaces.is_empty() || !kind.cluster_wide();
    connections.chain(remote).filter(visible)
}

/// Returns the kinds that are disabled, each with the setting that enables it. They are watched all the same: each resource
/// reports why nothing happens, and one that is deleted must not wait for ever for its finalizer.
#[must_use]
pub fn disabled(settings: &Settings) -> HashMap<&'static str, &'static str> {
    if settings.serve_auth_exports {
        return HashMap::new();
    }
    HashMap::from([(
        AuthExport::NAME,
        "authExport.enabled: true in the values of the operator's chart (--serve-auth-exports=true)",
    )])
}

/// One kind, with what the runtime needs of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// A kind of connection.
    Connections(ConnectionKind),
    /// A kind that has remote objects.
    RemoteObjects(RemoteKind),
}

impl Served {
    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connections(kind) => kind.as_str(),
            Self::RemoteObjects(kind) => kind.as_str(),
        }
    }

    /// Returns whether it has no namespace, so that a namespaced operator can't see it.
    fn cluster_wide(self) -> bool {
        self == Self::Connections(ConnectionKind::ClusterConnection)
    }

    /// Returns whether resources of any shard may use those of the kind, so that each shard reconciles all of them.
    #[must_use]
    pub fn serves_all_shards(self) -> bool {
        matches!(self, Self::Connections(_))
    }

    /// Returns whether resources of any kind can refer to those of this one by their names.
    #[must_use]
    pub fn referred_to(self) -> bool {
        match self {
            Self::Connections(_) => false,
            Self::RemoteObjects(kind) => with_kind!(kind, K => K::REFERRED_TO),
        }
    }

    /// Returns what is watched in a namespace, or in all.
    #[must_use]
    pub fn watched(self, namespace: Option<&str>) -> Watched {
        let name = self.name();
        match self {
            Self::Connections(kind) => {
                with_connection!(kind, C => Watched::new::<C>(name, namespace))
            }
            Self::RemoteObjects(kind) => with_kind!(kind, K => Watched::new::<K>(name, namespace)),
        }
    }

    /// Reconciles one resource, and returns when the next reconciliation is due; `None` for when something changes.
    ///
    /// # Errors
    /// A call to Kubernetes failed.
    pub async fn reconcile(
        self,
        context: &Context,
        key: &ResourceKey,
    ) -> Result<Option<Duration>, ClusterError> {
        match self {
            Self::Connections(kind) => {
                let next =
                    with_connection!(kind, C => connection::reconcile::<C>(context, key).await);
                // Only failures that end a reconciliation are remembered here: `KeyChecks` counts the others.
                next.inspect(|_| context.memories.forget(key))
            }
            Self::RemoteObjects(kind) => {
                with_kind!(kind, K => reconcile::<Stored<K>>(context, key).await)
            }
        }
    }

    /// Reports on a resource that its reconciliation ended without a decision.
    ///
    /// # Errors
    /// The status could not be read or written.
    pub async fn report_end(
        self,
        context: &Context,
        key: &ResourceKey,
        ended: &EndedBy,
    ) -> Result<(), ClusterError> {
        match self {
            Self::Connections(kind) => {
                with_connection!(kind, C => failures::on_connection::<C>(context, key, ended).await)
            }
            Self::RemoteObjects(kind) => {
                with_kind!(kind, K => failures::on_resource::<Stored<K>>(context, key, ended).await)
            }
        }
    }
}
