//! Auth configs as three kinds read them: in one form, because observations are shared between the kinds.

use super::naming::{LASTING_DESCRIPTION, NAME, text};
use super::tool_filters::{self, TOOL_FILTERS};
use crate::plan::fields::{Blank, Compare, FieldRule, Remedy, Role};
use crate::plan::observed::RemoteView;
use crate::resources::RemoteDetails;
use metorial::{AuthConfig, AuthConfigSource, AuthConfigType};
use std::collections::BTreeMap;

/// The value, which is imported once the config is created.
pub const VALUE: FieldRule = FieldRule {
    name: "value",
    role: Role::Value,
    create: &["value"],
    compare: Compare::WriteOnly,
    remedy: Remedy::Import,
    blank: Blank::Value,
};

/// The field of the deployment that an auth config belongs to. It can't be changed, so it is not compared.
const DEPLOYMENT: &str = "deploymentId";

/// Returns an auth config in the form of all kinds.
#[must_use]
pub fn view(remote: &AuthConfig) -> RemoteView {
    let mut fields = BTreeMap::from([
        (NAME.name, text(remote.name.as_deref())),
        (
            LASTING_DESCRIPTION.name,
            text(remote.description.as_deref()),
        ),
    ]);
    if let Some(filters) = tool_filters::observed(remote.tool_filter.as_ref()) {
        fields.insert(TOOL_FILTERS.name, filters);
    }
    if let Some(deployment) = &remote.deployment {
        fields.insert(DEPLOYMENT, text(Some(&deployment.id)));
    }
    let type_ = match remote.r#type {
        AuthConfigType::Manual => Some("manual"),
        AuthConfigType::OauthAutomated => Some("oauth_automated"),
        AuthConfigType::OauthManual => Some("oauth_manual"),
        _ => None,
    };
    let details = RemoteDetails {
        provider_id: Some(remote.provider_id.clone()),
        auth_config_id: Some(remote.id.clone()),
        auth_config_type: type_.map(str::to_owned),
        ..RemoteDetails::default()
    };
    RemoteView {
        authorized_by_user: remote.r#type == AuthConfigType::OauthAutomated
            || remote.source == AuthConfigSource::SetupSession,
        auth_method: remote.auth_method.as_ref().map(|method| method.id.clone()),
        ..RemoteView::new(remote, fields, details)
    }
}
