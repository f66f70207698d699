//! What is the same for all collections: finding, changing, archiving; each collection's file has only its own rules.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::catalogue::{AuthMethod, Provider};
use crate::errors::{ApiError, Result};
use crate::fields::Fields;
use crate::ids::InstanceId;
use crate::objects::{Collection, Object, Status};
use crate::options::Quirk;
use crate::state::State;
use crate::tenants::ImportExport;

mod auth_configs;
mod auth_credentials;
mod auth_exports;
mod auth_imports;
mod config_vaults;
mod configs;
mod presenting;

pub(crate) use auth_configs::consented;
pub(crate) use auth_exports::create_nested as create_nested_export;
pub(crate) use auth_imports::method_of;
pub(crate) use presenting::present;

/// Who asks, as far as objects are concerned.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) instance: InstanceId,
    pub(crate) ip: String,
    pub(crate) user_agent: Option<String>,
}

/// What a PATCH asks for.
#[derive(Default)]
pub(crate) struct Changes {
    fields: Map<String, Value>,
    write_only: Map<String, Value>,
}

/// A PATCH between its read and its write.
pub(crate) struct Patch {
    before: Arc<Object>,
    changes: Changes,
}

/// Creates an object and answers it.
pub(crate) fn create(
    state: &mut State,
    caller: &Caller,
    collection: Collection,
    body: &Value,
) -> Result<Value> {
    match collection {
        Collection::AuthCredentials => auth_credentials::create(state, caller, body),
        Collection::AuthConfigs => auth_configs::create(state, caller, body),
        Collection::Configs => configs::create(state, caller, body),
        Collection::ConfigVaults => config_vaults::create(state, caller, body),
        Collection::AuthImports => auth_imports::create(state, caller, body),
        Collection::AuthExports => auth_exports::create(state, caller, body),
        Collection::Deployments => Err(ApiError::not_found("endpoint", None)),
    }
}

/// The first half of a PATCH: checks it, the body before the object, and reads the object.
pub(crate) fn read_for_patch(
    state: &State,
    caller: &Caller,
    collection: Collection,
    id: &str,
    body: &Value,
) -> Result<Patch> {
    let mut fields = Fields::of(body, &state.options);
    let mut changes = Changes::default();
    patch_text(state, collection, &mut fields, &mut changes);
    match collection {
        Collection::AuthCredentials => auth_credentials::patch(&mut fields, &mut changes),
        Collection::AuthConfigs | Collection::Configs => {
            let filter = fields.tool_filter("tool_filters");
            let named = filter.map(|filter| ("tool_filter".to_owned(), filter));
            changes.fields.extend(named);
        }
        _ => {}
    }
    fields.check(&state.options)?;
    let before = Arc::clone(changeable(state, caller, collection, id)?);
    auth_configs::check_updatable(&before)?;
    Ok(Patch { before, changes })
}

/// The second half of a PATCH: writes, all fields as they were read where the server does so.
pub(crate) fn write_patch(state: &mut State, patch: Patch) -> Result<Value> {
    let now = state.clock.now();
    let writes_all = state.has(Quirk::PatchWritesAllFields);
    let loses_value = state.has(Quirk::PatchLosesAuthConfigValue);
    let Patch { before, changes } = patch;
    let written = state.store.change(&before.id, |object| {
        if writes_all {
            object.fields = before.fields.clone();
        }
        object.fields.extend(changes.fields);
        if !changes.write_only.is_empty() {
            object.versions += 1;
        }
        if writes_all && object.collection == Collection::AuthCredentials {
            object.write_only = before.write_only.clone();
        }
        object.write_only.extend(changes.write_only);
        if loses_value && object.collection == Collection::AuthConfigs {
            object.write_only.clear();
        }
        object.touch(now);
    });
    let written = written.ok_or_else(ApiError::internal)?;
    Ok(present(state, &state.store.current(), &written))
}

/// DELETE: archives the object and answers it. Its cascade is the caller's to start.
pub(crate) fn delete(
    state: &mut State,
    caller: &Caller,
    collection: Collection,
    id: &str,
) -> Result<Value> {
    let object = changeable(state, caller, collection, id)?;
    if object.in_use {
        let name = collection.entity().replace('.', "_");
        let code = format!("{name}_integration_instance_provider_archive_not_allowed");
        let message = "It is still in use by an integration.";
        return Err(ApiError::bad_request(&code, message));
    }
    state.archive(id);
    if !state.has(Quirk::DeleteArchives) {
        state.purge(id);
    }
    let view = state.store.current();
    let object = view.get(id).ok_or_else(ApiError::internal)?;
    Ok(present(state, &view, object))
}

/// What is readable of an object: an archived one is, one past its time isn't.
pub(crate) fn readable(object: Option<&Arc<Object>>) -> Option<&Arc<Object>> {
    object.filter(|object| object.status != Status::Deleted)
}

/// The object of this id that the caller may read, as it is now.
fn existing<'a>(
    state: &'a State,
    caller: &Caller,
    collection: Collection,
    id: &str,
) -> Result<&'a Arc<Object>> {
    let found = state.store.current().find(&caller.instance, collection, id);
    readable(found).ok_or_else(|| ApiError::not_found(collection.entity(), Some(id)))
}

/// The object that is about to be written: 410 if it is archived.
fn changeable<'a>(
    state: &'a State,
    caller: &Caller,
    collection: Collection,
    id: &str,
) -> Result<&'a Arc<Object>> {
    let object = existing(state, caller, collection, id)?;
    if object.status != Status::Active {
        return Err(ApiError::gone(collection.entity(), id));
    }
    if object.is("is_managed") {
        let message = "Managed credentials can't be changed.";
        return Err(ApiError::bad_request(
            "managed_credentials_readonly",
            message,
        ));
    }
    Ok(object)
}

/// The object that a new one is about to name: 400 if it is archived.
fn usable<'a>(
    state: &'a State,
    caller: &Caller,
    collection: Collection,
    id: &str,
) -> Result<&'a Arc<Object>> {
    let object = existing(state, caller, collection, id)?;
    if object.status != Status::Active {
        return Err(ApiError::use_after_delete(collection.entity()));
    }
    Ok(object)
}

/// The provider that a request names, by id or — where the server allows it — by an alias.
pub(crate) fn provider(state: &State, name: &str) -> Result<&'static Provider> {
    state
        .catalogue
        .provider(name)
        .filter(|provider| provider.id == name || state.has(Quirk::ProviderAliases))
        .ok_or_else(|| ApiError::not_found("provider", Some(name)))
}

/// A deployment that belongs to the provider; its id, or None if none was named.
fn deployment_of(
    state: &State,
    caller: &Caller,
    named: Option<&str>,
    provider_id: &str,
) -> Result<Option<String>> {
    let Some(id) = named else { return Ok(None) };
    let deployment = usable(state, caller, Collection::Deployments, id)?;
    if deployment.provider_id != provider_id {
        return Err(ApiError::provider_mismatch());
    }
    Ok(Some(deployment.id.clone()))
}

/// 402 or 403 where the account doesn't have imports and exports.
fn check_import_export(state: &State, caller: &Caller) -> Result<()> {
    let instance = state.tenants.instance(&caller.instance);
    match instance.map(|instance| instance.import_export) {
        Some(ImportExport::NotInPlan) => Err(ApiError::new(
            402,
            "payment_required",
            "Auth config import and export are not part of the plan.",
        )),
        Some(ImportExport::SwitchedOff) => Err(ApiError::forbidden(
            "Auth config import and export are not allowed in this project.",
        )),
        _ => Ok(()),
    }
}

/// 400 where the tokens are those of Metorial's own application.
fn check_not_managed(state: &State, auth_config: &Object) -> Result<()> {
    let credentials = auth_config.links.credentials.as_deref();
    let view = state.store.current();
    if credentials
        .and_then(|id| view.get(id))
        .is_some_and(|object| object.is("is_managed"))
    {
        return Err(ApiError::bad_request(
            "managed_credentials_import_export_blocked",
            "Auth configs of managed credentials can't be imported or exported.",
        ));
    }
    Ok(())
}

/// A value checked against its auth method, as the server would keep it.
fn checked_value(
    state: &State,
    method: &AuthMethod,
    mut value: Map<String, Value>,
) -> Result<Map<String, Value>> {
    let mut schema = method.value_schema().clone();
    if method.kind == "oauth" {
        if state.has(Quirk::ExpiresAtRequired)
            && let Some(required) = schema["required"].as_array_mut()
        {
            required.push("expiresAt".into());
        }
        if state.has(Quirk::RefreshTokenDiscarded) {
            value.remove("refreshToken");
        }
    }
    let entity = Collection::AuthConfigs.entity();
    crate::schemas::check(&schema, &value, entity, &state.options)?;
    Ok(value)
}

/// The three fields that every PATCH has. A null is refused or clears; blanks are kept, but for auth configs.
fn patch_text<'a>(
    state: &State,
    collection: Collection,
    fields: &mut Fields<'a>,
    changes: &mut Changes,
) {
    let trims = collection == Collection::AuthConfigs && state.has(Quirk::AuthConfigPatchTrims);
    for name in ["name", "description"] {
        if !fields.has(name) {
            continue;
        }
        let text = fields.optional_text(name);
        match text.as_deref().map(str::trim) {
            Some("") if trims => {}
            Some(trimmed) if trims => {
                changes.fields.insert(name.to_owned(), trimmed.into());
            }
            _ => {
                changes.fields.insert(name.to_owned(), text.into());
            }
        }
    }
    if fields.has("metadata") {
        let metadata = fields.optional_object("metadata");
        changes.fields.insert("metadata".to_owned(), metadata);
    }
}

/// `expiresAt` of a token, if the value tells it.
fn expiry(value: &Map<String, Value>) -> Value {
    let told = value.get("expiresAt").or_else(|| value.get("expires_at"));
    let time = told
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    time.map(crate::clock::text).into()
}

/// Named values as an object's fields.
fn named<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
