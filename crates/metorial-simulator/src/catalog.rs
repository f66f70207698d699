//! Fixed set of providers with versions, auth methods and schemas, the same in every simulator, including ids.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::options::{Options, Quirk};

/// Time of creation of everything in the catalog.
const CREATED_AT: &str = "2026-01-10T14:45:00.000Z";

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let drafts: Vec<ProviderDraft> = serde_json::from_str(include_str!("catalog.json"))
        .expect("the catalog in the source has this shape");
    Catalog(drafts.into_iter().map(Provider::from).collect())
});

/// Set of all providers.
pub struct Catalog(Vec<Provider>);

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
    /// Versions, oldest first and never empty. The last one is current.
    pub versions: Vec<Version>,
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
    /// `oauth`, `token` or `custom`.
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

impl Catalog {
    pub(crate) fn get() -> &'static Catalog {
        &CATALOG
    }

    /// Returns all providers in a fixed order.
    pub fn providers(&self) -> &[Provider] {
        &self.0
    }

    /// Returns the provider with this id, global identifier or slug.
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| {
            provider.id == name || provider.identifier == name || provider.slug == name
        })
    }

    /// Returns the auth method with this id in any version, or with this alias in the current version.
    pub fn auth_method(&self, name: &str) -> Option<&AuthMethod> {
        let current = self
            .0
            .iter()
            .flat_map(|provider| &provider.current().auth_methods);
        self.all_methods()
            .find(|method| method.id == name)
            .or_else(|| current.into_iter().find(|method| method.identifier == name))
    }

    pub(crate) fn version(&self, id: &str) -> Option<(&Provider, &Version)> {
        self.0.iter().find_map(|provider| {
            let version = provider.versions.iter().find(|version| version.id == id)?;
            Some((provider, version))
        })
    }

    fn all_methods(&self) -> impl Iterator<Item = &AuthMethod> {
        self.0
            .iter()
            .flat_map(|provider| &provider.versions)
            .flat_map(|version| &version.auth_methods)
    }
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

    /// Returns the JSON that `GET /providers/:id` answers.
    pub(crate) fn present(&self) -> Value {
        json!({
            "object": "provider",
            "id": self.id,
            "access": "public",
            "status": "active",
            "publisher": {
                "object": "provider.publisher",
                "id": fixed_id("pub", "metorial"),
                "name": "Metorial",
                "description": null,
                "image_url": "https://example.com/metorial.svg",
                "created_at": CREATED_AT,
                "updated_at": CREATED_AT,
            },
            "name": self.name,
            "description": self.description,
            "identifier": self.identifier,
            "slug": self.slug,
            "metadata": null,
            "oauth": self.has_oauth().then(|| json!({
                "status": "enabled",
                "callback_url": null,
                "auto_registration": {"status": "unsupported"},
            })),
            "current_version": self.current().present(&self.id),
            "created_at": CREATED_AT,
            "updated_at": CREATED_AT,
        })
    }

    fn has_oauth(&self) -> bool {
        let mut methods = self.current().auth_methods.iter();
        methods.any(|method| method.kind == "oauth")
    }

    /// Returns the JSON that `GET /provider-config-schema` answers for a version.
    pub(crate) fn present_config_schema(&self, version: &Version) -> Value {
        let schema = version.config_schema.as_ref();
        json!({
            "object": "provider.capabilities.config.schema",
            "schema": schema.map(|schema| json!({"type": "json_schema", "schema": schema})),
            "visibility": version.config_visibility,
            "specification_id": version.specification_id,
            "provider_id": self.id,
            "created_at": CREATED_AT,
            "updated_at": CREATED_AT,
        })
    }
}

impl Version {
    /// Returns the JSON of the current version in a provider.
    fn present(&self, provider_id: &str) -> Value {
        json!({
            "object": "provider.version",
            "id": self.id,
            "version": self.name,
            "provider_id": provider_id,
            "is_current": true,
            "name": self.name,
            "description": null,
            "metadata": null,
            "specification_id": self.specification_id,
            "created_at": CREATED_AT,
            "updated_at": CREATED_AT,
        })
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

    /// Returns the JSON that `GET /provider-auth-methods/:id` answers.
    pub(crate) fn present(&self, options: &Options) -> Value {
        let scopes: Vec<Value> = self
            .scopes
            .iter()
            .map(|scope| {
                json!({
                    "object": "provider.capabilities.auth_method.scope",
                    "id": fixed_id("pams", &format!("{}/{scope}", self.id)),
                    "scope": scope,
                    "name": scope,
                    "description": null,
                })
            })
            .collect();
        let none = self.kind != "oauth" && options.has(Quirk::ScopesNullWithoutOauth);
        json!({
            "object": "provider.capabilities.auth_method",
            "id": self.id,
            "type": self.kind,
            "key": self.key,
            "name": self.name,
            "description": null,
            "capabilities": {},
            "input_schema": {"type": "json_schema", "schema": self.input_schema},
            "output_schema": {"type": "json_schema", "schema": self.output_schema},
            "scopes": if none { Value::Null } else { Value::from(scopes) },
            "provider_id": self.provider_id,
            "provider_specification_id": self.specification_id,
            "created_at": CREATED_AT,
            "updated_at": CREATED_AT,
        })
    }

    /// Returns the JSON that `GET /provider-auth-config-imports/schema` answers.
    pub(crate) fn present_import_schema(&self) -> Value {
        json!({
            "object": "provider.capabilities.auth_config.schema",
            "schema": {"type": "json_schema", "schema": self.value_schema()},
            "visibility": "encrypted",
            "specification_id": self.specification_id,
            "provider_id": self.provider_id,
            "created_at": CREATED_AT,
            "updated_at": CREATED_AT,
        })
    }
}

#[derive(Deserialize)]
struct ProviderDraft {
    slug: String,
    name: String,
    description: String,
    #[serde(default)]
    managed: bool,
    versions: Vec<VersionDraft>,
}

#[derive(Deserialize)]
struct VersionDraft {
    config: ConfigDraft,
    auth_methods: Vec<MethodDraft>,
}

#[derive(Deserialize)]
struct ConfigDraft {
    schema: Option<Value>,
    visibility: String,
}

#[derive(Deserialize)]
struct MethodDraft {
    key: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    scopes: Vec<String>,
    input: Value,
    output: Value,
}

impl From<ProviderDraft> for Provider {
    fn from(draft: ProviderDraft) -> Self {
        let id = fixed_id("pro", &draft.slug);
        let versions = draft.versions.into_iter().enumerate();
        let versions = versions
            .map(|(number, version)| version.of(&id, &draft.slug, number))
            .collect();
        Provider {
            identifier: format!("metorial-{}", draft.slug),
            id,
            slug: draft.slug,
            name: draft.name,
            description: draft.description,
            managed: draft.managed,
            versions,
        }
    }
}

impl VersionDraft {
    fn of(self, provider_id: &str, slug: &str, number: usize) -> Version {
        let specification_id = fixed_id("psp", &format!("{slug}/{number}"));
        let methods = self.auth_methods.into_iter().map(|method| AuthMethod {
            id: fixed_id("pam", &format!("{slug}/{number}/{}", method.key)),
            identifier: format!("{slug}-{}", method.key),
            key: method.key,
            kind: method.kind,
            name: method.name,
            input_schema: method.input,
            output_schema: method.output,
            scopes: method.scopes,
            provider_id: provider_id.to_owned(),
            specification_id: specification_id.clone(),
        });
        Version {
            id: fixed_id("pv", &format!("{slug}/{number}")),
            name: format!("v{}", number + 1),
            auth_methods: methods.collect(),
            specification_id,
            config_schema: self.config.schema,
            config_visibility: self.config.visibility,
        }
    }
}

/// Returns an id that depends only on `prefix` and `what` (FNV-1a in base 36).
fn fixed_id(prefix: &str, what: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_and_methods_are_found_by_id_and_alias() {
        let catalog = Catalog::get();
        let github = catalog.provider("github").unwrap();
        assert_eq!(catalog.provider("metorial-github").unwrap().id, github.id);
        assert_eq!(catalog.provider(&github.id).unwrap().slug, "github");
        assert_eq!(github.auth_method("oauth2").unwrap().kind, "oauth");
        let slack = catalog.provider("slack").unwrap();
        let bot = slack.auth_method("bot_token").unwrap();
        assert_ne!(slack.versions[0].auth_methods[0].id, bot.id);
        assert_eq!(catalog.auth_method("slack-bot_token").unwrap().id, bot.id);
        assert_eq!(slack.current().auth_methods.len(), 2);
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<&str> = Vec::new();
        for provider in Catalog::get().providers() {
            ids.push(&provider.id);
            for version in &provider.versions {
                ids.extend([version.id.as_str(), &version.specification_id]);
                ids.extend(version.auth_methods.iter().map(|method| method.id.as_str()));
            }
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
