//! Providers, their versions and auth methods.

use serde_json::Value;

/// Provider of tools, for example GitHub.
#[derive(Debug)]
pub struct Provider {
    /// `pro_…`
    pub id: String,
    /// Global identifier, `metorial-github`.
    pub identifier: String,
    /// Slug, `github`.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// Description.
    pub description: String,
    /// True if Metorial has its own OAuth credentials for it.
    pub managed: bool,
    /// The backend that serves it.
    pub backend: Backend,
    /// Versions, oldest first and never empty. The last one is current.
    pub versions: Vec<Version>,
}

/// The backend of a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// An implementation of Metorial.
    #[default]
    Catalogue,
    /// A remote MCP server. Credentials of such providers can't be changed ◆.
    Remote,
    /// An MCP server in a container. Credentials of such providers can't be changed ◆.
    Container,
}

/// Version of a provider, with its specification.
#[derive(Debug)]
pub struct Version {
    /// `pv_…`
    pub id: String,
    /// Name; `v1` is the oldest.
    pub name: String,
    /// `psp_…`
    pub specification_id: String,
    /// Auth methods; empty if the provider needs no authentication.
    pub auth_methods: Vec<AuthMethod>,
    /// JSON Schema of a config's value; None if any value is accepted.
    pub config_schema: Option<Value>,
    /// `plain` or `encrypted`.
    pub config_visibility: String,
}

/// Method to authenticate with a provider.
#[derive(Debug)]
pub struct AuthMethod {
    /// `pam_…`, different in each version.
    pub id: String,
    /// Alias of the method in the current version: `github-oauth2`.
    pub identifier: String,
    /// Key within the provider, `oauth2`.
    pub key: String,
    /// `oauth`, `token`, `service_account` or `custom`.
    pub kind: String,
    /// Display name.
    pub name: String,
    /// JSON Schema of the input.
    pub input_schema: Value,
    /// JSON Schema of the output, which OAuth values are checked against.
    pub output_schema: Value,
    /// Available OAuth scopes.
    pub scopes: Vec<String>,
    /// Provider it belongs to.
    pub provider_id: String,
    /// Specification it belongs to.
    pub specification_id: String,
}

impl Provider {
    /// Returns the current version.
    pub fn current(&self) -> &Version {
        &self.versions[self.versions.len() - 1]
    }

    /// Returns the auth method with this key in the current version.
    pub fn auth_method(&self, key: &str) -> Option<&AuthMethod> {
        self.current()
            .auth_methods
            .iter()
            .find(|method| method.key == key)
    }

    /// Returns the address that has to be entered at an OAuth application; None if the provider has no OAuth method, or no
    /// such address is known.
    pub fn callback_url(&self) -> Option<String> {
        let known = self.oauth_method().is_some() && self.backend != Backend::Container;
        known.then(|| format!("https://auth.example.com/oauth/callback/{}", self.slug))
    }

    /// Returns the scopes of the current version's OAuth method; empty if it has none.
    pub(crate) fn oauth_scopes(&self) -> &[String] {
        self.oauth_method().map_or(&[], |method| &method.scopes)
    }

    /// Returns the current version's OAuth method.
    pub(crate) fn oauth_method(&self) -> Option<&AuthMethod> {
        let mut methods = self.current().auth_methods.iter();
        methods.find(|method| method.kind == "oauth")
    }
}

impl AuthMethod {
    /// Returns the schema that a value is checked against: the output schema of OAuth methods, else the input schema ▲.
    pub fn value_schema(&self) -> &Value {
        if self.kind == "oauth" {
            &self.output_schema
        } else {
            &self.input_schema
        }
    }
}

/// Returns an id that depends only on `prefix` and `what` (FNV-1a in base 36).
pub(super) fn fixed_id(prefix: &str, what: &str) -> String {
    let hash = what.bytes().fold(
        0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128,
        |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        },
    );
    let mut rest = hash;
    let mut id = format!("{prefix}_");
    for _ in 0..20 {
        let digit = u32::try_from(rest % 36).unwrap_or_default();
        id.extend(char::from_digit(digit, 36));
        rest /= 36;
    }
    id
}
