//! The deployment that an object belongs to, as several kinds name it: by a reference or by its id.

use super::inputs::{Inputs, Reference, SourceKind};
use super::remote_kind::RemoteKind;
use crate::plan::desired::{External, Invalid, Used};
use crate::plan::fields::{Blank, Compare, FieldRule, Remedy, Role};
use crate::resources::ResourceRef;
use metorial::Collection;

/// The deployment, which can't be changed. It is compared only where the spec names one and the object shows one.
pub const DEPLOYMENT: FieldRule = FieldRule {
    name: "deploymentId",
    role: Role::Deployment,
    create: &["provider_deployment_id"],
    compare: Compare::Readable,
    remedy: Remedy::Fixed,
    blank: Blank::Clears,
};

const KIND: SourceKind = SourceKind::Resource(RemoteKind::ProviderDeployment);

/// Returns what has to be read of the deployment that a spec refers to.
pub fn references(reference: Option<&ResourceRef>) -> impl Iterator<Item = Reference> {
    let to = |deployment| Reference::to_external(KIND, deployment);
    reference.into_iter().flat_map(to)
}

/// Returns the deployment that a spec refers to, or names by its id.
///
/// # Errors
/// The reference was not read.
pub fn used(
    reference: Option<&ResourceRef>,
    id: Option<&String>,
    inputs: &Inputs,
) -> Result<Option<Used>, Invalid> {
    let object = External::resolve(KIND, reference, id, inputs)?;
    Ok(object.map(|object| Used {
        collection: Collection::Deployments,
        field: "spec.deploymentId",
        object,
    }))
}

/// Returns the id of a deployment for the field of an object that belongs to it.
#[must_use]
pub fn id(deployment: Option<&Used>) -> Option<&str> {
    deployment.map(|used| used.object.id.as_str())
}
