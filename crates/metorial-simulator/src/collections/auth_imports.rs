//! `/provider-auth-config-imports`: imports of a value into an existing or a new auth config.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::auth_configs::{self, NewConfig};
use super::caller::Caller;
use super::checks::{
    check_import_export, check_method_allowed, check_not_managed, check_updatable, checked_value,
};
use super::lookup::{changeable, deployment_of, method_of, provider};
use super::records::{Annotation, add_record};
use crate::catalog::{AuthMethod, Backend};
use crate::clock;
use crate::errors::{ApiError, Result};
use crate::fields::{Fields, allow_all};
use crate::objects::{Collection, Object, named};
use crate::options::Quirk;
use crate::present::present;
use crate::state::State;

/// Contents of an import.
struct Import {
    provider: Option<String>,
    deployment: Option<String>,
    method: Option<String>,
    value: Map<String, Value>,
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
    let import = Import {
        provider,
        deployment,
        method,
        value,
    };
    let new = state.has(Quirk::EmptyConfigIdMeansNew) && auth_config.as_deref() == Some("");
    let (written, metadata) = match auth_config {
        Some(id) if !new => {
            let dropped = state.has(Quirk::ImportMetadataDropped);
            let written = into_existing(state, caller, &id, import)?;
            (written, if dropped { Value::Null } else { metadata })
        }
        _ => {
            let created = into_new(state, caller, metadata.clone(), import)?;
            (created, metadata)
        }
    };
    let annotation = Annotation {
        note: note.into(),
        metadata,
    };
    let created = add_record(state, caller, Collection::AuthImports, &written, annotation);
    Ok(present(state, &state.store.current(), &created))
}

fn into_existing(
    state: &mut State,
    caller: &Caller,
    id: &str,
    import: Import,
) -> Result<Arc<Object>> {
    let auth_config = changeable(state, caller, Collection::AuthConfigs, id)?;
    check_not_managed(state, auth_config)?;
    check_updatable(auth_config)?;
    if let Some(named) = &import.provider
        && provider(state, named)?.id != auth_config.provider_id
    {
        return Err(ApiError::provider_mismatch());
    }
    let deployment = deployment_of(
        state,
        caller,
        import.deployment.as_deref(),
        &auth_config.provider_id,
    )?;
    let elsewhere = deployment.is_some() && deployment != auth_config.links.deployment;
    if elsewhere && state.has(Quirk::ImportChecksDeployment) {
        return Err(ApiError::provider_mismatch());
    }
    let own = auth_config.links.auth_method.clone().unwrap_or_default();
    let method = state
        .catalog
        .auth_method(&own)
        .ok_or_else(ApiError::internal)?;
    check_same_method(state, import.method.as_deref(), method)?;
    check_method_allowed(state, caller, method)?;
    let value = imported_value(state, method, import.value)?;
    let now = state.clock.now();
    let written = state.store.change(id, |object| {
        object.write_only = named([("value", value.into())]);
        object.versions += 1;
        object.touch(now);
    });
    written.ok_or_else(ApiError::internal)
}

/// Checks the value of an import and returns it as the server stores it: for remote MCP providers only the access token and
/// its expiry ◆.
fn imported_value(
    state: &State,
    method: &AuthMethod,
    value: Map<String, Value>,
) -> Result<Map<String, Value>> {
    let mut value = checked_value(state, method, value)?;
    let provider = state.catalog.provider(&method.provider_id);
    let remote = provider.is_some_and(|provider| provider.backend == Backend::Remote);
    if remote && state.has(Quirk::RemoteImportReduced) {
        value.retain(|name, _| matches!(name.as_str(), "accessToken" | "expiresAt"));
    }
    Ok(value)
}

/// Checks that the named auth method is the config's own. The server accepts only the id that the config has: an alias or
/// the id in a newer version is rejected ▲.
fn check_same_method(state: &State, sent: Option<&str>, own: &AuthMethod) -> Result<()> {
    let Some(sent) = sent else { return Ok(()) };
    let strict = state.has(Quirk::ImportRefusesMethodAlias);
    let same = match state.catalog.auth_method(sent) {
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
    import: Import,
) -> Result<Arc<Object>> {
    let Some(named) = import.provider.as_deref().filter(|name| !name.is_empty()) else {
        let message = "A provider is required unless an auth config is named.";
        return Err(ApiError::bad_request("provider_required", message));
    };
    let provider = provider(state, named)?;
    let deployment = deployment_of(state, caller, import.deployment.as_deref(), &provider.id)?;
    let method = method_of(state, provider, import.method.as_deref())?;
    check_method_allowed(state, caller, method)?;
    let value = imported_value(state, method, import.value)?;
    let name = format!("Imported Config {}", clock::text(state.clock.now()));
    let new = NewConfig {
        name: name.into(),
        description: Value::Null,
        metadata,
        tool_filter: allow_all(),
        method,
        deployment,
        value,
    };
    Ok(auth_configs::insert(state, caller, new))
}
