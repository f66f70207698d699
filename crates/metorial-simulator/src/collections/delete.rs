//! DELETE: archives an object.

use serde_json::Value;

use super::caller::Caller;
use super::lookup::changeable;
use crate::errors::{ApiError, Result};
use crate::objects::Collection;
use crate::options::Quirk;
use crate::present::present;
use crate::state::State;

/// Archives an object and returns the answer. The caller starts the cascade.
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
