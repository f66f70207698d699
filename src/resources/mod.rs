//! The custom resources: types, schemas, admission rules, conditions and reasons. No I/O.

mod allowed_namespaces;
mod auth_export;
mod auth_import;
mod common;
mod composed;
mod conditions;
mod connection;
mod connection_key;
mod definitions;
pub mod free_json;
mod key;
pub mod pointer;
mod provider_auth_config;
mod provider_auth_credentials;
mod provider_config;
mod provider_config_vault;
mod provider_deployment;
mod reason;
mod repair;
mod schema;
mod sentences;
mod sources;
mod status;
mod stored;
#[cfg(test)]
mod tests;
mod text;
mod times;

pub use allowed_namespaces::AllowedNamespaces;
pub use auth_export::{
    AuthExport, AuthExportSpec, AuthExportStatus, ExportFormat, ExportSecret, Workload,
    WorkloadKind,
};
pub use auth_import::{AuthImport, AuthImportSpec, AuthImportStatus, ImportWhen};
pub use common::{
    Adopt, AdoptPolicy, CommonSpec, ConnectionKind, ConnectionRef, DeletionPolicy, DriftPolicy,
    Mode, Naming, Publish, PublishConfigMap,
};
pub use composed::{
    ComposedValue, PartFormat, Replace, ResourceRef, ToolFilter, ToolFilterType, Validation,
    ValuePart,
};
pub use conditions::{
    Conditions, DRIFTED, EXPIRING, READY, RECONCILING, REFERENCES_RESOLVED, STALLED, condition,
};
pub use connection::{
    ApiKeySource, CaBundle, ClusterApiKeySource, ClusterConnection, ClusterConnectionSpec,
    Connection, ConnectionCommon, ConnectionDefaults, ConnectionSpec, ConnectionStatus,
    ExternalIds, InstanceGuard, InstanceStatus, InstanceType, OnUnreachable, RateLimitSource,
    RateLimitSpec, RateLimitStatus, UnreachablePolicy, api_address, server_of,
};
pub use connection_key::{ConnectionKey, DEFAULT_CONNECTION};
pub use definitions::definitions;
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
pub use provider_deployment::{
    ProviderDeployment, ProviderDeploymentSpec, ProviderDeploymentStatus,
};
pub use reason::{Class, Reason};
pub use sources::{KeyRef, NamespacedKeyRef, SecretSource, ValueSource};
pub use status::{
    CommonStatus, DriftEntry, Expiration, ExportStatus, ExportTimes, ImportRecord, InputStatus,
    PendingDeletion, PlanStatus, PlannedField, PlannedStep, PreviousId, RemoteDetails,
    ResourceStatus,
};
pub use stored::Stored;
pub use text::{cut, cut_to};
pub use times::{DurationText, parse_time};

/// The API group of all kinds.
pub const GROUP: &str = "metorial.com";
/// The finalizer of the kinds that have a remote object. It is added before the first create, so that a create whose id
/// was never recorded is searched for; and it holds a deletion back until the remote object is handled.
pub const FINALIZER: &str = "metorial.com/remote";
/// The finalizer of a connection: it holds a deletion back while resources with a remote id use the connection.
pub const IN_USE_FINALIZER: &str = "metorial.com/in-use";
/// The annotation that requests a reconciliation now: each new value is one request.
pub const RECONCILE_REQUESTED: &str = "metorial.com/reconcile-requested-at";
/// The annotation that approves a plan, or on a connection that many lost objects are created again.
pub const APPROVE: &str = "metorial.com/approve";
/// The value of [`APPROVE`] on a connection that approves that lost objects are created again.
pub const RECREATE: &str = "recreate";
/// Returns whether an annotation is one of the operator's own. Those of others have no effect on what it does.
#[must_use]
pub fn is_own_annotation(key: &str) -> bool {
    key.strip_prefix(GROUP)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// The field manager of every write of the operator.
pub const FIELD_MANAGER: &str = "metorial-operator";
