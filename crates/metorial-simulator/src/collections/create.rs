//! POST: creates an object of any collection.

use serde_json::Value;

use super::caller::Caller;
use super::{
    auth_configs, auth_credentials, auth_exports, auth_imports, config_vaults, configs, deployments,
};
use crate::errors::Result;
use crate::objects::Collection;
use crate::options::Quirk;
use crate::state::State;

/// Creates an object and returns the answer.
pub(crate) fn create(
    state: &mut State,
    caller: &Caller,
    collection: Collection,
    body: &Value,
) -> Result<Value> {
    let mut answer = match collection {
        Collection::AuthCredentials => auth_credentials::create(state, caller, body),
        Collection::AuthConfigs => auth_configs::create(state, caller, body),
        Collection::Configs => configs::create(state, caller, body),
        Collection::ConfigVaults => config_vaults::create(state, caller, body),
        Collection::AuthImports => auth_imports::create(state, caller, body),
        Collection::AuthExports => auth_exports::create(state, caller, body),
        Collection::Deployments => deployments::create(state, caller, body),
    }?;
    if state.has(Quirk::CreateAnswersBeforeTouch) && answer.get("updated_at").is_some() {
        answer["updated_at"] = answer["created_at"].clone();
    }
    Ok(answer)
}
