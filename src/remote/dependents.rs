//! The objects that Metorial deletes along with others.

use super::error::RemoteError;
use super::session::{Session, all};
use super::transport::Item;
use crate::kinds::{Dependents, Kind, auth_config};
use crate::plan::observed::{Dependent, RemoteView};
use crate::resources::{ProviderConfig, cut};
use metorial::{AuthConfig, Config, Unreadable};

impl Session {
    /// Lists the objects that Metorial deletes along with the objects `ids` (▲).
    ///
    /// # Errors
    /// Any page failed.
    pub async fn dependents<K: Kind>(&self, ids: &[String]) -> Result<Vec<Dependent>, RemoteError> {
        let dependent = |of: Option<String>, id: String, name: Option<String>| {
            let of = of.filter(|of| ids.contains(of))?;
            Some(Dependent {
                of,
                id,
                name: name.as_deref().map(cut),
                namespace: None,
            })
        };
        let owned = |of: Option<String>, view: RemoteView, name: Option<String>| {
            let found = dependent(of.filter(|_| view.live), view.id, name)?;
            Some(Dependent {
                namespace: view.marker.map(|marker| marker.owner.namespace),
                ..found
            })
        };
        // An item that can't be read depends on an object only if it mentions its id.
        let unreadable = |item: &Unreadable| {
            let of = ids.iter().find(|id| item.mentions(id));
            dependent(of.cloned(), item.id.clone(), None)
        };
        match K::DEPENDENTS {
            None => Ok(Vec::new()),
            Some(Dependents::ConfigsOfVault) => {
                // All configs are read: the filter `provider_config_vault_id` matches nothing on the server (▲).
                let uses = |item: Item<Config>| {
                    let config = match item {
                        Item::Read(config) => config,
                        Item::Unreadable(item) => return unreadable(&item),
                    };
                    let view = ProviderConfig::view(&config);
                    owned(config.from_vault.map(|vault| vault.id), view, config.name)
                };
                self.transport.list(&all(), uses).await
            }
            Some(Dependents::AuthConfigsOfCredentials) => {
                let query = all().filter("provider_auth_credentials_id", ids)?;
                let uses = |item: Item<AuthConfig>| {
                    let config = match item {
                        Item::Read(config) => config,
                        Item::Unreadable(item) => return unreadable(&item),
                    };
                    let view = auth_config::view(&config);
                    owned(config.credentials.map(|used| used.id), view, config.name)
                };
                self.transport.list(&query, uses).await
            }
        }
    }
}
