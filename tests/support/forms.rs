//! Each kind in each of its forms: the table that stories about all kinds run through.

use super::kinds::Kind;
use super::manifests::{
    Manifest, auth_config, config, config_on, credentials, deployment, import_new, part, resource,
    vault,
};
use serde_json::json;

/// The name of the resource that a scenario is about.
pub const TESTED: &str = "tested";

/// A kind in one of its forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A deployment of a provider that needs no configuration, so that Metorial makes a default config with it.
    Deployment,
    Credentials,
    AuthConfig,
    Config,
    /// A config on the vault `one`; there are the vaults `two` and `three` to move to.
    ConfigOnVault,
    Vault,
    /// A vault with the config `user` on it.
    VaultInUse,
    /// An import into an auth config that somebody made.
    ImportInto,
    /// An import that makes an auth config.
    ImportNew,
    /// An export of an auth config that somebody made into the Secret `exported`.
    Export,
}

impl Form {
    /// Every form but the vault with a config on it, which is the vault again.
    pub const ALL: [Self; 9] = [
        Self::Deployment,
        Self::Credentials,
        Self::AuthConfig,
        Self::Config,
        Self::ConfigOnVault,
        Self::Vault,
        Self::ImportInto,
        Self::ImportNew,
        Self::Export,
    ];
    /// The same without the deployment and the config on a vault, whose values don't come from a Secret.
    pub const VALUED: [Self; 7] = [
        Self::Credentials,
        Self::AuthConfig,
        Self::Config,
        Self::Vault,
        Self::ImportInto,
        Self::ImportNew,
        Self::Export,
    ];
    /// Every form whose writes are sent once, whatever becomes of their answers: an export whose answer is lost has to be
    /// made again.
    pub const SENT_ONCE: [Self; 8] = [
        Self::Credentials,
        Self::Deployment,
        Self::AuthConfig,
        Self::Config,
        Self::ConfigOnVault,
        Self::Vault,
        Self::ImportInto,
        Self::ImportNew,
    ];
    /// The forms whose remote object is their own.
    pub const OWNING: [Self; 7] = [
        Self::Deployment,
        Self::Credentials,
        Self::AuthConfig,
        Self::Config,
        Self::ConfigOnVault,
        Self::Vault,
        Self::ImportNew,
    ];
    /// The forms whose remote object can be edited by a person and is put right.
    pub const EDITABLE: [Self; 5] = [
        Self::Deployment,
        Self::Credentials,
        Self::AuthConfig,
        Self::Config,
        Self::Vault,
    ];

    /// Its kind.
    pub fn kind(self) -> Kind {
        match self {
            Self::Deployment => Kind::Deployment,
            Self::Credentials => Kind::Credentials,
            Self::AuthConfig => Kind::AuthConfig,
            Self::Config | Self::ConfigOnVault => Kind::Config,
            Self::Vault | Self::VaultInUse => Kind::Vault,
            Self::ImportInto | Self::ImportNew => Kind::Import,
            Self::Export => Kind::Export,
        }
    }

    /// The kind of its remote object: imports and exports are about an auth config.
    pub fn remote(self) -> Kind {
        match self.kind() {
            Kind::Import | Kind::Export => Kind::AuthConfig,
            kind => kind,
        }
    }

    /// Whether it uses an auth config that somebody made.
    pub fn borrows(self) -> bool {
        matches!(self, Self::ImportInto | Self::Export)
    }

    /// Whether another value makes another remote object.
    pub fn is_replaced(self) -> bool {
        matches!(self.remote(), Kind::Config | Kind::Vault)
    }

    /// Whether another value is sent by a PATCH.
    pub fn is_patched(self) -> bool {
        self.change_call().0 == "PATCH"
    }

    /// The collection that its create is sent to.
    pub fn create_path(self) -> &'static str {
        self.kind().path()
    }

    /// The method and collection that another value is sent with.
    pub fn change_call(self) -> (&'static str, &'static str) {
        match self {
            Self::Deployment | Self::Credentials => ("PATCH", self.kind().path()),
            Self::AuthConfig | Self::ImportInto | Self::ImportNew => ("POST", Kind::Import.path()),
            _ => ("POST", self.kind().path()),
        }
    }

    /// What a plan calls that.
    pub fn change_action(self) -> &'static str {
        match self {
            Self::Deployment | Self::Credentials => "Update",
            Self::AuthConfig | Self::ImportInto | Self::ImportNew => "Import",
            Self::Export => "Export",
            _ => "Replace",
        }
    }

    /// What a plan calls the first write.
    pub fn create_action(self) -> &'static str {
        match self {
            Self::ImportInto => "Import",
            Self::Export => "Export",
            _ => "Create",
        }
    }

    /// Its manifest; `theirs` is an auth config that somebody made. The value is in `values/token`.
    pub fn manifest(self, theirs: &str) -> Manifest {
        let token = json!({"from": [part("/token", "token")]});
        match self {
            Self::Deployment => deployment(TESTED).spec(json!({"metadata": {"value": "one"}})),
            Self::Credentials => {
                let token = json!({"name": "values", "key": "token"});
                let oauth = json!({"clientSecret": {"secretKeyRef": token}});
                credentials(TESTED).spec(json!({"oauth": oauth}))
            }
            Self::AuthConfig => auth_config(TESTED),
            Self::Config => {
                let value = json!({"from": [part("/schema", "token")]});
                config(TESTED).spec(json!({"value": value}))
            }
            Self::ConfigOnVault => config_on(TESTED, "one"),
            Self::Vault | Self::VaultInUse => vault(TESTED, "token"),
            Self::ImportInto => {
                let spec = json!({"note": "rotation", "authConfigId": theirs, "value": token});
                resource("AuthImport", TESTED, spec)
            }
            Self::ImportNew => import_new(TESTED),
            Self::Export => {
                let secret = json!({"name": "exported"});
                let spec = json!({"note": "worker", "authConfigId": theirs, "secret": secret});
                resource("AuthExport", TESTED, spec)
            }
        }
    }
}
