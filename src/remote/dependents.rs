//! The objects that Metorial deletes along with others.

use super::batch_limits::{FEW, is_refused};
use super::coalesce::PATIENT;
use super::error::RemoteError;
use super::session::Session;
use super::transport::{Item, Transport, all};
use crate::kinds::{Dependents, Kind, auth_config};
use crate::plan::observed::{Dependent, RemoteView};
use crate::resources::{ProviderConfig, cut};
use metorial::{AuthConfig, Collection, Config, Unreadable};
use std::sync::Arc;

impl Session {
    /// Lists the objects that Metorial deletes along with the objects `ids` (▲), read now. Resources that are deleted at the
    /// same time share a list.
    ///
    /// # Errors
    /// Any page failed.
    pub async fn dependents<K: Kind>(&self, ids: &[String]) -> Result<Vec<Dependent>, RemoteError> {
        let Some(kind) = K::DEPENDENTS else {
            return Ok(Vec::new());
        };
        let (limits, transport) = (self.loader.limits.clone(), self.transport.clone());
        let limit = limits.limit(LISTED).max(FEW);
        let send = move |ids: Vec<String>| async move {
            let mut found = list(&transport, kind, &ids).await;
            if ids.len() > FEW && found.as_ref().is_err_and(is_refused) {
                limits.reduce(LISTED, FEW);
                let mut all = Vec::new();
                for some in ids.chunks(FEW) {
                    all.extend(list(&transport, kind, some).await?);
                }
                found = Ok(all);
            }
            found.map(Arc::new)
        };
        let dependents = &self.loader.dependents;
        let found = dependents.join(kind, ids, limit, PATIENT, send).await;
        let found = match found {
            // Refused to whoever opened the batch, which may be less urgent or of another namespace.
            Err(RemoteError::BudgetSpent(_)) => Arc::new(list(&self.transport, kind, ids).await?),
            found => found?,
        };
        let of_these = found.iter().filter(|found| ids.contains(&found.of));
        Ok(of_these.cloned().collect())
    }
}

/// The collection whose list is filtered by the ids of others.
const LISTED: Collection = Collection::AuthConfigs;

async fn list(
    transport: &Transport,
    kind: Dependents,
    ids: &[String],
) -> Result<Vec<Dependent>, RemoteError> {
    let found = match kind {
        Dependents::ConfigsOfVault => {
            // All configs are read: the filter `provider_config_vault_id` matches nothing on the server (▲).
            let uses = |item: Item<Config>| {
                Some(match item {
                    Item::Read(config) => {
                        let view = ProviderConfig::view(&config);
                        let of = config.from_vault.map(|vault| vault.id);
                        owned(ids, of, view, config.name.as_deref())
                    }
                    Item::Unreadable(item) => unreadable(ids, &item),
                })
            };
            transport.list(&all(), uses).await?
        }
        Dependents::AuthConfigsOfCredentials => {
            let query = all().filter("provider_auth_credentials_id", ids)?;
            let uses = |item: Item<AuthConfig>| {
                Some(match item {
                    Item::Read(config) => {
                        let view = auth_config::view(&config);
                        let of = config.credentials.map(|used| used.id);
                        owned(ids, of, view, config.name.as_deref())
                    }
                    Item::Unreadable(item) => unreadable(ids, &item),
                })
            };
            transport.list(&query, uses).await?
        }
    };
    Ok(found.into_iter().flatten().collect())
}

/// Returns the live object that was created from one of `ids`.
fn owned(
    ids: &[String],
    of: Option<String>,
    view: RemoteView,
    name: Option<&str>,
) -> Vec<Dependent> {
    let of = of.filter(|of| view.live && ids.contains(of));
    let found = of.map(|of| Dependent {
        of,
        id: view.id,
        name: name.map(cut),
        namespace: view.marker.map(|marker| marker.owner.namespace),
    });
    found.into_iter().collect()
}

/// Returns which of `ids` an item that can't be read may depend on: it does only if it mentions the id.
fn unreadable(ids: &[String], item: &Unreadable) -> Vec<Dependent> {
    let mentioned = ids.iter().filter(|id| item.mentions(id));
    let dependent = |of: &String| Dependent {
        of: of.clone(),
        id: item.id.clone(),
        name: None,
        namespace: None,
    };
    mentioned.map(dependent).collect()
}
