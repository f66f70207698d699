//! [`AuthImport`]: its remote object is the auth config that the value is imported into: its own, created by the first
//! import, or somebody else's.

use super::auth_config::{self, VALUE};
use super::compose::{compose, references};
use super::deployments::{self, DEPLOYMENT};
use super::inputs::{Inputs, Reference, SourceKind};
use super::kind::{Kind, accessors};
use super::provider;
use super::remote_kind::RemoteKind;
use crate::plan::desired::{External, Imports, Invalid, Source, Wanted};
use crate::plan::fields::{Blank, Field, FieldRule};
use crate::plan::policy::Lifecycle;
use crate::plan::schema::ValueSchema;
use crate::resources::{AuthImport, AuthImportStatus, ImportWhen, Reason, Validation, ValuePolicy};
use metorial::AuthConfig;
use serde_json::Value;

const PROVIDER: FieldRule = FieldRule {
    blank: Blank::Clears,
    ..provider::PROVIDER
};
const METHOD: FieldRule = FieldRule {
    blank: Blank::Clears,
    ..auth_config::METHOD
};

const AUTH_CONFIGS: SourceKind = SourceKind::Resource(RemoteKind::ProviderAuthConfig);

impl Kind for AuthImport {
    type Remote = AuthConfig;
    const NAME: &'static str = "AuthImport";
    accessors!(AuthImportStatus);

    fn references(&self) -> Vec<Reference> {
        let value = references(&self.spec.value);
        let deployment = deployments::references(self.spec.deployment_ref.as_ref());
        let config = ["id", "uid", "valuePolicy"].map(|key| self.config(key));
        let config = config.into_iter().flatten();
        value.chain(deployment).chain(config).collect()
    }

    fn wanted(&self, inputs: &Inputs) -> Result<Wanted, Invalid> {
        let spec = &self.spec;
        let (reference, id) = (&spec.deployment_ref, &spec.deployment_id);
        let deployment = deployments::used(reference.as_ref(), id.as_ref(), inputs)?;
        let deployment_id = deployments::id(deployment.as_ref());
        Ok(Wanted {
            fields: vec![
                Field::plain(&PROVIDER, Value::from(spec.provider_id.clone())),
                Field::plain(&DEPLOYMENT, deployment_id),
                Field::plain(&METHOD, Value::from(spec.auth_method_id.clone())),
                Field::secret(&VALUE, compose(&spec.value, inputs)?),
            ],
            source: self.source(inputs)?,
            schema: self.schema(),
            uses: deployment.into_iter().collect(),
        })
    }

    fn lifecycle(&self) -> Lifecycle {
        Lifecycle {
            external: self.spec.provider_id.is_none(),
            ..Lifecycle::default()
        }
    }
}

impl AuthImport {
    fn source(&self, inputs: &Inputs) -> Result<Source, Invalid> {
        if let Some(policy) = self.config("valuePolicy")
            && inputs.get(&policy)? == ValuePolicy::Managed.as_str()
        {
            return Err(Invalid {
                reason: Reason::ValueConflict,
                message: format!(
                    "ProviderAuthConfig {} manages its value itself: set its valuePolicy: Initial, or remove this import",
                    policy.name
                ),
            });
        }
        let imports = Imports {
            note: self.spec.note.clone(),
            once: self.spec.when.unwrap_or_default() == ImportWhen::Once,
        };
        let reference = self.spec.auth_config_ref.as_ref();
        let id = self.spec.auth_config_id.as_ref();
        let external = External::resolve(AUTH_CONFIGS, reference, id, inputs)?;
        Ok(match external {
            Some(external) => Source::ImportInto(external, imports),
            None => Source::Import(imports),
        })
    }

    fn schema(&self) -> Option<ValueSchema> {
        let checked = self.spec.validation.unwrap_or_default() == Validation::Schema;
        checked.then(|| ValueSchema::Auth {
            method: self.spec.auth_method_id.clone(),
            provider: self.spec.provider_id.clone(),
        })
    }

    /// Returns a reference to the ProviderAuthConfig that is imported into.
    fn config(&self, key: &str) -> Option<Reference> {
        let config = self.spec.auth_config_ref.as_ref()?;
        Some(Reference::to(AUTH_CONFIGS, config, key))
    }
}
