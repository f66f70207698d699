//! Auth configs as three kinds read them: in one form, since what was seen of one is shared between them.

use super::naming::{LASTING_DESCRIPTION, NAME, text};
use super::tool_filters::{self, TOOL_FILTERS};
use crate::plan::{Blank, Compare, FieldRule, Marker, Remedy, RemoteView};
use metorial::{AuthConfig, AuthConfigSource, AuthConfigType, Object};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The value, which goes in by imports once the config is made.
pub const VALUE: FieldRule = FieldRule {
    name: "value",
    create: &["value"],
    compare: Compare::WriteOnly,
    remedy: Remedy::Import,
    blank: Blank::Value,
};

/// An auth config in the form of all kinds.
#[must_use]
pub fn view(remote: &AuthConfig) -> RemoteView {
    let metadata = remote.metadata.clone().unwrap_or_default();
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
    let sort = match remote.r#type {
        AuthConfigType::Manual => Some("manual"),
        AuthConfigType::OauthAutomated => Some("oauth_automated"),
        AuthConfigType::OauthManual => Some("oauth_manual"),
        _ => None,
    };
    let mut status: Map<String, Value> = Map::from_iter([
        ("providerId".to_owned(), remote.provider_id.clone().into()),
        ("authConfigId".to_owned(), remote.id.clone().into()),
    ]);
    if let Some(sort) = sort {
        status.insert("authConfigType".to_owned(), sort.into());
    }
    RemoteView {
        id: remote.id.clone(),
        live: !remote.status().is_gone(),
        fields,
        marker: Marker::read(&metadata),
        metadata,
        created_at: remote.created_at,
        updated_at: remote.updated_at,
        status,
        consent: remote.r#type == AuthConfigType::OauthAutomated
            || remote.source == AuthConfigSource::SetupSession,
        auth_method: remote.auth_method.as_ref().map(|method| method.id.clone()),
    }
}
