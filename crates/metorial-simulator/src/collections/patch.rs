//! PATCH: changes an object in two steps, a read and a write, between which a test can hold it.

use std::sync::Arc;

use serde_json::Value;

use super::caller::Caller;
use super::changes::Changes;
use super::checks::check_updatable;
use super::lookup::changeable;
use super::{auth_credentials, deployments};
use crate::errors::{ApiError, Result};
use crate::fields::{Fields, js_trim};
use crate::objects::{Collection, Object};
use crate::options::Quirk;
use crate::present::present;
use crate::state::State;

/// PATCH between its read and its write.
pub(crate) struct Patch {
    before: Arc<Object>,
    changes: Changes,
}

/// Reads for a PATCH: checks the body, then the object, and returns both. The server checks in this order.
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
        Collection::Deployments => deployments::patch(state, &mut fields, &mut changes),
        Collection::AuthConfigs | Collection::Configs => {
            let filter = fields.tool_filter("tool_filters");
            let named = filter.map(|filter| ("tool_filter".to_owned(), filter));
            changes.fields.extend(named);
        }
        _ => {}
    }
    fields.check(&state.options)?;
    let before = Arc::clone(changeable(state, caller, collection, id)?);
    check_updatable(&before)?;
    match collection {
        Collection::AuthCredentials => {
            auth_credentials::check_patch(state, &before, &mut changes)?;
        }
        Collection::Deployments => deployments::check_patch(state, &before, &changes)?,
        _ => {}
    }
    Ok(Patch { before, changes })
}

/// Writes the part of a PATCH of credentials that the server writes first: id, secret and scopes ◆. False if there is none.
pub(crate) fn write_half(state: &mut State, mut patch: Patch) -> bool {
    patch.changes.fields.retain(|name, _| name == "scopes");
    let changes = &patch.changes;
    if changes.fields.is_empty() && changes.write_only.is_empty() {
        return false;
    }
    write_patch(state, patch).is_ok()
}

/// Writes a PATCH. The server writes all fields as it read them, so that one of two concurrent PATCHes is lost ▲.
pub(crate) fn write_patch(state: &mut State, patch: Patch) -> Result<Value> {
    let now = state.clock.now();
    let writes_all = state.has(Quirk::PatchWritesAllFields);
    let loses_value = state.has(Quirk::PatchLosesAuthConfigValue);
    let Patch { before, changes } = patch;
    let written = state.store.change(&before.id, |object| {
        if writes_all {
            object.fields = before.fields.clone();
            object.write_only = before.write_only.clone();
            object.links.locked_version = before.links.locked_version.clone();
        }
        object.fields.extend(changes.fields);
        if !changes.write_only.is_empty() {
            object.versions += 1;
        }
        object.write_only.extend(changes.write_only);
        if let Some(locked) = changes.locked_version {
            object.links.locked_version = locked;
        }
        if loses_value && object.collection == Collection::AuthConfigs {
            object.write_only.clear();
        }
        object.touch(now);
    });
    let written = written.ok_or_else(ApiError::internal)?;
    Ok(present(state, &state.store.current(), &written))
}

/// Reads the three fields that every PATCH may have. A null is rejected or clears the field. A blank text is stored as it
/// is, except that auth configs trim texts and ignore blank ones ▲.
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
        match text.as_deref().map(js_trim) {
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
