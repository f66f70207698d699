//! `ProviderAuthCredentials`: an OAuth app registration (client id, client secret, scopes) at Metorial.
#![allow(
    clippy::duplicated_attributes,
    reason = "two printer columns of one type repeat the attribute's words"
)]

use super::common::{CommonSpec, Naming};
use super::composed::Replace;
use super::schema;
use super::sources::{SecretSource, ValueSource};
use super::status::{CommonStatus, resource_status};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// The OAuth app that Metorial uses for a provider.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "metorial.com",
    version = "v1alpha1",
    kind = "ProviderAuthCredentials",
    plural = "providerauthcredentials",
    namespaced,
    shortname = "pacred",
    category = "metorial",
    status = "ProviderAuthCredentialsStatus",
    validation = schema::fixed("providerId", "provider"),
    doc = "An OAuth app registration at Metorial: client id, client secret and scopes for one provider.",
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.providerId"),
    printcolumn(
        name = "Callback",
        type_ = "string",
        json_path = ".status.callbackUrl",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.mode) || self.mode != 'Observe' || has(self.adopt)")
        .message("mode Observe needs an existing object: set adopt.id")
)]
pub struct ProviderAuthCredentialsSpec {
    /// Spec fields of every kind that has a remote object.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// Name and description of the remote object.
    #[serde(flatten)]
    pub naming: Naming,
    /// Id, global identifier or slug of the provider. Can't be changed once the credentials exist at Metorial.
    #[schemars(length(min = 1, max = 200), regex(pattern = schema::ALIAS))]
    pub provider_id: String,
    /// The registration of the OAuth app at the provider.
    pub oauth: OAuthApp,
    /// Permission to replace credentials that Metorial can't change, as those of remote and container MCP providers, when their
    /// client id, client secret or scopes change. `Allow` creates new credentials and deletes the old ones; end users then have
    /// to authorize again. `Never` (default) keeps the old ones and reports `RotationRefused`.
    #[schemars(transform = schema::with_own_description)]
    pub replace: Option<Replace>,
}

/// The registration of an OAuth app at a provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OAuthApp {
    /// Client id of the app. Metorial never returns it.
    pub client_id: ValueSource,
    /// Client secret of the app, from a Secret of this namespace. Metorial never returns it.
    pub client_secret: SecretSource,
    /// OAuth scopes to request. Their order doesn't matter.
    #[schemars(
        length(max = 200),
        inner(length(min = 1, max = 500)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub scopes: Vec<String>,
}

/// The observed state of the credentials.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderAuthCredentialsStatus {
    /// Status fields of every kind that has a remote object.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The provider's canonical id.
    pub provider_id: Option<String>,
    /// The provider's callback URL, which has to be entered at the OAuth app.
    pub callback_url: Option<String>,
}

resource_status!(ProviderAuthCredentialsStatus {
    provider_id,
    callback_url
});
