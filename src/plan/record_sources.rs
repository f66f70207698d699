//! The sources of the recorded state: the status, the finalizer and this process's memory.

use super::fingerprint::Fingerprint;
use super::memory::{Exported, Lags, LastImport, Memory};
use super::record::{Finalizer, Record, Writes};
use crate::resources::{CommonStatus, ExportStatus, READY, ResourceStatus, condition, parse_time};
use jiff::Timestamp;
use std::time::Instant;

impl Record {
    /// Returns the recorded state.
    #[must_use]
    pub fn new<S: ResourceStatus>(
        status: &S,
        finalizer: Option<Finalizer>,
        memory: &Memory,
        lags: &Lags,
        now: Instant,
    ) -> Self {
        let common = status.common();
        let ready = condition(common.conditions.as_deref(), READY);
        let unrecorded = memory.created.is_some() && memory.created != common.id;
        let observes = common.observed.unwrap_or_default();
        let own = common.id.clone().filter(|_| !observes);
        let had_object = own.is_some() || memory.had_object;
        let recorded = had_object || common.instance_id.is_some() && !observes;
        let traces = finalizer.is_some() || recorded || memory.wrote;
        let writes = writes(memory, traces, unrecorded);
        let settling = memory.settling(lags);
        let revision = common.last_applied_revision.as_deref();
        let replacement = common.replacement_revision.as_deref();
        let exported = memory.exported.as_deref();
        let (export, export_unrecorded) = last_export(status.export(), exported);
        let replaced = own.clone().filter(|_| unrecorded && replacement.is_some());
        let id = memory.created.clone().or(own);
        // Where nothing was created, a status that is not updated yet keeps nobody in an instance.
        let nothing = id.is_none() && !observes && writes == Writes::NothingCreated;
        let instance = instance(common, memory).filter(|_| !nothing);
        Self {
            observed: common.id.clone().filter(|_| observes && id.is_none()),
            id,
            unrecorded,
            instance,
            connection: common.connection.clone(),
            sent_to: memory.sent_to.clone(),
            finalizer: finalizer.is_some(),
            restored: finalizer == Some(Finalizer::Restored),
            writes,
            had_object,
            wrote: memory.wrote,
            lost_import: may_lack_import(memory),
            settles_in: settling.at.saturating_duration_since(now),
            inconclusive: settling.inconclusive,
            revision: revision.map(Fingerprint::stored),
            inputs: inputs(common),
            remote_updated_at: parse_time(common.remote_updated_at.as_deref()),
            metadata_keys: common.metadata_keys.clone().unwrap_or_default(),
            replacement: replacement.filter(|_| !unrecorded).map(Fingerprint::stored),
            imports: imports(common),
            pending_deletion: pending_deletion(common, replaced),
            export,
            export_unrecorded,
            known_value: exported.map(Exported::known).unwrap_or_default(),
            // Negative by default: no generation was seen.
            observed_generation: common.observed_generation.filter(|seen| *seen >= 0),
            reason: ready.map(|ready| ready.reason.clone()),
            ready: ready.is_some_and(|ready| ready.status == "True"),
            drift: common.drift.clone().unwrap_or_default(),
            published: common.published_config_map.clone(),
            nonce: common.plan.as_ref().map(|plan| plan.nonce.clone()),
        }
    }
}

/// Returns what is known about writes; `traces`: whether one may have been sent; `unrecorded`: whether the status lacks the
/// object that was created. What only this process knows, no list may show yet.
fn writes(memory: &Memory, traces: bool, unrecorded: bool) -> Writes {
    match memory.writes {
        _ if !traces => Writes::Never,
        _ if unrecorded || may_lack_import(memory) => Writes::Unknown,
        known => known,
    }
}

/// Returns true if the status may lack the last import.
fn may_lack_import(memory: &Memory) -> bool {
    memory.last_import != LastImport::Recorded
}

/// Returns the instance that the status records, or else the one that the last create was sent to.
fn instance(status: &CommonStatus, memory: &Memory) -> Option<String> {
    let sent_to = memory.sent_to.as_ref().map(|it| it.instance.clone());
    status.instance_id.clone().or(sent_to)
}

/// Returns the last export and whether the status lacks it: one that this process knows and that has yet to reach the status comes
/// first.
fn last_export(recorded: Option<&ExportStatus>, known: Option<&Exported>) -> (ExportStatus, bool) {
    let recorded = recorded.cloned().unwrap_or_default();
    match known.map(|known| &known.status) {
        Some(known) if known.export_id != recorded.export_id => (known.clone(), true),
        _ => (recorded, false),
    }
}

fn imports(status: &CommonStatus) -> Vec<String> {
    let imports = status.imports.iter().flatten();
    imports.map(|import| import.id.clone()).collect()
}

fn inputs(status: &CommonStatus) -> Vec<(String, Fingerprint)> {
    let inputs = status.inputs.iter().flatten();
    let inputs = inputs.map(|it| (it.field.clone(), Fingerprint::stored(&it.fingerprint)));
    inputs.collect()
}

/// Returns the objects pending deletion; `replaced`: the one that the status has yet to record as such. Its grace period begins
/// when that is written, so nothing but a deletion of the resource depends on its time.
fn pending_deletion(status: &CommonStatus, replaced: Option<String>) -> Vec<(String, Timestamp)> {
    let pending = status.pending_deletion.iter().flatten();
    let pending = pending.map(|pending| (pending.id.clone(), pending.since.0));
    let replaced = replaced.map(|id| (id, Timestamp::UNIX_EPOCH));
    pending.chain(replaced).collect()
}
