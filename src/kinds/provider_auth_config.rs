//! [`ProviderAuthConfig`]: the value can't be read back and goes in by imports; name, metadata and filters by PATCH.

use super::auth_config::{self, VALUE};
use super::compose::{compose, references};
use super::naming::{self, LASTING_DESCRIPTION};
use super::tool_filters::{self, TOOL_FILTERS};
use super::{Inputs, Kind, Reference, ValueSchema};
use crate::plan::{Blank, Compare, Field, FieldRule, Invalid, Manner, Remedy, RemoteView};
use crate::resources::{CommonSpec, CommonStatus, ProviderAuthConfig, Validation, ValuePolicy};
use kube::ResourceExt;
use metorial::AuthConfig;
use serde_json::Value;

const METHOD: FieldRule = FieldRule {
    name: "authMethodId",
    create: &["provider_auth_method_id"],
    compare: Compare::Never,
    remedy: Remedy::Fixed,
    blank: Blank::Value,
};
const DEPLOYMENT: FieldRule = FieldRule {
    name: "deploymentId",
    create: &["provider_deployment_id"],
    blank: Blank::Clears,
    ..METHOD
};
/// A value that only serves to create the config.
const INITIAL_VALUE: FieldRule = FieldRule {
    compare: Compare::Never,
    remedy: Remedy::Fixed,
    ..VALUE
};

impl Kind for ProviderAuthConfig {
    type Remote = AuthConfig;
    const NAME: &'static str = "ProviderAuthConfig";

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
        let own = self.metadata.name.as_ref();
        let [name, description] = naming::fields(&spec.naming, own, &LASTING_DESCRIPTION);
        let value = match spec.value_policy.unwrap_or_default() {
            ValuePolicy::Managed => &VALUE,
            ValuePolicy::Initial => &INITIAL_VALUE,
        };
        Ok(vec![
            Field::plain(&METHOD, spec.auth_method_id.as_str()),
            Field::plain(&DEPLOYMENT, Value::from(spec.deployment_id.clone())),
            name,
            description,
            Field::plain(
                &TOOL_FILTERS,
                tool_filters::wanted(spec.tool_filters.as_ref()),
            ),
            Field::secret(value, compose(&spec.value, inputs)?),
        ])
    }

    fn view(remote: &AuthConfig) -> RemoteView {
        auth_config::view(remote)
    }

    fn manner(&self, _: &Inputs) -> Result<Manner, Invalid> {
        let name = format!(
            "{}/{}",
            self.namespace().unwrap_or_default(),
            self.name_any()
        );
        Ok(Manner {
            note: Some(format!("metorial-operator: value of {name}")),
            ..Manner::default()
        })
    }

    fn shared(&self) -> Vec<(&'static str, String)> {
        let policy = self.spec.value_policy.unwrap_or_default();
        vec![("valuePolicy", format!("{policy:?}"))]
    }

    fn schema(&self) -> Option<ValueSchema> {
        let checked = self.spec.validation.unwrap_or_default() == Validation::Schema;
        checked.then(|| ValueSchema::Auth {
            method: Some(self.spec.auth_method_id.clone()),
            provider: None,
        })
    }

    fn from_auth_config(config: AuthConfig) -> Option<AuthConfig> {
        Some(config)
    }
}
