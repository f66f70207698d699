//! The list of kinds, and what the runtime needs of each without knowing which it is.

use super::failures::{self, EndedBy};
use super::list_watch::Watched;
use crate::cluster::error::ClusterError;
use crate::connections::ConnectionResource;
use crate::kinds::{Kind, RemoteKind, with_kind};
use crate::reconcile::context::Context;
use crate::reconcile::{connection, reconcile};
use crate::resources::{
    AuthExport, ClusterConnection, Connection, ConnectionKind, ResourceKey, Stored,
};
use crate::settings::Settings;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::time::Duration;

/// Returns every kind: the connections, and all that have remote objects.
fn kinds() -> Vec<Box<dyn Served>> {
    let mut all: Vec<Box<dyn Served>> = vec![
        Box::new(OfConnections::<Stored<Connection>>(PhantomData)),
        Box::new(OfConnections::<Stored<ClusterConnection>>(PhantomData)),
    ];
    let remote = RemoteKind::ALL.iter().map(|kind| {
        with_kind!(*kind, K => Box::new(OfRemoteObjects::<K>(PhantomData)) as Box<dyn Served>)
    });
    all.extend(remote);
    all
}

/// Returns the kinds that are served: a namespaced operator can't see those without a namespace.
#[must_use]
pub fn served(settings: &Settings) -> Vec<Box<dyn Served>> {
    let visible = |kind: &dyn Served| settings.namespaces.is_empty() || !kind.cluster_wide();
    kinds()
        .into_iter()
        .filter(|kind| visible(kind.as_ref()))
        .collect()
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

/// The result of a reconciliation: when the next one is due, `None` for when something changes.
pub type Reconciled<'a> = BoxFuture<'a, Result<Option<Duration>, ClusterError>>;

/// One kind, with what the runtime needs of it.
pub trait Served: Send + Sync {
    /// Returns its name.
    fn name(&self) -> &'static str;
    /// Returns whether it has no namespace, so that a namespaced operator can't see it.
    fn cluster_wide(&self) -> bool {
        false
    }
    /// Returns whether resources of any shard may use those of the kind, so that each shard reconciles all of them.
    fn serves_all_shards(&self) -> bool {
        false
    }
    /// Returns whether resources of any kind can refer to those of this one by their names.
    fn referred_to(&self) -> bool {
        false
    }
    /// Returns what is watched in a namespace, or in all.
    fn watched(&self, namespace: Option<&str>) -> Watched;
    /// Returns the same, of which lists report the reasons, too.
    fn counted(&self, namespace: Option<&str>) -> Watched;
    /// Reconciles one resource.
    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a ResourceKey) -> Reconciled<'a>;
    /// Reports on a resource that its reconciliation ended without a decision.
    fn report_end<'a>(
        &'a self,
        context: &'a Context,
        key: &'a ResourceKey,
        ended: &'a EndedBy,
    ) -> BoxFuture<'a, Result<(), ClusterError>>;
}

struct OfConnections<C>(PhantomData<fn() -> C>);

impl<C: ConnectionResource> Served for OfConnections<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn cluster_wide(&self) -> bool {
        C::KIND == ConnectionKind::ClusterConnection
    }

    fn serves_all_shards(&self) -> bool {
        true
    }

    fn watched(&self, namespace: Option<&str>) -> Watched {
        Watched::new::<C>(C::NAME, namespace)
    }

    fn counted(&self, namespace: Option<&str>) -> Watched {
        self.watched(namespace).with_reasons::<C>()
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a ResourceKey) -> Reconciled<'a> {
        async move {
            let next = connection::reconcile::<C>(context, key).await?;
            // Only failures that end a reconciliation are remembered here: the registry counts the others.
            context.memories.forget(key);
            Ok(next)
        }
        .boxed()
    }

    fn report_end<'a>(
        &'a self,
        context: &'a Context,
        key: &'a ResourceKey,
        ended: &'a EndedBy,
    ) -> BoxFuture<'a, Result<(), ClusterError>> {
        failures::on_connection::<C>(context, key, ended).boxed()
    }
}

struct OfRemoteObjects<K>(PhantomData<fn() -> K>);

impl<K: Kind> Served for OfRemoteObjects<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn referred_to(&self) -> bool {
        K::REFERRED_TO
    }

    fn watched(&self, namespace: Option<&str>) -> Watched {
        Watched::new::<K>(K::NAME, namespace)
    }

    fn counted(&self, namespace: Option<&str>) -> Watched {
        self.watched(namespace).with_reasons::<K>()
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a ResourceKey) -> Reconciled<'a> {
        reconcile::<Stored<K>>(context, key).boxed()
    }

    fn report_end<'a>(
        &'a self,
        context: &'a Context,
        key: &'a ResourceKey,
        ended: &'a EndedBy,
    ) -> BoxFuture<'a, Result<(), ClusterError>> {
        failures::on_resource::<Stored<K>>(context, key, ended).boxed()
    }
}
