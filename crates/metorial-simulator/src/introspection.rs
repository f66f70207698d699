//! Description of the API by itself: its versions, and the endpoints of one with the fields of their bodies. It needs no key
//! and is outside the rate limit ◆.

use serde_json::{Map, Value, json};

use crate::errors::ApiError;
use crate::http::Request;
use crate::objects::Collection;
use crate::options::{Options, Quirk};
use crate::query::singles;
use crate::versions::{self, MAGNETAR};

/// Answers a request for the description with a status and a body; None if it is another request.
pub(crate) fn answer(options: &Options, request: &Request) -> Option<(u16, Value)> {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/metorial/introspect/versions") => Some((200, versions(options))),
        ("GET", "/metorial/introspect/endpoints") => {
            let asked = singles(&request.query).remove("version");
            Some(match asked {
                None => refusal(400, "Version is required"),
                Some(version) if versions::is_known(&version) => (200, endpoints(options)),
                Some(_) => refusal(406, "Invalid API version"),
            })
        }
        _ => None,
    }
}

fn refusal(status: u16, message: &str) -> (u16, Value) {
    (status, ApiError::new(status, "bad_request", message).body())
}

fn versions(options: &Options) -> Value {
    // The current version is the one that serves requests without a version.
    let old_is_current = options.has(Quirk::UnknownVersionIsOld);
    let display = versions::displayed(options);
    json!({"versions": [
        {"version": "mt_2025_01_01_pulsar", "displayVersion": "2025-01-01", "isCurrent": old_is_current},
        {"version": MAGNETAR, "displayVersion": display, "isCurrent": !old_is_current},
    ]})
}

/// Returns the writes of the collections, with their bodies. The real answer has all endpoints, with outputs.
fn endpoints(options: &Options) -> Value {
    let mut endpoints = Vec::new();
    let mut types = Vec::new();
    for collection in Collection::ALL {
        for (method, fields) in [
            ("POST", Some(create_fields(collection))),
            ("PATCH", update_fields(collection, options)),
        ] {
            let Some(fields) = fields else { continue };
            let name = collection.name();
            let path = match method {
                "POST" => format!("/{name}"),
                _ => format!("/{name}/:id"),
            };
            let body = format!("{name}-{}", method.to_lowercase());
            endpoints.push(json!({
                "method": method,
                "name": format!("{method} {name}"),
                "description": null,
                "allPaths": [{"path": path, "sdkPath": name}],
                "queryId": null,
                "bodyId": body,
                "outputId": collection.entity(),
                "controllerId": name,
            }));
            types.push(json!({"id": body, "name": body, "type": object_of(&fields)}));
        }
    }
    let controllers = Collection::ALL.map(|collection| {
        json!({"id": collection.name(), "name": collection.name(), "description": null})
    });
    json!({"endpoints": endpoints, "controllers": controllers, "types": types})
}

fn object_of(fields: &str) -> Value {
    let properties: Map<String, Value> = fields
        .split(' ')
        .map(|field| {
            let required = field.ends_with('*');
            let name = field.trim_end_matches('*').to_owned();
            let shape = json!({
                "type": "any", "examples": [], "optional": !required, "nullable": false,
            });
            (name, shape)
        })
        .collect();
    json!({
        "type": "object", "examples": [], "optional": false, "nullable": false,
        "properties": properties,
    })
}

/// Returns the fields of the body of a create, separated by spaces; `*` marks a required one.
fn create_fields(collection: Collection) -> String {
    match collection {
        Collection::AuthCredentials => "provider_id* name description metadata config*",
        Collection::AuthConfigs => {
            "provider_auth_method_id* provider_deployment_id name description metadata tool_filters \
             value*"
        }
        Collection::Configs => {
            "provider_id* provider_deployment_id name description metadata tool_filters value \
             provider_config_vault_id"
        }
        Collection::ConfigVaults => {
            "provider_id* provider_deployment_id name* description metadata value*"
        }
        Collection::AuthImports => {
            "provider_id provider_deployment_id provider_auth_config_id provider_auth_method_id \
             note* metadata value*"
        }
        Collection::AuthExports => "provider_auth_config_id* note* metadata",
        Collection::Deployments => {
            "provider_id* name description metadata tool_filters locked_provider_version_id \
             provider_config_id provider_config"
        }
    }
    .to_owned()
}

/// Returns the fields of the body of an update; None if there is no such endpoint.
fn update_fields(collection: Collection, options: &Options) -> Option<String> {
    let own = match collection {
        Collection::AuthCredentials if options.has(Quirk::CredentialsPatchIgnored) => "",
        Collection::AuthCredentials => " client_id client_secret scopes",
        Collection::AuthConfigs | Collection::Configs => " tool_filters",
        Collection::ConfigVaults => "",
        Collection::Deployments if options.has(Quirk::LockedVersionPatchable) => {
            " tool_filters locked_provider_version_id"
        }
        Collection::Deployments => " tool_filters",
        Collection::AuthImports | Collection::AuthExports => return None,
    };
    Some(format!("name description metadata{own}"))
}
