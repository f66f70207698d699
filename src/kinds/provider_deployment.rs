//! [`ProviderDeployment`]: provider and default config can't be changed, and nothing is ever replaced, because Metorial
//! deletes what belongs to a deployment along with it.

use super::inputs::{Inputs, Reference, SourceKind};
use super::kind::{Dependents, Discovery, Kind, RemoteObject, accessors};
use super::naming::{self, DESCRIPTION, NAME, text};
use super::provider::PROVIDER;
use super::remote_kind::RemoteKind;
use super::tool_filters;
use crate::plan::desired::{External, Invalid, Source, Used, Wanted};
use crate::plan::fields::{Blank, Compare, Field, FieldRule, Remedy, Role};
use crate::plan::observed::{Fields, RemoteView};
use crate::resources::{ProviderDeployment, ProviderDeploymentStatus, RemoteDetails};
use metorial::{Collection, Deployment};

/// A null is ignored here, unlike on other objects ◆: only an empty list clears the filters.
const TOOL_FILTERS: FieldRule = FieldRule {
    blank: Blank::Clears,
    ..tool_filters::TOOL_FILTERS
};
/// Builds that can't change it ignore it in a PATCH ◆.
const LOCKED_VERSION: FieldRule = FieldRule {
    name: "lockedVersionId",
    role: Role::Version,
    create: &["locked_provider_version_id"],
    compare: Compare::Readable,
    remedy: Remedy::TryPatch("locked_provider_version_id"),
    blank: Blank::ClearsByNull,
};
/// A config that exists. The form of a create that makes one is never used: that config would get a copy of the marker ◆.
const DEFAULT_CONFIG: FieldRule = FieldRule {
    name: "defaultConfigId",
    role: Role::Config,
    create: &["provider_config_id"],
    compare: Compare::Readable,
    remedy: Remedy::Fixed,
    blank: Blank::Clears,
};

const CONFIG: SourceKind = SourceKind::Resource(RemoteKind::ProviderConfig);

impl Kind for ProviderDeployment {
    type Remote = Deployment;
    const NAME: &'static str = "ProviderDeployment";
    const REFERRED_TO: bool = true;
    const DEPENDENTS: &'static [Dependents] = &[
        Dependents {
            of: RemoteKind::ProviderConfig,
            discovery: Discovery::Filtered("provider_deployment_id"),
            made_by: &[RemoteKind::ProviderConfig],
        },
        Dependents {
            of: RemoteKind::ProviderConfigVault,
            discovery: Discovery::Listed,
            made_by: &[RemoteKind::ProviderConfigVault],
        },
        Dependents {
            of: RemoteKind::ProviderAuthConfig,
            discovery: Discovery::Filtered("provider_deployment_id"),
            made_by: &[RemoteKind::ProviderAuthConfig, RemoteKind::AuthImport],
        },
    ];
    accessors!(ProviderDeploymentStatus);

    fn references(&self) -> Vec<Reference> {
        let config = self.spec.default_config_ref.as_ref();
        let config = config.map(|config| Reference::to_external(CONFIG, config));
        config.into_iter().flatten().collect()
    }

    fn wanted(&self, inputs: &Inputs) -> Result<Wanted, Invalid> {
        let spec = &self.spec;
        let own = self.metadata.name.as_ref();
        let [name, description] = naming::fields(&spec.naming, own, &DESCRIPTION);
        let (reference, id) = (&spec.default_config_ref, &spec.default_config_id);
        let config = External::resolve(CONFIG, reference.as_ref(), id.as_ref(), inputs)?;
        let config = config.map(|object| Used {
            collection: Collection::Configs,
            field: "spec.defaultConfigId",
            object,
        });
        let config_id = config.as_ref().map(|config| config.object.id.as_str());
        Ok(Wanted {
            fields: vec![
                Field::plain(&PROVIDER, spec.provider_id.as_str()),
                name,
                description,
                Field::plain(
                    &TOOL_FILTERS,
                    tool_filters::wanted(spec.tool_filters.as_ref()),
                ),
                Field::plain(&LOCKED_VERSION, text(spec.locked_version_id.as_deref())),
                Field::plain(&DEFAULT_CONFIG, text(config_id)),
            ],
            source: Source::Create,
            schema: None,
            uses: config.into_iter().collect(),
        })
    }
}

impl RemoteObject for Deployment {
    fn view(&self) -> RemoteView {
        let locked = self.locked_version.as_ref();
        let locked = locked.map(|version| version.id.as_str());
        let config = self.default_config.as_ref();
        let config = config.map(|config| config.id.as_str());
        let mut fields = Fields::from_iter([
            (NAME.name, text(self.name.as_deref())),
            (DESCRIPTION.name, text(self.description.as_deref())),
            (LOCKED_VERSION.name, text(locked)),
        ]);
        if let Some(config) = config {
            fields.insert(DEFAULT_CONFIG.name, text(Some(config)));
        }
        if let Some(filters) = tool_filters::observed(self.tool_filter.as_ref()) {
            fields.insert(TOOL_FILTERS.name, filters);
        }
        let details = RemoteDetails {
            provider_id: Some(self.provider_id.clone()),
            deployment_id: Some(self.id.clone()),
            default_config_id: config.map(str::to_owned),
            locked_version_id: locked.map(str::to_owned),
            ..RemoteDetails::default()
        };
        RemoteView::new(self, fields, details)
    }
}
