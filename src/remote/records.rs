//! Imports as the API lists them, and the tags in their notes.

use crate::plan::{ImportSeen, Marker, Owner, RemoteView};
use metorial::AuthImport;
use std::sync::Arc;

/// What an import brought about.
pub struct Imported {
    /// Its record.
    pub record: ImportSeen,
    /// The auth config that it went into, as it is now.
    pub into: Option<Arc<RemoteView>>,
}

/// The note that is sent: the user's words, and whose import it is.
#[must_use]
pub fn note(words: &str, owner: &Owner, tag: &str) -> String {
    format!("{words} {}{tag}]", prefix(owner))
}

fn prefix(owner: &Owner) -> String {
    format!("[metorial-operator {}/{} #", owner.namespace, owner.name)
}

/// One import, seen from `owner`.
#[must_use]
pub fn import_seen(import: &AuthImport, owner: &Owner) -> ImportSeen {
    let note = import.note.as_deref().unwrap_or_default();
    let tag = note
        .rsplit_once(&prefix(owner))
        .and_then(|(_, rest)| rest.strip_suffix(']'));
    let marker = import.metadata.as_ref().and_then(Marker::read);
    ImportSeen {
        id: import.id.clone(),
        tag: tag.map(str::to_owned),
        of_create: marker.is_some_and(|marker| marker.owner.uid == owner.uid),
        created_at: import.created_at,
        expires_at: import.expires_at,
    }
}
