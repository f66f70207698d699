//! `/provider-auth-configs`: authenticated connections. The value is set by the create, later ones by imports.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::checks::{check_method_allowed, checked_value};
use super::lookup::{auth_method, deployment_of};
use super::records::{Annotation, add_record};
use crate::catalog::AuthMethod;
use crate::errors::Result;
use crate::fields::{Fields, allow_all};
use crate::objects::{Collection, Links, Object, named};
use crate::options::Quirk;
use crate::present::present;
use crate::state::{Draft, State};

pub(super) fn create(state: &mut State, caller: &Caller, body: &Value) -> Result<Value> {
    let mut fields = Fields::of(body, &state.options);
    let name = fields.trimmed("name");
    let description = fields.trimmed("description");
    let metadata = fields.optional_object("metadata");
    let tool_filter = fields.tool_filter("tool_filters");
    let method = fields.required_text("provider_auth_method_id");
    let deployment = fields.optional_text("provider_deployment_id");
    let value = fields.required_object("value");
    fields.check(&state.options)?;
    let method = auth_method(state, &method)?;
    check_method_allowed(state, caller, method)?;
    let deployment = deployment_of(state, caller, deployment.as_deref(), &method.provider_id)?;
    let value = checked_value(state, method, value)?;
    let new = NewConfig {
        name,
        description,
        metadata: metadata.clone(),
        tool_filter: tool_filter.unwrap_or_else(allow_all),
        method,
        deployment,
        value,
    };
    let created = insert(state, caller, new);
    if state.has(Quirk::CreateWritesImport) {
        let annotation = Annotation {
            note: Value::Null,
            metadata,
        };
        add_record(state, caller, Collection::AuthImports, &created, annotation);
    }
    Ok(present(state, &state.store.current(), &created))
}

/// Contents of a new auth config, of a create or an import.
pub(super) struct NewConfig<'a> {
    pub(super) name: Value,
    pub(super) description: Value,
    pub(super) metadata: Value,
    pub(super) tool_filter: Value,
    pub(super) method: &'a AuthMethod,
    pub(super) deployment: Option<String>,
    pub(super) value: Map<String, Value>,
}

pub(super) fn insert(state: &mut State, caller: &Caller, new: NewConfig<'_>) -> Arc<Object> {
    let kind = if new.method.kind == "oauth" {
        "oauth_manual"
    } else {
        "manual"
    };
    let draft = Draft {
        collection: Collection::AuthConfigs,
        provider_id: new.method.provider_id.clone(),
        fields: named([
            ("type", kind.into()),
            ("source", "manual".into()),
            ("name", new.name),
            ("description", new.description),
            ("metadata", new.metadata),
            ("tool_filter", new.tool_filter),
        ]),
        links: Links {
            deployment: new.deployment,
            auth_method: Some(new.method.id.clone()),
            specification: Some(new.method.specification_id.clone()),
            ..Links::default()
        },
        write_only: named([("value", new.value.into())]),
    };
    state.insert(&caller.instance, draft)
}

/// Creates an auth config as the authorization by an end user through OAuth does: the API can't update it. None if the
/// provider has no OAuth method.
pub(crate) fn consented(
    state: &mut State,
    credentials: &Object,
    mut given: Map<String, Value>,
) -> Option<Arc<Object>> {
    let provider = state.catalog.provider(&credentials.provider_id)?;
    let method = provider.oauth_method()?;
    let value = given.remove("value");
    let mut fields = named([
        ("type", "oauth_automated".into()),
        ("source", "setup_session".into()),
        ("tool_filter", allow_all()),
    ]);
    let deployment = given.remove("provider_deployment_id");
    fields.extend(given);
    let draft = Draft {
        collection: Collection::AuthConfigs,
        provider_id: provider.id.clone(),
        fields,
        links: Links {
            deployment: deployment.and_then(|id| id.as_str().map(str::to_owned)),
            credentials: Some(credentials.id.clone()),
            auth_method: Some(method.id.clone()),
            specification: Some(method.specification_id.clone()),
            ..Links::default()
        },
        write_only: named([(
            "value",
            value.unwrap_or_else(|| json!({"accessToken": "by-consent"})),
        )]),
    };
    let instance = credentials.instance.clone();
    Some(state.insert(&instance, draft))
}
