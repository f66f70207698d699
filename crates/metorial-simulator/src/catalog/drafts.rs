//! Reading of the catalog from its JSON, in which nothing has an id.

use serde::Deserialize;
use serde_json::Value;

use super::provider::{AuthMethod, Backend, Provider, Version, fixed_id};

#[derive(Deserialize)]
pub(super) struct ProviderDraft {
    slug: String,
    name: String,
    description: String,
    #[serde(default)]
    managed: bool,
    #[serde(default)]
    backend: Backend,
    versions: Vec<VersionDraft>,
}

#[derive(Deserialize)]
struct VersionDraft {
    config: ConfigDraft,
    auth_methods: Vec<MethodDraft>,
}

#[derive(Deserialize)]
struct ConfigDraft {
    schema: Option<Value>,
    visibility: String,
}

#[derive(Deserialize)]
struct MethodDraft {
    key: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    scopes: Vec<String>,
    input: Value,
    output: Value,
}

impl From<ProviderDraft> for Provider {
    fn from(draft: ProviderDraft) -> Self {
        let id = fixed_id("pro", &draft.slug);
        let versions = draft.versions.into_iter().enumerate();
        let versions = versions
            .map(|(number, version)| version.of(&id, &draft.slug, number))
            .collect();
        Provider {
            identifier: format!("metorial-{}", draft.slug),
            id,
            slug: draft.slug,
            name: draft.name,
            description: draft.description,
            managed: draft.managed,
            backend: draft.backend,
            versions,
        }
    }
}

impl VersionDraft {
    fn of(self, provider_id: &str, slug: &str, number: usize) -> Version {
        let specification_id = fixed_id("psp", &format!("{slug}/{number}"));
        let methods = self.auth_methods.into_iter().map(|method| AuthMethod {
            id: fixed_id("pam", &format!("{slug}/{number}/{}", method.key)),
            identifier: format!("{slug}-{}", method.key),
            key: method.key,
            kind: method.kind,
            name: method.name,
            input_schema: method.input,
            output_schema: method.output,
            scopes: method.scopes,
            provider_id: provider_id.to_owned(),
            specification_id: specification_id.clone(),
        });
        Version {
            id: fixed_id("pv", &format!("{slug}/{number}")),
            name: format!("v{}", number + 1),
            auth_methods: methods.collect(),
            specification_id,
            config_schema: self.config.schema,
            config_visibility: self.config.visibility,
        }
    }
}
