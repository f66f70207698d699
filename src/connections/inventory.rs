//! The resources of one kind with their remote objects, for what concerns many resources at once.

use super::entry::Entry;
use crate::cluster::client::Cluster;
use crate::cluster::error::{Cause, ClusterError};
use crate::cluster::pages::Collection;
use crate::kinds::Kind;
use crate::remote::{RemoteError, Session};
use crate::resources::{ResourceKey, Stored};
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Api;
use std::marker::PhantomData;

/// A part of the resources of a kind.
#[derive(Clone, Copy, Default)]
pub struct Part<'a> {
    /// The only namespace; `None` for all that are served.
    pub namespace: Option<&'a str>,
    /// The label selector.
    pub selector: Option<&'a str>,
}

/// The resources of one kind.
pub trait Inventory: Send + Sync {
    /// Returns the kind's name.
    fn kind(&self) -> &'static str;
    /// Visits a part of the resources. A kind without a definition has none. Nothing is kept of one that was visited: there may
    /// be many.
    fn visit<'a>(
        &'a self,
        cluster: &'a Cluster,
        part: Part<'_>,
        each: &'a mut (dyn FnMut(Entry) + Send),
    ) -> BoxFuture<'a, Result<(), ClusterError>>;
    /// Reads one resource.
    fn entry<'a>(
        &'a self,
        cluster: &'a Cluster,
        key: &'a ResourceKey,
    ) -> BoxFuture<'a, Result<Option<Entry>, ClusterError>>;
    /// Returns those of the objects of this kind that are gone at the API.
    fn missing<'a>(
        &'a self,
        session: &'a Session,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<String>, RemoteError>>;
}

/// The [`Inventory`] of a [`Kind`].
pub struct InventoryOf<K>(pub PhantomData<fn() -> K>);

impl<K: Kind> Inventory for InventoryOf<K> {
    fn kind(&self) -> &'static str {
        K::NAME
    }

    fn visit<'a>(
        &'a self,
        cluster: &'a Cluster,
        part: Part<'_>,
        each: &'a mut (dyn FnMut(Entry) + Send),
    ) -> BoxFuture<'a, Result<(), ClusterError>> {
        let scopes = match part.namespace {
            Some(_) => vec![part.namespace],
            None => cluster.scopes(),
        };
        let scopes = scopes.into_iter();
        let collections: Vec<Collection> = scopes
            .map(|namespace| Collection::of::<K>(namespace).selected(part.selector))
            .collect();
        async move {
            for collection in &collections {
                let mut visit =
                    |text: &str| Entry::read::<K>(text).into_iter().for_each(&mut *each);
                match cluster.list(collection, &mut visit).await {
                    Err(error) if error.cause == Cause::NotFound => {}
                    listed => drop(listed?),
                }
            }
            Ok(())
        }
        .boxed()
    }

    fn entry<'a>(
        &'a self,
        cluster: &'a Cluster,
        key: &'a ResourceKey,
    ) -> BoxFuture<'a, Result<Option<Entry>, ClusterError>> {
        let api: Api<Stored<K>> = cluster.namespaced(&key.namespace);
        async move {
            let found = cluster.get(&api, &key.name).await?;
            Ok(found.as_ref().map(Entry::of))
        }
        .boxed()
    }

    fn missing<'a>(
        &'a self,
        session: &'a Session,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<String>, RemoteError>> {
        session.missing::<K>(ids).boxed()
    }
}
