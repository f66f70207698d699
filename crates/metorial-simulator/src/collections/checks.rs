//! Checks that several collections make.

use serde_json::{Map, Value};

use super::caller::Caller;
use crate::catalog::{AuthMethod, Provider};
use crate::errors::{ApiError, Result};
use crate::objects::{Collection, Object};
use crate::options::Quirk;
use crate::schemas;
use crate::state::State;
use crate::tenants::ImportExport;

/// Checks that the account has imports and exports: 402 if its plan doesn't include them, 403 if the project's switch is
/// off ▲.
pub(super) fn check_import_export(state: &State, caller: &Caller) -> Result<()> {
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

/// Checks that an auth config doesn't use Metorial's own credentials, whose tokens can't be imported or exported.
pub(super) fn check_not_managed(state: &State, auth_config: &Object) -> Result<()> {
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

/// Checks that the project allows an auth method: 403 if it allows only OAuth and this is another one ◆.
pub(super) fn check_method_allowed(
    state: &State,
    caller: &Caller,
    method: &AuthMethod,
) -> Result<()> {
    let instance = state.tenants.instance(&caller.instance);
    let only_oauth = instance.is_some_and(|instance| instance.only_oauth);
    if !only_oauth || method.kind == "oauth" {
        return Ok(());
    }
    Err(ApiError::new(
        403,
        "non_oauth_auth_method_not_allowed",
        "This project only allows OAuth authentication methods.",
    ))
}

/// Checks that the provider's specification is known, without which no config of it can be created ◆.
pub(super) fn check_discovered(state: &State, provider: &Provider) -> Result<()> {
    if state.undiscovered.contains(&provider.id) {
        let message = "The specification of the provider is not discovered yet.";
        return Err(ApiError::bad_request("bad_request", message));
    }
    Ok(())
}

/// Checks a value against its auth method and returns it as the server stores it.
pub(super) fn checked_value(
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
    schemas::check(&schema, &value, entity, &state.options)?;
    Ok(value)
}

/// Checks that an auth config may be updated: one that was authorized by an end user through OAuth may not ◆.
pub(super) fn check_updatable(auth_config: &Object) -> Result<()> {
    if auth_config.text("type") == Some("oauth_automated") {
        return Err(ApiError::bad_request(
            "cannot_update_automated_oauth_config",
            "Automated OAuth auth configs can't be updated.",
        ));
    }
    Ok(())
}
