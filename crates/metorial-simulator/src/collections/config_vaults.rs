//! `/provider-config-vaults`: saved settings that configs are created from.

use serde_json::Value;

use super::caller::Caller;
use super::lookup::{deployment_of, provider};
use crate::errors::Result;
use crate::fields::Fields;
use crate::objects::{Collection, Links, named};
use crate::present::present;
use crate::schemas;
use crate::state::{Draft, State};

pub(super) fn create(state: &mut State, caller: &Caller, body: &Value) -> Result<Value> {
    let mut fields = Fields::of(body, &state.options);
    let provider_id = fields.required_text("provider_id");
    let deployment = fields.optional_text("provider_deployment_id");
    // The only text of a create that the server doesn't trim ▲.
    let name = fields.required_text("name");
    let description = fields.trimmed("description");
    let metadata = fields.optional_object("metadata");
    let value = fields.required_object("value");
    fields.check(&state.options)?;
    let provider = provider(state, &provider_id)?;
    let deployment = deployment_of(state, caller, deployment.as_deref(), &provider.id)?;
    let version = provider.current();
    if let Some(schema) = &version.config_schema {
        let entity = Collection::Configs.entity();
        schemas::check(schema, &value, entity, &state.options)?;
    }
    let draft = Draft {
        collection: Collection::ConfigVaults,
        provider_id: provider.id.clone(),
        fields: named([
            ("name", name.into()),
            ("description", description),
            ("metadata", metadata),
        ]),
        links: Links {
            deployment,
            specification: Some(version.specification_id.clone()),
            ..Links::default()
        },
        write_only: named([("value", value.into())]),
    };
    let created = state.insert(&caller.instance, draft);
    Ok(present(state, &state.store.current(), &created))
}
