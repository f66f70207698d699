//! Imports and exports as the API lists them, and how ours are told from others.

use crate::plan::{Claim, ExportSeen, ImportSeen, Marker, Owner, RemoteView};
use metorial::{AuthExport, AuthImport, ExportTarget};
use serde_json::{Map, Value};
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
    ImportSeen {
        id: import.id.clone(),
        tag: tag.map(str::to_owned),
        of_create: ours(import.metadata.as_ref(), owner),
        created_at: import.created_at,
        expires_at: import.expires_at,
    }
}

/// One export of `target`, if `owner` or its predecessor of the same name made it.
#[must_use]
pub fn export_seen(
    export: &AuthExport,
    target: &ExportTarget,
    owner: &Owner,
) -> Option<ExportSeen> {
    let ours = ours(export.metadata.as_ref(), owner);
    let of_it = export.auth_config_id() == Some(&target.auth_config_id);
    (ours && of_it).then(|| ExportSeen {
        id: export.id.clone(),
        created_at: export.created_at,
    })
}

/// Whether a record was left by `owner`, or by its predecessor of the same name.
fn ours(metadata: Option<&Map<String, Value>>, owner: &Owner) -> bool {
    let marker = metadata.and_then(Marker::read);
    let claim = Marker::claim(marker.as_ref(), owner);
    matches!(claim, Claim::Ours | Claim::Namesake)
}
