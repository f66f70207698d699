//! JSON of objects as the API returns them. Unset fields are null, not absent; write-only fields are left out.

use serde_json::{Map, Value, json};

use crate::clock;
use crate::objects::{Collection, Object, Stored};
use crate::options::Quirk;
use crate::state::State;
use crate::store::View;

/// Returns the JSON that GET answers for an object.
pub(crate) fn present(state: &State, view: &View<'_>, object: &Object) -> Value {
    match object.collection {
        Collection::AuthCredentials => credentials(state, object),
        Collection::AuthConfigs => auth_config(state, view, object, "deployment"),
        Collection::Configs => config(view, object),
        Collection::ConfigVaults => vault(view, object),
        Collection::AuthImports => import(state, view, object),
        Collection::AuthExports => export(state, view, object),
        Collection::Deployments => deployment(state, view, object),
    }
}

/// Returns an object as a test sees it, write-only fields included.
pub(crate) fn stored(state: &State, object: &Object) -> Stored {
    let write_only = if object.write_only.is_empty() {
        Value::Null
    } else {
        Value::Object(object.write_only.clone())
    };
    Stored {
        id: object.id.clone(),
        instance: object.instance.clone(),
        collection: object.collection,
        status: object.status,
        readable: present(state, &state.store.current(), object),
        write_only,
        versions: object.versions,
        created_at: object.created_at,
        updated_at: object.updated_at,
    }
}

/// Returns the fields that all objects have, and the given ones.
fn shape(object: &Object, fields: Value) -> Value {
    let mut shaped = Map::from_iter([
        ("object".to_owned(), object.collection.entity().into()),
        ("id".to_owned(), object.id.as_str().into()),
    ]);
    if let Value::Object(fields) = fields {
        shaped.extend(fields);
    }
    let created = clock::text(object.created_at);
    shaped.insert("created_at".to_owned(), created.into());
    if !object.collection.is_record() {
        let updated = clock::text(object.updated_at);
        shaped.insert("updated_at".to_owned(), updated.into());
    }
    shaped.into()
}

fn credentials(state: &State, object: &Object) -> Value {
    let mut fields = json!({
        "type": "oauth",
        "status": object.status.as_str(),
        "is_default": object.is("is_default"),
        "name": object.field("name"),
        "description": object.field("description"),
        "metadata": object.field("metadata"),
        "provider_id": object.provider_id,
    });
    if !state.has(Quirk::CredentialsPatchIgnored) {
        fields["is_managed"] = object.is("is_managed").into();
        fields["scopes"] = match state.is_of_mcp_server(object) {
            true => json!([]),
            false => object.field("scopes"),
        };
    }
    shape(object, fields)
}

fn auth_config(state: &State, view: &View<'_>, object: &Object, deployment: &str) -> Value {
    let credentials = linked(view, object.links.credentials.as_deref(), |found| {
        credentials(state, found)
    });
    let method = object.links.auth_method.as_deref();
    let method = method.and_then(|id| state.catalog.auth_method(id));
    let mut shaped = shape(
        object,
        json!({
            "type": object.field("type"),
            "source": object.field("source"),
            "status": object.status.as_str(),
            "is_default": object.is("is_default"),
            "provider_id": object.provider_id,
            "name": object.field("name"),
            "description": object.field("description"),
            "metadata": object.field("metadata"),
            "tool_filter": object.field("tool_filter"),
            "credentials": credentials,
            "auth_method": method.map(|method| method.present(&state.options)),
        }),
    );
    shaped[deployment] = preview(view, object);
    shaped
}

fn config(view: &View<'_>, object: &Object) -> Value {
    let from_vault = linked(view, object.links.vault.as_deref(), |found| {
        vault(view, found)
    });
    shape(
        object,
        json!({
            "status": object.status.as_str(),
            "is_default": object.is("is_default"),
            "name": object.field("name"),
            "description": object.field("description"),
            "metadata": object.field("metadata"),
            "tool_filter": object.field("tool_filter"),
            "provider_id": object.provider_id,
            "specification_id": object.links.specification,
            "deployment": preview(view, object),
            "from_vault": from_vault,
        }),
    )
}

fn vault(view: &View<'_>, object: &Object) -> Value {
    shape(
        object,
        json!({
            "status": object.status.as_str(),
            "name": object.field("name"),
            "description": object.field("description"),
            "metadata": object.field("metadata"),
            "provider_id": object.provider_id,
            "deployment": preview(view, object),
        }),
    )
}

fn import(state: &State, view: &View<'_>, object: &Object) -> Value {
    let deployment = if state.has(Quirk::ImportShowsDeployment) {
        "deployment"
    } else {
        "deployment_preview"
    };
    let auth_config = linked(view, object.links.auth_config.as_deref(), |found| {
        auth_config(state, view, found, deployment)
    });
    let mut shaped = record(object);
    shaped["auth_config"] = auth_config;
    shaped
}

fn export(state: &State, view: &View<'_>, object: &Object) -> Value {
    let mut shaped = record(object);
    shaped["value"] = Value::Null;
    if state.has(Quirk::ExportShowsAuthConfig) {
        shaped["auth_config"] = linked(view, object.links.auth_config.as_deref(), |found| {
            auth_config(state, view, found, "deployment")
        });
    } else {
        shaped["provider_auth_config_id"] = object.links.auth_config.clone().into();
    }
    shaped
}

fn record(object: &Object) -> Value {
    shape(
        object,
        json!({
            "note": object.field("note"),
            "ip": object.field("ip"),
            "user_agent": object.field("user_agent"),
            "metadata": object.field("metadata"),
            "provider_id": object.provider_id,
            "provider_deployment_id": object.links.deployment,
            "auth_method_id": object.links.auth_method,
            "credentials_id": object.links.credentials,
            "expires_at": object.field("expires_at"),
        }),
    )
}

fn deployment(state: &State, view: &View<'_>, object: &Object) -> Value {
    let locked = object.links.locked_version.as_deref();
    let locked = locked.and_then(|id| state.catalog.version(id));
    let default_config = object.links.default_config.as_deref();
    shape(
        object,
        json!({
            "status": object.status.as_str(),
            "is_default": object.is("is_default"),
            "name": object.field("name"),
            "description": object.field("description"),
            "metadata": object.field("metadata"),
            "tool_filter": object.field("tool_filter"),
            "provider_id": object.provider_id,
            "locked_version": locked.map(|(provider, version)| provider.present_version(version)),
            "default_config": linked(view, default_config, preview_of),
        }),
    )
}

/// Returns the preview of the deployment that an object belongs to.
fn preview(view: &View<'_>, object: &Object) -> Value {
    linked(view, object.links.deployment.as_deref(), preview_of)
}

/// Returns the preview of a deployment or config in another object.
fn preview_of(object: &Object) -> Value {
    let mut shaped = shape(
        object,
        json!({
            "is_default": object.is("is_default"),
            "name": object.field("name"),
            "description": object.field("description"),
            "metadata": object.field("metadata"),
            "provider_id": object.provider_id,
        }),
    );
    shaped["object"] = format!("{}#preview", object.collection.entity()).into();
    shaped
}

fn linked(view: &View<'_>, id: Option<&str>, present: impl FnOnce(&Object) -> Value) -> Value {
    let found = id.and_then(|id| view.get(id));
    found.map_or(Value::Null, |object| present(object))
}
