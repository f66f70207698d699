//! `/provider-configs`: settings, from a value or a vault. Neither can be changed later.

use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::lookup::{deployment_of, provider, usable};
use crate::errors::{ApiError, Result};
use crate::fields::Fields;
use crate::objects::{Collection, Links, named};
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
    let version = provider.current();
    let deployment = deployment_of(state, caller, deployment.as_deref(), &provider.id)?;
    let (value, vault) = match (value, vault) {
        (Some(value), _) => (value, None),
        (None, vault) => {
            let id = vault.unwrap_or_default();
            (vault_value(state, caller, &id, &provider.id)?, Some(id))
        }
    };
    if let Some(schema) = &version.config_schema {
        let entity = Collection::Configs.entity();
        schemas::check(schema, &value, entity, &state.options)?;
    }
    let draft = Draft {
        collection: Collection::Configs,
        provider_id: provider.id.clone(),
        fields: named([
            ("name", name),
            ("description", description),
            ("metadata", metadata),
            (
                "tool_filter",
                tool_filter.unwrap_or_else(|| json!({"type": "allow_all"})),
            ),
        ]),
        links: Links {
            deployment,
            vault,
            specification: Some(version.specification_id.clone()),
            ..Links::default()
        },
        write_only: named([("value", value.into())]),
    };
    let created = state.insert(&caller.instance, draft);
    Ok(present(state, &state.store.current(), &created))
}

fn vault_value(
    state: &State,
    caller: &Caller,
    id: &str,
    provider_id: &str,
) -> Result<Map<String, Value>> {
    let vault = usable(state, caller, Collection::ConfigVaults, id)?;
    if vault.provider_id != provider_id {
        return Err(ApiError::provider_mismatch());
    }
    let value = vault.write_only.get("value").and_then(Value::as_object);
    Ok(value.cloned().unwrap_or_default())
}
