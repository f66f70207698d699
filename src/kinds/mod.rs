//! The kinds as the reconciler sees them: what they refer to, what they want, how their remote object reads. Data and
//! pure functions; adding a kind is one file here and one line in [`all`](crate::reconcile::kinds).

pub mod auth_config;
mod auth_export;
mod auth_import;
mod compose;
mod inputs;
mod naming;
mod provider_auth_config;
mod provider_auth_credentials;
mod provider_config;
mod provider_config_vault;
mod replaced;
mod tool_filters;

pub use inputs::{Inputs, Reference, SourceKind};

use crate::plan::{Desired, Field, Invalid, MacKey, Manner, Owner, Policy, RemoteView};
use crate::resources::{CommonSpec, CommonStatus, ExportSecret};
use kube::core::NamespaceResourceScope;
use metorial::{AuthConfig, Object};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;
use std::sync::Arc;

/// One custom resource kind. No I/O: everything here can be tested with a table.
pub trait Kind:
    kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + DeserializeOwned
    + Serialize
    + Clone
    + Debug
    + Send
    + Sync
    + 'static
{
    /// The remote object, as the API answers it.
    type Remote: Object;
    /// The kind's name.
    const NAME: &'static str;
    /// What Metorial deletes along with such an object, if anything.
    const DEPENDENTS: Option<Dependents> = None;

    /// The shared part of the spec.
    fn common(&self) -> &CommonSpec;
    /// The shared part of the status.
    fn common_status(&self) -> CommonStatus;
    /// Everything that must be read before [`fields`](Kind::fields) can be computed.
    fn references(&self) -> Vec<Reference>;
    /// The wanted fields, in the form that reading gives; `Invalid` names the field at fault, never a value.
    ///
    /// # Errors
    /// The spec or an input can't be used.
    fn fields(&self, inputs: &Inputs) -> Result<Vec<Field>, Invalid>;
    /// What can be read of a remote object, in the same form.
    fn view(remote: &Self::Remote) -> RemoteView;
    /// Where the remote object comes from, and how imports of this resource are told.
    ///
    /// # Errors
    /// An input can't be used.
    fn manner(&self, inputs: &Inputs) -> Result<Manner, Invalid> {
        let _ = inputs;
        Ok(Manner::default())
    }
    /// Whether the remote object is somebody else's, and only used.
    fn borrows(&self) -> bool {
        false
    }
    /// What others that refer to this resource may read of its spec, besides its id.
    fn shared(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// What the kind's own fields say about the policy.
    fn adjust(&self, policy: Policy) -> Policy {
        policy
    }
    /// The object that the remote object was made from, and with which it goes, as the status has it.
    fn made_from(&self) -> Option<&str> {
        None
    }
    /// The schema that the field `value` has to follow, where it is to be checked.
    fn schema(&self) -> Option<ValueSchema> {
        None
    }
    /// The Secret that exports of this resource go into.
    fn exports_into(&self) -> Option<&ExportSecret> {
        None
    }
    /// The remote object, where an import answers an auth config and that is what it is.
    fn from_auth_config(config: AuthConfig) -> Option<Self::Remote> {
        drop(config);
        None
    }

    /// The wanted remote object.
    ///
    /// # Errors
    /// The spec or an input can't be used.
    fn desired(
        &self,
        inputs: &Inputs,
        owner: &Owner,
        key: &Arc<MacKey>,
    ) -> Result<Desired, Invalid> {
        let metadata = self.common().metadata.clone().unwrap_or_default();
        let (fields, manner) = (self.fields(inputs)?, self.manner(inputs)?);
        Ok(Desired::new(fields, metadata, manner, owner, key))
    }
}

/// Objects that Metorial deletes along with one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependents {
    /// Auth configs that people authorised with our credentials.
    AuthConfigsOfCredentials,
    /// Configs that were made from our vault.
    ConfigsOfVault,
}

/// Which schema a value has to follow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValueSchema {
    /// The config schema of a provider, or of one of its deployments.
    Config {
        /// The provider.
        provider: String,
        /// The deployment.
        deployment: Option<String>,
    },
    /// What imports into an auth config, or a new one, have to follow.
    Auth {
        /// The auth method, if it is known.
        method: Option<String>,
        /// The provider, for an import that makes an auth config.
        provider: Option<String>,
    },
    /// The same for an existing auth config.
    AuthConfig {
        /// Its id.
        id: String,
        /// Its auth method.
        method: Option<String>,
    },
}

/// A set in one order and without repetition.
fn set(items: &[String]) -> Value {
    let mut items = items.to_vec();
    items.sort();
    items.dedup();
    Value::from(items)
}
