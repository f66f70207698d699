//! [`ProviderConfigVault`]: value, provider and deployment can't be changed; a change makes another vault.

use super::compose::{compose, references};
use super::naming::{self, DESCRIPTION, NAME, text};
use super::replaced::{self, DEPLOYMENT, PROVIDER, VALUE};
use super::{Dependents, Inputs, Kind, Reference, ValueSchema};
use crate::plan::{Field, Invalid, Marker, Policy, RemoteView};
use crate::resources::{CommonSpec, CommonStatus, ProviderConfigVault};
use metorial::{ConfigVault, Object};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

impl Kind for ProviderConfigVault {
    type Remote = ConfigVault;
    const NAME: &'static str = "ProviderConfigVault";
    const DEPENDENTS: Option<Dependents> = Some(Dependents::ConfigsOfVault);

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
        references(&self.spec.value)
    }

    fn fields(&self, inputs: &Inputs) -> Result<Vec<Field>, Invalid> {
        let spec = &self.spec;
        let [name, description] =
            naming::fields(&spec.naming, self.metadata.name.as_ref(), &DESCRIPTION);
        Ok(vec![
            Field::plain(&PROVIDER, spec.provider_id.as_str()),
            Field::plain(&DEPLOYMENT, text(spec.deployment_id.as_deref())),
            name,
            description,
            Field::secret(&VALUE, compose(&spec.value, inputs)?),
        ])
    }

    fn view(remote: &ConfigVault) -> RemoteView {
        let metadata = remote.metadata.clone().unwrap_or_default();
        let provider = Value::from(remote.provider_id.clone());
        RemoteView {
            id: remote.id.clone(),
            live: !remote.status().is_gone(),
            fields: BTreeMap::from([
                (DEPLOYMENT.name, text(remote.deployment_id())),
                (NAME.name, text(remote.name.as_deref())),
                (DESCRIPTION.name, text(remote.description.as_deref())),
            ]),
            marker: Marker::read(&metadata),
            metadata,
            created_at: remote.created_at,
            updated_at: remote.updated_at,
            status: Map::from_iter([("providerId".to_owned(), provider)]),
            consent: false,
            auth_method: None,
        }
    }

    fn adjust(&self, policy: Policy) -> Policy {
        let spec = &self.spec;
        replaced::policy(policy, spec.replace, spec.replace_grace.as_ref())
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
