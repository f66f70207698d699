//! Import and export records: how ours are marked, and how they are recognized among others.

use crate::plan::desired::Exports;
use crate::plan::fingerprint::MacKey;
use crate::plan::import_tag;
use crate::plan::observed::{ListedExport, ListedImport, RemoteView, known_end};
use crate::plan::ownership::{Claim, Marker, Owner};
use metorial::{AuthExport, AuthImport, ExportTarget};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The result of an import.
pub struct Imported {
    /// The import's own record.
    pub record: ListedImport,
    /// The auth config that the value went into, as the response shows it.
    pub into: Option<Arc<RemoteView>>,
    /// The id of the request.
    pub request_id: Option<String>,
}

/// Builds the note of an import: the user's text, and the owner and tag of the value.
///
/// The tag is in the note because the API drops the metadata of an import into an existing auth config, and keeps the
/// note (▲). It lets a lost response be found again without sending the value twice.
#[must_use]
pub fn note(text: &str, owner: &Owner, tag: &str) -> String {
    format!("{text} {}{tag}]", prefix(owner))
}

/// Returns what an export is of.
#[must_use]
pub fn export_target(id: &str, exports: Option<&Exports>) -> ExportTarget {
    ExportTarget {
        auth_config_id: id.to_owned(),
        deployment_id: exports.and_then(|exports| exports.deployment.clone()),
    }
}

/// Returns how the part of a note begins that the operator adds.
pub(super) fn prefix(owner: &Owner) -> String {
    format!("[metorial-operator {}/{} #", owner.namespace, owner.name)
}

/// Describes one import from the point of view of `owner`.
#[must_use]
pub fn import_record(import: &AuthImport, owner: &Owner, key: &MacKey) -> ListedImport {
    let note = import.note.as_deref().unwrap_or_default();
    let tag = note
        .rsplit_once(&prefix(owner))
        .and_then(|(_, rest)| rest.strip_suffix(']'))
        .filter(|tag| import_tag::is_genuine(key, owner, tag));
    ListedImport {
        id: import.id.clone(),
        tag: tag.map(str::to_owned),
        of_create: is_ours(import.metadata.as_ref(), owner),
        created_at: import.created_at,
        expires_at: known_end(import.expires_at),
    }
}

/// Describes one export if it is of `target` and `owner`, or its predecessor of the same name, made it. The target is
/// compared although the list was filtered by it: an unknown filter is ignored by the API, not refused (▲).
#[must_use]
pub fn export_record(
    export: &AuthExport,
    target: &ExportTarget,
    owner: &Owner,
) -> Option<ListedExport> {
    let of_target = export.auth_config_id() == Some(&target.auth_config_id);
    let ours = is_ours(export.metadata.as_ref(), owner);
    (ours && of_target).then(|| ListedExport {
        id: export.id.clone(),
        created_at: export.created_at,
    })
}

/// Returns true if `owner`, or its predecessor of the same name, made the record.
fn is_ours(metadata: Option<&Map<String, Value>>, owner: &Owner) -> bool {
    let marker = metadata.and_then(Marker::read);
    let claim = Marker::claim(marker.as_ref(), owner);
    matches!(claim, Claim::Ours | Claim::Namesake)
}
