//! [`ProviderConfig`]: value, vault, provider and deployment can't be changed; a change makes another config.

use super::compose::{compose, references};
use super::naming::{self, DESCRIPTION, NAME, text};
use super::replaced::{self, DEPLOYMENT, PROVIDER, VALUE, VAULT};
use super::tool_filters::{self, TOOL_FILTERS};
use super::{Inputs, Kind, Reference, SourceKind, ValueSchema};
use crate::plan::{Field, Invalid, Marker, Policy, RemoteView};
use crate::resources::{CommonSpec, CommonStatus, ProviderConfig};
use metorial::{Config, Object};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

impl Kind for ProviderConfig {
    type Remote = Config;
    const NAME: &'static str = "ProviderConfig";

    fn common(&self) -> &CommonSpec {
        &self.spec.common
    }

    fn common_status(&self) -> CommonStatus {
        self.status
            .as_ref()
            .map(|status| status.common.clone())
            .unwrap_or_default()
    }

    fn references(&self) -> Vec<Reference> {
        let vault = self.vault();
        self.spec
            .value
            .iter()
            .flat_map(references)
            .chain(vault)
            .collect()
    }

    fn fields(&self, inputs: &Inputs) -> Result<Vec<Field>, Invalid> {
        let spec = &self.spec;
        let vault = match self.vault() {
            Some(vault) => Some(inputs.get(&vault)?.to_owned()),
            None => spec.vault_id.clone(),
        };
        let filters = tool_filters::wanted(spec.tool_filters.as_ref());
        let mut fields = vec![
            Field::plain(&PROVIDER, spec.provider_id.as_str()),
            Field::plain(&DEPLOYMENT, text(spec.deployment_id.as_deref())),
            Field::plain(&VAULT, text(vault.as_deref())),
            Field::plain(&TOOL_FILTERS, filters),
        ];
        fields.extend(naming::fields(
            &spec.naming,
            self.metadata.name.as_ref(),
            &DESCRIPTION,
        ));
        if let Some(value) = &spec.value {
            fields.push(Field::secret(&VALUE, compose(value, inputs)?));
        }
        Ok(fields)
    }

    fn view(remote: &Config) -> RemoteView {
        let metadata = remote.metadata.clone().unwrap_or_default();
        let vault = remote.from_vault.as_ref().map(|vault| vault.id.as_str());
        let deployment = remote
            .deployment
            .as_ref()
            .map(|deployment| deployment.id.as_str());
        let provider = Value::from(remote.provider_id.clone());
        let mut fields = BTreeMap::from([
            (DEPLOYMENT.name, text(deployment)),
            (VAULT.name, text(vault)),
            (NAME.name, text(remote.name.as_deref())),
            (DESCRIPTION.name, text(remote.description.as_deref())),
        ]);
        if let Some(filters) = tool_filters::observed(remote.tool_filter.as_ref()) {
            fields.insert(TOOL_FILTERS.name, filters);
        }
        let mut status = Map::from_iter([("providerId".to_owned(), provider)]);
        if let Some(vault) = vault {
            status.insert("vaultId".to_owned(), vault.into());
        }
        RemoteView {
            id: remote.id.clone(),
            live: !remote.status().is_gone(),
            fields,
            marker: Marker::read(&metadata),
            metadata,
            created_at: remote.created_at,
            updated_at: remote.updated_at,
            status,
            consent: false,
            auth_method: None,
        }
    }

    fn adjust(&self, policy: Policy) -> Policy {
        let spec = &self.spec;
        replaced::policy(policy, spec.replace, spec.replace_grace.as_ref())
    }

    fn made_from(&self) -> Option<&str> {
        self.status.as_ref()?.vault_id.as_deref()
    }

    fn schema(&self) -> Option<ValueSchema> {
        let spec = &self.spec;
        replaced::schema(
            spec.validation,
            &spec.provider_id,
            spec.deployment_id.as_ref(),
        )
    }
}

impl ProviderConfig {
    fn vault(&self) -> Option<Reference> {
        let vault = self.spec.vault_ref.as_ref()?;
        Some(Reference {
            kind: SourceKind::ProviderConfigVault,
            name: vault.name.clone(),
            key: "id".to_owned(),
        })
    }
}
