//! [`ProviderConfig`]: value, vault, provider and deployment can't be changed; a change replaces the config.

use super::compose::{compose, references};
use super::deployments;
use super::inputs::{Inputs, Reference, SourceKind};
use super::kind::{Dependents, Discovery, Kind, RemoteObject, accessors};
use super::naming::{self, DESCRIPTION, NAME, text};
use super::remote_kind::RemoteKind;
use super::replaceable::{self, DEPLOYMENT, DEPLOYMENT_OF_VAULT, PROVIDER, VALUE, VAULT};
use super::tool_filters::{self, TOOL_FILTERS};
use crate::plan::desired::{External, Invalid, Source, Used, Wanted};
use crate::plan::fields::Field;
use crate::plan::observed::{Fields, RemoteView};
use crate::plan::policy::Lifecycle;
use crate::resources::{ProviderConfig, ProviderConfigStatus, RemoteDetails};
use metorial::{Collection, Config};

const VAULTS: SourceKind = SourceKind::Resource(RemoteKind::ProviderConfigVault);

impl Kind for ProviderConfig {
    type Remote = Config;
    const NAME: &'static str = "ProviderConfig";
    const REFERRED_TO: bool = true;
    /// The deployments whose default config it is.
    const DEPENDENTS: &'static [Dependents] = &[Dependents {
        of: RemoteKind::ProviderDeployment,
        discovery: Discovery::InCluster,
        made_by: &[RemoteKind::ProviderDeployment],
    }];
    accessors!(ProviderConfigStatus);

    fn references(&self) -> Vec<Reference> {
        let spec = &self.spec;
        let vault = spec.vault_ref.as_ref();
        let vault = vault.map(|vault| Reference::to_external(VAULTS, vault));
        let value = spec.value.iter().flat_map(references);
        let deployment = deployments::references(spec.deployment_ref.as_ref());
        let vault = vault.into_iter().flatten();
        value.chain(vault).chain(deployment).collect()
    }

    fn wanted(&self, inputs: &Inputs) -> Result<Wanted, Invalid> {
        let spec = &self.spec;
        let (reference, id) = (spec.vault_ref.as_ref(), spec.vault_id.as_ref());
        let vault = External::resolve(VAULTS, reference, id, inputs)?;
        let vault = vault.map(|object| Used {
            collection: Collection::ConfigVaults,
            field: "spec.vaultId",
            object,
        });
        let vault_id = vault.as_ref().map(|vault| vault.object.id.as_str());
        let (reference, id) = (spec.deployment_ref.as_ref(), spec.deployment_id.as_ref());
        let deployment = deployments::used(reference, id, inputs)?;
        let deployment_id = deployments::id(deployment.as_ref());
        let filters = tool_filters::wanted(spec.tool_filters.as_ref());
        let rule = match (deployment_id, &vault) {
            (None, Some(_)) => &DEPLOYMENT_OF_VAULT,
            _ => &DEPLOYMENT,
        };
        let mut fields = vec![
            Field::plain(&PROVIDER, spec.provider_id.as_str()),
            Field::plain(rule, text(deployment_id)),
            Field::plain(&VAULT, text(vault_id)),
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
        let schema = replaceable::schema(spec.validation, &spec.provider_id, deployment_id);
        Ok(Wanted {
            fields,
            source: Source::Create,
            schema,
            uses: vault.into_iter().chain(deployment).collect(),
        })
    }

    fn lifecycle(&self) -> Lifecycle {
        replaceable::lifecycle(self.spec.replace, self.spec.replace_grace.as_ref())
    }
}

impl RemoteObject for Config {
    fn view(&self) -> RemoteView {
        let vault = self.from_vault.as_ref().map(|vault| vault.id.as_str());
        let deployment = self
            .deployment
            .as_ref()
            .map(|deployment| deployment.id.as_str());
        let mut fields = Fields::from_iter([
            (DEPLOYMENT.name, text(deployment)),
            (VAULT.name, text(vault)),
            (NAME.name, text(self.name.as_deref())),
            (DESCRIPTION.name, text(self.description.as_deref())),
        ]);
        if let Some(filters) = tool_filters::observed(self.tool_filter.as_ref()) {
            fields.insert(TOOL_FILTERS.name, filters);
        }
        let details = RemoteDetails {
            provider_id: Some(self.provider_id.clone()),
            vault_id: vault.map(str::to_owned),
            deployment_id: deployment.map(str::to_owned),
            ..RemoteDetails::default()
        };
        RemoteView::new(self, fields, details)
    }
}
