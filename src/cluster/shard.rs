//! The shard: the part of the resources that this process serves, where several processes share the work.
//!
//! The API server decides which resources belong to it: their lists and watches have the label selector, and so has each read
//! that a decision is based on. So a resource that was moved to another shard is not seen any more, even if it was known.

use super::client::{Cluster, decoded, is_name};
use super::error::{Cause, ClusterError};
use super::pages::only_item;
use super::verb::Verb;
use crate::sensitive::Sensitive;
use kube::api::ListParams;
use kube::core::Request;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

/// The part of the resources that a process serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shard {
    /// Its name, where it has one: that of its Lease, and the label of its metrics.
    pub name: Option<String>,
    /// The label selector of its resources; `None`: all of them.
    pub selector: Option<String>,
}

impl Shard {
    /// Returns whether other processes serve other resources.
    #[must_use]
    pub fn is_part(&self) -> bool {
        self.selector.is_some()
    }

    /// Returns the name of the Lease by which its replicas elect a leader.
    #[must_use]
    pub fn lease(&self) -> String {
        match &self.name {
            Some(name) => format!("metorial-operator-{name}"),
            None => "metorial-operator".to_owned(),
        }
    }
}

impl Cluster {
    /// Reads an object if it belongs to the shard.
    ///
    /// # Errors
    /// The call failed.
    pub async fn get_of_shard<K>(
        &self,
        api: &Api<K>,
        name: &str,
        shard: &Shard,
    ) -> Result<Option<K>, ClusterError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        let Some(selector) = &shard.selector else {
            return self.get(api, name).await;
        };
        let Some(item) = self.select(api, name, selector, false).await? else {
            return Ok(None);
        };
        decoded(Verb::List, &K::kind(&()), name, &item).map(Some)
    }

    /// Returns whether an object exists and belongs to the shard.
    ///
    /// # Errors
    /// The call failed.
    pub async fn is_of_shard<K>(
        &self,
        api: &Api<K>,
        name: &str,
        shard: &Shard,
    ) -> Result<bool, ClusterError>
    where
        K: Resource<DynamicType = ()>,
    {
        let Some(selector) = &shard.selector else {
            return Ok(true);
        };
        let found = self.select(api, name, selector, true).await?;
        Ok(found.is_some())
    }

    /// Lists the one object of this name if it has these labels, as the server wrote it. A GET has no selector.
    async fn select<K>(
        &self,
        api: &Api<K>,
        name: &str,
        selector: &str,
        metadata_only: bool,
    ) -> Result<Option<Sensitive<String>>, ClusterError>
    where
        K: Resource<DynamicType = ()>,
    {
        if !is_name(name) || !api.namespace().is_none_or(is_name) {
            return Ok(None);
        }
        let params = ListParams::default()
            .fields(&format!("metadata.name={name}"))
            .labels(selector);
        let request = Request::new(api.resource_url());
        let request = if metadata_only {
            request.list_metadata(&params)
        } else {
            request.list(&params)
        };
        let client = self.client();
        let read = async {
            let request = request.map_err(kube::Error::BuildRequest)?;
            client.request_text(request).await
        };
        let kind = K::kind(&());
        let page = match self.call(Verb::List, &kind, name, read).await {
            // There are no objects of a kind whose definition is missing.
            Err(error) if error.cause == Cause::NotFound => return Ok(None),
            page => Sensitive::new(page?),
        };
        let failed = || ClusterError::new(Verb::List, &kind, name, Cause::Undecodable);
        let item = only_item(page.expose()).ok_or_else(failed)?;
        Ok(item.map(|item| Sensitive::new(item.to_owned())))
    }
}
