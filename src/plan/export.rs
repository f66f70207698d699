//! Values that are brought out into a Secret: records in somebody's audit log, exactly one for each due moment.

use super::{
    Desired, Fingerprint, Happening, ImportSeen, Ledger, Plan, RemoteView, Sighting, Situation,
    Step, Verdict, bind, synced,
};
use crate::resources::{ExportStatus, Reason};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// How exports of a resource are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exporting {
    /// When one is due.
    pub when: When,
    /// The most in any 24 hours.
    pub max_per_day: usize,
    /// The note in the audit log.
    pub note: String,
    /// The deployment, for servers that have exports below deployments.
    pub deployment: Option<String>,
}

impl Exporting {
    /// How long until the next export, where they are made at intervals.
    #[must_use]
    pub fn due_in(&self, last: Timestamp, now: Timestamp) -> Option<Duration> {
        let When::Every(period) = self.when else {
            return None;
        };
        let left = period - now.duration_since(last);
        Some(Duration::try_from(left).unwrap_or_default())
    }
}

/// When an export is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Only once.
    Once,
    /// When another value was imported.
    OnChange,
    /// Again after this long.
    Every(SignedDuration),
}

/// The Secret that exports go into, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSeen {
    /// There is none.
    Missing,
    /// It is somebody else's.
    Foreign,
    /// Ours.
    Ours {
        /// Digest of what it holds.
        fingerprint: String,
        /// Whether type, labels and annotations are as wanted.
        shaped: bool,
        /// The export that it holds, where nobody changed it since.
        holds: Option<Box<ExportStatus>>,
    },
}

/// An export that reached the Secret was made, even where a crash or a restored backup kept it out of the status.
/// Times are in whole seconds, so two exports may bear the same one: the Secret is written first, and so has the later.
#[must_use]
pub fn unrecorded<'a>(ledger: &Ledger, secret: Option<&'a SecretSeen>) -> Option<&'a ExportStatus> {
    let Some(SecretSeen::Ours {
        holds: Some(held), ..
    }) = secret
    else {
        return None;
    };
    let at = |export: &ExportStatus| export.exported_at.as_ref().map(|at| at.0);
    let recorded = &ledger.export;
    // An export without a value is in the books and never was in the Secret.
    let empty = recorded.export_id.is_some() && recorded.secret_fingerprint.is_none();
    let later = match empty {
        true => at(held) > at(recorded),
        false => at(held) >= at(recorded) && held.export_id != recorded.export_id,
    };
    // What this process brought out itself is the last one, whatever the Secret still holds.
    (later && !ledger.exported_value).then_some(held)
}

/// The books under the present key of the digests. What was signed under another says nothing about the Secret: the key
/// was lost, and its content is taken to be what it was.
#[must_use]
pub fn signed_anew(ledger: &Ledger, secret: Option<&SecretSeen>) -> Option<ExportStatus> {
    let Some(SecretSeen::Ours { fingerprint, .. }) = secret else {
        return None;
    };
    let known = Fingerprint::stored(ledger.export.secret_fingerprint.as_deref()?);
    let other_key = !known.same_key(&Fingerprint::stored(fingerprint));
    other_key.then(|| ExportStatus {
        secret_fingerprint: Some(fingerprint.clone()),
        ..ledger.export.clone()
    })
}

/// The Secret that the last export went into, where the next goes into another.
#[must_use]
pub fn former_secret<'a>(ledger: &'a Ledger, wanted: &str) -> Option<&'a str> {
    let former = ledger.export.secret_name.as_deref();
    former.filter(|former| *former != wanted)
}

/// Whether only the list of imports can tell if an export is due.
pub(super) fn asks_for_imports(
    situation: &Situation,
    exporting: &Exporting,
    remote: &RemoteView,
) -> bool {
    exporting.when == When::OnChange && moved(situation, remote)
}

/// Whether the auth config moved after the last comparison, and the imports that were seen don't say why: the list may
/// be behind, so nothing is concluded from it yet.
#[must_use]
pub fn is_unexplained(situation: &Situation) -> bool {
    let exporting = situation
        .desired
        .and_then(|desired| desired.exporting.as_ref());
    let (Some(exporting), Some(Sighting::Live(remote))) = (exporting, &situation.seen.object)
    else {
        return false;
    };
    let explains = |newest: &ImportSeen| newest.created_at >= remote.updated_at;
    asks_for_imports(situation, exporting, remote)
        && !situation.ledger.imports_settled
        && !newest_import(situation).is_some_and(explains)
}

fn moved(situation: &Situation, remote: &RemoteView) -> bool {
    known_until(situation).is_none_or(|known| remote.updated_at > known)
}

/// Every import up to this time is in what was exported.
fn known_until(situation: &Situation) -> Option<Timestamp> {
    let known = situation.ledger.export.auth_config_updated_at.as_deref();
    known.and_then(|at| at.parse().ok())
}

/// Decides about the Secret and the next export.
pub(super) fn export(
    situation: &Situation,
    desired: &Desired,
    exporting: &Exporting,
    remote: &RemoteView,
) -> Plan {
    if situation.seen.secret == Some(SecretSeen::Foreign) {
        let message =
            "the Secret in spec.secret exists and is not ours: choose another name or remove it";
        return Verdict::new(Reason::SecretNotOwned, message).alone();
    }
    let due = due(situation, exporting, remote);
    if !due && intact(situation) {
        let ledger = situation.ledger;
        let unrecorded = moved(situation, remote) || ledger.written_after(remote);
        let steps = if unrecorded || !ledger.acknowledged(desired) {
            vec![bind(remote)]
        } else {
            Vec::new()
        };
        return done(desired, steps);
    }
    if !due && situation.ledger.exported_value {
        return done(desired, vec![bind(remote), Step::Deliver]);
    }
    let lost = lost(situation);
    let made = made_today(situation) + lost;
    if made >= exporting.max_per_day {
        let message = format!(
            "{made} exports were made in the last 24 hours, as many as spec.maxPerDay allows: the next one waits"
        );
        return Verdict::new(Reason::ExportBudgetSpent, message).alone();
    }
    let newest = newest_import(situation).map(|newest| newest.id.clone());
    let mut plan = done(desired, vec![bind(remote), Step::Export { newest, lost }]);
    plan.verdict = plan.verdict.with(
        Happening::Exported,
        format!("brought the value of {} out", remote.id),
    );
    plan
}

/// Whether a value has to be brought out, for want of one that is known.
pub(super) fn is_needed(situation: &Situation, exporting: &Exporting, remote: &RemoteView) -> bool {
    let known = intact(situation) || situation.ledger.exported_value;
    due(situation, exporting, remote) || !known
}

/// Whether the Secret holds what the books say.
fn intact(situation: &Situation) -> bool {
    let recorded = situation.ledger.export.secret_fingerprint.as_ref();
    matches!(
        &situation.seen.secret,
        Some(SecretSeen::Ours { fingerprint, shaped: true, .. }) if Some(fingerprint) == recorded
    )
}

/// How many exports were made after the one in the books. Where the books are empty, one at most: what went before
/// they were lost was delivered.
fn lost(situation: &Situation) -> usize {
    let made = situation.seen.exports.as_deref().unwrap_or_default();
    let recorded = situation.ledger.export.export_id.as_ref();
    match made.iter().find(|export| Some(&export.id) == recorded) {
        None => made.len().min(1),
        Some(last) => made
            .iter()
            .filter(|export| (export.created_at, &export.id) > (last.created_at, &last.id))
            .count(),
    }
}

fn done(desired: &Desired, steps: Vec<Step>) -> Plan {
    Plan {
        steps,
        verdict: synced(desired),
        acknowledges: true,
    }
}

fn due(situation: &Situation, exporting: &Exporting, remote: &RemoteView) -> bool {
    let ledger = situation.ledger;
    let elsewhere = ledger.id.as_ref().is_some_and(|id| *id != remote.id);
    if ledger.export.export_id.is_none() || elsewhere {
        return true;
    }
    match exporting.when {
        When::Once => false,
        When::Every(period) => {
            let last = ledger.export.exported_at.as_ref().map(|at| at.0);
            last.is_none_or(|last| situation.now.duration_since(last) >= period)
        }
        When::OnChange => newest_import(situation).is_some_and(|newest| {
            let exported = ledger.export.newest_import_id.as_ref();
            let listed = situation.seen.imports.iter().flatten();
            // A list that was behind then, or is now, does not have the import that was exported last.
            let comparable = listed
                .map(|import| &import.id)
                .any(|id| Some(id) == exported);
            let later = known_until(situation).is_none_or(|known| newest.created_at > known);
            Some(&newest.id) != exported && (comparable || later)
        }),
    }
}

fn newest_import<'a>(situation: &'a Situation) -> Option<&'a ImportSeen> {
    let imports = situation.seen.imports.as_deref()?.iter();
    imports.max_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)))
}

fn made_today(situation: &Situation) -> usize {
    let recent = situation
        .ledger
        .export
        .recent_exports
        .as_deref()
        .unwrap_or_default();
    recent
        .iter()
        .filter(|at| is_recent(at.0, situation.now))
        .count()
}

/// Whether it is less than 24 hours ago.
#[must_use]
pub fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < SignedDuration::from_hours(24)
}
