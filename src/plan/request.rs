//! Request bodies, built from fields. The same for all kinds: the rules say where each field goes.

use super::desired::Desired;
use super::differences::Differences;
use super::fields::{Blank, is_blank};
use super::observed::RemoteView;
use super::ownership::{MARKER_KEY, Marker};
use serde_json::{Map, Value};

/// Returns the body of a create: every field, the user's metadata and the marker. Absent text is left out.
#[must_use]
pub fn create(desired: &Desired) -> Value {
    let mut body = Map::new();
    for field in &desired.fields {
        let value = field.expose();
        if field.rule.blank == Blank::Value || !is_blank(value) {
            put(&mut body, field.rule.create, value.clone());
        }
    }
    let metadata = marked(desired, Map::new(), &desired.marker);
    body.insert("metadata".to_owned(), metadata);
    Value::Object(body)
}

/// Returns the body of a PATCH that applies `differences`.
///
/// The API replaces metadata as a whole, so keys that others put there are sent along, and keys that we put there before
/// and that are no longer wanted are left out: those that are recorded, and those in the marker.
#[must_use]
pub fn update(
    desired: &Desired,
    differences: &Differences,
    remote: &RemoteView,
    recorded_keys: &[String],
) -> Value {
    let mut body = Map::new();
    for field in &desired.fields {
        if let (true, Some(key)) = (
            differences.fields.contains(&field.rule.name),
            field.rule.remedy.patch_key(),
        ) {
            let value = field.expose();
            let by_null = field.rule.blank == Blank::ClearsByNull && is_blank(value);
            let value = if by_null { Value::Null } else { value.clone() };
            body.insert(key.to_owned(), value);
        }
    }
    if differences.sends_metadata() {
        let mut kept = remote.metadata.clone();
        let sent = remote.keys_of(&desired.marker.owner);
        kept.retain(|key, _| !recorded_keys.contains(key) && !sent.contains(key));
        let mut marker = desired.marker.clone();
        // The fingerprint stands for values in the same request. A value that goes in by an import is not in this one, and
        // that import may never be made; neither is a value that the API refused.
        if desired.source.imports().is_some() || !differences.fingerprint {
            let known = remote.marker.as_ref();
            marker.fingerprint = known.and_then(|marker| marker.fingerprint.clone());
        }
        body.insert("metadata".to_owned(), marked(desired, kept, &marker));
    }
    Value::Object(body)
}

/// Returns the body of an import: into the object `into`, or one that creates an object with our metadata.
///
/// An import into an existing config drops its metadata and needs no auth method (▲: an alias or a newer version's id is
/// refused with `cannot_change_auth_method`), so only the value is sent.
#[must_use]
pub fn import(desired: &Desired, into: Option<&str>, note: &str) -> Value {
    let mut body = match into {
        None => match create(desired) {
            Value::Object(body) => body,
            _ => Map::new(),
        },
        Some(id) => {
            let values = desired.fields.iter().filter(|field| field.is_write_only());
            let mut body = Map::from_iter([("provider_auth_config_id".to_owned(), id.into())]);
            for field in values {
                put(&mut body, field.rule.create, field.expose().clone());
            }
            body
        }
    };
    body.insert("note".to_owned(), note.into());
    Value::Object(body)
}

fn marked(desired: &Desired, mut metadata: Map<String, Value>, marker: &Marker) -> Value {
    metadata.extend(desired.metadata.clone());
    metadata.insert(MARKER_KEY.to_owned(), marker.to_json());
    Value::Object(metadata)
}

fn put(body: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [last] => {
            body.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let inner = body
                .entry((*first).to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}
