//! [`AuthImport`]: its remote object is the auth config that the value goes into: its own, made by the first import, or
//! somebody else's.

use super::auth_config::{self, VALUE};
use super::compose::{compose, references};
use super::{Inputs, Kind, Reference, SourceKind, ValueSchema};
use crate::plan::{
    Blank, Compare, Field, FieldRule, Invalid, Manner, Policy, Remedy, RemoteView, Target,
};
use crate::resources::{
    AuthImport, CommonSpec, CommonStatus, DeletionPolicy, ImportWhen, Reason, Validation,
};
use metorial::AuthConfig;
use serde_json::Value;

const PROVIDER: FieldRule = FieldRule {
    name: "providerId",
    create: &["provider_id"],
    compare: Compare::Never,
    remedy: Remedy::Fixed,
    blank: Blank::Clears,
};
const DEPLOYMENT: FieldRule = FieldRule {
    name: "deploymentId",
    create: &["provider_deployment_id"],
    ..PROVIDER
};
const METHOD: FieldRule = FieldRule {
    name: "authMethodId",
    create: &["provider_auth_method_id"],
    ..PROVIDER
};

impl Kind for AuthImport {
    type Remote = AuthConfig;
    const NAME: &'static str = "AuthImport";

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
        let mut all = references(&self.spec.value);
        all.extend(
            ["id", "valuePolicy"]
                .iter()
                .filter_map(|key| self.config(key)),
        );
        all
    }

    fn fields(&self, inputs: &Inputs) -> Result<Vec<Field>, Invalid> {
        let spec = &self.spec;
        Ok(vec![
            Field::plain(&PROVIDER, Value::from(spec.provider_id.clone())),
            Field::plain(&DEPLOYMENT, Value::from(spec.deployment_id.clone())),
            Field::plain(&METHOD, Value::from(spec.auth_method_id.clone())),
            Field::secret(&VALUE, compose(&spec.value, inputs)?),
        ])
    }

    fn view(remote: &AuthConfig) -> RemoteView {
        auth_config::view(remote)
    }

    fn manner(&self, inputs: &Inputs) -> Result<Manner, Invalid> {
        let target = match (self.config("id"), &self.spec.auth_config_id) {
            (Some(id), _) => Target::Borrowed(inputs.get(&id)?.to_owned()),
            (None, Some(id)) => Target::Borrowed(id.clone()),
            (None, None) => Target::OwnByImport,
        };
        if let Some(policy) = self.config("valuePolicy")
            && inputs.get(&policy)? == "Managed"
        {
            return Err(Invalid {
                reason: Reason::ValueConflict,
                message: format!(
                    "ProviderAuthConfig {} manages its value itself: set its valuePolicy: Initial, or remove this import",
                    policy.name
                ),
            });
        }
        Ok(Manner {
            target,
            note: Some(self.spec.note.clone()),
            exporting: None,
            once: self.spec.when.unwrap_or_default() == ImportWhen::Once,
        })
    }

    fn borrows(&self) -> bool {
        self.spec.provider_id.is_none()
    }

    fn adjust(&self, mut policy: Policy) -> Policy {
        policy.borrows = true;
        if self.borrows() {
            policy.deletion = DeletionPolicy::Orphan;
        }
        policy
    }

    fn schema(&self) -> Option<ValueSchema> {
        let checked = self.spec.validation.unwrap_or_default() == Validation::Schema;
        checked.then(|| ValueSchema::Auth {
            method: self.spec.auth_method_id.clone(),
            provider: self.spec.provider_id.clone(),
        })
    }

    fn from_auth_config(config: AuthConfig) -> Option<AuthConfig> {
        Some(config)
    }
}

impl AuthImport {
    /// What is read of the ProviderAuthConfig that the import goes into.
    fn config(&self, key: &str) -> Option<Reference> {
        let config = self.spec.auth_config_ref.as_ref()?;
        Some(Reference {
            kind: SourceKind::ProviderAuthConfig,
            name: config.name.clone(),
            key: key.to_owned(),
        })
    }
}
