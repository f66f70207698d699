//! Lists and reads the resources of one kind.

use super::entry::Entry;
use crate::cluster::client::Cluster;
use crate::cluster::error::{Cause, ClusterError};
use crate::cluster::pages::Collection;
use crate::kinds::Kind;
use crate::resources::{ResourceKey, Stored};
use kube::Api;

/// A part of the resources of a kind.
#[derive(Clone, Copy, Default)]
pub struct Part<'a> {
    /// The only namespace; `None` for all that are served.
    pub namespace: Option<&'a str>,
    /// The label selector.
    pub selector: Option<&'a str>,
}

/// Visits a part of the resources of a kind. A kind without a definition has none. Nothing is kept of one that was visited:
/// there may be many.
///
/// # Errors
/// A list failed.
pub async fn visit<K: Kind>(
    cluster: &Cluster,
    part: Part<'_>,
    each: &mut (dyn FnMut(Entry) + Send),
) -> Result<(), ClusterError> {
    let scopes = match part.namespace {
        Some(_) => vec![part.namespace],
        None => cluster.scopes(),
    };
    for namespace in scopes {
        let collection = Collection::new::<K>(namespace).selected(part.selector);
        let mut visit = |text: &str| {
            if let Some(entry) = Entry::read::<K>(text) {
                each(entry);
            }
        };
        match cluster.list(&collection, &mut visit).await {
            Err(error) if error.cause == Cause::NotFound => {}
            listed => drop(listed?),
        }
    }
    Ok(())
}

/// Reads one resource.
///
/// # Errors
/// The read failed.
pub async fn entry<K: Kind>(
    cluster: &Cluster,
    key: &ResourceKey,
) -> Result<Option<Entry>, ClusterError> {
    let api: Api<Stored<K>> = cluster.namespaced(&key.namespace);
    let found = cluster.get(&api, &key.name).await?;
    Ok(found.as_ref().map(Entry::from_resource))
}
