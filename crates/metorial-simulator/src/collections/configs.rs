//! `/provider-configs`: settings, from a value or a vault. Neither can be changed later.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::caller::Caller;
use super::checks::check_discovered;
use super::lookup::{deployment_of, provider, usable, version_of};
use crate::catalog::{Provider, Version};
use crate::errors::{ApiError, Result};
use crate::fields::{Fields, allow_all};
use crate::objects::{Collection, Links, Object, named};
use crate::options::Quirk;
use crate::present::present;
use crate::schemas;
use crate::state::{Draft, State};

pub(super) fn create(state: &mut State, caller: &Caller, body: &Value) -> Result<Value> {
    let mut fields = Fields::of(body, &state.options);
    let provider_id = fields.required_text("provider_id");
    let deployment = fields.optional_text("provider_deployment_id");
    let name = fields.trimmed("name");
    let description = fields.trimmed("description");
    let metadata = fields.optional_object("metadata");
    let tool_filter = fields.tool_filter("tool_filters");
    let vault = fields.optional_text("provider_config_vault_id");
    let needs_value = vault.is_none() || fields.has("value");
    let value = needs_value.then(|| fields.required_object("value"));
    if vault.is_some() && needs_value && !state.has(Quirk::ValueWinsOverVault) {
        fields.refuse_value("provider_config_vault_id", "exactly one of value and vault");
    }
    fields.check(&state.options)?;
    let provider = provider(state, &provider_id)?;
    let deployment = deployment_of(state, caller, deployment.as_deref(), &provider.id)?;
    let source = match (value, vault) {
        (Some(value), _) => Source::of_value(value, deployment),
        (None, vault) => {
            let id = vault.unwrap_or_default();
            Source::of_vault(state, caller, &id, provider, deployment)?
        }
    };
    check_discovered(state, provider)?;
    let version = version_of(state, provider, source.deployment.as_deref());
    source.check(state, version)?;
    let texts = named([
        ("name", name),
        ("description", description),
        ("metadata", metadata),
        ("tool_filter", tool_filter.unwrap_or_else(allow_all)),
    ]);
    let created = insert(state, caller, version, source, texts);
    Ok(present(state, &state.store.current(), &created))
}

/// Where the value of a new config comes from, and the deployment that the config belongs to.
pub(super) struct Source {
    value: Map<String, Value>,
    vault: Option<String>,
    pub(super) deployment: Option<String>,
}

impl Source {
    pub(super) fn of_value(value: Map<String, Value>, deployment: Option<String>) -> Self {
        Source {
            value,
            vault: None,
            deployment,
        }
    }

    /// Reads a vault. A config that is made from the vault of a deployment belongs to that deployment too, and none other
    /// can be named ◆.
    pub(super) fn of_vault(
        state: &State,
        caller: &Caller,
        id: &str,
        provider: &Provider,
        deployment: Option<String>,
    ) -> Result<Self> {
        let vault = usable(state, caller, Collection::ConfigVaults, id)?;
        if vault.provider_id != provider.id {
            return Err(ApiError::provider_mismatch());
        }
        let locked = vault.links.deployment.clone();
        let locked = locked.filter(|_| state.has(Quirk::VaultDeploymentTakenOver));
        if let (Some(locked), Some(named)) = (&locked, &deployment)
            && locked != named
        {
            return Err(ApiError::deployment_lock_mismatch());
        }
        let value = vault.write_only.get("value").and_then(Value::as_object);
        Ok(Source {
            value: value.cloned().unwrap_or_default(),
            vault: Some(id.to_owned()),
            deployment: deployment.or(locked),
        })
    }

    /// Checks that the value matches the schema of the version.
    pub(super) fn check(&self, state: &State, version: &Version) -> Result<()> {
        let Some(schema) = &version.config_schema else {
            return Ok(());
        };
        let entity = Collection::Configs.entity();
        schemas::check(schema, &self.value, entity, &state.options)
    }
}

/// Creates a config with these readable fields. The caller has checked the value.
pub(super) fn insert(
    state: &mut State,
    caller: &Caller,
    version: &Version,
    source: Source,
    fields: Map<String, Value>,
) -> Arc<Object> {
    let provider = state.catalog.version(&version.id);
    let draft = Draft {
        collection: Collection::Configs,
        provider_id: provider.map_or_else(String::new, |(provider, _)| provider.id.clone()),
        fields,
        links: Links {
            deployment: source.deployment,
            vault: source.vault,
            specification: Some(version.specification_id.clone()),
            ..Links::default()
        },
        write_only: named([("value", source.value.into())]),
    };
    state.insert(&caller.instance, draft)
}
