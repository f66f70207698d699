//! Auth exports: a value taken out, shown once, and the record of it. Two path styles, one behaviour.

use serde_json::{Map, Value};

use super::{
    Caller, check_import_export, check_not_managed, existing, expiry, named, present, usable,
};
use crate::errors::{ApiError, Result};
use crate::fields::Fields;
use crate::objects::{Collection, Links};
use crate::routes::ExportsOf;
use crate::state::{Draft, State};

pub(super) fn create(state: &mut State, caller: &Caller, body: &Value) -> Result<Value> {
    let mut fields = Fields::of(body, &state.options);
    let auth_config = fields.required_text("provider_auth_config_id");
    export(state, caller, &auth_config, fields)
}

/// The reference's style: the auth config and its deployment are in the path.
pub(crate) fn create_nested(
    state: &mut State,
    caller: &Caller,
    of: &ExportsOf,
    body: &Value,
) -> Result<Value> {
    let auth_config = existing(state, caller, Collection::AuthConfigs, &of.auth_config)?;
    if auth_config.links.deployment.as_deref() != Some(&of.deployment) {
        let entity = Collection::AuthConfigs.entity();
        return Err(ApiError::not_found(entity, Some(&of.auth_config)));
    }
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
    let value = auth_config
        .write_only
        .get("value")
        .cloned()
        .unwrap_or_default();
    let expires_at = value.as_object().map_or(Value::Null, expiry);
    let draft = Draft {
        collection: Collection::AuthExports,
        provider_id: auth_config.provider_id.clone(),
        fields: named([
            ("note", note.into()),
            ("metadata", metadata),
            ("ip", caller.ip.clone().into()),
            ("user_agent", caller.user_agent.clone().into()),
            ("expires_at", expires_at),
        ]),
        links: Links {
            auth_config: Some(auth_config.id.clone()),
            ..auth_config.links.clone()
        },
        write_only: Map::new(),
    };
    let made = state.insert(&caller.instance, draft);
    let mut answer = present(state, &state.store.current(), &made);
    // Only here: whoever reads the record later gets null.
    answer["value"] = value;
    Ok(answer)
}
