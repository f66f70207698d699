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
    if object.is("is_managed") {
        return Err(ApiError::managed_credentials_readonly());
    }
    if let Some(used) = object.uses.first() {
        return Err(used.refusal(collection.entity(), id));
    }
    state.archive(id);
    if !state.has(Quirk::DeleteArchives) {
        state.purge(id);
    }
    let view = state.store.current();
    let object = view.get(id).ok_or_else(ApiError::internal)?;
    Ok(present(state, &view, object))
}
