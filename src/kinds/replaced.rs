//! Fields that the API can't change, so that a change makes another object.

use super::ValueSchema;
use crate::plan::{Blank, Compare, FieldRule, Policy, Remedy};
use crate::resources::{Grace, Replace, Validation};

/// The provider. It may be named by id, identifier or slug, but reads as the id: the fingerprint tells a change.
pub const PROVIDER: FieldRule = FieldRule {
    name: "providerId",
    create: &["provider_id"],
    compare: Compare::WriteOnly,
    remedy: Remedy::Replace,
    blank: Blank::Value,
};
/// The deployment.
pub const DEPLOYMENT: FieldRule = FieldRule {
    name: "deploymentId",
    create: &["provider_deployment_id"],
    compare: Compare::Readable,
    remedy: Remedy::Replace,
    blank: Blank::Clears,
};
/// The vault.
pub const VAULT: FieldRule = FieldRule {
    name: "vaultId",
    create: &["provider_config_vault_id"],
    ..DEPLOYMENT
};
/// The value.
pub const VALUE: FieldRule = FieldRule {
    name: "value",
    create: &["value"],
    compare: Compare::WriteOnly,
    remedy: Remedy::Replace,
    blank: Blank::Value,
};

/// The policy with the spec's word on replacing.
#[must_use]
pub fn policy(policy: Policy, replace: Option<Replace>, grace: Option<&Grace>) -> Policy {
    Policy {
        replace: Some(replace.unwrap_or_default()),
        replace_grace: grace.map(Grace::duration).unwrap_or_default(),
        ..policy
    }
}

/// The schema that a value has to follow, unless the spec says that it is not to be checked.
#[must_use]
pub fn schema(
    validation: Option<Validation>,
    provider: &str,
    deployment: Option<&String>,
) -> Option<ValueSchema> {
    let checked = validation.unwrap_or_default() == Validation::Schema;
    checked.then(|| ValueSchema::Config {
        provider: provider.to_owned(),
        deployment: deployment.cloned(),
    })
}
