//! Imports and exports: records of values that went in and out. They can't be changed or deleted.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{AuthConfig, object};
use crate::secret::SecretValue;

/// `provider.auth_import`: a value that was brought into an auth config.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct AuthImport {
    /// `paci_…`
    pub id: String,
    /// Why it was made.
    pub note: Option<String>,
    /// The address it came from.
    pub ip: Option<String>,
    /// The program it came from.
    pub user_agent: Option<String>,
    /// Custom members; the server drops those of an import into an existing auth config.
    pub metadata: Option<Map<String, Value>>,
    /// The auth config that took the value, as it is now.
    pub auth_config: Option<AuthConfig>,
    /// `pro_…`
    pub provider_id: Option<String>,
    /// `pde_…`
    pub provider_deployment_id: Option<String>,
    /// `pam_…`
    pub auth_method_id: Option<String>,
    /// `par_…`
    pub credentials_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the imported token expires.
    pub expires_at: Option<Timestamp>,
}

object!(AuthImport, AuthImports, record);

impl AuthImport {
    /// The id of the auth config that took the value.
    #[must_use]
    pub fn auth_config_id(&self) -> Option<&str> {
        self.auth_config.as_ref().map(|config| config.id.as_str())
    }
}

/// `provider.auth_export`: the value of an auth config, handed out.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct AuthExport {
    /// `pace_…`
    pub id: String,
    /// Why it was made.
    pub note: Option<String>,
    /// Custom members.
    pub metadata: Option<Map<String, Value>>,
    /// The auth config, from servers that answer its id alone; see [`AuthExport::auth_config_id`].
    pub provider_auth_config_id: Option<String>,
    /// The auth config, from servers that answer it whole; see [`AuthExport::auth_config_id`].
    pub auth_config: Option<AuthConfig>,
    /// The value: only in the answer to the create, never again.
    pub value: Option<SecretValue>,
    /// The address that asked.
    pub ip: Option<String>,
    /// The program that asked.
    pub user_agent: Option<String>,
    /// `pro_…`
    pub provider_id: Option<String>,
    /// `pde_…`
    pub provider_deployment_id: Option<String>,
    /// `pam_…`
    pub auth_method_id: Option<String>,
    /// `par_…`
    pub credentials_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the exported token expires.
    pub expires_at: Option<Timestamp>,
}

object!(AuthExport, AuthExports, record);

impl AuthExport {
    /// The id of the exported auth config, whichever way the server says it.
    #[must_use]
    pub fn auth_config_id(&self) -> Option<&str> {
        let whole = self.auth_config.as_ref().map(|config| config.id.as_str());
        whole.or(self.provider_auth_config_id.as_deref())
    }
}
