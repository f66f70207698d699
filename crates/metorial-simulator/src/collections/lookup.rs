//! Finding the objects that a request names, with the errors of the API where they can't be used.

use std::sync::Arc;

use super::caller::Caller;
use crate::catalog::{AuthMethod, Provider, Version};
use crate::errors::{ApiError, Result};
use crate::objects::{Collection, Object, Status};
use crate::options::Quirk;
use crate::state::State;

/// Returns the object if it can be read: an archived one can, a deleted one can't.
pub(crate) fn readable(object: Option<&Arc<Object>>) -> Option<&Arc<Object>> {
    object.filter(|object| object.status != Status::Deleted)
}

/// Returns the current state of an object that the caller may read; 404 if there is none.
pub(super) fn existing<'a>(
    state: &'a State,
    caller: &Caller,
    collection: Collection,
    id: &str,
) -> Result<&'a Arc<Object>> {
    let found = state.store.current().find(&caller.instance, collection, id);
    readable(found).ok_or_else(|| ApiError::not_found(collection.entity(), Some(id)))
}

/// Returns an object that may be changed; 410 if it is archived.
pub(super) fn changeable<'a>(
    state: &'a State,
    caller: &Caller,
    collection: Collection,
    id: &str,
) -> Result<&'a Arc<Object>> {
    let object = existing(state, caller, collection, id)?;
    if object.status != Status::Active {
        return Err(ApiError::gone());
    }
    Ok(object)
}

/// Returns an object that another one may refer to; 400 if it is archived.
pub(super) fn usable<'a>(
    state: &'a State,
    caller: &Caller,
    collection: Collection,
    id: &str,
) -> Result<&'a Arc<Object>> {
    let object = existing(state, caller, collection, id)?;
    if object.status != Status::Active {
        return Err(ApiError::use_after_delete(id));
    }
    Ok(object)
}

/// Returns the provider with this id or, where the server allows it, with this alias.
pub(crate) fn provider(state: &State, name: &str) -> Result<&'static Provider> {
    state
        .catalog
        .provider(name)
        .filter(|provider| provider.id == name || state.has(Quirk::ProviderAliases))
        .ok_or_else(|| ApiError::not_found("provider", Some(name)))
}

/// Returns the id of the named deployment, which must belong to the provider; None if none is named.
pub(super) fn deployment_of(
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

/// Returns the version that values for this deployment must fit: the one that it is pinned to, or the current one.
pub(crate) fn version_of(
    state: &State,
    provider: &'static Provider,
    deployment: Option<&str>,
) -> &'static Version {
    let view = state.store.current();
    let deployment = deployment.and_then(|id| view.get(id));
    let locked = deployment.and_then(|deployment| deployment.links.locked_version.as_deref());
    let locked = locked.and_then(|id| state.catalog.version(id));
    locked.map_or_else(|| provider.current(), |(_, version)| version)
}

/// Returns the version of a provider with this id.
pub(crate) fn version(state: &State, id: &str) -> Result<(&'static Provider, &'static Version)> {
    let version = state.catalog.version(id);
    version.ok_or_else(|| ApiError::not_found("provider.version", Some(id)))
}

/// Returns the auth method with this id or alias. A missing one is named as a tool by all builds ◆.
pub(crate) fn auth_method(state: &State, id: &str) -> Result<&'static AuthMethod> {
    let method = state.catalog.auth_method(id);
    method.ok_or_else(|| ApiError::not_found("provider_tool", Some(id)))
}

/// Returns the named auth method, which must be one of the provider's, or the provider's first one if none is named.
pub(crate) fn method_of<'a>(
    state: &State,
    provider: &'a Provider,
    named: Option<&str>,
) -> Result<&'a AuthMethod> {
    let methods = &provider.current().auth_methods;
    let found = match named.filter(|name| !name.is_empty()) {
        None => methods.first(),
        Some(name) => {
            let method = state.catalog.auth_method(name);
            methods
                .iter()
                .find(|own| method.is_some_and(|named| named.id == own.id))
        }
    };
    found.ok_or_else(|| {
        ApiError::bad_request(
            "invalid_auth_method",
            "The provider has no such auth method.",
        )
    })
}
