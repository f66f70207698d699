//! Imports and exports: audit records of values, which can't be changed or deleted.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::auth::AuthConfig;
use super::id::{id, optional_id};
use super::object::object;
use super::time::optional_time;
use crate::secret::SecretValue;

/// `provider.auth_import`: record of a value that was imported into an auth config.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct AuthImport {
    /// `paci_…`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Reason for the record.
    pub note: Option<String>,
    /// Address of the caller.
    pub ip: Option<String>,
    /// User agent of the caller.
    pub user_agent: Option<String>,
    /// Custom metadata. The server drops that of an import into an existing auth config ▲.
    pub metadata: Option<Map<String, Value>>,
    /// Auth config that the value was imported into, in its current state.
    pub auth_config: Option<AuthConfig>,
    /// `pro_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub provider_id: Option<String>,
    /// `pde_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub provider_deployment_id: Option<String>,
    /// `pam_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub auth_method_id: Option<String>,
    /// `par_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub credentials_id: Option<String>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time when the imported token expires; [`Timestamp::MAX`] stands for any that is later.
    #[serde(default, deserialize_with = "optional_time")]
    pub expires_at: Option<Timestamp>,
}

object!(AuthImport, AuthImports, record);

impl AuthImport {
    /// Returns the id of the auth config that the value was imported into.
    #[must_use]
    pub fn auth_config_id(&self) -> Option<&str> {
        self.auth_config.as_ref().map(|config| config.id.as_str())
    }
}

/// `provider.auth_export`: record of the export of an auth config's value.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct AuthExport {
    /// `pace_…`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Reason for the record.
    pub note: Option<String>,
    /// Custom metadata.
    pub metadata: Option<Map<String, Value>>,
    /// Id of the auth config, from servers that return the id alone; see [`AuthExport::auth_config_id`].
    #[serde(default, deserialize_with = "optional_id")]
    pub provider_auth_config_id: Option<String>,
    /// Auth config, from servers that return it whole; see [`AuthExport::auth_config_id`].
    pub auth_config: Option<AuthConfig>,
    /// Exported value. Only the answer to the create has it, later reads return null.
    pub value: Option<SecretValue>,
    /// Address of the caller.
    pub ip: Option<String>,
    /// User agent of the caller.
    pub user_agent: Option<String>,
    /// `pro_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub provider_id: Option<String>,
    /// `pde_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub provider_deployment_id: Option<String>,
    /// `pam_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub auth_method_id: Option<String>,
    /// `par_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub credentials_id: Option<String>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time when the exported token expires; [`Timestamp::MAX`] stands for any that is later.
    #[serde(default, deserialize_with = "optional_time")]
    pub expires_at: Option<Timestamp>,
}

object!(AuthExport, AuthExports, record);

impl AuthExport {
    /// Returns the id of the exported auth config, from whichever member the server sends.
    #[must_use]
    pub fn auth_config_id(&self) -> Option<&str> {
        let whole = self.auth_config.as_ref().map(|config| config.id.as_str());
        whole.or(self.provider_auth_config_id.as_deref())
    }
}
