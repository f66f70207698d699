//! Auth configs as three kinds read them: in one form, because observations are shared between the kinds.

use super::inputs::{Inputs, Reference, SourceKind};
use super::naming::{LASTING_DESCRIPTION, NAME, text};
use super::tool_filters::{self, TOOL_FILTERS};
use crate::plan::desired::{External, Invalid};
use crate::plan::fields::{Blank, Compare, FieldRule, Remedy, Role};
use crate::plan::observed::RemoteView;
use crate::resources::{RemoteDetails, ResourceRef};
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

/// Returns the auth config of somebody else that a spec refers to, or names by its id.
///
/// # Errors
/// The reference was not read.
pub fn external(
    reference: Option<&ResourceRef>,
    id: Option<&String>,
    inputs: &Inputs,
) -> Result<Option<External>, Invalid> {
    let Some(reference) = reference else {
        return Ok(id.map(|id| External {
            id: id.clone(),
            owner: None,
        }));
    };
    let read = |key| {
        let reference = Reference::to(SourceKind::ProviderAuthConfig, reference, key);
        inputs.get(&reference).map(str::to_owned)
    };
    Ok(Some(External {
        id: read("id")?,
        owner: Some(read("uid")?),
    }))
}

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
