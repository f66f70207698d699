//! Auth configs as three kinds read them: in one form, because observations are shared between the kinds.

use super::deployments::DEPLOYMENT;
use super::kind::RemoteObject;
use super::naming::{LASTING_DESCRIPTION, NAME, text};
use super::provider::PROVIDER;
use super::tool_filters::{self, TOOL_FILTERS};
use crate::plan::fields::{Blank, Compare, FieldRule, Remedy, Role};
use crate::plan::observed::{Fields, RemoteView};
use crate::resources::RemoteDetails;
use metorial::{AuthConfig, AuthConfigSource, AuthConfigType};

/// The value, which is imported once the config is created.
pub const VALUE: FieldRule = FieldRule {
    name: "value",
    role: Role::Value,
    create: &["value"],
    compare: Compare::WriteOnly,
    remedy: Remedy::Import,
    blank: Blank::Value,
};

/// The auth method. It may be named by id or alias, but reads as the id.
pub const METHOD: FieldRule = FieldRule {
    name: "authMethodId",
    role: Role::AuthMethod,
    create: &["provider_auth_method_id"],
    ..PROVIDER
};

impl RemoteObject for AuthConfig {
    fn view(&self) -> RemoteView {
        let mut fields = Fields::from_iter([
            (NAME.name, text(self.name.as_deref())),
            (LASTING_DESCRIPTION.name, text(self.description.as_deref())),
        ]);
        if let Some(filters) = tool_filters::observed(self.tool_filter.as_ref()) {
            fields.insert(TOOL_FILTERS.name, filters);
        }
        let deployment = self.deployment_id();
        if let Some(deployment) = deployment {
            fields.insert(DEPLOYMENT.name, text(Some(deployment)));
        }
        let type_ = match self.r#type {
            AuthConfigType::Manual => Some("manual"),
            AuthConfigType::OauthAutomated => Some("oauth_automated"),
            AuthConfigType::OauthManual => Some("oauth_manual"),
            _ => None,
        };
        let details = RemoteDetails {
            provider_id: Some(self.provider_id.clone()),
            auth_config_id: Some(self.id.clone()),
            auth_config_type: type_.map(str::to_owned),
            deployment_id: deployment.map(str::to_owned),
            credentials_id: self.credentials.as_ref().map(|used| used.id.clone()),
            ..RemoteDetails::default()
        };
        RemoteView {
            authorized_by_user: self.r#type == AuthConfigType::OauthAutomated
                || self.source == AuthConfigSource::SetupSession,
            auth_method: self.auth_method.as_ref().map(|method| method.id.clone()),
            ..RemoteView::new(self, fields, details)
        }
    }
}
