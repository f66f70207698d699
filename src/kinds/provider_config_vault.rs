//! [`ProviderConfigVault`]: value, provider and deployment can't be changed; a change replaces the vault.

use super::compose::{compose, references};
use super::deployments;
use super::inputs::{Inputs, Reference};
use super::kind::{Dependents, Discovery, Kind, RemoteObject, accessors};
use super::naming::{self, DESCRIPTION, NAME, text};
use super::remote_kind::RemoteKind;
use super::replaceable::{self, DEPLOYMENT, PROVIDER, VALUE};
use crate::plan::desired::{Invalid, Source, Wanted};
use crate::plan::fields::Field;
use crate::plan::observed::{Fields, RemoteView};
use crate::plan::policy::Lifecycle;
use crate::resources::{ProviderConfigVault, ProviderConfigVaultStatus, RemoteDetails};
use metorial::ConfigVault;

impl Kind for ProviderConfigVault {
    type Remote = ConfigVault;
    const NAME: &'static str = "ProviderConfigVault";
    const REFERRED_TO: bool = true;
    /// The filter `provider_config_vault_id` matches nothing on the server (▲).
    const DEPENDENTS: &'static [Dependents] = &[Dependents {
        of: RemoteKind::ProviderConfig,
        discovery: Discovery::Listed,
        made_by: &[RemoteKind::ProviderConfig],
    }];
    accessors!(ProviderConfigVaultStatus);

    fn references(&self) -> Vec<Reference> {
        let deployment = deployments::references(self.spec.deployment_ref.as_ref());
        references(&self.spec.value).chain(deployment).collect()
    }

    fn wanted(&self, inputs: &Inputs) -> Result<Wanted, Invalid> {
        let spec = &self.spec;
        let own = self.metadata.name.as_ref();
        let [name, description] = naming::fields(&spec.naming, own, &DESCRIPTION);
        let (reference, id) = (&spec.deployment_ref, &spec.deployment_id);
        let deployment = deployments::used(reference.as_ref(), id.as_ref(), inputs)?;
        let deployment_id = deployments::id(deployment.as_ref());
        Ok(Wanted {
            fields: vec![
                Field::plain(&PROVIDER, spec.provider_id.as_str()),
                Field::plain(&DEPLOYMENT, text(deployment_id)),
                name,
                description,
                Field::secret(&VALUE, compose(&spec.value, inputs)?),
            ],
            source: Source::Create,
            schema: replaceable::schema(spec.validation, &spec.provider_id, deployment_id),
            uses: deployment.into_iter().collect(),
        })
    }

    fn lifecycle(&self) -> Lifecycle {
        replaceable::lifecycle(self.spec.replace, self.spec.replace_grace.as_ref())
    }
}

impl RemoteObject for ConfigVault {
    fn view(&self) -> RemoteView {
        let fields = Fields::from_iter([
            (DEPLOYMENT.name, text(self.deployment_id())),
            (NAME.name, text(self.name.as_deref())),
            (DESCRIPTION.name, text(self.description.as_deref())),
        ]);
        let details = RemoteDetails {
            provider_id: Some(self.provider_id.clone()),
            deployment_id: self.deployment_id().map(str::to_owned),
            ..RemoteDetails::default()
        };
        RemoteView::new(self, fields, details)
    }
}
