//! The contract of a kind: what it refers to, what it wants, and how its remote object reads. Data and pure functions; a
//! new kind is one file here and one line in the list of [`RemoteKind`]s.

use super::inputs::{Inputs, Reference};
use super::remote_kind::RemoteKind;
use crate::plan::children::ChildSpec;
use crate::plan::desired::{Desired, Invalid, Wanted};
use crate::plan::fields::Compare;
use crate::plan::fingerprint::MacKey;
use crate::plan::observed::RemoteView;
use crate::plan::ownership::Owner;
use crate::plan::policy::Lifecycle;
use crate::resources::free_json::{METADATA, NUL, unfit};
use crate::resources::{CommonSpec, ResourceKey, ResourceStatus};
use kube::core::NamespaceResourceScope;
use metorial::Object;
use serde::Serialize;
use serde::de::DeserializeOwned;
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
    type Remote: RemoteObject;
    /// The status.
    type Status: ResourceStatus;
    /// The kind's name.
    const NAME: &'static str;
    /// The objects that a deletion of one of this kind has to wait for.
    const DEPENDENTS: &'static [Dependents] = &[];
    /// True if other resources can refer to those of this kind.
    const REFERRED_TO: bool = false;

    /// Returns the shared part of the spec.
    fn common(&self) -> &CommonSpec;
    /// Returns the status, if it has one.
    fn status(&self) -> Option<&Self::Status>;
    /// Returns everything that must be read before [`wanted`](Kind::wanted) can be computed.
    fn references(&self) -> Vec<Reference>;
    /// Returns why the spec can't be applied as it is stored: another version of the definition admitted it.
    fn unreadable(&self) -> Option<&str> {
        None
    }
    /// Returns what is wanted of the remote object, its fields in the form of its [`view`](RemoteObject::view).
    ///
    /// # Errors
    /// The spec or an input can't be used; the message names the field, never a value.
    fn wanted(&self, inputs: &Inputs) -> Result<Wanted, Invalid>;
    /// Returns what the kind's own fields say about the life of the remote object.
    fn lifecycle(&self) -> Lifecycle {
        Lifecycle::default()
    }
    /// Returns what resources that refer to this one may read of its spec, besides its id.
    fn attributes(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// Returns the child objects that the kind itself writes.
    fn children(&self) -> Vec<ChildSpec> {
        Vec::new()
    }

    /// Returns what the spec names in the cluster, and the namespace where its labels decide whether it may.
    fn named_in_cluster(&self, namespace: &str) -> Vec<ResourceKey> {
        let (references, children) = (self.references(), self.children());
        let elsewhere = references.iter().any(|it| it.namespace.is_some());
        let children = children.iter().map(|it| (it.kind.as_str(), &it.name));
        let children = children.map(|(kind, name)| ResourceKey::new(kind, namespace, name));
        let mut named: Vec<ResourceKey> = references
            .iter()
            .map(|it| it.resource_key(namespace))
            .chain(children)
            .collect();
        if elsewhere {
            named.push(ResourceKey::new("Namespace", "", namespace));
        }
        named
    }

    /// Returns the desired remote object, signed for `owner`.
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
        METADATA.check(&metadata).map_err(Invalid::spec)?;
        let wanted = self.wanted(inputs)?;
        refuse_unfit(&wanted)?;
        let desired = Desired::new(wanted, metadata, owner, key);
        Ok(desired.referring_to(inputs.state()))
    }
}

/// Refuses what the API can't store, wherever it is: a request with it would fail again and again.
fn refuse_unfit(wanted: &Wanted) -> Result<(), Invalid> {
    for field in &wanted.fields {
        if let Some(why) = unfit(field.expose()) {
            let message = format!("spec.{} {why}", field.rule.name);
            return Err(match field.rule.compare {
                Compare::Readable => Invalid::spec(message),
                _ => Invalid::value(message),
            });
        }
    }
    let imports = wanted.source.imports().map(|imports| &imports.note);
    let note = imports.or(wanted.source.exports().map(|exports| &exports.note));
    if note.is_some_and(|note| note.contains('\0')) {
        return Err(Invalid::spec(format!("spec.note {NUL}")));
    }
    Ok(())
}

/// A remote object that resources have.
pub trait RemoteObject: Object {
    /// Returns what can be read of it.
    fn view(&self) -> RemoteView;
}

/// Objects of one collection that Metorial deletes along with one of ours (▲: cascades run in the background), or that still
/// name one that is gone. What one depends on is among its details: its
/// [parents](crate::resources::RemoteDetails::parents), and what it [uses](crate::resources::RemoteDetails::uses).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependents {
    /// The kind that reads them.
    pub of: RemoteKind,
    /// The search that finds them.
    pub discovery: Discovery,
    /// The kinds of the resources that make such objects; none where only end users do.
    pub made_by: &'static [RemoteKind],
}

/// The way in which dependents are found. Those that resources of this cluster have are found there, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// In their list, by this filter for the ids of what they depend on.
    Filtered(&'static str),
    /// In their list, of which all are read: it has no such filter.
    Listed,
    /// In the cluster alone. Their list has no such filter, and all of them would be too many to read for what few have.
    InCluster,
}

/// Writes the accessors of [`Kind`] that are the same for all kinds.
macro_rules! accessors {
    ($status:ty) => {
        type Status = $status;

        fn common(&self) -> &crate::resources::CommonSpec {
            &self.spec.common
        }

        fn status(&self) -> Option<&$status> {
            self.status.as_ref()
        }
    };
}
pub(super) use accessors;
