//! JSON of the catalog as the API returns it.

use serde_json::{Value, json};

use super::provider::{AuthMethod, Backend, Provider, Version, fixed_id};
use crate::options::{Options, Quirk};

/// Time of creation of everything in the catalog.
const CREATED_AT: &str = "2026-01-10T14:45:00.000Z";

impl Provider {
    /// Returns the JSON that `GET /providers/:id` answers.
    pub(crate) fn present(&self) -> Value {
        json!({
            "object": "provider",
            "id": self.id,
            "access": "public",
            "status": "active",
            "publisher": {
                "object": "provider.publisher",
                "id": fixed_id("pub", "metorial"),
                "name": "Metorial",
                "description": null,
                "image_url": "https://example.com/metorial.svg",
                "created_at": CREATED_AT,
                "updated_at": CREATED_AT,
            },
            "name": self.name,
            "description": self.description,
            "identifier": self.identifier,
            "slug": self.slug,
            "metadata": null,
            "oauth": self.oauth_method().map(|_| json!({
                "status": "enabled",
                "callback_url": self.callback_url(),
                "auto_registration": {
                    "status": if self.backend == Backend::Remote { "supported" } else { "unsupported" },
                },
            })),
            "current_version": self.present_version(self.current()),
            "created_at": CREATED_AT,
            "updated_at": CREATED_AT,
        })
    }

    /// Returns the JSON of a version in a provider or deployment.
    pub(crate) fn present_version(&self, version: &Version) -> Value {
        json!({
            "object": "provider.version",
            "id": version.id,
            "version": version.name,
            "provider_id": self.id,
            "is_current": version.id == self.current().id,
            "name": version.name,
            "description": null,
            "metadata": null,
            "specification_id": version.specification_id,
            "created_at": CREATED_AT,
            "updated_at": CREATED_AT,
        })
    }

    /// Returns the JSON that `GET /provider-config-schema` answers for a version.
    pub(crate) fn present_config_schema(&self, version: &Version) -> Value {
        let schema = version.config_schema.as_ref();
        json!({
            "object": "provider.capabilities.config.schema",
            "schema": schema.map(|schema| json!({"type": "json_schema", "schema": schema})),
            "visibility": version.config_visibility,
            "specification_id": version.specification_id,
            "provider_id": self.id,
            "created_at": CREATED_AT,
            "updated_at": CREATED_AT,
        })
    }
}

impl AuthMethod {
    /// Returns the JSON that `GET /provider-auth-methods/:id` answers.
    pub(crate) fn present(&self, options: &Options) -> Value {
        let scopes: Vec<Value> = self
            .scopes
            .iter()
            .map(|scope| {
                json!({
                    "object": "provider.capabilities.auth_method.scope",
                    "id": fixed_id("pams", &format!("{}/{scope}", self.id)),
                    "scope": scope,
                    "name": scope,
                    "description": null,
                })
            })
            .collect();
        let none = self.kind != "oauth" && options.has(Quirk::ScopesNullWithoutOauth);
        json!({
            "object": "provider.capabilities.auth_method",
            "id": self.id,
            "type": self.kind,
            "key": self.key,
            "name": self.name,
            "description": null,
            "capabilities": {},
            "input_schema": {"type": "json_schema", "schema": self.input_schema},
            "output_schema": {"type": "json_schema", "schema": self.output_schema},
            "scopes": if none { Value::Null } else { Value::from(scopes) },
            "provider_id": self.provider_id,
            "provider_specification_id": self.specification_id,
            "created_at": CREATED_AT,
            "updated_at": CREATED_AT,
        })
    }

    /// Returns the JSON that `GET /provider-auth-config-imports/schema` answers.
    pub(crate) fn present_import_schema(&self) -> Value {
        json!({
            "object": "provider.capabilities.auth_config.schema",
            "schema": {"type": "json_schema", "schema": self.value_schema()},
            "visibility": "encrypted",
            "specification_id": self.specification_id,
            "provider_id": self.provider_id,
            "created_at": CREATED_AT,
            "updated_at": CREATED_AT,
        })
    }
}
