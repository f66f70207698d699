//! Fields that the API can't change, so that a change of one replaces the object.

use super::{auth_config, deployments, provider};
use crate::plan::fields::{Compare, FieldRule, Remedy, Role};
use crate::plan::policy::Lifecycle;
use crate::plan::schema::ValueSchema;
use crate::resources::{DurationText, Replace, Validation};

/// The provider. A change is detected by the fingerprint.
pub const PROVIDER: FieldRule = FieldRule {
    compare: Compare::WriteOnly,
    remedy: Remedy::Replace,
    ..provider::PROVIDER
};
/// The deployment.
pub const DEPLOYMENT: FieldRule = FieldRule {
    remedy: Remedy::Replace,
    ..deployments::DEPLOYMENT
};
/// A deployment that the spec leaves to the vault. A config takes over the deployment of its vault (◆), so whatever reads back
/// is what the spec asks for.
pub const DEPLOYMENT_OF_VAULT: FieldRule = FieldRule {
    compare: Compare::Never,
    remedy: Remedy::Fixed,
    ..DEPLOYMENT
};
/// The vault.
pub const VAULT: FieldRule = FieldRule {
    name: "vaultId",
    role: Role::Vault,
    create: &["provider_config_vault_id"],
    ..DEPLOYMENT
};
/// The value.
pub const VALUE: FieldRule = FieldRule {
    remedy: Remedy::Replace,
    ..auth_config::VALUE
};

/// Returns the life of an object that is replaced where the spec allows it.
#[must_use]
pub fn lifecycle(replace: Option<Replace>, grace: Option<&DurationText>) -> Lifecycle {
    Lifecycle {
        replace: Some(replace.unwrap_or_default()),
        replace_grace: grace.and_then(DurationText::duration).unwrap_or_default(),
        ..Lifecycle::default()
    }
}

/// Returns the schema that a value has to follow, unless the spec says that it is not to be checked.
#[must_use]
pub fn schema(
    validation: Option<Validation>,
    provider: &str,
    deployment: Option<&str>,
) -> Option<ValueSchema> {
    let checked = validation.unwrap_or_default() == Validation::Schema;
    checked.then(|| ValueSchema::Config {
        provider: provider.to_owned(),
        deployment: deployment.map(str::to_owned),
    })
}
