//! The objects that Metorial deletes along with others, as its lists show them.

use super::batch_limits::{SAFE_BATCH_SIZE, is_refused};
use super::coalesce::LONG_QUIET_TIME;
use super::error::RemoteError;
use super::session::Session;
use super::transport::{Item, Transport, full_pages};
use crate::kinds::{Dependents, Discovery, Kind, RemoteObject, with_kind};
use crate::plan::observed::{Dependent, Relation, RemoteView};
use crate::resources::cut;
use metorial::{Collection, ListQuery, Unreadable};
use serde_json::Value;
use std::sync::Arc;

/// The objects that depend on those of one kind.
#[derive(Clone, Copy)]
struct DependentsOf {
    kind: &'static str,
    dependents: &'static [Dependents],
}

impl Session {
    /// Lists the objects that Metorial deletes along with the objects `ids` (▲), read now. Resources that are deleted at the
    /// same time share a list.
    ///
    /// # Errors
    /// Any page failed.
    pub async fn dependents<K: Kind>(&self, ids: &[String]) -> Result<Vec<Dependent>, RemoteError> {
        let mut kinds = K::DEPENDENTS.iter();
        if kinds.all(|dependents| dependents.discovery == Discovery::InCluster) {
            return Ok(Vec::new());
        }
        let of = DependentsOf {
            kind: K::NAME,
            dependents: K::DEPENDENTS,
        };
        let (loader, transport) = (self.loader.clone(), self.transport.clone());
        let limit = loader.limits.limit(FILTERED_COLLECTION);
        let limit = limit.max(SAFE_BATCH_SIZE);
        let send = move |ids: Vec<String>| async move {
            let mut found = of.list(&transport, &ids).await;
            if ids.len() > SAFE_BATCH_SIZE && found.as_ref().is_err_and(is_refused) {
                loader.limits.reduce(FILTERED_COLLECTION, SAFE_BATCH_SIZE);
                let mut all = Vec::new();
                for some in ids.chunks(SAFE_BATCH_SIZE) {
                    all.extend(of.list(&transport, some).await?);
                }
                found = Ok(all);
            }
            found.map(Arc::new)
        };
        let batches = &self.loader.dependents;
        let found = match batches
            .join(K::NAME, ids, limit, LONG_QUIET_TIME, send)
            .await
        {
            // Refused to the one that opened the batch, which may be less urgent or of another namespace.
            Err(RemoteError::BudgetSpent(_)) => Arc::new(of.list(&self.transport, ids).await?),
            found => found?,
        };
        let of_these = found.iter().filter(|found| ids.contains(&found.of));
        Ok(of_these.cloned().collect())
    }
}

/// The collection whose list is filtered by the ids of others.
const FILTERED_COLLECTION: Collection = Collection::AuthConfigs;

impl DependentsOf {
    async fn list(
        self,
        transport: &Transport,
        ids: &[String],
    ) -> Result<Vec<Dependent>, RemoteError> {
        let mut listed = Vec::new();
        for dependents in self.dependents {
            let query = match dependents.discovery {
                Discovery::Filtered(filter) => full_pages().filter(filter, ids)?,
                Discovery::Listed => full_pages(),
                Discovery::InCluster => continue,
            };
            let found = with_kind!(dependents.of, K => {
                self.list_one::<K>(transport, &query, ids).await
            });
            listed.extend(found?);
        }
        Ok(listed)
    }

    async fn list_one<K: Kind>(
        self,
        transport: &Transport,
        query: &ListQuery,
        ids: &[String],
    ) -> Result<Vec<Dependent>, RemoteError> {
        let uses = |item: Item<K::Remote>| {
            Some(match item {
                Item::Read(remote) => Vec::from_iter(depending(ids, remote.view(), self.kind)),
                Item::Unreadable(item) => unreadable(ids, &item),
            })
        };
        let found = transport.list(query, uses).await?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// Returns a live object that is deleted along with one of `ids`. One that Metorial made with that, and gave a copy of its
/// metadata ◆, is a part of it: the marker in it is that of a resource of `kind`.
fn depending(ids: &[String], view: RemoteView, kind: &str) -> Option<Dependent> {
    let copied = view
        .marker
        .as_ref()
        .is_some_and(|marker| marker.owner.kind == kind);
    let is_one = |of: &&str| ids.iter().any(|id| id == of);
    let of = view.details.parents(&view.id).find(is_one)?.to_owned();
    let name = view.fields.get("name").and_then(Value::as_str);
    (view.live && !copied).then(|| Dependent {
        of,
        name: name.filter(|name| !name.is_empty()).map(cut),
        namespace: view.marker.map(|marker| marker.owner.namespace),
        id: view.id,
        relation: Relation::Parent,
    })
}

/// Returns which of `ids` an item that can't be read may depend on: it does only if it mentions the id.
fn unreadable(ids: &[String], item: &Unreadable) -> Vec<Dependent> {
    let mentioned = ids.iter().filter(|id| item.mentions(id));
    let dependent = |of: &String| Dependent {
        of: of.clone(),
        id: item.id.clone(),
        name: None,
        namespace: None,
        relation: Relation::Parent,
    };
    mentioned.map(dependent).collect()
}
