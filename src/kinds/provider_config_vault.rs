//! [`ProviderConfigVault`]: value, provider and deployment can't be changed; a change replaces the vault.

use super::compose::{compose, references};
use super::inputs::{Inputs, Reference};
use super::kind::{Dependents, Kind, accessors};
use super::naming::{self, DESCRIPTION, NAME, text};
use super::replaced::{self, DEPLOYMENT, PROVIDER, VALUE};
use crate::plan::desired::{Invalid, Source, Wanted};
use crate::plan::fields::Field;
use crate::plan::observed::RemoteView;
use crate::plan::policy::Lifecycle;
use crate::resources::{ProviderConfigVault, ProviderConfigVaultStatus, RemoteDetails};
use metorial::ConfigVault;
use std::collections::BTreeMap;

impl Kind for ProviderConfigVault {
    type Remote = ConfigVault;
    const NAME: &'static str = "ProviderConfigVault";
    const DEPENDENTS: Option<Dependents> = Some(Dependents::ConfigsOfVault);
    accessors!(ProviderConfigVaultStatus);

    fn references(&self) -> Vec<Reference> {
        references(&self.spec.value)
    }

    fn wanted(&self, inputs: &Inputs) -> Result<Wanted, Invalid> {
        let spec = &self.spec;
        let own = self.metadata.name.as_ref();
        let [name, description] = naming::fields(&spec.naming, own, &DESCRIPTION);
        let deployment = spec.deployment_id.as_ref();
        Ok(Wanted {
            fields: vec![
                Field::plain(&PROVIDER, spec.provider_id.as_str()),
                Field::plain(&DEPLOYMENT, text(spec.deployment_id.as_deref())),
                name,
                description,
                Field::secret(&VALUE, compose(&spec.value, inputs)?),
            ],
            source: Source::Create,
            schema: replaced::schema(spec.validation, &spec.provider_id, deployment),
            vault: None,
        })
    }

    fn view(remote: &ConfigVault) -> RemoteView {
        let fields = BTreeMap::from([
            (DEPLOYMENT.name, text(remote.deployment_id())),
            (NAME.name, text(remote.name.as_deref())),
            (DESCRIPTION.name, text(remote.description.as_deref())),
        ]);
        let details = RemoteDetails {
            provider_id: Some(remote.provider_id.clone()),
            ..RemoteDetails::default()
        };
        RemoteView::new(remote, fields, details)
    }

    fn lifecycle(&self) -> Lifecycle {
        replaced::lifecycle(self.spec.replace, self.spec.replace_grace.as_ref())
    }
}
