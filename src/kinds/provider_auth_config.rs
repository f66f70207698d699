//! [`ProviderAuthConfig`]: the value can't be read back and is imported; name, metadata and filters go by PATCH.

use super::auth_config::{METHOD, VALUE};
use super::compose::{compose, references};
use super::deployments::{self, DEPLOYMENT};
use super::inputs::{Inputs, Reference};
use super::kind::{Kind, accessors};
use super::naming::{self, LASTING_DESCRIPTION};
use super::tool_filters::{self, TOOL_FILTERS};
use crate::plan::desired::{Imports, Invalid, Source, Wanted};
use crate::plan::fields::{Compare, Field, FieldRule, Remedy};
use crate::plan::schema::ValueSchema;
use crate::resources::{ProviderAuthConfig, ProviderAuthConfigStatus, Validation, ValuePolicy};
use kube::ResourceExt;
use metorial::AuthConfig;

/// A value that only serves to create the config.
const INITIAL_VALUE: FieldRule = FieldRule {
    compare: Compare::Never,
    remedy: Remedy::Fixed,
    ..VALUE
};

impl Kind for ProviderAuthConfig {
    type Remote = AuthConfig;
    const NAME: &'static str = "ProviderAuthConfig";
    const REFERRED_TO: bool = true;
    accessors!(ProviderAuthConfigStatus);

    fn references(&self) -> Vec<Reference> {
        let deployment = deployments::references(self.spec.deployment_ref.as_ref());
        references(&self.spec.value).chain(deployment).collect()
    }

    fn wanted(&self, inputs: &Inputs) -> Result<Wanted, Invalid> {
        let spec = &self.spec;
        let own = self.metadata.name.as_ref();
        let [name, description] = naming::fields(&spec.naming, own, &LASTING_DESCRIPTION);
        let (reference, id) = (&spec.deployment_ref, &spec.deployment_id);
        let deployment = deployments::used(reference.as_ref(), id.as_ref(), inputs)?;
        let value = match spec.value_policy.unwrap_or_default() {
            ValuePolicy::Managed => &VALUE,
            ValuePolicy::Initial => &INITIAL_VALUE,
        };
        let filters = tool_filters::wanted(spec.tool_filters.as_ref());
        let namespace = self.namespace().unwrap_or_default();
        let note = format!(
            "metorial-operator: value of {namespace}/{}",
            self.name_any()
        );
        let checked = spec.validation.unwrap_or_default() == Validation::Schema;
        Ok(Wanted {
            fields: vec![
                Field::plain(&METHOD, spec.auth_method_id.as_str()),
                Field::plain(&DEPLOYMENT, deployments::id(deployment.as_ref())),
                name,
                description,
                Field::plain(&TOOL_FILTERS, filters),
                Field::secret(value, compose(&spec.value, inputs)?),
            ],
            source: Source::CreateThenImport(Imports { note, once: false }),
            schema: checked.then(|| ValueSchema::Auth {
                method: Some(spec.auth_method_id.clone()),
                provider: None,
            }),
            uses: deployment.into_iter().collect(),
        })
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        let policy = self.spec.value_policy.unwrap_or_default();
        vec![("valuePolicy", policy.as_str().to_owned())]
    }
}
