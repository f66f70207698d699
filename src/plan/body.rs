//! Request bodies out of fields. The same for all kinds: the rules say where each field goes.

use super::desired::{Blank, Desired, Remedy, RemoteView, is_blank};
use super::differences::Differences;
use super::marker::{MARKER_KEY, Marker};
use serde_json::{Map, Value};

/// The body of a create: every field, the user's metadata and the marker. Absent text is left out.
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

/// The body of a PATCH that brings in `differences`. Metadata is replaced whole by the API, so what others put there
/// is sent along, and what we put there before and no longer want is not.
#[must_use]
pub fn update(
    desired: &Desired,
    differences: &Differences,
    remote: &RemoteView,
    former_keys: &[String],
) -> Value {
    let mut body = Map::new();
    for field in &desired.fields {
        if let (true, Remedy::Patch(key)) = (
            differences.fields.contains(&field.rule.name),
            field.rule.remedy,
        ) {
            let value = field.expose();
            let by_null = field.rule.blank == Blank::ClearsByNull && is_blank(value);
            let value = if by_null { Value::Null } else { value.clone() };
            body.insert(key.to_owned(), value);
        }
    }
    if differences.metadata {
        let mut kept = remote.metadata.clone();
        kept.retain(|key, _| !former_keys.contains(key));
        let mut marker = desired.marker.clone();
        // The digest tells of values that went out in the same request. What goes in by imports is not in this one.
        if desired.importing.is_some() {
            let known = remote.marker.as_ref();
            marker.fingerprint = known.and_then(|marker| marker.fingerprint.clone());
        }
        body.insert("metadata".to_owned(), marked(desired, kept, &marker));
    }
    Value::Object(body)
}

/// The body of an import: into the object that it names, or one that makes an object and leaves the metadata in it.
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
