//! `/provider-deployments`: what configs, vaults and auth configs of a provider can belong to. Its provider and its default
//! config can't be changed later.

use serde_json::{Map, Value};

use super::caller::Caller;
use super::changes::Changes;
use super::checks::check_discovered;
use super::configs::{self, Source};
use super::lookup::{provider, usable, version};
use crate::catalog::{Provider, Version};
use crate::errors::{ApiError, Result};
use crate::fields::{Fields, allow_all};
use crate::objects::{Collection, Links, Object, named};
use crate::options::Quirk;
use crate::present::present;
use crate::state::{Draft, State};

pub(super) fn create(state: &mut State, caller: &Caller, body: &Value) -> Result<Value> {
    let mut fields = Fields::of(body, &state.options);
    let provider_id = fields.required_text("provider_id");
    let sent_name = fields.optional_text("name");
    let name = fields.trimmed("name");
    let description = fields.trimmed("description");
    let metadata = fields.optional_object("metadata");
    let tool_filter = fields.tool_filter("tool_filters");
    let locked = fields.optional_text("locked_provider_version_id");
    let wanted = DefaultConfig::read(&mut fields);
    fields.check(&state.options)?;
    let provider = provider(state, &provider_id)?;
    let locked = locked.map(|id| version(state, &id)).transpose()?;
    let locked = locked.map(|(_, version)| version);
    let version = locked.unwrap_or_else(|| provider.current());
    let config = wanted.find(state, caller, provider, version)?;
    let draft = Draft {
        collection: Collection::Deployments,
        provider_id: provider.id.clone(),
        fields: named([
            ("name", name),
            ("description", description),
            ("metadata", metadata),
            ("tool_filter", tool_filter.unwrap_or_else(allow_all)),
        ]),
        links: Links {
            locked_version: locked.map(|version| version.id.clone()),
            ..Links::default()
        },
        write_only: Map::new(),
    };
    let created = state.insert(&caller.instance, draft);
    // The name is that of the body, `undefined` without one, as read in the server's code ◆.
    let name = sent_name.unwrap_or_else(|| "undefined".to_owned());
    let config = config.made(state, caller, version, &created, &name);
    let created = state.store.change(&created.id, |object| {
        object.links.default_config = config;
    });
    let created = created.ok_or_else(ApiError::internal)?;
    Ok(present(state, &state.store.current(), &created))
}

/// Default config that the body of a create names.
enum DefaultConfig {
    Unnamed,
    Existing(String),
    Value(Map<String, Value>),
    Vault(String),
}

/// Default config of a new deployment.
enum Found {
    Nothing,
    Existing(String),
    New(Source),
}

impl Found {
    /// Creates the config if there is none yet, with a copy of the deployment's metadata, and returns its id ◆.
    fn made(
        self,
        state: &mut State,
        caller: &Caller,
        version: &Version,
        deployment: &Object,
        name: &str,
    ) -> Option<String> {
        let mut source = match self {
            Found::Nothing => return None,
            Found::Existing(id) => return Some(id),
            Found::New(source) => source,
        };
        source.deployment = Some(deployment.id.clone());
        let fields = named([
            ("name", format!("Default Config for {name}").into()),
            ("metadata", deployment.field("metadata")),
            ("tool_filter", allow_all()),
            ("is_default", true.into()),
        ]);
        let config = configs::insert(state, caller, version, source, fields);
        Some(config.id.clone())
    }
}

impl DefaultConfig {
    fn read(fields: &mut Fields<'_>) -> Self {
        let existing = fields.optional_text("provider_config_id");
        let mut inline = DefaultConfig::Unnamed;
        fields.optional_nested("provider_config", |config| {
            // The name is read, and not used ◆.
            config.optional_text("name");
            let vault = config.optional_text("provider_config_vault_id");
            inline = match vault.filter(|_| !config.has("value")) {
                Some(vault) => DefaultConfig::Vault(vault),
                None => DefaultConfig::Value(config.required_object("value")),
            };
        });
        existing.map_or(inline, DefaultConfig::Existing)
    }

    /// Finds the default config, or what it is to be made of. Where the provider needs no configuration, an empty one is
    /// made without being asked for ◆.
    fn find(
        self,
        state: &State,
        caller: &Caller,
        provider: &'static Provider,
        version: &'static Version,
    ) -> Result<Found> {
        let source = match self {
            DefaultConfig::Existing(id) => {
                let config = usable(state, caller, Collection::Configs, &id)?;
                if config.provider_id != provider.id {
                    return Err(ApiError::provider_mismatch());
                }
                // A config of another deployment can't be used for the new one ◆.
                if config.links.deployment.is_some() {
                    return Err(ApiError::deployment_lock_mismatch());
                }
                return Ok(Found::Existing(id));
            }
            DefaultConfig::Unnamed => {
                let unknown = state.undiscovered.contains(&provider.id);
                if unknown || version.config_schema.is_some() {
                    return Ok(Found::Nothing);
                }
                Source::of_value(Map::new(), None)
            }
            DefaultConfig::Value(value) => Source::of_value(value, None),
            DefaultConfig::Vault(id) => {
                let source = Source::of_vault(state, caller, &id, provider, None)?;
                // A vault of another deployment can't be used for the new one.
                if source.deployment.is_some() {
                    return Err(ApiError::deployment_lock_mismatch());
                }
                source
            }
        };
        check_discovered(state, provider)?;
        source.check(state, version)?;
        Ok(Found::New(source))
    }
}

pub(super) fn patch(state: &State, fields: &mut Fields<'_>, changes: &mut Changes) {
    // Unlike elsewhere, null doesn't remove the filters ◆.
    if !fields.is_null("tool_filters") {
        let filter = fields.tool_filter("tool_filters");
        let named = filter.map(|filter| ("tool_filter".to_owned(), filter));
        changes.fields.extend(named);
    }
    if state.has(Quirk::LockedVersionPatchable) {
        changes.locked_version = fields.nullable_text("locked_provider_version_id");
    }
}

/// Checks that the version that a PATCH names is one of the deployment's provider.
pub(super) fn check_patch(state: &State, deployment: &Object, changes: &Changes) -> Result<()> {
    let Some(Some(id)) = &changes.locked_version else {
        return Ok(());
    };
    let (provider, _) = version(state, id)?;
    if provider.id == deployment.provider_id {
        return Ok(());
    }
    let message = "The provider version does not belong to the provider of this deployment.";
    Err(ApiError::bad_request("bad_request", message))
}
