//! The kinds as the reconciler sees them: what they refer to, what they want, how their remote object reads. Data and
//! pure functions; adding a kind is one file here and one line in [`all`](crate::reconcile::kinds).

mod inputs;
mod provider_auth_credentials;

pub use inputs::{Inputs, Reference, SourceKind};

use crate::plan::{Desired, Field, Invalid, MacKey, Owner, RemoteView};
use crate::resources::{CommonSpec, CommonStatus};
use kube::core::NamespaceResourceScope;
use metorial::Object;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;

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

    /// The wanted remote object.
    ///
    /// # Errors
    /// The spec or an input can't be used.
    fn desired(&self, inputs: &Inputs, owner: &Owner, key: &MacKey) -> Result<Desired, Invalid> {
        let metadata = self.common().metadata.clone().unwrap_or_default();
        Ok(Desired::new(self.fields(inputs)?, metadata, owner, key))
    }
}

/// Objects that Metorial deletes along with one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependents {
    /// Auth configs that people authorised with our credentials.
    AuthConfigsOfCredentials,
}

/// Text as the API keeps it: trimmed, and absent as empty.
fn text(text: Option<&str>) -> Value {
    Value::from(text.unwrap_or_default().trim())
}

/// A set in one order and without repetition.
fn set(items: &[String]) -> Value {
    let mut items = items.to_vec();
    items.sort();
    items.dedup();
    Value::from(items)
}
