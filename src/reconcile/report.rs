//! The status that follows from a pass: pure, and written only where it differs.

use super::act::Outcome;
use crate::plan::{Desired, Happening, Verdict};
use crate::resources::{
    Class, CommonStatus, Conditions, ExportStatus, ImportRecord, InputStatus, PlanStatus,
    PreviousId, Reason, RetiringId, condition,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde_json::Value;

/// What a status is made of.
pub struct Report<'a> {
    /// The status as it was read, in full.
    pub before: &'a Value,
    /// The shared part of it.
    pub status: &'a CommonStatus,
    /// The generation that the pass saw.
    pub generation: i64,
    /// The request to act now that the pass saw.
    pub requested: Option<&'a String>,
    /// The connection and the instance that it opens.
    pub place: Option<(&'a str, &'a str)>,
    /// What is wanted.
    pub desired: Option<&'a Desired>,
    /// What was done.
    pub outcome: &'a Outcome,
    /// What to say.
    pub verdict: &'a Verdict,
    /// What waits for approval.
    pub planned: Option<&'a PlanStatus>,
    /// The ConfigMap that holds the ids now.
    pub published: Option<&'a String>,
    /// Whether another object may take the place of ours, which then is still to be deleted.
    pub replaces: bool,
    /// Whether the conditions stay as they are: there is trouble, but nothing to be brought in.
    pub keep: bool,
    /// Whether the imports that moved an exported auth config may still come to light.
    pub unexplained: bool,
    /// The operator's clock.
    pub now: Timestamp,
}

impl Report<'_> {
    /// The next status.
    #[must_use]
    pub fn next(&self) -> Value {
        let mut next = self.status.clone();
        self.remote(&mut next);
        if !self.keep {
            next.observed_generation = Some(self.generation);
            next.conditions = Some(self.conditions());
            let drift = self.verdict.drift.clone();
            next.drift = Some(drift).filter(|drift| !drift.is_empty());
        }
        next.published_config_map = self.published.cloned();
        if !self.keep {
            next.plan = self.planned.cloned();
        }
        if self.requested.is_some() {
            next.last_handled_reconcile_at = self.requested.cloned();
        }
        let mut all = self.before.as_object().cloned().unwrap_or_default();
        for key in common_keys() {
            all.remove(key);
        }
        if let Some(remote) = &self.outcome.remote {
            // What the kind shows is of this object alone, so nothing of a former one stays.
            all.retain(|key, _| EXPORT_KEYS.contains(&key.as_str()));
            all.extend(remote.status.clone());
        }
        if let Some(export) = self.export()
            && let Ok(Value::Object(export)) = serde_json::to_value(&export)
        {
            for key in EXPORT_KEYS {
                all.remove(key);
            }
            all.extend(export);
        }
        if let Ok(Value::Object(common)) = serde_json::to_value(&next) {
            all.extend(common);
        }
        Value::Object(all)
    }

    /// What is known of exports now: of one that was made, and up to when the auth config was compared.
    fn export(&self) -> Option<ExportStatus> {
        self.desired.filter(|desired| desired.exporting.is_some())?;
        let known = self.outcome.export.clone();
        let before = serde_json::from_value(self.before.clone()).unwrap_or_default();
        let mut export: ExportStatus = known.unwrap_or(before);
        let compared = self.outcome.acknowledged && !self.unexplained;
        if let Some(remote) = self.outcome.remote.as_ref().filter(|_| compared) {
            export.auth_config_updated_at = Some(remote.updated_at.to_string());
        }
        Some(export)
    }

    /// What the pass learned about the remote object.
    fn remote(&self, next: &mut CommonStatus) {
        for id in &self.outcome.retiring {
            self.retire(next, id.clone());
        }
        if let Some(retiring) = &mut next.retiring {
            retiring.retain(|retiring| !self.outcome.deleted.contains(&retiring.id));
        }
        next.retiring = next.retiring.take().filter(|retiring| !retiring.is_empty());
        let seen = self.verdict.reason.class() == Class::Done && next.id.is_some();
        if let (Some((connection, instance)), true) =
            (self.place, seen || self.outcome.remote.is_some())
        {
            next.connection = Some(connection.to_owned());
            next.instance_id = Some(instance.to_owned());
        }
        let Some(remote) = &self.outcome.remote else {
            return;
        };
        if let Some(former) = next
            .id
            .replace(remote.id.clone())
            .filter(|former| *former != remote.id)
        {
            self.replaced(next, former);
            // What went into the former object says nothing about this one.
            if self.desired.is_some_and(|it| it.borrowed().is_none()) {
                (next.import_id, next.imports) = (None, None);
            }
        }
        let Some(desired) = self.desired.filter(|_| self.outcome.acknowledged) else {
            return;
        };
        self.imported(next, desired);
        next.last_applied_revision = Some(desired.revision.to_string());
        let ours_until = self.outcome.others_since.unwrap_or(remote.updated_at);
        next.remote_updated_at = Some(ours_until.to_string());
        let keys: Vec<String> = desired.metadata.keys().cloned().collect();
        next.metadata_keys = Some(keys).filter(|keys| !keys.is_empty());
        next.inputs = Some(self.inputs(desired)).filter(|inputs| !inputs.is_empty());
    }

    fn replaced(&self, next: &mut CommonStatus, former: String) {
        let event = self.verdict.event.as_ref();
        let reason = event.map_or(self.verdict.reason.as_str(), |(event, _)| event.as_str());
        let previous = PreviousId {
            id: former,
            replaced_at: Time(self.now),
            reason: reason.to_owned(),
        };
        // Whatever the pass says that records the new id: the pass that made it may have failed to.
        if self.replaces && !matches!(event, Some((Happening::RemoteRecreated, _))) {
            self.retire(next, previous.id.clone());
        }
        let ids = next.previous_ids.get_or_insert_default();
        ids.insert(0, previous);
        ids.truncate(10);
    }

    fn retire(&self, next: &mut CommonStatus, id: String) {
        let retiring = next.retiring.get_or_insert_default();
        if retiring.iter().all(|known| known.id != id) {
            let since = Time(self.now);
            retiring.push(RetiringId { id, since });
        }
    }

    /// The import of this pass, newest first.
    fn imported(&self, next: &mut CommonStatus, desired: &Desired) {
        let Some(import) = &self.outcome.import else {
            return;
        };
        let fingerprint = desired.marker.fingerprint.as_ref();
        let record = ImportRecord {
            id: import.id.clone(),
            created_at: import.created_at.to_string(),
            expires_at: import.expires_at.map(|at| at.to_string()),
            fingerprint: fingerprint.map(ToString::to_string).unwrap_or_default(),
        };
        let imports = next.imports.get_or_insert_default();
        imports.retain(|known| known.id != record.id);
        next.import_id = Some(record.id.clone());
        imports.insert(0, record);
        imports.truncate(10);
    }

    fn inputs(&self, desired: &Desired) -> Vec<InputStatus> {
        let known = self.status.inputs.as_deref().unwrap_or_default();
        let fresh = |input: &crate::plan::desired::Input| InputStatus {
            field: input.field.to_owned(),
            source: input.source.clone(),
            fingerprint: input.fingerprint.to_string(),
            pushed_at: Time(self.now),
        };
        let inputs = desired.inputs.iter().map(|input| {
            let same = known.iter().find(|known| {
                known.field == input.field && known.fingerprint == input.fingerprint.as_str()
            });
            let mut status = fresh(input);
            if let Some(known) = same {
                status.pushed_at = known.pushed_at.clone();
            }
            status
        });
        inputs.collect()
    }

    fn conditions(&self) -> Vec<Condition> {
        let Verdict {
            reason,
            message,
            drift,
            ready,
            ..
        } = self.verdict;
        let last = self.status.conditions.as_deref();
        let mut next =
            Conditions::after(last, self.generation, self.now).verdict(*reason, *ready, message);
        let waits = reason.class() == Class::Waiting;
        // A resource that is held says nothing about what it could not read.
        let held = reason.class() == Class::HeldByChoice;
        let before = condition(last, "ReferencesResolved").filter(|_| !held);
        let known = self.desired.is_some() || before.is_some();
        if waits {
            next = next.with("ReferencesResolved", false, *reason, message);
        } else if known {
            let (reason, message) = (Reason::Synced, "all references were read");
            next = next.with("ReferencesResolved", true, reason, message);
        }
        if !drift.is_empty() {
            let fields: Vec<&str> = drift.iter().map(|entry| entry.field.as_str()).collect();
            let message = format!("differs at Metorial: {}", fields.join(", "));
            next = next.with("Drifted", true, *reason, &message);
        }
        next.build()
    }
}

/// The keys of what is known about exports.
const EXPORT_KEYS: [&str; 8] = [
    "exportId",
    "exportedAt",
    "expiresAt",
    "authConfigUpdatedAt",
    "newestImportId",
    "secretName",
    "secretFingerprint",
    "recentExports",
];

/// The keys of the shared part, which the next status sets or leaves out.
pub(super) fn common_keys() -> impl Iterator<Item = &'static str> {
    [
        "id",
        "instanceId",
        "connection",
        "observedGeneration",
        "lastHandledReconcileAt",
        "lastAppliedRevision",
        "remoteUpdatedAt",
        "metadataKeys",
        "inputs",
        "drift",
        "publishedConfigMap",
        "plan",
        "importId",
        "imports",
        "retiring",
        "previousIds",
        "conditions",
    ]
    .into_iter()
}
