//! The list of kinds, and what the loops need of each without knowing which it is.

use super::pass;
use super::queue::After;
use super::stall::stall;
use super::watch::{Watched, changes};
use super::world::World;
use crate::cluster::{Cause, ClusterError};
use crate::connections::{self, ConnectionKey, ConnectionResource, verify};
use crate::kinds::Kind;
use crate::plan::Dependent;
use crate::remote::{RemoteError, Session};
use crate::resources::ResourceKey;
use crate::resources::{
    AuthExport, AuthImport, ClusterConnection, Connection, ConnectionKind, ProviderAuthConfig,
    ProviderAuthCredentials, ProviderConfig, ProviderConfigVault,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeSet;
use std::marker::PhantomData;

/// Every kind that is served. A new kind is one line here.
#[must_use]
pub fn kinds() -> Vec<Box<dyn Served>> {
    vec![
        Box::new(Connected::<Connection>(PhantomData)),
        Box::new(Connected::<ClusterConnection>(PhantomData)),
        Box::new(Remote::<ProviderAuthCredentials>(PhantomData)),
        Box::new(Remote::<ProviderAuthConfig>(PhantomData)),
        Box::new(Remote::<ProviderConfig>(PhantomData)),
        Box::new(Remote::<ProviderConfigVault>(PhantomData)),
        Box::new(Remote::<AuthImport>(PhantomData)),
        Box::new(Remote::<AuthExport>(PhantomData)),
    ]
}

/// One kind, as the loops see it.
pub trait Served: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Whether it has no namespace, so that a namespaced operator can't see it.
    fn cluster_wide(&self) -> bool {
        false
    }
    /// The keys of resources that changed in a way that matters, in one namespace or in all.
    fn changes(&self, client: Client, namespace: Option<&str>) -> BoxStream<'static, ResourceKey>;
    /// One pass.
    fn pass<'a>(
        &'a self,
        world: &'a World,
        key: &'a ResourceKey,
    ) -> BoxFuture<'a, Result<After, ClusterError>>;
    /// Says on the resource that a pass over it ended badly.
    fn stall<'a>(
        &'a self,
        world: &'a World,
        key: &'a ResourceKey,
        what: &'static str,
    ) -> BoxFuture<'a, Result<(), ClusterError>>;
    /// The ids of the objects that living resources of this kind have in an instance, each once; one that is only
    /// borrowed counts where it belongs.
    fn ids<'a>(
        &'a self,
        world: &'a World,
        instance: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, ClusterError>>;
    /// How many of these objects are gone at the API.
    fn missing<'a>(
        &'a self,
        session: &'a Session,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<usize, RemoteError>>;
    /// The resources of this kind that keep a connection in use.
    fn users<'a>(
        &'a self,
        world: &'a World,
        connection: &'a ConnectionKey,
    ) -> BoxFuture<'a, Result<Vec<String>, ClusterError>>;
    /// What a resource has at Metorial that may have been made from one of these objects, and goes with it.
    fn dependents<'a>(
        &'a self,
        world: &'a World,
        key: &'a ResourceKey,
        of: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Dependent>, ClusterError>> {
        let _ = (world, key, of);
        std::future::ready(Ok(Vec::new())).boxed()
    }
}

struct Connected<C>(PhantomData<fn() -> C>);

impl<C: ConnectionResource> Served for Connected<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn cluster_wide(&self) -> bool {
        C::KIND == ConnectionKind::ClusterConnection
    }

    fn changes(&self, client: Client, namespace: Option<&str>) -> BoxStream<'static, ResourceKey> {
        changes(client, namespace, &Watched::of::<C>(C::NAME))
    }

    fn pass<'a>(
        &'a self,
        world: &'a World,
        key: &'a ResourceKey,
    ) -> BoxFuture<'a, Result<After, ClusterError>> {
        async move {
            let context = world.connection_context();
            let connection = ConnectionKey::new(C::KIND, &key.namespace, &key.name);
            let users = world.users(&connection);
            let next = connections::reconcile::<C>(&context, key, users).await?;
            // The registry counts a connection's failures; the memory only those that ended a pass.
            world.memory.forget(key);
            Ok(next.map_or(After::Never, After::In))
        }
        .boxed()
    }

    fn stall<'a>(
        &'a self,
        world: &'a World,
        key: &'a ResourceKey,
        what: &'static str,
    ) -> BoxFuture<'a, Result<(), ClusterError>> {
        let api = C::api(world.cluster.client(), &key.namespace);
        async move { stall(world, &api, key, what).await }.boxed()
    }

    fn users<'a>(
        &'a self,
        _: &'a World,
        _: &'a ConnectionKey,
    ) -> BoxFuture<'a, Result<Vec<String>, ClusterError>> {
        std::future::ready(Ok(Vec::new())).boxed()
    }

    fn ids<'a>(
        &'a self,
        _: &'a World,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, ClusterError>> {
        std::future::ready(Ok(Vec::new())).boxed()
    }

    fn missing<'a>(
        &'a self,
        _: &'a Session,
        _: &'a [String],
    ) -> BoxFuture<'a, Result<usize, RemoteError>> {
        std::future::ready(Ok(0)).boxed()
    }
}

struct Remote<K>(PhantomData<fn() -> K>);

impl<K: Kind> Served for Remote<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn changes(&self, client: Client, namespace: Option<&str>) -> BoxStream<'static, ResourceKey> {
        changes(client, namespace, &Watched::of::<K>(K::NAME))
    }

    fn pass<'a>(
        &'a self,
        world: &'a World,
        key: &'a ResourceKey,
    ) -> BoxFuture<'a, Result<After, ClusterError>> {
        pass::pass::<K>(world, key).boxed()
    }

    fn stall<'a>(
        &'a self,
        world: &'a World,
        key: &'a ResourceKey,
        what: &'static str,
    ) -> BoxFuture<'a, Result<(), ClusterError>> {
        let api: Api<K> = world.cluster.namespaced(&key.namespace);
        async move { stall(world, &api, key, what).await }.boxed()
    }

    fn dependents<'a>(
        &'a self,
        world: &'a World,
        key: &'a ResourceKey,
        of: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Dependent>, ClusterError>> {
        let api: Api<K> = world.cluster.namespaced(&key.namespace);
        async move {
            let object = world.cluster.get(&api, &key.name).await?;
            Ok(object.map_or_else(Vec::new, |object| made_from(&object, of)))
        }
        .boxed()
    }

    fn users<'a>(
        &'a self,
        world: &'a World,
        connection: &'a ConnectionKey,
    ) -> BoxFuture<'a, Result<Vec<String>, ClusterError>> {
        async move {
            let uses = |object: &K| {
                let namespace = object.namespace().unwrap_or_default();
                let status = object.common_status();
                verify::is_in_use_by(connection, &namespace, &status, object.finalizers())
                    .then(|| format!("{} {namespace}/{}", K::NAME, object.name_any()))
            };
            Ok(all::<K>(world).await?.iter().filter_map(uses).collect())
        }
        .boxed()
    }

    fn ids<'a>(
        &'a self,
        world: &'a World,
        instance: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, ClusterError>> {
        async move {
            let id = |object: &K| {
                let status = object.common_status();
                let here = status.instance_id.as_deref() == Some(instance);
                let stays = object.meta().deletion_timestamp.is_none();
                status.id.filter(|_| here && stays && !object.borrows())
            };
            let all = all::<K>(world).await?;
            let ids: BTreeSet<String> = all.iter().filter_map(id).collect();
            Ok(ids.into_iter().collect())
        }
        .boxed()
    }

    fn missing<'a>(
        &'a self,
        session: &'a Session,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<usize, RemoteError>> {
        session.missing::<K>(ids).boxed()
    }
}

/// All resources of a kind that are served; a kind without a definition has none.
async fn all<K: Kind>(world: &World) -> Result<Vec<K>, ClusterError> {
    let mut found = Vec::new();
    for namespace in world.scopes() {
        let api: Api<K> = match &namespace {
            Some(namespace) => world.cluster.namespaced(namespace),
            None => Api::all(world.cluster.client()),
        };
        match world.cluster.list(&api).await {
            Err(error) if error.cause == Cause::NotFound => {}
            listed => found.extend(listed?),
        }
    }
    Ok(found)
}

/// The object of a resource, if it was made from one of these, and what it replaced: that may have been, too.
fn made_from<K: Kind>(object: &K, of: &[String]) -> Vec<Dependent> {
    let Some(current) = object.made_from() else {
        return Vec::new();
    };
    let status = object.common_status();
    let name = object.name_any();
    let dependent = |of: &String, id: &String| Dependent {
        of: of.clone(),
        id: id.clone(),
        name: Some(name.clone()),
    };
    let (now, before): (Vec<&String>, Vec<&String>) = of.iter().partition(|of| *of == current);
    let now = now.into_iter().zip(&status.id);
    let replaced: Vec<&String> = status.retiring.iter().flatten().map(|r| &r.id).collect();
    let before = before
        .into_iter()
        .flat_map(|of| replaced.iter().map(move |id| (of, *id)));
    now.chain(before)
        .map(|(of, id)| dependent(of, id))
        .collect()
}
