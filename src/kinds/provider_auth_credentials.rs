//! [`ProviderAuthCredentials`]: client id and secret can't be read back. Everything but the provider can be changed, unless
//! the provider is a remote or container MCP server (◆): then the spec may allow a replacement.

use super::inputs::{Inputs, Reference};
use super::kind::{Dependents, Discovery, Kind, RemoteObject, accessors};
use super::naming::{self, DESCRIPTION, NAME, text};
use super::provider::PROVIDER;
use super::remote_kind::RemoteKind;
use crate::plan::desired::{Invalid, Source, Wanted};
use crate::plan::fields::{Blank, Compare, Field, FieldRule, Remedy, Role};
use crate::plan::observed::{Fields, RemoteView};
use crate::plan::policy::Lifecycle;
use crate::resources::{
    ProviderAuthCredentials, ProviderAuthCredentialsStatus, RemoteDetails, Replace,
};
use metorial::AuthCredentials;
use serde_json::Value;

const CLIENT_ID: FieldRule = FieldRule {
    name: "oauth.clientId",
    role: Role::Other,
    create: &["config", "client_id"],
    compare: Compare::WriteOnly,
    remedy: Remedy::PatchOrReplace("client_id"),
    blank: Blank::Value,
};
const CLIENT_SECRET: FieldRule = FieldRule {
    name: "oauth.clientSecret",
    create: &["config", "client_secret"],
    remedy: Remedy::PatchOrReplace("client_secret"),
    ..CLIENT_ID
};
const SCOPES: FieldRule = FieldRule {
    name: "oauth.scopes",
    create: &["config", "scopes"],
    compare: Compare::PartlyReadable,
    remedy: Remedy::PatchOrReplace("scopes"),
    ..CLIENT_ID
};

impl Kind for ProviderAuthCredentials {
    type Remote = AuthCredentials;
    const NAME: &'static str = "ProviderAuthCredentials";
    /// End users authorize them with the credentials.
    const DEPENDENTS: &'static [Dependents] = &[Dependents {
        of: RemoteKind::ProviderAuthConfig,
        discovery: Discovery::Filtered("provider_auth_credentials_id"),
        made_by: &[],
    }];
    accessors!(ProviderAuthCredentialsStatus);

    fn references(&self) -> Vec<Reference> {
        let oauth = &self.spec.oauth;
        Reference::from_source(&oauth.client_id)
            .into_iter()
            .chain([Reference::from(&oauth.client_secret)])
            .collect()
    }

    fn wanted(&self, inputs: &Inputs) -> Result<Wanted, Invalid> {
        let (spec, oauth) = (&self.spec, &self.spec.oauth);
        let own = self.metadata.name.as_ref();
        let [name, description] = naming::fields(&spec.naming, own, &DESCRIPTION);
        Ok(Wanted {
            fields: vec![
                Field::plain(&PROVIDER, spec.provider_id.as_str()),
                name,
                description,
                Field::secret(&CLIENT_ID, inputs.value(&oauth.client_id)?),
                Field::secret(&CLIENT_SECRET, inputs.secret(&oauth.client_secret)?),
                Field::plain(&SCOPES, set(&oauth.scopes)),
            ],
            source: Source::Create,
            schema: None,
            uses: Vec::new(),
        })
    }

    fn lifecycle(&self) -> Lifecycle {
        Lifecycle {
            // Unlike that of configs: end users would have to authorize again.
            replace: Some(self.spec.replace.unwrap_or(Replace::Never)),
            shows_callback_url: true,
            ..Lifecycle::default()
        }
    }
}

impl RemoteObject for AuthCredentials {
    fn view(&self) -> RemoteView {
        let mut fields = Fields::from_iter([
            (NAME.name, text(self.name.as_deref())),
            (DESCRIPTION.name, text(self.description.as_deref())),
        ]);
        if let Some(scopes) = &self.scopes {
            fields.insert(SCOPES.name, set(scopes));
        }
        let details = RemoteDetails {
            provider_id: Some(self.provider_id.clone()),
            ..RemoteDetails::default()
        };
        RemoteView {
            // The build of March 2026 shows neither (◆).
            ignores_rotation: self.scopes.is_none() && self.is_managed.is_none(),
            ..RemoteView::new(self, fields, details)
        }
    }
}

/// Returns a set in one order and without repetition.
fn set(items: &[String]) -> Value {
    let mut items = items.to_vec();
    items.sort();
    items.dedup();
    Value::from(items)
}
