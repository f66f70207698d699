//! The kinds of the operator, and where their objects live on both sides.

use kube::api::ApiResource;
use metorial_simulator::Collection;

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Deployment,
    Credentials,
    AuthConfig,
    Config,
    Vault,
    Import,
    Export,
    Connection,
    ClusterConnection,
}

impl Kind {
    /// The kinds that live in a namespace.
    pub const NAMESPACED: [Self; 8] = [
        Self::Deployment,
        Self::Credentials,
        Self::AuthConfig,
        Self::Config,
        Self::Vault,
        Self::Import,
        Self::Export,
        Self::Connection,
    ];
    /// The kinds that stand for something at Metorial.
    pub const REMOTE: [Self; 7] = [
        Self::Deployment,
        Self::Credentials,
        Self::AuthConfig,
        Self::Config,
        Self::Vault,
        Self::Import,
        Self::Export,
    ];
    /// The kinds whose objects at Metorial carry the marker of their resource.
    pub const MARKED: [Self; 5] = [
        Self::Deployment,
        Self::Credentials,
        Self::AuthConfig,
        Self::Config,
        Self::Vault,
    ];

    /// The kind of that name.
    pub fn named(name: &str) -> Self {
        let all = Self::NAMESPACED
            .into_iter()
            .chain([Self::ClusterConnection]);
        let mut matching = all.filter(|kind| kind.name() == name);
        matching
            .next()
            .unwrap_or_else(|| panic!("{name} is no kind of ours"))
    }

    /// The name in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deployment => "ProviderDeployment",
            Self::Credentials => "ProviderAuthCredentials",
            Self::AuthConfig => "ProviderAuthConfig",
            Self::Config => "ProviderConfig",
            Self::Vault => "ProviderConfigVault",
            Self::Import => "AuthImport",
            Self::Export => "AuthExport",
            Self::Connection => "Connection",
            Self::ClusterConnection => "ClusterConnection",
        }
    }

    /// The name in paths of the Kubernetes API.
    pub fn plural(self) -> String {
        let name = self.name().to_lowercase();
        match self {
            Self::Credentials => name,
            _ => format!("{name}s"),
        }
    }

    /// What kube needs to know to reach it.
    pub fn resource(self) -> ApiResource {
        ApiResource {
            group: "metorial.com".to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: "metorial.com/v1alpha1".to_owned(),
            kind: self.name().to_owned(),
            plural: self.plural(),
        }
    }

    /// The collection at Metorial that its creates go to.
    pub fn collection(self) -> Collection {
        match self {
            Self::Deployment => Collection::Deployments,
            Self::Credentials => Collection::AuthCredentials,
            Self::AuthConfig => Collection::AuthConfigs,
            Self::Config => Collection::Configs,
            Self::Vault => Collection::ConfigVaults,
            Self::Import => Collection::AuthImports,
            Self::Export => Collection::AuthExports,
            Self::Connection | Self::ClusterConnection => panic!("{self:?} is not at Metorial"),
        }
    }

    /// The path of that collection.
    pub fn path(self) -> &'static str {
        match self {
            Self::Deployment => "/provider-deployments",
            Self::Credentials => "/provider-auth-credentials",
            Self::AuthConfig => "/provider-auth-configs",
            Self::Config => "/provider-configs",
            Self::Vault => "/provider-config-vaults",
            Self::Import => "/provider-auth-config-imports",
            Self::Export => "/provider-auth-config-exports",
            Self::Connection | Self::ClusterConnection => "/instance",
        }
    }
}
