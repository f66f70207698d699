//! The custom resources: what users write and read. Types, schemas, rules and conditions; no I/O.

mod auth_export;
mod auth_import;
mod common;
mod composed;
mod conditions;
mod connection;
mod definitions;
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
pub use definitions::definitions;
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
    PlannedStep, PreviousId, RemoteDetails, ResourceStatus, RetiringId,
};

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
