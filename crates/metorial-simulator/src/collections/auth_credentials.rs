//! `/provider-auth-credentials`: client id, client secret and scopes of an OAuth application.

use serde_json::Value;

use super::caller::Caller;
use super::changes::Changes;
use super::lookup::provider;
use crate::catalog::Provider;
use crate::errors::{ApiError, Result};
use crate::fields::Fields;
use crate::objects::{Collection, Links, Object, named};
use crate::options::Quirk;
use crate::present::present;
use crate::state::{Draft, State};

const SCOPES: &str = "scopes";

pub(super) fn create(state: &mut State, caller: &Caller, body: &Value) -> Result<Value> {
    let mut fields = Fields::of(body, &state.options);
    let provider_id = fields.required_text("provider_id");
    let name = fields.trimmed("name");
    let description = fields.trimmed("description");
    let metadata = fields.optional_object("metadata");
    let (mut client_id, mut client_secret, mut scopes) = Default::default();
    fields.nested("config", |config| {
        if config
            .optional_text("type")
            .is_some_and(|kind| kind != "oauth")
        {
            config.refuse_value("type", "oauth");
        }
        client_id = config.required_text("client_id");
        client_secret = config.required_text("client_secret");
        scopes = config.required_texts("scopes");
    });
    fields.check(&state.options)?;
    let draft = Draft {
        collection: Collection::AuthCredentials,
        provider_id: provider(state, &provider_id)?.id.clone(),
        fields: named([
            ("name", name),
            ("description", description),
            ("metadata", metadata),
            ("scopes", scopes),
        ]),
        links: Links::default(),
        write_only: named([
            ("client_id", client_id.into()),
            ("client_secret", client_secret.into()),
        ]),
    };
    let created = state.insert(&caller.instance, draft);
    Ok(present(state, &state.store.current(), &created))
}

pub(super) fn patch(fields: &mut Fields<'_>, changes: &mut Changes) {
    for name in ["client_id", "client_secret"] {
        if fields.has(name) {
            let text = fields.required_text(name);
            changes.write_only.insert(name.to_owned(), text.into());
        }
    }
    if fields.has("scopes") {
        let scopes = fields.required_texts("scopes");
        changes.fields.insert(SCOPES.to_owned(), scopes);
    }
}

/// Checks the changes of a PATCH against the credentials, and removes those that the server ignores.
pub(super) fn check_patch(state: &State, before: &Object, changes: &mut Changes) -> Result<()> {
    if before.is("is_managed") {
        return check_managed_patch(state, before, changes);
    }
    if state.has(Quirk::CredentialsPatchIgnored) {
        changes.write_only.clear();
        changes.fields.remove(SCOPES);
        return Ok(());
    }
    let names_some = changes.fields.contains_key(SCOPES) || !changes.write_only.is_empty();
    if names_some && state.is_of_mcp_server(before) {
        let message = "The credentials of this provider can't be updated.";
        return Err(ApiError::bad_request("bad_request", message));
    }
    if state.has(Quirk::EmptySecretIgnored) {
        changes.write_only.retain(|_, text| text != "");
    }
    Ok(())
}

/// Checks a PATCH of Metorial's own credentials ◆.
fn check_managed_patch(state: &State, before: &Object, changes: &Changes) -> Result<()> {
    if !state.has(Quirk::ManagedCredentialsEditable) {
        return Err(ApiError::managed_credentials_readonly());
    }
    let provider = state.catalog.provider(&before.provider_id);
    let allowed = provider.map(Provider::oauth_scopes).unwrap_or_default();
    let asked = changes.fields.get(SCOPES).and_then(Value::as_array);
    let is_allowed = |scope: &Value| allowed.iter().any(|allowed| scope == allowed);
    if !asked.is_none_or(|scopes| scopes.iter().all(is_allowed)) {
        let message = "Scopes must be a subset of the scopes of the managed credentials.";
        let code = "managed_credentials_scope_mismatch";
        return Err(ApiError::bad_request(code, message));
    }
    if !changes.write_only.is_empty() {
        return Err(ApiError::managed_credentials_readonly());
    }
    Ok(())
}
