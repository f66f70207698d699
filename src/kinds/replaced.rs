//! Fields that the API can't change, so that a change makes another object.

use crate::plan::{Blank, Compare, FieldRule, Remedy};

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
