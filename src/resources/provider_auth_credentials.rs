//! `ProviderAuthCredentials`: an OAuth app registration (client id, client secret, scopes) at Metorial.

use super::common::{CommonSpec, Naming};
use super::schema;
use super::sources::{SecretSource, ValueSource};
use super::status::{CommonStatus, resource_status};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// The OAuth app that Metorial uses for a provider.
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
    doc = "An OAuth app registration at Metorial: client id, client secret and scopes for one provider.",
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.providerId")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.providerId == oldSelf.providerId")
        .message("providerId can't be changed: create a new resource for another provider"),
    validation = Rule::new("!has(self.mode) || self.mode != 'Observe' || has(self.adopt)")
        .message("mode Observe looks at an existing object: name it in adopt.id")
)]
pub struct ProviderAuthCredentialsSpec {
    /// Fields shared by all remote kinds.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// Remote name and description.
    #[serde(flatten)]
    pub naming: Naming,
    /// The provider: its id, global identifier or slug. Can't be changed.
    #[schemars(length(min = 1, max = 200), regex(pattern = schema::PROVIDER))]
    pub provider_id: String,
    /// The app's registration at the provider.
    pub oauth: OAuthApp,
}

/// An OAuth app registration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OAuthApp {
    /// The app's client id. Can't be read back from Metorial.
    pub client_id: ValueSource,
    /// The app's client secret, from a Secret of this namespace. Can't be read back from Metorial.
    pub client_secret: SecretSource,
    /// OAuth scopes to ask for; their order does not matter.
    #[schemars(length(max = 200), inner(length(min = 1, max = 500)))]
    pub scopes: Vec<String>,
}

/// What is known about the credentials.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderAuthCredentialsStatus {
    /// The part that all kinds share.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The provider's canonical id, as the API answers it.
    pub provider_id: Option<String>,
}

resource_status!(ProviderAuthCredentialsStatus { provider_id });
