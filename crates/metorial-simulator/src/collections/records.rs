//! Audit records: what imports and exports have in common.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::caller::Caller;
use crate::js_date;
use crate::objects::{Collection, Links, Object, named};
use crate::state::{Draft, State};

/// Note and metadata of a record.
pub(super) struct Annotation {
    pub(super) note: Value,
    pub(super) metadata: Value,
}

/// Adds the record of an import into an auth config, or of an export of it, to this collection of records.
pub(super) fn add_record(
    state: &mut State,
    caller: &Caller,
    collection: Collection,
    auth_config: &Object,
    annotation: Annotation,
) -> Arc<Object> {
    let value = auth_config.write_only.get("value");
    let expires_at = value.and_then(Value::as_object).map_or(Value::Null, expiry);
    let write_only = if collection == Collection::AuthImports {
        auth_config.write_only.clone()
    } else {
        // The value of an export is in the answer to the create only.
        Map::new()
    };
    let draft = Draft {
        collection,
        provider_id: auth_config.provider_id.clone(),
        fields: named([
            ("note", annotation.note),
            ("metadata", annotation.metadata),
            ("ip", caller.ip.clone().into()),
            ("user_agent", caller.user_agent.clone().into()),
            ("expires_at", expires_at),
        ]),
        links: Links {
            auth_config: Some(auth_config.id.clone()),
            ..auth_config.links.clone()
        },
        write_only,
    };
    state.insert(&caller.instance, draft)
}

/// Returns the expiry of a token, or null if the value has none.
fn expiry(value: &Map<String, Value>) -> Value {
    let sent = value.get("expiresAt").or_else(|| value.get("expires_at"));
    sent.and_then(js_date::iso_string).into()
}
