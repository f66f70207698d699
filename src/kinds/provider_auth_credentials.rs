//! [`ProviderAuthCredentials`]: client id and secret can't be read back; everything but the provider can be changed.

use super::naming::{self, DESCRIPTION, NAME, text};
use super::{Dependents, Inputs, Kind, Reference, set};
use crate::plan::{Blank, Compare, Field, FieldRule, Invalid, Marker, Remedy, RemoteView};
use crate::resources::{CommonSpec, CommonStatus, ProviderAuthCredentials};
use metorial::{AuthCredentials, Object};
use serde_json::Map;
use std::collections::BTreeMap;

const PROVIDER: FieldRule = FieldRule {
    name: "providerId",
    create: &["provider_id"],
    compare: Compare::Never,
    remedy: Remedy::Fixed,
    blank: Blank::Value,
};
const CLIENT_ID: FieldRule = FieldRule {
    name: "oauth.clientId",
    create: &["config", "client_id"],
    compare: Compare::WriteOnly,
    remedy: Remedy::Patch("client_id"),
    blank: Blank::Value,
};
const CLIENT_SECRET: FieldRule = FieldRule {
    name: "oauth.clientSecret",
    create: &["config", "client_secret"],
    compare: Compare::WriteOnly,
    remedy: Remedy::Patch("client_secret"),
    blank: Blank::Value,
};
const SCOPES: FieldRule = FieldRule {
    name: "oauth.scopes",
    create: &["config", "scopes"],
    compare: Compare::Readable,
    remedy: Remedy::Patch("scopes"),
    blank: Blank::Value,
};

impl Kind for ProviderAuthCredentials {
    type Remote = AuthCredentials;
    const NAME: &'static str = "ProviderAuthCredentials";
    const DEPENDENTS: Option<Dependents> = Some(Dependents::AuthConfigsOfCredentials);

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
        let oauth = &self.spec.oauth;
        Reference::of(&oauth.client_id)
            .into_iter()
            .chain([Reference::from(&oauth.client_secret)])
            .collect()
    }

    fn fields(&self, inputs: &Inputs) -> Result<Vec<Field>, Invalid> {
        let (spec, oauth) = (&self.spec, &self.spec.oauth);
        let [name, description] =
            naming::fields(&spec.naming, self.metadata.name.as_ref(), &DESCRIPTION);
        Ok(vec![
            Field::plain(&PROVIDER, spec.provider_id.as_str()),
            name,
            description,
            Field::secret(&CLIENT_ID, inputs.value(&oauth.client_id)?),
            Field::secret(&CLIENT_SECRET, inputs.secret(&oauth.client_secret)?),
            Field::plain(&SCOPES, set(&oauth.scopes)),
        ])
    }

    fn view(remote: &AuthCredentials) -> RemoteView {
        let metadata = remote.metadata.clone().unwrap_or_default();
        let mut fields = BTreeMap::from([
            (NAME.name, text(remote.name.as_deref())),
            (DESCRIPTION.name, text(remote.description.as_deref())),
        ]);
        if let Some(scopes) = &remote.scopes {
            fields.insert(SCOPES.name, set(scopes));
        }
        RemoteView {
            id: remote.id.clone(),
            live: !remote.status().is_gone(),
            fields,
            marker: Marker::read(&metadata),
            metadata,
            created_at: remote.created_at,
            updated_at: remote.updated_at,
            status: Map::from_iter([("providerId".to_owned(), remote.provider_id.clone().into())]),
            consent: false,
            auth_method: None,
        }
    }
}
