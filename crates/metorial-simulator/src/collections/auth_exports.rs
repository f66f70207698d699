//! Exports of an auth config's value, at the flat path and at the reference's nested path. The behavior is the same.

use serde_json::Value;

use super::caller::Caller;
use super::checks::{check_import_export, check_not_managed};
use super::lookup::{existing, usable};
use super::records::{Annotation, add_record};
use crate::errors::{ApiError, Result};
use crate::fields::Fields;
use crate::objects::{Collection, Object};
use crate::present::present;
use crate::routes::ExportsOf;
use crate::state::State;

pub(super) fn create(state: &mut State, caller: &Caller, body: &Value) -> Result<Value> {
    let mut fields = Fields::of(body, &state.options);
    let auth_config = fields.required_text("provider_auth_config_id");
    export(state, caller, &auth_config, fields)
}

/// Checks that the auth config of the reference's path belongs to the deployment there.
pub(crate) fn check_parents(state: &State, caller: &Caller, of: &ExportsOf) -> Result<()> {
    let auth_config = existing(state, caller, Collection::AuthConfigs, &of.auth_config)?;
    if auth_config.links.deployment.as_deref() != Some(&of.deployment) {
        let entity = Collection::AuthConfigs.entity();
        return Err(ApiError::not_found(entity, Some(&of.auth_config)));
    }
    Ok(())
}

/// Creates an export at the reference's path, which names the auth config.
pub(crate) fn create_nested(
    state: &mut State,
    caller: &Caller,
    of: &ExportsOf,
    body: &Value,
) -> Result<Value> {
    let fields = Fields::of(body, &state.options);
    export(state, caller, &of.auth_config, fields)
}

fn export(
    state: &mut State,
    caller: &Caller,
    auth_config: &str,
    mut fields: Fields<'_>,
) -> Result<Value> {
    let note = fields.required_text("note");
    let metadata = fields.optional_object("metadata");
    fields.check(&state.options)?;
    check_import_export(state, caller)?;
    let auth_config = usable(state, caller, Collection::AuthConfigs, auth_config)?;
    check_not_managed(state, auth_config)?;
    let auth_config = Object::clone(auth_config);
    let annotation = Annotation {
        note: note.into(),
        metadata,
    };
    let created = add_record(
        state,
        caller,
        Collection::AuthExports,
        &auth_config,
        annotation,
    );
    let mut answer = present(state, &state.store.current(), &created);
    // Only the answer to the create has the value: later reads give null.
    answer["value"] = auth_config
        .write_only
        .get("value")
        .cloned()
        .unwrap_or_default();
    Ok(answer)
}
