//! Answers about the key's instance, and about providers, auth methods and schemas, which are the same for all keys.

use serde_json::Value;

use crate::catalog::Provider;
use crate::collections::{Caller, auth_method, method_of, provider, readable, version, version_of};
use crate::errors::{ApiError, Result};
use crate::lists::page_of;
use crate::objects::{Collection, Object};
use crate::query::singles;
use crate::routes::Route;
use crate::state::State;

/// Answers a read that isn't about objects of an instance.
pub(crate) fn answer(state: &State, caller: &Caller, route: &Route, query: &str) -> Result<Value> {
    match route {
        Route::Instance => {
            let instance = state.tenants.instance(&caller.instance);
            let instance = instance.ok_or_else(ApiError::internal)?;
            Ok(state.tenants.present(instance))
        }
        Route::ListProviders => Ok(all(state.catalog.providers(), Provider::present)),
        Route::GetProvider(id) => Ok(provider(state, id)?.present()),
        Route::ListAuthMethods => list_methods(state, query),
        Route::GetAuthMethod(id) => Ok(auth_method(state, id)?.present(&state.options)),
        Route::ConfigSchema => config_schema(state, caller, query),
        Route::ImportSchema => import_schema(state, caller, query),
        _ => Err(ApiError::not_found("endpoint", None)),
    }
}

fn all<T>(things: &[T], present: impl Fn(&T) -> Value) -> Value {
    page_of(things.iter().map(present).collect(), false, false)
}

fn list_methods(state: &State, query: &str) -> Result<Value> {
    let parameters = singles(query);
    if let Some(id) = parameters.get("provider_version_id") {
        let (_, version) = version(state, id)?;
        return Ok(all(&version.auth_methods, |method| {
            method.present(&state.options)
        }));
    }
    let providers = state.catalog.providers().iter();
    let methods = providers
        .filter(|provider| {
            parameters
                .get("provider_id")
                .is_none_or(|id| *id == provider.id)
        })
        .flat_map(|provider| &provider.current().auth_methods)
        .map(|method| method.present(&state.options));
    Ok(page_of(methods.collect(), false, false))
}

fn object<'a>(
    state: &'a State,
    caller: &Caller,
    collection: Collection,
    id: &str,
) -> Result<&'a Object> {
    let found = state.store.read().find(&caller.instance, collection, id);
    let object = readable(found);
    object
        .map(AsRef::as_ref)
        .ok_or_else(|| ApiError::not_found(collection.entity(), Some(id)))
}

fn config_schema(state: &State, caller: &Caller, query: &str) -> Result<Value> {
    let parameters = singles(query);
    if let Some(id) = parameters.get("provider_config_id") {
        let config = object(state, caller, Collection::Configs, id)?;
        let provider = provider(state, &config.provider_id)?;
        return Ok(provider.present_config_schema(provider.current()));
    }
    if let Some(id) = parameters.get("provider_version_id") {
        let (provider, version) = version(state, id)?;
        return Ok(provider.present_config_schema(version));
    }
    let provider = requested_provider(state, caller, &parameters)?;
    let deployment = parameters.get("provider_deployment_id");
    let version = version_of(state, provider, deployment.map(String::as_str));
    Ok(provider.present_config_schema(version))
}

fn import_schema(state: &State, caller: &Caller, query: &str) -> Result<Value> {
    let parameters = singles(query);
    if let Some(id) = parameters.get("provider_auth_config_id") {
        let config = object(state, caller, Collection::AuthConfigs, id)?;
        let method = config.links.auth_method.clone().unwrap_or_default();
        return Ok(auth_method(state, &method)?.present_import_schema());
    }
    let method = parameters
        .get("provider_auth_method_id")
        .map(String::as_str);
    let names_provider =
        parameters.contains_key("provider_id") || parameters.contains_key("provider_deployment_id");
    if let (Some(id), false) = (method, names_provider) {
        return Ok(auth_method(state, id)?.present_import_schema());
    }
    let provider = requested_provider(state, caller, &parameters)?;
    Ok(method_of(state, provider, method)?.present_import_schema())
}

fn requested_provider(
    state: &State,
    caller: &Caller,
    parameters: &std::collections::BTreeMap<String, String>,
) -> Result<&'static Provider> {
    if let Some(id) = parameters.get("provider_id") {
        return provider(state, id);
    }
    if let Some(id) = parameters.get("provider_deployment_id") {
        let deployment = object(state, caller, Collection::Deployments, id)?;
        return provider(state, &deployment.provider_id);
    }
    Err(ApiError::bad_request(
        "missing_provider_information",
        "A provider, deployment, version or config must be named.",
    ))
}
