//! Reads connections and builds their API clients, by the settings of the process.

use super::settings::{ConnectionResource, ConnectionSettings};
use super::verify;
use crate::cluster::client::Cluster;
use crate::cluster::decode::decode;
use crate::cluster::error::ClusterError;
use crate::cluster::fence::Fence;
use crate::cluster::metadata::PartialObject;
use crate::cluster::pages::Collection;
use crate::kinds::Inputs;
use crate::metrics::Metrics;
use crate::plan::fingerprint::MacKey;
use crate::plan::not_ready::NotReady;
use crate::resources::{
    ClusterConnection, Connection, ConnectionKey, ConnectionKind, Reason, ResourceKey, Stored,
};
use crate::settings::{AllowedAccounts, Timing};
use metorial::{ApiKey, BuildError, Client};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use url::Url;

/// The settings of the process that connections are read and sessions are built with.
pub struct SessionFactory {
    /// The cluster that connections and keys are read from.
    pub cluster: Cluster,
    /// The prefixes that a base URL may have.
    pub allowed_base_urls: Vec<Url>,
    /// The accounts that keys may belong to.
    pub allowed_accounts: AllowedAccounts,
    /// Intervals and pauses.
    pub timing: Timing,
    /// The deadline of one API request.
    pub request_timeout: Duration,
    /// The fence of every write.
    pub fence: Fence,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The work queue.
    pub queue: UnboundedSender<ResourceKey>,
    /// The key that recognizes an unchanged API key without keeping it.
    pub fingerprint_key: Arc<MacKey>,
}

impl SessionFactory {
    /// Reads the settings of a connection; `None` if it does not exist.
    ///
    /// # Errors
    /// The read failed, or this operator does not serve the kind.
    pub async fn settings(
        &self,
        key: &ConnectionKey,
    ) -> Result<Option<ConnectionSettings>, NotReady> {
        let cluster = &self.cluster;
        let found = match key.kind {
            ConnectionKind::Connection => get::<Stored<Connection>>(cluster, key).await,
            ConnectionKind::ClusterConnection if self.cluster.serves_all() => {
                get::<Stored<ClusterConnection>>(cluster, key).await
            }
            ConnectionKind::ClusterConnection => {
                let message = format!(
                    "{key} can't be used: this operator watches single namespaces; refer to a Connection"
                );
                return Err(NotReady::new(Reason::NamespaceNotAllowed, message));
            }
        };
        found.map_err(|error| verify::of_unread(&error))
    }

    /// Returns the keys of the connections that resources in `namespace` may refer to.
    ///
    /// # Errors
    /// They could not be listed.
    pub async fn keys(&self, namespace: &str) -> Result<Vec<ConnectionKey>, ClusterError> {
        let mut keys = self.listed::<Stored<Connection>>(Some(namespace)).await?;
        if self.cluster.serves_all() {
            keys.extend(self.listed::<Stored<ClusterConnection>>(None).await?);
        }
        Ok(keys)
    }

    async fn listed<C: ConnectionResource>(
        &self,
        namespace: Option<&str>,
    ) -> Result<Vec<ConnectionKey>, ClusterError> {
        let of = Collection::new::<C>(namespace).metadata_only();
        let (mut keys, namespace) = (Vec::new(), namespace.unwrap_or_default());
        let mut add = |text: &str| {
            let found = decode::<PartialObject>(text).map(|object| object.metadata.name);
            let key = |name: String| ConnectionKey::new(C::KIND, namespace, &name);
            keys.extend(found.map(key));
        };
        self.cluster.list(&of, &mut add).await?;
        Ok(keys)
    }

    /// Builds the API client of a connection.
    ///
    /// # Errors
    /// The key or a certificate has the wrong form.
    pub fn client(
        &self,
        url: Url,
        settings: &ConnectionSettings,
        inputs: &Inputs,
    ) -> Result<Client, NotReady> {
        let invalid = |message: String| NotReady::new(Reason::InvalidValue, message);
        let text = inputs.get(&settings.key).map_err(|i| invalid(i.message))?;
        let key =
            ApiKey::parse(text).map_err(|error| invalid(format!("{}: {error}", settings.key)))?;
        let mut builder = Client::builder(url, key)
            .timeout(self.request_timeout)
            .user_agent(concat!("metorial-operator/", env!("CARGO_PKG_VERSION")));
        if let Some(instance) = settings.instance_id() {
            builder = builder.instance_id(instance);
        }
        if let Some(reference) = &settings.ca_bundle {
            let roots = inputs.get(reference).map_err(|i| invalid(i.message))?;
            builder = builder.add_root_certificates_pem(roots.as_bytes());
        }
        builder.build().map_err(|error| match error {
            BuildError::InstanceId => invalid(format!("spec.instance.id: {error}")),
            error => invalid(format!("spec.caBundle: {error}")),
        })
    }
}

async fn get<C: ConnectionResource>(
    cluster: &Cluster,
    key: &ConnectionKey,
) -> Result<Option<ConnectionSettings>, ClusterError> {
    let api = C::api(cluster.client(), &key.namespace);
    let found = cluster.get(&api, &key.name).await?;
    Ok(found.map(|found| found.settings()))
}
