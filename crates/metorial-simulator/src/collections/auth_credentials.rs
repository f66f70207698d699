//! `/provider-auth-credentials`: client id, client secret and scopes of an OAuth application.

use serde_json::Value;

use super::caller::Caller;
use super::changes::Changes;
use super::lookup::provider;
use crate::errors::Result;
use crate::fields::Fields;
use crate::objects::{Collection, Links, named};
use crate::present::present;
use crate::state::{Draft, State};

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
        changes.fields.insert("scopes".to_owned(), scopes);
    }
}
