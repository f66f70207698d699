//! Lists: filters, order and pages.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::errors::Result;
use crate::ids::InstanceId;
use crate::objects::{Collection, Object, Status};
use crate::options::Quirk;
use crate::present::present;
use crate::query::{ListQuery, invalid};
use crate::state::State;
use crate::store::View;

/// Returns the filters of a collection, separated by spaces. It ignores any other ▲.
fn known_filters(collection: Collection) -> &'static str {
    match collection {
        Collection::AuthCredentials => {
            "status id provider_id provider_auth_method_id origin search created_at updated_at"
        }
        Collection::AuthConfigs => {
            "status id provider_id provider_deployment_id provider_auth_credentials_id \
             provider_auth_method_id available_for_use available_for_provider_deployment_id \
             actor_id consumer_id identity_id identity_credential_id search created_at updated_at"
        }
        Collection::Configs => {
            "status id provider_id provider_deployment_id provider_specification_id \
             provider_config_vault_id available_for_use available_for_provider_deployment_id \
             actor_id consumer_id identity_id identity_credential_id search created_at updated_at"
        }
        Collection::AuthImports => {
            "id provider_id provider_auth_credentials_id provider_auth_config_id \
             provider_deployment_id created_at updated_at"
        }
        Collection::AuthExports => {
            "id provider_id provider_auth_credentials_id provider_auth_config_id created_at \
             updated_at"
        }
        Collection::ConfigVaults => {
            "status id provider_id provider_deployment_id search created_at updated_at"
        }
        Collection::Deployments => {
            "status id provider_id provider_version_id actor_id consumer_id identity_id \
             identity_credential_id search created_at updated_at"
        }
    }
}

/// Answers a list request. `only_of` restricts exports to those of one auth config: the reference's nested list, which has
/// no filters.
pub(crate) fn list(
    state: &State,
    instance: &InstanceId,
    collection: Collection,
    query: &str,
    only_of: Option<&str>,
) -> Result<Value> {
    let known = only_of.map_or(known_filters(collection), |_| "");
    let query = ListQuery::parse(query, known, &state.options)?;
    let unknown = |id: &Option<String>| {
        id.as_ref()
            .is_some_and(|id| !state.store.has_row(instance, collection, id))
    };
    if unknown(&query.after) || unknown(&query.before) {
        if !state.has(Quirk::UnknownAfterIsLastPage) {
            return Err(invalid("after", "an id of this list", "", &state.options));
        }
        return Ok(page_of(Vec::new(), false, false));
    }
    let view = state.store.read();
    let search = state.store.as_of(search_lag(state));
    let mut matching: Vec<&Arc<Object>> = candidates(&view, instance, collection, &query)
        .into_iter()
        .filter(|object| only_of.is_none_or(|id| object.links.auth_config.as_deref() == Some(id)))
        .filter(|object| matches(state, &search, object, &query))
        .collect();
    if query.descending {
        matching.reverse();
    }
    let (start, end) = window(&matching, &query);
    let items = matching[start..end]
        .iter()
        .map(|object| present(state, &view, object))
        .collect();
    Ok(page_of(items, start > 0, end < matching.len()))
}

/// Returns the JSON of a page.
pub(crate) fn page_of(items: Vec<Value>, more_before: bool, more_after: bool) -> Value {
    json!({
        "object": "list",
        "items": Value::Array(items),
        "pagination": {"has_more_before": more_before, "has_more_after": more_after},
    })
}

fn search_lag(state: &State) -> std::time::Duration {
    let lag = state.store.read_lag;
    if state.has(Quirk::SearchLags) {
        lag.max(state.options.search_lag)
    } else {
        lag
    }
}

/// Returns the objects to filter in order of creation: those with the requested ids, or all.
fn candidates<'a>(
    view: &View<'a>,
    instance: &InstanceId,
    collection: Collection,
    query: &ListQuery,
) -> Vec<&'a Arc<Object>> {
    let Some(ids) = query.filters.get("id") else {
        return view.of(instance, collection).collect();
    };
    let mut ids: Vec<&String> = ids.iter().collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter()
        .filter_map(|id| view.find(instance, collection, id))
        .collect()
}

/// Returns the range of the page among the matching objects.
fn window(matching: &[&Arc<Object>], query: &ListQuery) -> (usize, usize) {
    let comes_before = |object: &Arc<Object>, id: &str| {
        if query.descending {
            object.id.as_str() > id
        } else {
            object.id.as_str() < id
        }
    };
    if let Some(id) = &query.before {
        let end = matching.partition_point(|object| comes_before(object, id));
        return (end.saturating_sub(query.limit), end);
    }
    let start = query.after.as_ref().map_or(0, |id| {
        matching.partition_point(|object| comes_before(object, id) || object.id == *id)
    });
    (start, matching.len().min(start + query.limit))
}

fn matches(state: &State, search: &View<'_>, object: &Object, query: &ListQuery) -> bool {
    let in_range = query.ranges.iter().all(|(name, range)| {
        range.contains(if name == "created_at" {
            object.created_at
        } else {
            object.updated_at
        })
    });
    in_range
        && has_status(object, query)
        && query
            .filters
            .iter()
            .all(|(name, values)| matches_filter(state, search, object, name, values))
}

/// Returns whether the status matches. Archived objects match only if requested, even by id; deleted ones never do ▲.
fn has_status(object: &Object, query: &ListQuery) -> bool {
    match query.filters.get("status") {
        None => object.status == Status::Active,
        Some(wanted) => wanted.iter().any(|status| status == object.status.as_str()),
    }
}

fn matches_filter(
    state: &State,
    search: &View<'_>,
    object: &Object,
    filter: &str,
    values: &[String],
) -> bool {
    let has = |value: Option<&str>| {
        value.is_some_and(|value| values.iter().any(|wanted| wanted == value))
    };
    let links = &object.links;
    match filter {
        "id" | "status" => true,
        "provider_id" => has(Some(&object.provider_id)),
        "provider_deployment_id" => has(links.deployment.as_deref()),
        "provider_auth_credentials_id" => has(links.credentials.as_deref()),
        "provider_auth_config_id" => has(links.auth_config.as_deref()),
        "provider_specification_id" => has(links.specification.as_deref()),
        "provider_auth_method_id" if object.collection == Collection::AuthCredentials => {
            let mut methods = values.iter().filter_map(|id| state.catalog.auth_method(id));
            methods.any(|method| method.provider_id == object.provider_id)
        }
        "provider_auth_method_id" => {
            let own = links.auth_method.as_deref();
            has(own)
                || (state.has(Quirk::MethodFilterMatchesVersions)
                    && own.is_some_and(|own| is_version_of(state, own, values)))
        }
        "provider_version_id" => has(links.locked_version.as_deref()),
        "identity_id" | "identity_credential_id" => {
            let credential = filter == "identity_credential_id";
            let mut uses = object.uses.iter();
            uses.any(|used| used.is_of_identity(credential, values))
        }
        "provider_config_vault_id" => {
            !state.has(Quirk::VaultFilterMatchesNothing) && has(links.vault.as_deref())
        }
        "origin" => has(Some(if object.is("is_managed") {
            "managed"
        } else {
            "custom"
        })),
        "available_for_use" => has(Some("true")),
        "available_for_provider_deployment_id" => {
            links.deployment.is_none() || has(links.deployment.as_deref())
        }
        "search" => values
            .iter()
            .all(|text| is_found(state, search, &object.id, text)),
        // No object of the simulator belongs to an actor or a consumer.
        _ => false,
    }
}

/// Returns whether an auth method is the same as one of the named ones, in any version of its provider.
fn is_version_of(state: &State, own: &str, named: &[String]) -> bool {
    let Some(own) = state.catalog.auth_method(own) else {
        return false;
    };
    let mut named = named.iter().filter_map(|id| state.catalog.auth_method(id));
    named.any(|method| method.identifier == own.identifier)
}

/// Returns whether a search for this text finds the object by its texts or by the name of its provider or deployment.
fn is_found(state: &State, search: &View<'_>, id: &str, text: &str) -> bool {
    let Some(object) = search.get(id) else {
        return false;
    };
    let deployment = object.links.deployment.as_deref();
    let deployment = deployment.and_then(|id| search.get(id));
    let provider = state.catalog.provider(&object.provider_id);
    let names = [
        object.text("name"),
        object.text("description"),
        provider.map(|provider| provider.name.as_str()),
        deployment.and_then(|deployment| deployment.text("name")),
    ];
    let text = text.to_lowercase();
    names
        .into_iter()
        .flatten()
        .any(|name| name.to_lowercase().contains(&text))
}
