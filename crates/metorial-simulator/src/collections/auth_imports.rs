//! `/provider-auth-config-imports`: a value brought into an auth config, or into a new one, and the record of it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::auth_configs::{self, NewConfig};
use super::{
    Caller, changeable, check_import_export, check_not_managed, checked_value, deployment_of,
    expiry, named, present, provider,
};
use crate::catalogue::{AuthMethod, Provider};
use crate::clock;
use crate::errors::{ApiError, Result};
use crate::fields::Fields;
use crate::objects::{Collection, Links, Object};
use crate::options::Quirk;
use crate::state::{Draft, State};

/// What an import asks for.
struct Wanted {
    provider: Option<String>,
    deployment: Option<String>,
    method: Option<String>,
    value: Map<String, Value>,
}

/// What the record says beside the auth config.
pub(super) struct Record {
    pub(super) note: Value,
    pub(super) metadata: Value,
}

pub(super) fn create(state: &mut State, caller: &Caller, body: &Value) -> Result<Value> {
    let mut fields = Fields::of(body, &state.options);
    let provider = fields.optional_text("provider_id");
    let deployment = fields.optional_text("provider_deployment_id");
    let auth_config = fields.optional_text("provider_auth_config_id");
    let method = fields.optional_text("provider_auth_method_id");
    let note = fields.required_text("note");
    let metadata = fields.optional_object("metadata");
    let value = fields.required_object("value");
    fields.check(&state.options)?;
    check_import_export(state, caller)?;
    let wanted = Wanted {
        provider,
        deployment,
        method,
        value,
    };
    let new = state.has(Quirk::EmptyConfigIdMeansNew) && auth_config.as_deref() == Some("");
    let (written, metadata) = match auth_config {
        Some(id) if !new => {
            let dropped = state.has(Quirk::ImportMetadataDropped);
            let written = into_existing(state, caller, &id, wanted)?;
            (written, if dropped { Value::Null } else { metadata })
        }
        _ => {
            let made = into_new(state, caller, metadata.clone(), wanted)?;
            (made, metadata)
        }
    };
    let told = Record {
        note: note.into(),
        metadata,
    };
    let made = record(state, caller, &written, told);
    Ok(present(state, &state.store.current(), &made))
}

fn into_existing(
    state: &mut State,
    caller: &Caller,
    id: &str,
    wanted: Wanted,
) -> Result<Arc<Object>> {
    let auth_config = changeable(state, caller, Collection::AuthConfigs, id)?;
    check_not_managed(state, auth_config)?;
    auth_configs::check_updatable(auth_config)?;
    if let Some(named) = &wanted.provider
        && provider(state, named)?.id != auth_config.provider_id
    {
        return Err(ApiError::provider_mismatch());
    }
    deployment_of(
        state,
        caller,
        wanted.deployment.as_deref(),
        &auth_config.provider_id,
    )?;
    let own = auth_config.links.auth_method.clone().unwrap_or_default();
    let method = state
        .catalogue
        .auth_method(&own)
        .ok_or_else(ApiError::internal)?;
    check_same_method(state, wanted.method.as_deref(), method)?;
    let value = checked_value(state, method, wanted.value)?;
    let now = state.clock.now();
    let written = state.store.change(id, |object| {
        object.write_only = named([("value", value.into())]);
        object.versions += 1;
        object.touch(now);
    });
    written.ok_or_else(ApiError::internal)
}

/// The method of an existing config is fixed, and the server knows it only by the id it has there.
fn check_same_method(state: &State, sent: Option<&str>, own: &AuthMethod) -> Result<()> {
    let Some(sent) = sent else { return Ok(()) };
    let strict = state.has(Quirk::ImportRefusesMethodAlias);
    let same = match state.catalogue.auth_method(sent) {
        Some(named) if !strict => named.identifier == own.identifier,
        _ => sent == own.id,
    };
    if same {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "cannot_change_auth_method",
        "The auth method of an existing auth config can't be changed.",
    ))
}

fn into_new(
    state: &mut State,
    caller: &Caller,
    metadata: Value,
    wanted: Wanted,
) -> Result<Arc<Object>> {
    let Some(named) = wanted.provider.as_deref().filter(|name| !name.is_empty()) else {
        let message = "A provider is required unless an auth config is named.";
        return Err(ApiError::bad_request("provider_required", message));
    };
    let provider = provider(state, named)?;
    let deployment = deployment_of(state, caller, wanted.deployment.as_deref(), &provider.id)?;
    let method = method_of(state, provider, wanted.method.as_deref())?;
    let value = checked_value(state, method, wanted.value)?;
    let name = format!("Imported Config {}", clock::text(state.clock.now()));
    let new = NewConfig {
        name: name.into(),
        description: Value::Null,
        metadata,
        tool_filter: json!({"type": "allow_all"}),
        method,
        deployment,
        value,
    };
    Ok(auth_configs::insert(state, caller, new))
}

/// The method named, which must be the provider's; else the provider's first one.
pub(crate) fn method_of<'a>(
    state: &State,
    provider: &'a Provider,
    named: Option<&str>,
) -> Result<&'a AuthMethod> {
    let methods = &provider.current().auth_methods;
    let found = match named.filter(|name| !name.is_empty()) {
        None => methods.first(),
        Some(name) => {
            let method = state.catalogue.auth_method(name);
            methods
                .iter()
                .find(|own| method.is_some_and(|named| named.id == own.id) || own.key == name)
        }
    };
    found.ok_or_else(|| {
        ApiError::bad_request(
            "invalid_auth_method",
            "The provider has no such auth method.",
        )
    })
}

/// Writes the audit record of a value that was brought in.
pub(super) fn record(
    state: &mut State,
    caller: &Caller,
    auth_config: &Object,
    told: Record,
) -> Arc<Object> {
    let value = auth_config
        .write_only
        .get("value")
        .and_then(Value::as_object);
    let expires_at = value.map_or(Value::Null, expiry);
    let draft = Draft {
        collection: Collection::AuthImports,
        provider_id: auth_config.provider_id.clone(),
        fields: named([
            ("note", told.note),
            ("metadata", told.metadata),
            ("ip", caller.ip.clone().into()),
            ("user_agent", caller.user_agent.clone().into()),
            ("expires_at", expires_at),
        ]),
        links: Links {
            auth_config: Some(auth_config.id.clone()),
            ..auth_config.links.clone()
        },
        write_only: auth_config.write_only.clone(),
    };
    state.insert(&caller.instance, draft)
}
