//! What is recorded of exports: by the status, and by the Secret where a crash or a restored backup kept it out of the status.

use super::children::{ChildState, RememberedValue};
use super::desired::Exports;
use super::fingerprint::Fingerprint;
use super::observed::{ListedExport, RemoteView, known_end};
use super::record::Record;
use crate::resources::{ExportStatus, parse_time};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use metorial::AuthExport;
use std::cmp::Ordering;
use std::time::Duration;

/// The period of the budget of exports.
pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Returns what is recorded of an export of `of`, before the Secret holds it. The `lost` exports before it, whose value was lost in
/// a crash or with the response, count against the budget, too.
#[must_use]
pub fn made(
    made: &AuthExport,
    of: &RemoteView,
    newest_import: Option<&String>,
    exports: &Exports,
    lost: usize,
    before: &ExportStatus,
    now: Timestamp,
) -> ExportStatus {
    let earlier = before.recent_exports.iter().flatten();
    let earlier = earlier.filter(|at| is_within_a_day(at.0, now)).cloned();
    let recent = std::iter::repeat_n(Time(now), 1 + lost).chain(earlier);
    let former = before.restart_pending_from.as_ref();
    let former = former.or(before.secret_fingerprint.as_ref()).cloned();
    ExportStatus {
        export_id: Some(made.id.clone()),
        exported_from: Some(of.id.clone()),
        exported_at: Some(Time(now)),
        created_at: Some(made.created_at.to_string()),
        expires_at: known_end(made.expires_at).map(|at| at.to_string()),
        auth_config_updated_at: Some(of.updated_at.to_string()),
        newest_import_id: newest_import.cloned(),
        secret_fingerprint: None,
        secret_name: before.secret_name.clone(),
        restart_pending_from: former.filter(|_| !exports.workloads.is_empty()),
        in_secret: before.times_in_secret(),
        recent_exports: Some(recent.collect()),
    }
}

/// Returns the number of exports within the last 24 hours.
#[must_use]
pub fn exports_within_a_day(last: &ExportStatus, now: Timestamp) -> usize {
    let recent = last.recent_exports.iter().flatten();
    recent.filter(|at| is_within_a_day(at.0, now)).count()
}

/// Returns the time until fewer exports are within the last 24 hours.
#[must_use]
pub fn budget_free_in(last: &ExportStatus, now: Timestamp) -> Option<Duration> {
    let recent = last.recent_exports.iter().flatten();
    let oldest = recent
        .map(|at| at.0)
        .filter(|at| is_within_a_day(*at, now))
        .min()?;
    let left = DAY - now.duration_since(oldest);
    Duration::try_from(left).ok()
}

/// Returns when the recorded export was made, by the API's clock where that is known. A list of the exports of another auth
/// config does not show it.
#[must_use]
pub fn created_at(recorded: &ExportStatus, listed: &[ListedExport]) -> Option<Timestamp> {
    let id = recorded.export_id.as_ref();
    let listed = listed.iter().find(|export| Some(&export.id) == id);
    let listed = listed.map(|export| export.created_at);
    let known = || parse_time(recorded.created_at.as_deref());
    let exported_at = recorded.exported_at.as_ref().map(|at| at.0);
    listed.or_else(known).or(exported_at)
}

/// Returns true if a time is less than 24 hours ago.
#[must_use]
pub fn is_within_a_day(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < DAY
}

/// Returns what is recorded once the Secret holds the export.
#[must_use]
pub fn in_secret(export: ExportStatus, fingerprint: String) -> ExportStatus {
    // Workloads that run with this content need no restart.
    let from = export.restart_pending_from.clone();
    ExportStatus {
        restart_pending_from: from.filter(|from| *from != fingerprint),
        secret_fingerprint: Some(fingerprint),
        in_secret: None,
        ..export
    }
}

/// Returns the export that the Secret holds, where a crash or a restored backup kept it, or the form in which it was written,
/// out of the status. The Secret that the status names stays the one to be removed if another one is wanted.
///
/// Times are in whole seconds, so two exports may have the same one: the Secret is written before the status, so it has the
/// later export.
#[must_use]
pub fn unrecorded(record: &Record, secret: &ChildState) -> Option<ExportStatus> {
    let ChildState::Owned {
        export: Some(held), ..
    } = secret
    else {
        return None;
    };
    let recorded = &record.export;
    // An export without a value was never in the Secret. One with a value that Kubernetes refused may have been written since.
    let unwritten = recorded.export_id.is_some() && recorded.secret_fingerprint.is_none();
    let later = match (held.export_id == recorded.export_id, unwritten) {
        (true, _) => held.secret_fingerprint != recorded.secret_fingerprint,
        (false, true) => compare(held, recorded).is_gt(),
        (false, false) => compare(held, recorded).is_ge(),
    };
    // What this process knows itself is the last export, whatever the Secret still holds.
    (later && record.known_value == RememberedValue::Nothing).then(|| ExportStatus {
        secret_name: recorded.secret_name.clone().or(held.secret_name.clone()),
        ..(**held).clone()
    })
}

/// Compares the times of two exports: by the API's clock where it is known of both, since each may have been recorded by the
/// clock of another process.
fn compare(one: &ExportStatus, other: &ExportStatus) -> Ordering {
    let created = |export: &ExportStatus| export.created_at.as_deref()?.parse::<Timestamp>().ok();
    let exported = |export: &ExportStatus| export.exported_at.as_ref().map(|at| at.0);
    match (created(one), created(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => exported(one).cmp(&exported(other)),
    }
}

/// Returns the recorded export with a fingerprint under the present MAC key. A fingerprint under another key says nothing about the
/// Secret: the key was lost, and the content is taken to be unchanged.
#[must_use]
pub fn with_current_key(record: &Record, secret: &ChildState) -> Option<ExportStatus> {
    let ChildState::Owned { fingerprint, .. } = secret else {
        return None;
    };
    let known = Fingerprint::stored(record.export.secret_fingerprint.as_deref()?);
    let other_key = !known.same_key(&Fingerprint::stored(fingerprint));
    other_key.then(|| ExportStatus {
        secret_fingerprint: Some(fingerprint.clone()),
        ..record.export.clone()
    })
}
