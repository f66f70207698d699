//! The custom resources: what users write and read. Types, schemas, rules and conditions; no I/O.
#![allow(
    clippy::duplicated_attributes,
    reason = "each printer column repeats the words type and path"
)]

mod auth_export;
mod auth_import;
mod common;
mod composed;
mod conditions;
mod connection;
mod key;
mod provider_auth_config;
mod provider_auth_credentials;
mod provider_config;
mod provider_config_vault;
mod reason;
mod schema;
mod sources;
mod status;
#[cfg(test)]
mod tests;

pub use auth_export::{AuthExport, AuthExportSpec, AuthExportStatus, ExportFormat, ExportSecret};
pub use auth_import::{AuthImport, AuthImportSpec, AuthImportStatus, ImportWhen};
pub use common::{
    Adopt, AdoptPolicy, CommonSpec, ConnectionKind, ConnectionRef, DeletionPolicy, DriftPolicy,
    Interval, Mode, Naming, Publish, PublishConfigMap,
};
pub use composed::{
    ComposedValue, Grace, LocalRef, PartFormat, Replace, ToolFilter, ToolFilterType, Validation,
    ValuePart,
};
pub use conditions::{Conditions, condition};
pub use connection::{
    AllowedNamespaces, ApiKeySource, CaBundle, ClusterApiKeySource, ClusterConnection,
    ClusterConnectionSpec, Connection, ConnectionCommon, ConnectionDefaults, ConnectionSpec,
    ConnectionStatus, InstanceGuard, InstanceStatus, InstanceType, OnUnreachable, RateLimitSpec,
    UnreachablePolicy,
};
pub use key::ResourceKey;
pub use provider_auth_config::{
    ProviderAuthConfig, ProviderAuthConfigSpec, ProviderAuthConfigStatus, ValuePolicy,
};
pub use provider_auth_credentials::{
    OAuthApp, ProviderAuthCredentials, ProviderAuthCredentialsSpec, ProviderAuthCredentialsStatus,
};
pub use provider_config::{ProviderConfig, ProviderConfigSpec, ProviderConfigStatus};
pub use provider_config_vault::{
    ProviderConfigVault, ProviderConfigVaultSpec, ProviderConfigVaultStatus,
};
pub use reason::{Class, Reason};
pub use sources::{KeyRef, NamespacedKeyRef, SecretSource, ValueSource};
pub use status::{
    CommonStatus, DriftEntry, ExportStatus, ImportRecord, InputStatus, PlanStatus, PlannedField,
    PlannedStep, PreviousId, RetiringId,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// The API group of every kind here.
pub const GROUP: &str = "metorial.com";
/// The finalizer of the remote kinds: the write-ahead intent of a create, and what makes a deletion wait.
pub const FINALIZER: &str = "metorial.com/remote";
/// The finalizer of a connection that resources with a remote id still need.
pub const IN_USE_FINALIZER: &str = "metorial.com/in-use";
/// The annotation whose every new text asks for a pass now.
pub const RECONCILE_REQUESTED: &str = "metorial.com/reconcile-requested-at";
/// The annotation that approves a plan, or on a connection the making again of many lost objects.
pub const APPROVE: &str = "metorial.com/approve";
/// The field manager of every write of the operator.
pub const FIELD_MANAGER: &str = "metorial-operator";

/// The definitions of all kinds, in the order in which they are printed.
#[must_use]
pub fn definitions() -> Vec<CustomResourceDefinition> {
    [
        Connection::crd(),
        ClusterConnection::crd(),
        ProviderAuthCredentials::crd(),
        ProviderAuthConfig::crd(),
        ProviderConfig::crd(),
        ProviderConfigVault::crd(),
        AuthImport::crd(),
        AuthExport::crd(),
    ]
    .iter()
    .map(schema::without_null)
    .collect()
}
